"""Garbage: which takes of a store are unreferenced. Facts in, values out; a doubtful take is kept."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from storyboard.model.cost import Cost
from storyboard.model.submission import Submission
from storyboard.model.take import ORIGINAL, StoredFrame, Take

_Verdict = tuple[Literal["needed", "unknown", "doubtful", "young", "unreferenced"], str]


@dataclass(frozen=True, slots=True)
class StoredTake:
    """A take in the ledger: its key, and when it was downloaded (seconds since 1970)."""

    key: str
    take: Take
    at: float


@dataclass(frozen=True, slots=True)
class LockState:
    """A lock file now, and what the ledger knows of its past.

    ``storyboards`` are those that it belongs to (absolute paths), ``digests`` the takes that it pins, ``scenes`` its
    scenes; ``before`` are the takes that it ever pinned, and when it last did (seconds since 1970). ``trouble`` says
    why it cannot be read; "" where it can, or where it is known to be gone for good.
    """

    path: str
    storyboards: frozenset[str] = frozenset()
    digests: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()
    before: Mapping[str, float] | None = None
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class UnreferencedTake:
    """An unreferenced take. ``bytes`` is its size, ``cost`` what it cost.

    ``scene`` and ``storyboard`` are whose it was; ``last`` is when it came, or when a lock last pinned it (both in
    seconds since 1970).
    """

    digest: str
    bytes: int
    scene: str
    storyboard: str
    why: str
    cost: Cost
    last: float


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """All takes of a store: those that nothing references, and how many are kept and why.

    ``doubtful`` says why some locks cannot be read, and how many takes are kept because of each.
    """

    unreferenced: tuple[UnreferencedTake, ...]
    needed: int
    young: int
    unknown: int
    doubtful: Mapping[str, int]


def classify(
    sizes: Mapping[str, int],
    stored: Iterable[StoredTake],
    submissions: Iterable[Submission],
    locks: Sequence[LockState],
    until: float,
    *,
    free: bool = False,
) -> GarbageReport:
    """Classify the takes of a store. ``sizes`` are their digests with their sizes in bytes.

    Unreferenced is only what came, and was last pinned, by ``until`` (seconds since 1970). Drafts are ``free``.
    """
    facts = _Facts(stored, submissions, locks)
    verdicts = {digest: facts.verdict(digest, until) for digest in sizes}
    garbage = (digest for digest, (kind, _) in verdicts.items() if kind == "unreferenced")
    spare = tuple(facts.unreferenced(digest, sizes[digest], free=free) for digest in garbage)
    number = Counter(verdicts.values())
    doubtful = {trouble: takes for (kind, trouble), takes in number.items() if kind == "doubtful"}
    return GarbageReport(spare, number["needed", ""], number["young", ""], number["unknown", ""], doubtful)


def unreferenced_frames(
    sizes: Mapping[str, int],
    taken: Iterable[StoredFrame],
    made: Mapping[str, frozenset[str]],
    there: Collection[str],
) -> Mapping[str, int]:
    """Return the frames of which neither a take that they are of nor one that was made from them is ``there``.

    ``sizes`` are the digests of all frames in the store with their sizes in bytes; ``made`` are the takes that were
    made from each. A frame can be taken again as long as its take is there.
    """
    takes = {digest: {*made.get(digest, ())} for digest in sizes}
    for frame in taken:
        takes.setdefault(frame.digest, set()).add(frame.source)
    return {digest: size for digest, size in sizes.items() if takes[digest].isdisjoint(there)}


class _Facts:
    def __init__(
        self, stored: Iterable[StoredTake], submissions: Iterable[Submission], locks: Sequence[LockState]
    ) -> None:
        self._stored: dict[str, list[StoredTake]] = {}
        self._of_key: dict[str, set[str]] = {}
        for each in stored:
            self._stored.setdefault(each.take.digest, []).append(each)
            self._of_key.setdefault(each.key, set()).add(each.take.digest)
        self._submissions: dict[str, list[Submission]] = {}
        for submission in submissions:
            self._submissions.setdefault(submission.key, []).append(submission)
        self._hd = {each.key for some in self._stored.values() for each in some if each.take.resolution == "1080p"}
        self._pinned = {digest for lock in locks for digest in lock.digests}
        self._by_storyboard: dict[str, list[LockState]] = {}
        self._before: dict[str, list[LockState]] = {}
        for lock in locks:
            for storyboard in lock.storyboards:
                self._by_storyboard.setdefault(storyboard, []).append(lock)
            for digest in lock.before or ():
                self._before.setdefault(digest, []).append(lock)

    def verdict(self, digest: str, until: float) -> _Verdict:
        """Whether a take is garbage, or why it is kept; with what is in doubt."""
        if self.needed(digest):
            return "needed", ""
        if not self.known(digest):
            return "unknown", ""
        if trouble := self.trouble(digest):
            return "doubtful", trouble
        return ("young" if self.last(digest) > until else "unreferenced"), ""

    def known(self, digest: str) -> bool:
        """Whether the ledger knows what it came of."""
        return bool(self._asked(digest))

    def needed(self, digest: str) -> bool:
        """Whether a lock pins it, or the take that it is the original of; or a job that is not over may need it."""
        return bool(self._beside(digest) & self._pinned) or any(map(self._awaited, self._asked(digest)))

    def _beside(self, digest: str) -> set[str]:
        """The take itself; for an original, the takes of its shot as well."""
        keys = {each.key for each in self._stored.get(digest, ()) if each.take.resolution == ORIGINAL}
        return {digest}.union(*(self._of_key[key] for key in keys))

    def trouble(self, digest: str) -> str:
        """Why it is not known whether it is needed; "" where it is."""
        locks = list(self._before.get(digest, ()))
        for submission in self._asked(digest):
            locks += self._by_storyboard.get(submission.storyboard, ())
        return next((f"{lock.path} {lock.trouble}" for lock in locks if lock.trouble), "")

    def last(self, digest: str) -> float:
        pinned = [(lock.before or {})[digest] for lock in self._before.get(digest, ())]
        return max([each.at for each in self._stored[digest]] + pinned)

    def unreferenced(self, digest: str, size: int, *, free: bool) -> UnreferencedTake:
        first = self._stored[digest][0]
        submission = self._asked(digest)[-1]
        extras = {"1080p": submission.upgrade_cost, ORIGINAL: Cost()}
        cost = Cost() if free else extras.get(first.take.resolution, submission.base_cost)
        return UnreferencedTake(
            digest, size, submission.scene, submission.storyboard, self._why(submission), cost, self.last(digest)
        )

    def _asked(self, digest: str) -> list[Submission]:
        return [
            submission for each in self._stored.get(digest, ()) for submission in self._submissions.get(each.key, ())
        ]

    def _awaited(self, submission: Submission) -> bool:
        return submission.state in ("intent", "unknown", "open") or (
            submission.state == "taken" and submission.hd is not None and submission.key not in self._hd
        )

    def _why(self, submission: Submission) -> str:
        locks = self._by_storyboard.get(submission.storyboard, ())
        if any(submission.scene in lock.scenes for lock in locks):
            return "the scene has another take now"
        return "the film has no such scene any more" if any(lock.scenes for lock in locks) else "no lock pins it"
