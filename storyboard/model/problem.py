"""Problems of a storyboard: where in its files, what is wrong, what to do."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the storyboard's files. ``line`` and ``column`` count from 1, in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a storyboard, and what to do about it.

    ``path`` names the key ("scenes[2].model"); ``source`` is the line it stands on, as written; ``width`` is how
    many characters of it the caret underlines (at least 1).
    """

    place: Place
    path: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    source: str = ""
    width: int = 1

    def document(self) -> dict[str, object]:
        """The problem as JSON (schema problems.schema.json)."""
        place = {"file": self.place.file, "line": self.place.line, "column": self.place.column}
        said = {"path": self.path, "message": self.message, "hint": self.hint, "severity": self.severity}
        return {**place, **said}
