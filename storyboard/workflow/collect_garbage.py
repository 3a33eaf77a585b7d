"""Collect garbage in a store: unreferenced takes go to its trash, and from there a day later, never during a render."""

import stat
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.model.errors import InputError
from storyboard.model.lock import Lock
from storyboard.model.realm_kind import KINDS, Kind
from storyboard.state.garbage import GarbageReport, LockState, StoredTake, classify, unreferenced_frames
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.pins import DAY
from storyboard.state.lockfile import lock_paths, read_lock
from storyboard.state.realm import Realm, store_claim
from storyboard.system.claims import exclusive_lock
from storyboard.system.files import discard

NOT_THERE = "is not there"


@dataclass(frozen=True, slots=True)
class Trashed:
    """A take in the trash: its size in bytes, and since when (seconds since 1970). ``wanted``: pinned again."""

    digest: str
    bytes: int
    since: float
    wanted: bool

    def due(self, now: float) -> bool:
        """Whether it was trashed over a day ago, and may be deleted."""
        return not self.wanted and now - self.since >= DAY


@dataclass(frozen=True, slots=True)
class GarbageFound:
    """What can be removed from a store (``found``), and what its ``trash`` holds.

    ``frames`` are the digests of frames that no take needs any more, with their sizes in bytes.
    """

    found: GarbageReport
    trash: tuple[Trashed, ...]
    frames: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class GarbageCollector:
    """Collects the garbage of a realm's store, by its ledger and the lock files."""

    settings: Settings
    realm: Realm

    def alone(self) -> AbstractContextManager[None]:
        """Exclude renders meanwhile. Raise Busy."""
        return exclusive_lock(store_claim(self.realm.root), "a render uses this store: try again when it has ended")

    def waste(self, days: float, gone: Collection[Path], now: float) -> GarbageFound:
        """Return the takes that were downloaded and last pinned at least ``days`` ago.

        A missing lock file at or below a path in ``gone`` keeps nothing. ``now`` is seconds since 1970.
        """
        ledger, store, locks = self.realm.ledger, self.realm.store, self._locks(gone)
        came = [StoredTake(key, take, at) for key, take, at in ledger.takes.all()]
        entries, removed, trash = ledger.submissions.all(), ledger.pins.removals(), store.trash()
        free = {spare.digest for spare in classify(trash, came, entries, locks, now).unreferenced}
        sizes = store.sizes()
        frames = unreferenced_frames(
            self.realm.frames.sizes(), ledger.frames.all(), ledger.frames.takes_made_from(), {*sizes, *trash}
        )
        return GarbageFound(
            classify(sizes, came, entries, locks, now - days * DAY, free=self.realm.kind == "draft"),
            tuple(
                Trashed(digest, size, removed.get(digest, now), digest not in free) for digest, size in trash.items()
            ),
            frames,
        )

    def carry_out(self, waste: GarbageFound, now: float) -> None:
        """Move unreferenced takes to the trash, delete those trashed over a day ago, restore those pinned again.

        Frames that no take needs are deleted.
        """
        pins, store = self.realm.ledger.pins, self.realm.store
        # Recorded first: a removed take must never look like one that the disk lost.
        pins.record_removal([spare.digest for spare in waste.found.unreferenced], now)
        for spare in waste.found.unreferenced:
            store.throw_away(spare.digest)
        pins.record_removal([trashed.digest for trashed in waste.trash if trashed.since == now], now)
        for trashed in waste.trash:
            if trashed.due(now):
                store.destroy(trashed.digest)
        for digest in waste.frames:
            discard(self.realm.frames.path(digest))
        self._bring_back([trashed.digest for trashed in waste.trash if trashed.wanted])

    def restore(self) -> tuple[str, ...]:
        """Restore everything from the trash; return the digests."""
        trash = tuple(self.realm.store.trash())
        self._bring_back(trash)
        return trash

    def _bring_back(self, digests: Collection[str]) -> None:
        for digest in digests:
            self.realm.store.recover(digest)
        self.realm.ledger.pins.record_return(digests)

    def _locks(self, gone: Collection[Path]) -> list[LockState]:
        """All lock files that any ledger on this machine knows."""
        before: dict[Path, dict[str, float]] = {}
        whose: dict[Path, set[str]] = {}
        with ExitStack() as stack:
            for kind in KINDS:
                path = self.settings.realm_folder(kind) / "ledger.db"
                if path.exists():
                    ledger = Ledger(path)
                    stack.callback(ledger.close)
                    for lock, storyboard in _storyboards(ledger, kind):
                        whose.setdefault(lock, set()).add(storyboard)
                    for name, pins in ledger.pins.by_lock().items():
                        before.setdefault(Path(name), {}).update(pins)
        return [
            _today(lock, frozenset(whose.get(lock, ())), before.get(lock, {}), gone)
            for lock in sorted({*before, *whose})
        ]


def _storyboards(ledger: Ledger, kind: Kind) -> Iterator[tuple[Path, str]]:
    """Each storyboard with submissions, and the paths of its lock files; the usual one if it has none."""
    for storyboard in sorted({entry.storyboard for entry in ledger.submissions.all()}):
        paths = lock_paths(Path(storyboard), kind)
        for path in [path for path in paths if path.exists()] or paths[:1]:
            yield path, storyboard


def _today(path: Path, storyboards: frozenset[str], before: Mapping[str, float], gone: Collection[Path]) -> LockState:
    lock = _read(path)
    if isinstance(lock, Lock):
        digests = frozenset(take.digest for take in lock.all_takes())
        return LockState(str(path), storyboards, digests, frozenset(lock.scenes), before)
    mourned = any(path.is_relative_to(each) or str(each) in storyboards for each in gone)
    # A draft is free, and its lock file is scratch: it is deleted with .storyboard.
    scratch = path.parent.name == ".storyboard" and path.name.endswith(".draft.lock.yaml")
    return LockState(
        str(path), storyboards, before=before, trouble="" if lock == NOT_THERE and (mourned or scratch) else lock
    )


def _read(path: Path) -> Lock | str:
    """The lock file's content, or why it cannot be read."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return "is no regular file"
        return read_lock(path)
    except FileNotFoundError:
        return NOT_THERE
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except InputError as error:
        return f"cannot be read: {error.message}"
