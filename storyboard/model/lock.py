"""The lock file as values: which take each scene has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from storyboard.model.take import Take


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is pinned for one scene: the key of its shot, and its takes by number and resolution."""

    key: str
    pick: int
    takes: Mapping[int, Mapping[str, Take]]


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: what is pinned, by scene id.

    ``realm`` is "rehearsal" where the takes are those of a rehearsal; None where nothing is said, as in a lock of paid
    takes. ``rest`` are the keys that this version does not know, each by its path: ("scenes", "gull", "note").
    """

    scenes: Mapping[str, Pinned] = field(default_factory=dict)
    realm: str | None = None
    rest: Mapping[tuple[str, ...], object] = field(default_factory=dict)

    def takes(self, key: str) -> Mapping[str, Take]:
        """Return the takes of a shot, whichever scene pins them: a renamed scene keeps its takes."""
        for pinned in self.scenes.values():
            if pinned.key == key:
                return pinned.takes.get(pinned.pick, {})
        return {}

    def all_takes(self) -> Iterator[Take]:
        """Every take that the lock pins, in the order of its scenes."""
        for pinned in self.scenes.values():
            for versions in pinned.takes.values():
                yield from versions.values()


def known_takes(pinned: Mapping[str, Take], recorded: Mapping[str, Take]) -> Mapping[str, Take]:
    """The takes of a shot by resolution: what the ledger has ``recorded``, else what a lock has ``pinned``.

    Where the ledger does not know the job of a take, and the lock pins the same take with it, it is that job.
    """
    jobs = {take.digest: take.job for take in pinned.values()}
    named = {resolution: replace(take, job=take.job or jobs.get(take.digest)) for resolution, take in recorded.items()}
    return {**pinned, **named}
