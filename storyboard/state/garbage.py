"""Spare takes: those that nothing needs any more. Facts in, values out; what is not certain keeps its takes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from storyboard.model.submission import Submission
from storyboard.take import Take


@dataclass(frozen=True, slots=True)
class Came:
    """A take as the ledger has it: the key that it came under, and when (seconds since 1970)."""

    key: str
    take: Take
    at: float


@dataclass(frozen=True, slots=True)
class Pins:
    """A lock as it stands now, and what is known of it from before.

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
class Spare:
    """A take that nothing needs. ``bytes`` is its size, ``credits`` what was paid for it.

    ``scene`` and ``storyboard`` are whose it was; ``last`` is when it came, or when a lock last pinned it (both in
    seconds since 1970).
    """

    digest: str
    bytes: int
    scene: str
    storyboard: str
    why: str
    credits: Fraction
    last: float


@dataclass(frozen=True, slots=True)
class Sorted:
    """All takes of a store: what is ``spare``, and how many are kept and why.

    ``doubtful`` says why some locks cannot be read, and how many takes are kept because of each.
    """

    spare: tuple[Spare, ...]
    needed: int
    young: int
    unknown: int
    doubtful: Mapping[str, int]


def sort(
    held: Mapping[str, int],
    came: Iterable[Came],
    entries: Iterable[Submission],
    locks: Sequence[Pins],
    until: float,
    *,
    free: bool = False,
) -> Sorted:
    """Sort the takes of a store. ``held`` are their digests with their sizes in bytes.

    Spare is only what came, and was last pinned, at ``until`` (seconds since 1970) or before. Drafts are ``free``.
    """
    facts = _Facts(came, entries, locks)
    spare, doubtful, needed, young, unknown = [], dict[str, int](), 0, 0, 0
    for digest, size in held.items():
        if facts.needed(digest):
            needed += 1
        elif not facts.known(digest):
            unknown += 1
        elif trouble := facts.trouble(digest):
            doubtful[trouble] = doubtful.get(trouble, 0) + 1
        elif facts.last(digest) > until:
            young += 1
        else:
            spare.append(facts.spare(digest, size, free=free))
    return Sorted(tuple(spare), needed, young, unknown, doubtful)


class _Facts:
    def __init__(self, came: Iterable[Came], entries: Iterable[Submission], locks: Sequence[Pins]) -> None:
        self.came: dict[str, list[Came]] = {}
        for each in came:
            self.came.setdefault(each.take.digest, []).append(each)
        self._entries: dict[str, list[Submission]] = {}
        for entry in entries:
            self._entries.setdefault(entry.key, []).append(entry)
        self._hd = {each.key for some in self.came.values() for each in some if each.take.resolution == "1080p"}
        self._pinned = {digest for lock in locks for digest in lock.digests}
        self._by_storyboard: dict[str, list[Pins]] = {}
        self._before: dict[str, list[Pins]] = {}
        for lock in locks:
            for storyboard in lock.storyboards:
                self._by_storyboard.setdefault(storyboard, []).append(lock)
            for digest in lock.before or ():
                self._before.setdefault(digest, []).append(lock)

    def known(self, digest: str) -> bool:
        """Whether the ledger knows what it came of."""
        return bool(self._asked(digest))

    def needed(self, digest: str) -> bool:
        """Whether a lock pins it, or a job that is not over may come to need it."""
        return digest in self._pinned or any(map(self._awaited, self._asked(digest)))

    def trouble(self, digest: str) -> str:
        """Why it is not known whether it is needed; "" where it is."""
        locks = list(self._before.get(digest, ()))
        for entry in self._asked(digest):
            locks += self._by_storyboard.get(entry.storyboard, ())
        return next((f"{lock.path} {lock.trouble}" for lock in locks if lock.trouble), "")

    def last(self, digest: str) -> float:
        pinned = [(lock.before or {})[digest] for lock in self._before.get(digest, ())]
        return max([each.at for each in self.came[digest]] + pinned)

    def spare(self, digest: str, size: int, *, free: bool) -> Spare:
        first = self.came[digest][0]
        entry = self._asked(digest)[-1]
        paid = entry.credits if entry.charged is None else entry.charged
        worth = entry.hd or Fraction(0) if first.take.resolution == "1080p" else paid
        credits = Fraction(0) if free else worth
        return Spare(digest, size, entry.scene, entry.storyboard, self._why(entry), credits, self.last(digest))

    def _asked(self, digest: str) -> list[Submission]:
        return [entry for each in self.came.get(digest, ()) for entry in self._entries.get(each.key, ())]

    def _awaited(self, entry: Submission) -> bool:
        return entry.state in ("intent", "unknown", "open") or (
            entry.state == "taken" and entry.hd is not None and entry.key not in self._hd
        )

    def _why(self, entry: Submission) -> str:
        locks = self._by_storyboard.get(entry.storyboard, ())
        if any(entry.scene in lock.scenes for lock in locks):
            return "the scene has another take now"
        return "the film has no such scene any more" if any(lock.scenes for lock in locks) else "no lock pins it"
