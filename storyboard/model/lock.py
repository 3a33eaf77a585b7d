"""The lock file as values: which take each scene has."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from storyboard.model.take import Take


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is pinned for one scene: its takes by number and resolution.

    ``pick`` is the number of the take that the film uses, and ``key`` that of its shot; ``keys`` are those of the
    other takes, by number. ``accepted`` is the key that take 1 of the scene had when its author accepted these takes:
    as long as it has that key, they stand, whatever they were generated from. ``proof`` are the takes of another model
    that show the scene until it has a take of its own; its ``accepted`` is the key of take 1 that it is a proof of.
    """

    key: str
    pick: int
    takes: Mapping[int, Mapping[str, Take]]
    keys: Mapping[int, str] = field(default_factory=dict)
    accepted: str | None = None
    proof: "Pinned | None" = None

    @property
    def all_keys(self) -> Mapping[int, str]:
        """The key of each take, by its number."""
        return {**self.keys, self.pick: self.key}

    @property
    def taken_keys(self) -> Mapping[int, str]:
        """The key of each take that is pinned, by its number."""
        return {number: key for number, key in self.all_keys.items() if self.takes.get(number)}


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: what is pinned, by scene id.

    ``realm`` is "rehearsal" where the takes are those of a rehearsal; None where nothing is said, as in a lock of paid
    takes. ``rest`` are the keys that this version does not know, each by its path: ("scenes", "gull", "note").
    """

    scenes: Mapping[str, Pinned] = field(default_factory=dict)
    realm: str | None = None
    rest: Mapping[tuple[str, ...], object] = field(default_factory=dict)
    _by_key: dict[str, Mapping[str, Take]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        for pinned in self._entries():
            for number, key in pinned.taken_keys.items():
                self._by_key.setdefault(key, pinned.takes[number])

    def takes(self, key: str) -> Mapping[str, Take]:
        """Return the takes of a shot by resolution, whichever scene pins them: a renamed scene keeps its takes."""
        return self._by_key.get(key, {})

    def entry(self, scene: str, keys: Collection[str], there: Collection[str]) -> Pinned | None:
        """Return what is pinned for a scene whose takes have these ``keys``; None if nothing is.

        A renamed scene has what was pinned or accepted for one of its takes under an id that is not ``there`` any more.
        """
        if scene in self.scenes:
            return self.scenes[scene]
        gone = (pinned for other, pinned in self.scenes.items() if other not in there)
        return next((pinned for pinned in gone if not _all_names(pinned).isdisjoint(keys)), None)

    def all_takes(self) -> Iterator[Take]:
        """Every take that the lock pins: those of its scenes, then those of their proofs."""
        for pinned in self._entries():
            for versions in pinned.takes.values():
                yield from versions.values()

    def _entries(self) -> Iterator[Pinned]:
        yield from self.scenes.values()
        yield from (pinned.proof for pinned in self.scenes.values() if pinned.proof)


def _all_names(pinned: Pinned) -> frozenset[str | None]:
    """The keys of all takes of a scene, of its proof, and of the shots that they were accepted for."""
    proof = _all_names(pinned.proof) if pinned.proof else frozenset[str | None]()
    return frozenset((*pinned.all_keys.values(), pinned.accepted)) | proof


def known_takes(pinned: Mapping[str, Take], recorded: Mapping[str, Take]) -> Mapping[str, Take]:
    """The takes of a shot by resolution: what the ledger has ``recorded``, else what a lock has ``pinned``.

    Where the ledger does not know the job of a take or the frames that were sent with it, and the lock pins the same
    take with them, they are those.
    """
    same = {take.digest: take for take in pinned.values()}
    named = {resolution: _completed(take, same.get(take.digest, take)) for resolution, take in recorded.items()}
    return {**pinned, **named}


def _completed(take: Take, pinned: Take) -> Take:
    """The take with what only the lock says of it."""
    first, last = take.first_frame or pinned.first_frame, take.last_frame or pinned.last_frame
    return replace(take, job=take.job or pinned.job, first_frame=first, last_frame=last)
