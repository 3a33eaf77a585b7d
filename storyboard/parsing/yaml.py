"""YAML 1.2 (core schema) built from parser events: values with their places, and limits on size and depth.

Built from events, because libyaml's composer resolves ``16:9`` to 969 and crashes on 50,000 brackets, and because an
event has its line and column (reliability.md B12).
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
)

from storyboard.model.errors import Problems
from storyboard.model.problem import Place, Problem
from storyboard.model.text import one_line
from storyboard.parsing import misread

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_SCALAR = 64 * 1024
MAX_FAULTS = 100

# What to do about an unresolved merge in a file that storyboard wrote.
_SIDES = "take either side, or delete the file: what was bought on this machine is in its ledger"

# libyaml's parser, eight times as fast as PyYAML's Python parser; None where PyYAML was built without it.
FAST = getattr(getattr(yaml, "cyaml", None), "CParser", None)

# Characters that editors do not show and providers cannot use: controls, lone surrogates, byte order marks,
# noncharacters, and the line separators that YAML counts as line breaks and editors do not.
UNSPEAKABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:[0-9]{1,18}\.[0-9]{0,18}|\.[0-9]{1,18}|[0-9]{1,18}(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


class Map(dict[str, object]):
    """A mapping. ``keys_at`` and ``values_at`` hold the event of each key and of each value."""

    __slots__ = ("keys_at", "values_at")

    def __init__(self) -> None:
        self.keys_at: dict[str, Event] = {}
        self.values_at: dict[str, Event] = {}


class Items(list[object]):
    """A list. ``values_at`` holds the event of each item."""

    __slots__ = ("values_at",)

    def __init__(self) -> None:
        self.values_at: list[Event] = []


class WrittenInt(int):
    """A whole number that is written in another way than Python does, such as +5: ``str`` gives it as written."""

    text: str

    def __str__(self) -> str:
        return self.text


class WrittenFloat(float):
    """A number that is written in another way than Python does, such as 1.10 or 1e3: ``str`` gives it as written."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class YamlFault:
    """A fault in the YAML text. ``line`` and ``column`` count from 0, ``column`` and ``width`` in characters."""

    line: int
    column: int
    message: str
    hint: str = ""
    width: int = 1


@dataclass(frozen=True, slots=True)
class Document:
    """One file: its ``lines``, its ``value``, the event of that value (None if empty), and its ``faults``.

    ``whole`` is False where the text could not be parsed past the last fault; ``value`` is None then.
    """

    lines: list[str]
    value: object
    root: Event | None
    faults: tuple[YamlFault, ...]
    whole: bool = True


class _Unreadable(Exception):
    """The text cannot be parsed past ``fault``."""

    def __init__(self, fault: YamlFault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def lines(text: str) -> list[str]:
    """The lines of ``text`` as editors count them: separated by CR, LF or CR LF."""
    return re.split(r"\r\n|\r|\n", text)


def read(raw: bytes, most: int = MAX_BYTES, nodes: int = MAX_NODES) -> Document:
    """The document in ``raw``, of at most ``most`` bytes and ``nodes`` values. Each use of an alias counts in full."""
    text = raw[:most].decode("utf-8", "replace").removeprefix("\ufeff")
    loader = _Loader(lines(text), nodes)
    try:
        _decodes(raw, most)
        _merged(text)
        _countable(text, nodes)
        for event in _events(text):
            loader.take(event)
    except _Unreadable as error:
        return Document(loader.lines, None, None, (*loader.faults, error.fault), whole=False)
    except yaml.MarkedYAMLError as error:
        return Document(loader.lines, None, None, (*loader.faults, _syntax(error, loader.lines)), whole=False)
    return Document(loader.lines, loader.value, loader.root, tuple(loader.faults))


def load(raw: bytes, name: str) -> object:
    """The value in a file that storyboard wrote, called ``name``, of at most 16 MiB. Raise Problems."""
    document = read(raw, 16 * MAX_BYTES, 20 * MAX_NODES)
    if document.faults:
        faults = [replace(each, hint=_SIDES) if each.message == misread.UNMERGED else each for each in document.faults]
        raise Problems(tuple(problem(fault, name, document.lines) for fault in faults))
    return document.value


def problem(fault: YamlFault, name: str, text: list[str]) -> Problem:
    """The fault as a problem of the file called ``name``, whose lines are ``text``."""
    source = text[fault.line] if fault.line < len(text) else ""
    place = Place(name, fault.line + 1, fault.column + 1)
    return Problem(place, "", fault.message, fault.hint, source=source, width=fault.width)


def _decodes(raw: bytes, most: int) -> None:
    if len(raw) > most:
        large = f"the file is larger than {most >> 20} MiB"
        raise _Unreadable(YamlFault(0, 0, large, "move scenes to files of their own: '- include: …'"))
    if found := misread.binary(raw[:512]):
        raise _Unreadable(YamlFault(0, 0, *found))
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        before = lines(raw[: error.start].decode("utf-8").removeprefix("\ufeff"))
        words = "the file is not UTF-8 from here on"
        raise _Unreadable(YamlFault(len(before) - 1, len(before[-1]), words, "save it as UTF-8")) from None
    if hidden := UNSPEAKABLE.search(text):
        before = lines(text[: hidden.start()])
        words = f"an invisible character (U+{ord(hidden[0]):04X})"
        raise _Unreadable(YamlFault(len(before) - 1, len(before[-1]), words, "delete it"))


def _merged(text: str) -> None:
    if (">>>>>>>" in text or "<<<<<<<" in text) and (found := misread.merge_marker("\n".join(lines(text)))):
        line, advice = found
        raise _Unreadable(YamlFault(line, 0, *advice, 7))


def _countable(text: str, most: int) -> None:
    """Raise _Unreadable for too many values, by counting characters: the parser would take 4 us a value to refuse them.

    Each value has a comma next to it, or one of ``-:?`` followed by white space. Prose has commas too, but far fewer
    than one in ten characters.
    """
    marks = sum(text.count(sign + blank) for sign in "-:?" for blank in " \t\r\n")
    if max(text.count(","), marks) > most:
        words = f"more than {most:,} commas, or as many colons and dashes: too many values to read"
        raise _Unreadable(YamlFault(0, 0, words, "write fewer, or split the file"))


def _events(text: str) -> Iterator[Event]:
    if FAST is None:
        yield from yaml.parse(text, yaml.SafeLoader)
        return
    parser = FAST(text)
    while parser.check_event():
        yield parser.get_event()


class _Open:
    """A mapping or a list that is not closed yet. ``nodes`` counts the values in it, with aliases expanded."""

    __slots__ = ("event", "into", "key", "nodes")

    def __init__(self, into: Map | Items, event: CollectionStartEvent) -> None:
        self.into = into
        self.event = event
        self.key: ScalarEvent | None = None
        self.nodes = 1


class _Loader:
    """Builds values from events, with a stack of open collections instead of recursion."""

    def __init__(self, text: list[str], nodes: int) -> None:
        self.lines = text
        self._nodes = nodes
        self.value: object = None
        self.root: Event | None = None
        self.faults: list[YamlFault] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[object, int]] = {}

    def take(self, event: Event) -> None:
        if isinstance(event, ScalarEvent):
            self._scalar(event)
        elif isinstance(event, CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, CollectionEndEvent):
            done = self._open.pop()
            if done.event.anchor:
                self._anchors[done.event.anchor] = (done.into, done.nodes)
            self._put(done.into, done.event, done.nodes)
        elif isinstance(event, AliasEvent):
            self._alias(event)
        elif isinstance(event, DocumentStartEvent) and self.root is not None:
            raise self._stop(event, "a second document begins here", "one file holds one document: delete the '---'", 3)

    def _scalar(self, event: ScalarEvent) -> None:
        text = event.value
        if len(text) > MAX_SCALAR:
            raise self._stop(event, "this text is longer than 64 KiB")
        if event.tag is not None:
            self._no_tag(event)
        frame = self._open[-1] if self._open else None
        if frame is not None and frame.key is None and type(frame.into) is Map:
            self._key(frame, event)
            return
        if event.style == '"' and (odd := UNSPEAKABLE.search(text)):
            self._note(event, f"an invisible character (U+{ord(odd[0]):04X}) in a text", "leave it out")
        value = text if event.style or event.tag else scalar(text)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._put(value, event, 1)

    def _key(self, frame: _Open, event: ScalarEvent) -> None:
        if event.value == "<<" and not event.style:
            self._note(event, "merge keys ('<<') are not part of the format", "write the keys out, or use 'defaults'")
        elif not event.value:
            self._note(event, "a key is missing before this ':'")
        elif event.value in frame.into:
            assert isinstance(frame.into, Map)
            first = span(frame.into.keys_at[event.value]).line + 1
            self._note(event, f"the key '{one_line(event.value, 60)}' is written twice", f"it is first on line {first}")
        if event.anchor:
            self._anchors[event.anchor] = (event.value, 1)
        frame.key = event

    def _begin(self, event: CollectionStartEvent) -> None:
        frame = self._open[-1] if self._open else None
        if frame is not None and frame.key is None and type(frame.into) is Map:
            at, outer = span(event), span(frame.event)
            if (at.line, at.column) == (outer.line, outer.column + 1):
                raise self._stop(frame.event, *UNQUOTED, 2)
            raise self._stop(event, "a key must be text", "write 'key: value'")
        if len(self._open) >= MAX_DEPTH:
            raise self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        if event.tag is not None:
            self._no_tag(event)
        self._open.append(_Open(Map() if type(event) is MappingStartEvent else Items(), event))

    def _alias(self, event: AliasEvent) -> None:
        frame = self._open[-1] if self._open else None
        if frame is not None and frame.key is None and type(frame.into) is Map:
            raise self._stop(event, "a key must be text", "write 'key: value'")
        if event.anchor not in self._anchors:
            name = one_line(event.anchor or "", 60)
            raise self._stop(
                event,
                f"nothing above is marked '&{name}'",
                f"if it is text, put it in quotes; a mark is set with '&{name}', above, and not inside itself",
                len(name) + 1,
            )
        value, nodes = self._anchors[event.anchor]
        self._put(value, event, nodes)

    def _put(self, value: object, event: Event, nodes: int) -> None:
        if not self._open:
            self.value, self.root = value, event
            return
        frame = self._open[-1]
        frame.nodes += nodes
        if frame.nodes > self._nodes:
            raise self._stop(
                event, f"this expands to more than {self._nodes:,} values", "write fewer, or split the file"
            )
        into = frame.into
        if type(into) is Items:
            into.append(value)
            into.values_at.append(event)
            return
        assert isinstance(into, Map)
        assert frame.key is not None
        key, frame.key = frame.key, None
        name = key.value
        if name and name not in into and (name != "<<" or key.style):
            into[name] = value
            into.keys_at[name] = key
            into.values_at[name] = event

    def _no_tag(self, event: Event) -> None:
        self._note(event, "tags ('!') are not part of the format", "write plain text, numbers, lists and mappings")

    def _note(self, event: Event, message: str, hint: str = "") -> None:
        at = span(event)
        self.faults.append(YamlFault(at.line, at.column, message, hint, at.width))
        if len(self.faults) == MAX_FAULTS:
            raise self._stop(event, "too many errors", "fix the ones above first")

    def _stop(self, event: Event, message: str, hint: str = "", width: int = 1) -> _Unreadable:
        at = span(event)
        return _Unreadable(YamlFault(at.line, at.column, message, hint, width))


def scalar(text: str) -> object:
    """The value of an unquoted scalar in the YAML 1.2 core schema: true, false, null, a decimal number, else text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INT.fullmatch(text):
            return _as_written(int(text), WrittenInt, text)
        if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
            return _as_written(number, WrittenFloat, text)
    return text


def _as_written(number: int | float, kind: type[WrittenInt] | type[WrittenFloat], text: str) -> int | float:
    if str(number) == text:
        return number
    written = kind(number)
    written.text = text
    return written


def respelt(value: object) -> object:
    """``value`` with its numbers as Python writes them, and as storyboard spelt them in prompts up to 0.1."""
    if isinstance(value, WrittenInt):
        return int(value)
    if isinstance(value, WrittenFloat):
        return float(value)
    if isinstance(value, Map):
        return {key: respelt(part) for key, part in value.items()}
    return [respelt(part) for part in value] if isinstance(value, Items) else value


def has_written_numbers(value: object) -> bool:
    """Whether a number in ``value`` is written in another way than Python does."""
    if isinstance(value, Map):
        return any(map(has_written_numbers, value.values()))
    return (
        any(map(has_written_numbers, value))
        if isinstance(value, Items)
        else isinstance(value, WrittenInt | WrittenFloat)
    )


@dataclass(frozen=True, slots=True)
class Span:
    """Start and end in a file: lines and columns from 0, in characters; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    @property
    def width(self) -> int:
        """The number of characters on its line, at least 1; 1 for a span of several lines."""
        return max(1, self.end_column - self.column) if self.line == self.end_line else 1


def span(event: Event) -> Span:
    """The place of ``event`` in the file."""
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    return Span(start.line, start.column, end.line, end.column)


UNQUOTED = ("a value that begins with '{{' needs quotes", 'write it as "{{ … }}"')
_WRONG_SIGN = ("a text cannot begin with this sign", "put it in quotes")
_INDENT = ("inconsistent indentation", "start keys of the same mapping in the same column")

# Messages of libyaml and PyYAML, and our message and hint for each. First match wins. The last column: whether to
# report the start of the unfinished construct ("context") instead of the parser's position.
_SYNTAX = (
    (r"mapping values are not allowed", "a second ':' on one line", "put the text in quotes", False),
    (r"cannot start any token|found a tab|contains a tab", "a tab cannot indent", "use spaces", False),
    (r"found unexpected end of stream", "this quote is never closed", "add the closing quote", True),
    (r"found unexpected document indicator", "this quote is never closed", "add the closing quote", True),
    (r"unknown escape character|expected escape sequence|hexdecimal|hexadecimal|invalid Unicode", "unknown escape",
     r"in double quotes a backslash is written '\\'; single quotes take it as it is", False),
    (r"expected ',' or '}'", "a ',' or '}' is missing", "", True),
    (r"expected ',' or '\]'", "a ',' or ']' is missing", "", True),
    (r"could not find expected ':'", "a ':' is missing", "write 'key: value'", True),
    (r"did not find expected (key|'-' indicator)|expected <block end>|wrong indent", *_INDENT, False),
    (r"did not find expected node content|expected the node content", "a value is missing here", "", False),
    (r"block sequence entries are not allowed|sequence entries are not allowed",
     "a list cannot begin here", "begin it on the next line; if it is text, put it in quotes", False),
    (r"expected (a )?comment or (a )?line break", "the text begins on the line below '>' or '|'",
     "move it down, or put all of it in quotes", True),
    (r"did not find expected <document start>|expected '<document start>'",
     "this does not belong to what is above it", "a storyboard is one mapping: 'key: value' lines", False),
)  # fmt: skip


def _syntax(error: yaml.MarkedYAMLError, text: list[str]) -> YamlFault:
    """The fault for a parser error: our message, at the parser's position or at the start of the construct."""
    said = error.problem or ""
    mark, begun = error.problem_mark, error.context_mark
    assert mark is not None
    line = text[mark.line] if mark.line < len(text) else ""
    if (tag := re.search(r"[:\-\[,]\s*(\{[{%])", line)) and mark.column >= tag.start(1):
        return YamlFault(mark.line, tag.start(1), *UNQUOTED, 2)
    if "cannot start any token" in said and line[mark.column : mark.column + 1] != "\t":
        return YamlFault(mark.line, mark.column, *(misread.sign(line, mark.column) or _WRONG_SIGN))
    if re.search(r"expected node content|mapping keys are not allowed", said) and (
        advice := misread.sign(line, mark.column)
    ):
        return YamlFault(mark.line, mark.column, *advice)
    if begun and "alphabetic or numeric" in said and (advice := misread.sign(line, begun.column)):
        return YamlFault(begun.line, begun.column, *advice)
    if re.search(r"expected (key|<block end>|',' or)", said) and (advice := misread.early_end(line, mark.column)):
        return YamlFault(mark.line, len(line[: mark.column].rstrip()) - 1, *advice)
    if begun and begun.line == mark.line and "',' or" in said and line[mark.column : mark.column + 1] == ":":
        return YamlFault(mark.line, mark.column, "a ':' inside a value", "put the text in quotes")
    if said.startswith("mapping values are not allowed") and ":" not in line[: mark.column]:
        return YamlFault(mark.line, len(line) - len(line.lstrip()), *_INDENT)
    for pattern, message, hint, at_begin in _SYNTAX:
        if re.search(pattern, said):
            place = begun if at_begin and begun and begun.line != mark.line else mark
            if place.line >= len(text):
                return YamlFault(len(text) - 1, len(text[-1]), message, hint)
            return YamlFault(place.line, place.column, message, hint)
    return YamlFault(mark.line, mark.column, f"this is not YAML: {one_line(said, 100)}")
