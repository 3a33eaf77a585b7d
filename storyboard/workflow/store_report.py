"""Report on a store: its takes, which of them are damaged or missing, and what collecting its garbage removes."""

from collections.abc import Collection
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from storyboard.model.cost import Cost
from storyboard.model.realm_kind import Kind
from storyboard.model.take import ORIGINAL, Take
from storyboard.state.garbage import UnreferencedTake
from storyboard.state.ledger.pins import DAY
from storyboard.state.realm import Realm, store_claim
from storyboard.state.store import Store
from storyboard.system.claims import shared_lock
from storyboard.workflow.collect_garbage import NOT_THERE, GarbageCollector, GarbageFound, Trashed


@dataclass(frozen=True, slots=True)
class ListedTake:
    """A take that the ledger knows.

    ``scene`` is the scene that it was generated for, None if no submission is known. ``downloaded`` and ``removed`` (by
    `store gc`; None if it was not) are seconds since 1970. ``held``: the store has it. ``owes_original``: its uncropped
    original is not downloaded yet.
    """

    take: Take
    scene: str | None
    downloaded: float
    held: bool
    removed: float | None
    owes_original: bool


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What reading every take of a store found: how many were read, and the digests of those that are not intact.

    ``damaged`` were moved to ``damaged_folder``; ``lost`` are neither in the store nor ``removed`` by `store gc`.
    ``frames`` counts the frames of takes that were read; ``damaged_frames`` of them were moved aside as well.
    """

    checked: int
    damaged: tuple[str, ...]
    lost: tuple[str, ...]
    removed: tuple[str, ...]
    damaged_folder: Path
    frames: int
    damaged_frames: int


@dataclass(frozen=True, slots=True)
class CollectionReport:
    """What `store gc` found, and what it did: ``deleted`` says whether it removed anything.

    ``restored`` are the digests of takes that came back from the trash, ``now`` is seconds since 1970.
    """

    waste: GarbageFound
    restored: tuple[str, ...]
    trash_folder: Path
    now: float
    deleted: bool

    @property
    def spare(self) -> tuple[UnreferencedTake, ...]:
        """The takes that nothing references."""
        return self.waste.found.unreferenced

    @property
    def spare_bytes(self) -> int:
        """The size of the unreferenced takes, in bytes."""
        return sum(take.bytes for take in self.spare)

    @property
    def spare_cost(self) -> Cost:
        """What the unreferenced takes have cost."""
        return Cost.total(take.cost for take in self.spare)

    @property
    def due(self) -> tuple[Trashed, ...]:
        """The takes that have been in the trash for a day, and that --delete removes for good."""
        return tuple(trashed for trashed in self.waste.trash if trashed.due(self.now))

    @property
    def resting(self) -> tuple[Trashed, ...]:
        """The takes that stay in the trash until they are due."""
        return tuple(trashed for trashed in self.waste.trash if not trashed.due(self.now) and not trashed.wanted)

    @property
    def spare_due(self) -> float:
        """When the takes that are moved to the trash now are due (seconds since 1970)."""
        return self.now + DAY

    @property
    def resting_due(self) -> float:
        """When the last of the resting takes is due (seconds since 1970). Raise ValueError if there is none."""
        return max(trashed.since for trashed in self.resting) + DAY

    @property
    def has_missing_locks(self) -> bool:
        """Whether takes are kept because a lock file is not there."""
        return any(trouble.endswith(NOT_THERE) for trouble in self.waste.found.doubtful)


def list_takes(realm: Realm) -> tuple[ListedTake, ...]:
    """Return every take that the ledger knows, oldest first. Raise LocalFault."""
    removals = realm.ledger.pins.removals()
    submissions = realm.ledger.submissions.all()
    scenes = {submission.key: submission.scene for submission in submissions}
    owing = {(submission.key, submission.job) for submission in submissions if submission.owes_original}
    return tuple(
        ListedTake(
            take,
            scenes.get(key),
            downloaded,
            realm.store.holds(take.digest, take.bytes),
            removals.get(take.digest),
            take.resolution != ORIGINAL and take.job is not None and (key, take.job) in owing,
        )
        for key, take, downloaded in realm.ledger.takes.all()
    )


def check_takes(kind: Kind, folder: Path, now: float) -> StoreCheck:
    """Read every take of the realm in ``folder``, and move the damaged ones aside. Raise LocalFault.

    An original that is damaged or lost is owed again: no scene shows it, so no scene would ask for it. ``now`` is
    seconds since 1970. Waits for a `store gc` that is at work.
    """
    # Locked before the ledger is opened: a gc would remove what is being read.
    with shared_lock(store_claim(folder)), closing(Realm(kind, folder)) as realm:
        store, ledger = realm.store, realm.ledger
        (digests, damaged), (frames, bad) = _read(store), _read(realm.frames)
        known = [(key, take) for key, take, _ in ledger.takes.all()]
        absent = {take.digest for _, take in known} - {*digests} | {*damaged}
        removed = absent & {*ledger.pins.removals()} - {*damaged}
        trashed = {*store.trash()} - {*damaged}
        for key, take in known:
            if take.resolution == ORIGINAL and take.job and take.digest in absent - removed - trashed:
                ledger.takes.record_original_owed(key, take.job, now)
    lost, aside = absent - removed, store.root / "damaged"
    gone = tuple(sorted(lost)), tuple(sorted(removed))
    return StoreCheck(len(digests), tuple(damaged), *gone, aside, len(frames), len(bad))


def _read(store: Store) -> tuple[list[str], list[str]]:
    """The digests of all files of a store, and of those that are damaged, which are moved aside."""
    digests = list(store)
    damaged = [digest for digest in digests if not store.is_intact(digest)]
    for digest in damaged:
        store.set_aside(store.path(digest))
    return digests, damaged


def run_collection(
    collector: GarbageCollector, days: float, gone: Collection[Path], now: float, *, delete: bool, restore: bool
) -> CollectionReport:
    """Restore the trash (``restore``), find what can be removed, and remove it (``delete``). Raise Busy, LocalFault.

    ``days``, ``gone`` and ``now`` are those of ``GarbageCollector.waste``; the paths in ``gone`` may be relative.
    """
    with collector.alone() if delete or restore else nullcontext():
        restored = collector.restore() if restore else ()
        waste = collector.waste(days, _absolute(gone), now)
        if delete:
            collector.carry_out(waste, now)
    return CollectionReport(waste, restored, collector.realm.store.root / "trash", now, delete)


def _absolute(paths: Collection[Path]) -> list[Path]:
    """Paths as they were typed, and resolved as in the ledger."""
    return [path.absolute() for path in paths] + [path.resolve() for path in paths]
