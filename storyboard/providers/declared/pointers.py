"""Pointers into JSON: RFC 6901, and two steps more: ``|json`` for JSON in a text, ``|path`` for the path of an address.

Whatever stands in a reply, reading raises nothing: what is not there, or is of another type, is None.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from urllib.parse import quote, unquote, urlsplit

_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")
_FORM = re.compile(r"(?:/[^/|]*)*(?:\|json(?:/[^/|]*)*)*(?:\|path)?")
_WEB = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_LONGEST_ADDRESS = 8_000  # characters
_DIGITS = 30  # of an amount


class Special(Enum):
    """A step that is no key: JSON in a text, the path of an address."""

    JSON = "|json"
    PATH = "|path"


Step = str | Special


@dataclass(frozen=True, slots=True)
class Pointer:
    """The place of a value in a reply, as ``text`` and as steps from its top."""

    text: str
    steps: tuple[Step, ...]

    @property
    def is_path(self) -> bool:
        """Whether it takes the path out of an address."""
        return Special.PATH in self.steps

    def read(self, body: object) -> object:
        """Return what stands there; None if nothing does."""
        for step in self.steps:
            body = _below(body, step)
        return body

    def put(self, document: object, value: object, base: str = "") -> object:
        """Return ``document`` with ``value`` there; ``base`` goes before the path of an address."""
        return _with(document, self.steps, value, base)


def pointer(text: str) -> Pointer | None:
    """Return the pointer that ``text`` is, such as "/data/resultJson|json/urls/0"; None if it is none."""
    if not text or not _FORM.fullmatch(text):
        return None
    steps: list[Step] = []
    for part in re.split(r"(\|json|\|path)", text):
        if part in ("|json", "|path"):
            steps.append(Special(part))
        else:
            steps += [key.replace("~1", "/").replace("~0", "~") for key in part.split("/")[1:]]
    return Pointer(text, tuple(steps))


def _below(body: object, step: Step) -> object:
    if step is Special.JSON:
        return _json(body)
    if step is Special.PATH:
        return address_path(body)
    if isinstance(body, dict):
        return body.get(step)
    if isinstance(body, list) and isinstance(step, str) and _INDEX.fullmatch(step):
        return body[int(step)] if int(step) < len(body) else None
    return None


def _with(document: object, steps: Sequence[Step], value: object, base: str) -> object:
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if step is Special.JSON:
        return json.dumps(_with(_json(document), rest, value, base))
    if step is Special.PATH:
        return f"{base}/{encode(str(value), slashes=True)}"
    if isinstance(document, list) or (document is None and isinstance(step, str) and _INDEX.fullmatch(step)):
        items = list(document) if isinstance(document, list) else []
        at = int(step) if isinstance(step, str) and _INDEX.fullmatch(step) else 0
        items += [None] * (at + 1 - len(items))
        items[at] = _with(items[at], rest, value, base)
        return items
    table = document if isinstance(document, dict) else {}
    return {**table, step: _with(table.get(step), rest, value, base)}


def _json(text: object) -> object:
    try:
        return json.loads(text, parse_float=Decimal) if isinstance(text, str) else None
    except (ValueError, ArithmeticError, RecursionError):
        return None


def address_path(value: object) -> str | None:
    """Return the path of an address without its first slash and its escapes; None if it is no plain path."""
    if not is_address(value) and not (isinstance(value, str) and value.startswith("/")):
        return None
    try:
        segments = urlsplit(str(value)).path.lstrip("/").split("/")
    except ValueError:
        return None
    plain = [unquote(segment) for segment in segments]
    right = all(part and part not in (".", "..") and "/" not in part and part.isprintable() for part in plain)
    return "/".join(plain) if right else None


def encode(text: str, *, slashes: bool = False) -> str:
    """Return ``text`` for a path; with ``slashes`` these divide it. A step to another folder is none."""
    parts = text.split("/") if slashes else [text]
    quoted = [quote(part, safe="", errors="replace") for part in parts]
    return "/".join(part.replace(".", "%2E") if part in (".", "..") else part for part in quoted)


def is_address(value: object) -> bool:
    """Whether this is an http or https address on one line."""
    short = isinstance(value, str) and len(value) <= _LONGEST_ADDRESS
    return short and isinstance(value, str) and value.isprintable() and bool(_WEB.match(value))


def word(value: object) -> str | None:
    """Return a state or a code as text: a text, a whole number, true or false; None for anything else."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else None
    return value.strip() or None if isinstance(value, str) and len(value) <= 200 else None


def amount(value: object) -> Fraction | None:
    """Return an amount of at least 0, exactly as it is written; None if it is none, or out of range."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str) or len(str_of(value)) > _DIGITS:
        return None
    try:
        number = Decimal(value)
    except ArithmeticError:
        return None
    if not number.is_finite() or number < 0 or not -15 < number.adjusted() < 15:
        return Fraction(0) if number.is_finite() and number == 0 else None
    return Fraction(number)


def str_of(value: object) -> str:
    """Return a value as text; one with more digits than Python prints as more than any text that is read."""
    try:
        return str(value)
    except ValueError:
        return " " * (_LONGEST_ADDRESS + 1)
