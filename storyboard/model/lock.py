"""The lock file as values: which take each scene has."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace

from storyboard.model.take import Take


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is pinned for one scene: its takes by number and resolution.

    ``pick`` is the number of the take that the film uses, and ``key`` that of its shot; ``keys`` are those of the
    other takes, by number. ``accepted`` is the key that take 1 of the scene had when its author accepted these takes:
    as long as it has that key, they stand, whatever they were generated from.
    """

    key: str
    pick: int
    takes: Mapping[int, Mapping[str, Take]]
    keys: Mapping[int, str] = field(default_factory=dict)
    accepted: str | None = None

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
        for pinned in self.scenes.values():
            for number, key in pinned.all_keys.items():
                if versions := pinned.takes.get(number):
                    self._by_key.setdefault(key, versions)

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
        known = ((pinned, {*pinned.all_keys.values(), pinned.accepted}) for pinned in gone)
        return next((pinned for pinned, its in known if not its.isdisjoint(keys)), None)

    def all_takes(self) -> Iterator[Take]:
        """Every take that the lock pins, in the order of its scenes."""
        for pinned in self.scenes.values():
            for versions in pinned.takes.values():
                yield from versions.values()


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
