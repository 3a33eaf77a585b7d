"""Limits of templates: sizes, depth, work."""

from dataclasses import dataclass

MAX_SOURCE = 16 * 1024
MAX_OUTPUT = 20_000
MAX_DEPTH = 40
MAX_LOOPS = 2
MAX_WORK = 50_000
MAX_TEXT = 64 * 1024
MAX_REFUSED = 20


class TemplateRefused(Exception):
    """A template cannot be rendered. ``line`` counts from 1 in the template; ``name`` is the word to underline."""

    def __init__(self, message: str, hint: str = "", line: int = 1, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.name = name


@dataclass(slots=True)
class TemplateWork:
    """The work left for all templates of one parse. Each node counts 1, and so do each 4 characters handled."""

    left: int = 5_000_000


class WorkSpent(Exception):
    """A template exceeds its limit of work or of text."""


def check_length(text: str) -> str:
    """``text`` itself. Raise WorkSpent where it is longer than MAX_TEXT characters."""
    if len(text) > MAX_TEXT:
        raise WorkSpent(f"a text grows past {MAX_TEXT:,} characters")
    return text
