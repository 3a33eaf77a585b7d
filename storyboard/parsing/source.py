"""Source files: a parsed YAML file, the places in it, and problems formatted with an excerpt."""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import PurePosixPath

from yaml.events import Event

from storyboard.model.problem import Place, Problem, Severity
from storyboard.model.text import one_line
from storyboard.parsing import yaml

KeyPath = tuple[str | int, ...]

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A parsed file. ``path`` is relative to the project folder; ``name`` is its name in messages."""

    path: PurePosixPath
    name: str
    document: yaml.Document

    def place(self, path: KeyPath, key: bool = False) -> Place:
        """Line and column (from 1) of the value at ``path``, or of its ``key``."""
        at = self.span(path, key)
        return Place(self.name, at.line + 1, at.column + 1)

    def span(self, path: KeyPath, key: bool = False) -> yaml.Span:
        """Start and end (from 0) of the value at ``path``, or of its ``key``."""
        event = self.event(path, key)
        return yaml.span(event) if event else yaml.Span(0, 0, 0, 0)

    def event(self, path: KeyPath, key: bool = False) -> Event | None:
        """The parser's event at ``path``: a scalar, an alias or the start of a collection. None in an empty file."""
        event, value = self.document.root, self.document.value
        for at, step in enumerate(path, 1):
            if isinstance(step, str):
                assert isinstance(value, yaml.Map)
                event = (value.keys_at if key and at == len(path) else value.values_at)[step]
                value = value[step]
            else:
                assert isinstance(value, yaml.Items)
                event, value = value.values_at[step], value[step]
        return event

    def is_commented_out(self, path: KeyPath) -> bool:
        """Whether the value at ``path`` is empty because a '#' turned the rest of the line into a comment."""
        event = self.event(path)
        at = self.span(path)
        rest = self.document.lines[at.line][at.column :]
        return getattr(event, "value", None) == "" and rest.lstrip().startswith("#")

    def problem(
        self, path: KeyPath, message: str, hint: str = "", *, key: bool = False, severity: Severity = "error"
    ) -> Problem:
        """A problem with the value at ``path``, or with its ``key``."""
        at = self.span(path, key)
        return self.at(at.line + 1, at.column + 1, message, hint, path, at.width, severity)

    def at(
        self,
        line: int,
        column: int,
        message: str,
        hint: str = "",
        path: KeyPath = (),
        width: int = 1,
        severity: Severity = "error",
    ) -> Problem:
        """A problem at a line and column of this file, both from 1. ``width`` is in characters."""
        source = self.document.lines[line - 1] if line <= len(self.document.lines) else ""
        return Problem(Place(self.name, line, column), format_path(path), message, hint, severity, source, width)


def format_path(path: KeyPath) -> str:
    """A path in dotted notation: ``scenes[2].model``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{one_line(step, 60)}" for step in path).removeprefix(
        "."
    )


def format_problem(problem: Problem) -> str:
    """The problem as text: ``file:line:column: message``, the line with carets below it, then the hint."""
    warning = "warning: " if problem.severity == "warning" else ""
    head = f"{one_line(str(problem.place))}: {warning}{one_line(problem.message, 10_000)}"
    hint = f"\n  hint: {one_line(problem.hint, 10_000)}" if problem.hint else ""
    return f"{head}{_excerpt(problem)}{hint}"


def _excerpt(problem: Problem) -> str:
    if not problem.source.strip():
        return ""
    column = problem.place.column - 1
    start = max(0, column - 60) if len(problem.source) > _SHOWN else 0
    source = problem.source.replace("\t", " ")
    part, before, rest = source[start : start + _SHOWN], source[start:column], source[column : start + _SHOWN]
    lead = "…" if start else ""
    tail = "…" if start + _SHOWN < len(source) else ""
    gutter = f"{problem.place.line:>5} | "
    indent = " " * (len(gutter) - 2) + "| " + " " * _cells(lead + one_line(before))
    carets = "^" * max(1, _cells(one_line(rest[: problem.width])))
    return f"\n{gutter}{lead}{one_line(part)}{tail}\n{indent}{carets}"


def _cells(text: str) -> int:
    """Terminal columns that ``text`` takes: two for wide characters, none for combining marks."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def position_of_text(page: SourceFile, path: KeyPath, pattern: str) -> tuple[int, int, int]:
    """Line, column (from 1) and width of the first match of ``pattern`` in the text at ``path``, as it is written.

    The start of the text where nothing matches, such as in a folded text that breaks a line there.
    """
    at = page.span(path)
    region = "\n".join(page.document.lines[at.line : at.end_line + 1])
    if found := re.compile(pattern).search(region, at.column):
        before = region[: found.start()].split("\n")
        return at.line + len(before), len(before[-1]) + 1, max(1, len(found[0].partition("\n")[0]))
    return at.line + 1, at.column + 1, at.width


def position_of_name(page: SourceFile, path: KeyPath, name: str, line: int) -> tuple[int, int, int]:
    """Line, column (from 1) and width of ``name``, used on line ``line`` of the template at ``path``.

    A folded text keeps no line breaks, so its first tag with ``name`` counts; without one, the start of the text.
    """
    at, style = page.span(path), getattr(page.event(path), "style", None)
    first = at.line + line if style == "|" else at.line
    begin = 0 if style in ("|", ">") else at.column
    region = "\n".join(page.document.lines[first : at.end_line + 1])[begin:]
    for tag in re.finditer(r"\{\{.*?\}\}|\{%.*?%\}|\{[{%].*", region, re.DOTALL) if name else ():
        if found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", tag[0]):
            before = region[: tag.start() + found.start()].split("\n")
            column = len(before[-1]) + (begin if len(before) == 1 else 0)
            return first + len(before), column + 1, len(name)
    if style == "|":
        text = page.document.lines[first]
        return first + 1, len(text) - len(text.lstrip()) + 1, max(1, len(text.strip()))
    return at.line + 1, at.column + 1, at.width
