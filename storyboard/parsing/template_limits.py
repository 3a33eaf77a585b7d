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
    """The template cannot be carried out. ``line`` counts from 1 in the template; ``name`` is what to point at."""

    def __init__(self, message: str, hint: str = "", line: int = 1, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.name = name


@dataclass(slots=True)
class TemplateWork:
    """What all templates of one reading may do together. A node gone through is one, and four characters handled."""

    left: int = 5_000_000


class WorkSpent(Exception):
    """More work or more text than a template is given."""


def check_length(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise WorkSpent(f"a text grows past {MAX_TEXT:,} characters")
    return text
