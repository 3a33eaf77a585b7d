"""Edit one value of one scene in the text of its file: comments, spacing, order, quoting and line ends stay.

The place comes from our own parser. A change counts only if both texts, parsed again, differ in nothing but that key.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from yaml.events import AliasEvent, Event, MappingStartEvent, ScalarEvent

from storyboard.model.errors import InputError, Problems
from storyboard.model.problem import Problem
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.parsing import yaml
from storyboard.parsing.includes import MappingNode, gather
from storyboard.parsing.project_files import Files
from storyboard.parsing.source import KeyPath, SourceFile

# A new key goes behind the first of these that the scene has.
_BEHIND = {"pick": ("takes", "id"), "takes": ("id",), "model": ("id",)}

_BREAK = re.compile(r"\r\n|\r|\n")
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class SceneEdit:
    """A changed file, not written yet: ``path`` relative to the project folder, ``name`` as in messages.

    ``line`` counts from 1 and is that of the value in ``after``.
    """

    path: PurePosixPath
    name: str
    before: bytes
    after: bytes
    line: int


@dataclass(frozen=True, slots=True)
class _Change:
    """``text`` in place of the characters from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def find_scene(file: PurePosixPath, name: str, files: Files, scene: str) -> MappingNode:
    """Return a scene with the file that holds it. ``file`` and ``name`` as for ``gather``.

    Raise Problems where a file cannot be parsed, InputError for another id and where ``file`` cannot be read.
    """
    found = gather(file, name, files)
    for entry in found.scenes:
        if entry.value.get("id") == scene:
            return entry
    if found.problems:
        raise Problems(tuple(found.problems))
    known = [word for entry in found.scenes if isinstance(word := entry.value.get("id"), str)]
    hint = did_you_mean(scene, known) or f"scenes: {', '.join(map(one_line, known[:20]))}"
    raise InputError(f"no scene of {one_line(name, 100)} is called '{one_line(scene, 80)}'", hint)


def set_value(scene: MappingNode, key: str, value: int | str, raw: bytes) -> SceneEdit:
    """Return the edit that sets ``key`` of a scene to a number or a word. ``raw`` are the bytes of the scene's file.

    Raise InputError where ``raw`` is not what was parsed; Problems, with the place, where the scene is reached through
    an alias, or where no edit would change that key alone.
    """
    page, path = scene.page, scene.path
    text = raw.decode("utf-8", "replace")
    if yaml.lines(text.removeprefix(_BOM)) != page.document.lines:
        raise InputError(f"{page.name} changed while it was read", "run the command again")
    if page.document.faults:
        raise Problems(tuple(yaml.problem(fault, page.name, page.document.lines) for fault in page.document.faults))
    _refuse_alias(page, path)
    head, body = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    for change in _Text(body).changes(scene, key, value):
        after = (head + body[: change.start] + change.text + body[change.end :]).encode()
        document = yaml.read(after)
        if not document.faults and _same(document.value, _with(page.document.value, path, key, value)):
            line = SourceFile(page.path, page.name, document).place((*path, key)).line
            return SceneEdit(page.path, page.name, raw, after, line)
    raise Problems((_refusal(scene, key),))


class _Text:
    """The text of a file without its byte order mark, and what could set a value in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts = [0, *(found.end() for found in _BREAK.finditer(text))]

    def changes(self, scene: MappingNode, key: str, new: int | str) -> Iterator[_Change]:
        """Changes that may set ``key`` of the scene, the best first."""
        value, event = scene.value, scene.page.event(scene.path)
        assert isinstance(event, MappingStartEvent)
        if key in value:
            return self._in_place(value.values_at[key], new)
        return self._in_braces(value, key, new) if event.flow_style else self._as_line(value, event, key, new)

    def _in_place(self, event: Event, new: int | str) -> Iterator[_Change]:
        """The new value in place of one; an anchor before the value stays."""
        if _is_inline(event):
            start, end = self._range(event)
            value = self._text[start:end]
            anchor = found[0] if (found := re.match(r"&[^\s,\[\]{}]+\s*", value)) else ""
            pad = " " if value == anchor and not self._text[:end].endswith(" ") else ""
            yield _Change(start + len(anchor), end, f"{pad}{new}")

    def _in_braces(self, scene: yaml.Map, key: str, new: int | str) -> Iterator[_Change]:
        for name in _behind(scene, key):
            quote = '"' if getattr(scene.keys_at[name], "style", None) == '"' else ""
            _, end = self._range(scene.values_at[name])
            yield _Change(end, end, f", {quote}{key}{quote}: {new}")

    def _as_line(self, scene: yaml.Map, event: MappingStartEvent, key: str, new: int | str) -> Iterator[_Change]:
        """A line behind a key, indented as that key is, or as the mapping is (a key may be written '? key')."""
        for name in _behind(scene, key):
            _, end = self._range(scene.values_at[name])
            at, line_break = self._line_end(end)
            for column in (yaml.span(scene.keys_at[name]).column, yaml.span(event).column):
                yield _Change(at, at, f"{line_break}{' ' * column}{key}: {new}")
        start, _ = self._range(scene.keys_at["id"])
        indent = " " * yaml.span(scene.keys_at["id"]).column
        yield _Change(start, start, f"{key}: {new}{self._line_end(start)[1]}{indent}")

    def _range(self, event: Event) -> tuple[int, int]:
        at = yaml.span(event)
        return self._starts[at.line] + at.column, self._starts[at.end_line] + at.end_column

    def _line_end(self, start: int) -> tuple[int, str]:
        """Where the line of a character ends, and its line break; that of the first line if it is the last line."""
        if found := _BREAK.search(self._text, start):
            return found.start(), found[0]
        return len(self._text), first[0] if (first := _BREAK.search(self._text)) else "\n"


def _behind(scene: yaml.Map, key: str) -> list[str]:
    return [name for name in _BEHIND[key] if name in scene and _is_inline(scene.values_at[name])]


def _is_inline(event: Event) -> bool:
    """Whether a value ends where its last character does: an alias, or a scalar without '|' or '>'."""
    return isinstance(event, AliasEvent) or (isinstance(event, ScalarEvent) and event.style not in ("|", ">"))


def _refuse_alias(page: SourceFile, path: KeyPath) -> None:
    for depth in range(len(path) + 1):
        event = page.event(path[:depth])
        if isinstance(event, AliasEvent):
            what = f"the scene stands here as the alias '*{one_line(str(event.anchor), 60)}', and is written elsewhere"
            raise Problems((page.problem(path[:depth], what, "write the scene out in place of the alias"),))


def _refusal(scene: MappingNode, key: str) -> Problem:
    """Why no change sets ``key``, with the place."""
    if key in scene.value and not _is_inline(scene.value.values_at[key]):
        return scene.problem((key,), f"'{key}' must be a whole number", "correct it by hand")
    if anchor := getattr(scene.page.event(scene.path), "anchor", None):
        what = f"the scene is marked '&{one_line(anchor, 60)}': a change of it would change other parts of the file"
        return scene.problem((), what, "write the scene out in place of each alias")
    what = f"'{key}' cannot be set here without changing something else"
    return scene.problem((key if key in scene.value else "id",), what, "set it by hand")


def _with(value: object, path: KeyPath, key: str, new: int | str) -> object:
    """``value`` with ``key`` of the mapping at ``path`` set; what is shared with an alias stays as it was there."""
    if not path:
        assert isinstance(value, dict)
        return {**value, key: new}
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        assert isinstance(step, int)
        return [*value[:step], _with(value[step], rest, key, new), *value[step + 1 :]]
    assert isinstance(value, dict)
    return {**value, step: _with(value[step], rest, key, new)}


def _same(value: object, expected: object) -> bool:
    """Whether two values are equal, numbers as they are written."""
    if isinstance(value, dict) and isinstance(expected, dict):
        return value.keys() == expected.keys() and all(_same(part, expected[name]) for name, part in value.items())
    if isinstance(value, list) and isinstance(expected, list):
        return len(value) == len(expected) and all(map(_same, value, expected))
    return type(value) is type(expected) and str(value) == str(expected)
