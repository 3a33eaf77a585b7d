"""Values of a scene: its own and those of the defaults, each with its place in a file."""

from dataclasses import dataclass
from typing import NamedTuple

from storyboard.model.problem import Problem
from storyboard.model.storyboard import Scene
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.source import KeyPath, SourceFile


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a source file and its place. ``own`` is False for a value of the defaults."""

    value: object
    page: SourceFile
    path: KeyPath
    own: bool

    def problem(self, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem with this value, or with its ``key``."""
        return self.page.problem(self.path, message, hint, key=key)


@dataclass(frozen=True, slots=True)
class SceneValues:
    """The values of a scene: its own, or those of the defaults where the scene has none.

    ``model`` is used in place of the one that is written, in its usual resolution; "" for what is written.
    """

    own: MappingNode
    defaults: MappingNode | None
    model: str = ""

    def get(self, name: str) -> Value | None:
        """The value of a key; None where it is not written, or where it violates the schema."""
        if self.model and name == "resolution":
            return None
        if self.model and name == "model":
            place = "model" if self.own.has("model") else "id"
            return Value(self.model, self.own.page, (*self.own.path, place), own=True)
        if self.own.has(name):
            return self._word(self.own, name)
        return self._word(self.defaults, name) if self.defaults else None

    def has(self, name: str) -> bool:
        """Whether the scene or the defaults have this key, valid or not."""
        return self.own.has(name) or (self.defaults is not None and self.defaults.has(name))

    def _word(self, entry: MappingNode, name: str) -> Value | None:
        value = entry.get(name)
        return None if value is None else Value(value, entry.page, (*entry.path, name), entry is self.own)


class ParsedScene(NamedTuple):
    """A scene of the film, with its values in the file."""

    scene: Scene
    words: SceneValues
