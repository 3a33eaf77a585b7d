"""Back up the ledger of a realm; accept one from which changes are missing, such as a backup that was restored."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from storyboard.model.realm_kind import Kind
from storyboard.model.submission import rfc3339
from storyboard.state.ledger import Ledger, accept, is_unused, restore
from storyboard.state.realm import store_claim
from storyboard.system.claims import exclusive_lock
from storyboard.system.files import atomic_output, private_dir


@dataclass(frozen=True, slots=True)
class LedgerContent:
    """What is in a ledger file: the number of its submissions and takes, and when the last submission changed.

    ``last`` is seconds since 1970, None if there are no submissions.
    """

    file: Path
    submissions: int
    takes: int
    last: float | None


def back_up_ledger(kind: Kind, realm: Path, to: Path, now: float) -> LedgerContent | None:
    """Copy the ledger in the folder ``realm`` to a new file in the folder ``to``; None if there is no ledger yet.

    The copy is complete at one moment, verified and synced; renders may be in progress. ``now`` is seconds since 1970.
    Raise LocalFault.
    """
    path = realm / "ledger.db"
    if is_unused(path):
        return None
    copy = private_dir(to.absolute()) / f"ledger-{kind}-{rfc3339(now).replace(':', '')}.db"
    with closing(Ledger(path)) as ledger, atomic_output(copy, private=True) as staging:
        ledger.database.back_up(staging)
        return _content(ledger, copy)


def accept_ledger(realm: Path, backup: Path | None, now: float) -> LedgerContent:
    """Continue with the ledger in the folder ``realm``, although changes of it are lost, or with a copy of ``backup``.

    ``now`` is seconds since 1970. Raise Busy if a render is in progress, LocalFault if the ledger is damaged.
    """
    path = realm / "ledger.db"
    with exclusive_lock(store_claim(private_dir(realm)), "a render is in progress"):
        if backup:
            restore(path, backup, f".{rfc3339(now).replace(':', '')}")
        else:
            accept(path)
    with closing(Ledger(path)) as ledger:
        return _content(ledger, path)


def _content(ledger: Ledger, file: Path) -> LedgerContent:
    submissions = ledger.submissions.all()
    last = max((submission.changed for submission in submissions), default=None)
    return LedgerContent(file, len(submissions), sum(1 for _ in ledger.takes.all()), last)
