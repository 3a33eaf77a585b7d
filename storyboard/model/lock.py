"""The lock file as values: which take each scene has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from storyboard.model.take import Take


@dataclass(frozen=True, slots=True)
class Pinned:
    """What is pinned for one scene: the key of its shot, and its takes by number and resolution."""

    key: str
    pick: int
    takes: Mapping[int, Mapping[str, Take]]


@dataclass(frozen=True, slots=True)
class Lock:
    """The whole file: what is pinned, by scene id."""

    scenes: Mapping[str, Pinned] = field(default_factory=dict)

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
