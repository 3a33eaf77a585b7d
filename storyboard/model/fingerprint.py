"""Fingerprints: the SHA-256 of values by their named fields, never by how a class or a module is called."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from fractions import Fraction
from functools import cache
from pathlib import PurePath
from typing import Any

# Stands for "this field has no default": no value equals it.
_REQUIRED = object()


def fingerprint(*values: object) -> str:
    """Return the SHA-256 (hex) of ``values``.

    A frozen dataclass is written as its fields in the order of their names, without those at their default: renaming
    or moving the class, reordering its fields or adding one with a default changes no fingerprint. Classes that may
    stand in one place must differ in their fields, or in a class variable ``KIND``. Every part carries its type and
    its length, so that different values never give the same bytes. Raise TypeError for a type that is not known here.
    """
    return hashlib.sha256(_encode(values)).hexdigest()


def _encode(value: object) -> bytes:
    if is_dataclass(value) and not isinstance(value, type):
        return _tagged(b"d", _fields(value))
    for kind, tag, content in _KINDS:
        if isinstance(value, kind):
            return _tagged(tag, content(value))
    raise TypeError(f"no fingerprint of a {type(value).__name__}")


def _tagged(tag: bytes, content: bytes) -> bytes:
    return b"%s%d:%s" % (tag, len(content), content)


def _fields(value: object) -> bytes:
    kind: Any = type(value)
    parts = [_encode(getattr(kind, "KIND", None))]
    for name, default in _defaults(kind):
        if (found := getattr(value, name)) != default:
            parts += [_encode(name), _encode(found)]
    return b"".join(parts)


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:
    """The names of a dataclass's fields, sorted, each with its default."""
    return tuple(sorted(((field.name, _default(field)) for field in fields(kind)), key=lambda pair: pair[0]))


def _default(field: "Field[object]") -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _REQUIRED if field.default is MISSING else field.default


def _joined(values: Iterable[object]) -> bytes:
    return b"".join(map(_encode, values))


def _mapping(value: Mapping[object, object]) -> bytes:
    return b"".join(sorted(_tagged(b"k", _joined(pair)) for pair in value.items()))


def _unordered(value: Set[object]) -> bytes:
    return b"".join(sorted(map(_encode, value)))


# In the order in which they are asked for: a bool is an int too, and an enum may be a str.
_KINDS: tuple[tuple[type | tuple[type, ...], bytes, Callable[..., bytes]], ...] = (
    (type(None), b"n", lambda value: b""),
    (Enum, b"e", lambda value: _encode(value.value)),
    (bool, b"b", lambda value: b"1" if value else b"0"),
    (int, b"i", lambda value: b"%d" % value),
    (float, b"f", lambda value: value.hex().encode()),
    (Fraction, b"q", lambda value: b"%d/%d" % (value.numerator, value.denominator)),
    (str, b"s", lambda value: value.encode("utf-8", "surrogatepass")),
    (bytes, b"y", bytes),
    (PurePath, b"p", lambda value: str(value).encode("utf-8", "surrogatepass")),
    ((tuple, list), b"l", _joined),
    (Mapping, b"m", _mapping),
    (Set, b"u", _unordered),
)
