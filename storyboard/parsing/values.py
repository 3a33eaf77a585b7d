"""Words: what a scene says, its own and the defaults', each with the place where it stands."""

from dataclasses import dataclass

from storyboard.model.problem import Problem
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.source import KeyPath, SourceFile


@dataclass(frozen=True, slots=True)
class Value:
    """A value that somebody wrote, and where. ``own`` is False for a word of the defaults."""

    value: object
    page: SourceFile
    path: KeyPath
    own: bool

    def problem(self, message: str, hint: str = "", *, key: bool = False) -> Problem:
        return self.page.problem(self.path, message, hint, key=key)


@dataclass(frozen=True, slots=True)
class SceneValues:
    """What a scene says: its own words, and the defaults' where it is silent."""

    own: MappingNode
    defaults: MappingNode | None

    def get(self, name: str) -> Value | None:
        """The value of a key; None where nobody wrote one, or where the schema has something against it."""
        if self.own.has(name):
            return self._word(self.own, name)
        return self._word(self.defaults, name) if self.defaults else None

    def has(self, name: str) -> bool:
        """Whether anybody wrote this key, sound or not."""
        return self.own.has(name) or (self.defaults is not None and self.defaults.has(name))

    def _word(self, entry: MappingNode, name: str) -> Value | None:
        value = entry.get(name)
        return None if value is None else Value(value, entry.page, (*entry.path, name), entry is self.own)
