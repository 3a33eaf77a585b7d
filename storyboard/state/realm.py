"""A realm: the ledger and the store of takes of one kind, and the claims of the processes that use them."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from storyboard.model.realm_kind import Kind
from storyboard.model.submission import LIVE, Submission
from storyboard.model.take import ORIGINAL
from storyboard.state import rescue
from storyboard.state.ledger import Ledger
from storyboard.state.store import Store
from storyboard.system.claims import exclusive_lock, is_locked, shared_lock, sweep_claims
from storyboard.system.files import (
    disk_errors,
    narrow_dir,
    private_dir,
    scratch_dir,
    sweep,
    sweep_all,
    temporary_dir,
)


class Realm:
    """The takes of one kind, in the folder ``root``. Raise LocalFault if the ledger cannot be opened.

    ``frames`` is the store of the frames that were taken of them and sent to the provider.
    ``narrowed`` says that other users could read the home until now; "" if they could not. ``copied`` is a folder
    with a copy of the ledger, to be used in its place.
    """

    def __init__(self, kind: Kind, root: Path, copied: Path | None = None) -> None:
        self.kind = kind
        self.root = root
        self.narrowed = "" if copied else narrow_home(kind, root)
        self.store = Store(root / "takes")
        self.frames = Store(root / "frames", ".png")
        self.ledger = Ledger((copied or root) / "ledger.db")

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()

    @property
    def runs(self) -> Path:
        """The folder of the claims of living runs."""
        return self.root / "runs"

    def is_running(self, run: str) -> bool:
        """Whether the process of a run still lives."""
        return is_locked(self.runs / run)

    def recover(self, digests: Collection[str]) -> None:
        """Move those of the missing takes that are in the trash back into the store. Raise LocalFault."""
        if back := [digest for digest in sorted(digests) if self.store.recover(digest)]:
            self.ledger.pins.record_return(back)

    def owed_jobs(
        self,
        storyboard: str | None = None,
        needed: Collection[str] = (),
        kept: Collection[str] = (),
        *,
        originals: bool = True,
    ) -> list[Submission]:
        """The jobs that were accepted and whose clips are not here yet, but for those of the keys ``needed``.

        Of one storyboard (its file's absolute path) or of all, oldest first; none of a run that lives, and none of
        drafts. A take whose upgrade was requested and is not here is owed too, also of a key that is needed and
        ``kept`` as it is; so is one of which the uncropped original is missing (``originals``), of any key.
        Raise LocalFault.
        """
        if self.kind == "draft":
            return []
        found = (each for each in self.ledger.submissions.all(storyboard) if each.job)
        owed = (
            each
            for each in found
            if (originals and each.owes_original)
            or (self._owes_clip(each) and (each.key not in needed or (each.key in kept and each.state == "taken")))
        )
        return [each for each in owed if not self.is_running(each.run)]

    def _owes_clip(self, submission: Submission) -> bool:
        if submission.state != "taken" or submission.hd is None:
            return submission.state == "open"
        return len({*self.ledger.takes.of_key(submission.key)} - {ORIGINAL}) == 1

    def close_dead_drafts(self) -> None:
        """Record as failed the drafts that a dead run left open: their emulator died with it. Raise LocalFault."""
        for submission in self.ledger.submissions.all():
            takes = self.ledger.takes.of_key(submission.key).values()
            has_take = any(self.store.holds(take.digest, take.bytes) for take in takes)
            if submission.state in LIVE and not has_take and not self.is_running(submission.run):
                self.ledger.submissions.record_failed(submission, "", None, submission.changed)

    def sweep(self, lock: Path, folder: Path) -> None:
        """Remove the incomplete files of killed renders. Raise LocalFault.

        ``lock`` is the path of the lock file, ``folder`` that of the storyboard.
        """
        sweep(lock)
        sweep_claims(self.runs)
        sweep_all(self.frames.root)
        sweep_all(scratch_dir(folder))


def narrow_home(kind: Kind, root: Path) -> str:
    """Take the rights of others on the home of a realm away; return a sentence if they had any. Raise LocalFault."""
    homes = (root,) if kind == "paid" else (root.parent, root)
    return "; ".join(filter(None, map(narrow_dir, homes)))


@contextmanager
def read_realm(kind: Kind, root: Path, now: float) -> Iterator[Realm]:
    """Open a realm to look at it: as ``open_realm`` does, or by a copy of its ledger where its folder is read-only.

    What is recorded in a copy is lost. Raise Busy, LocalFault.
    """
    if os.access(next(folder for folder in (root, *root.parents) if folder.exists()), os.W_OK):
        with open_realm(kind, root, now) as realm:
            yield realm
        return
    with temporary_dir(f"storyboard-ledger-{os.getuid()}-") as folder:
        copied = private_dir(folder / "copy")  # The folder itself is locked against removal, and ledgers lock theirs.
        for file in root.glob("ledger.*"):
            with disk_errors(file):
                shutil.copyfile(file, copied / file.name)
        with closing(Realm(kind, root, copied)) as realm:
            yield realm


@contextmanager
def open_realm(kind: Kind, root: Path, now: float) -> Iterator[Realm]:
    """Open a realm, shared with other renders; `store gc` waits meanwhile. ``now`` is seconds since 1970.

    Rescued jobs are written into the ledger first. Raise Busy, LocalFault.
    """
    narrowed = narrow_home(kind, root)
    with shared_lock(store_claim(private_dir(root))), closing(Realm(kind, root)) as realm:
        realm.narrowed = narrowed or realm.narrowed
        rescue.bring_in(realm.ledger, now)
        if kind == "draft":
            realm.close_dead_drafts()
        yield realm


def store_claim(root: Path) -> Path:
    """The claim that renders share and `store gc` holds alone, so that no take is removed while a plan uses it."""
    return root / "store.claim"


def claim_storyboard(file: Path) -> AbstractContextManager[None]:
    """Hold a storyboard for this process alone. Raise Busy."""
    # Two files of one name share a lock and a film, so they share the claim too.
    name = file.stem.removesuffix(".storyboard")
    return exclusive_lock(scratch_dir(file.parent) / f"{name}.claim", f"another render of {file.name} is in progress")
