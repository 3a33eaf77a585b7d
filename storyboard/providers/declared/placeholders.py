"""Templates of a declaration: JSON in which whole texts such as "{prompt}" stand for values of a shot, and paths.

A value that a shot does not have drops its key; a table or a list all of whose placeholders are empty is left out
whole. In a list, an item with "{reference}" is repeated for each reference image.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from storyboard.providers.declared.pointers import encode

_WHOLE = re.compile(r"\{([a-z_]+)(?::([a-z]+))?\}")
_INSIDE = re.compile(r"\{([^{}]*)\}")

EACH = "reference"
BODY_NAMES = (
    *("prompt", "model", "aspect", "resolution", "seconds", "seed", "sound", "negative"),
    *("first_frame", "last_frame", "references", EACH, "name", "callback"),
)
# How a number of seconds is written: 8, "8", "8s".
WAYS = ("number", "text", "s")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A placeholder: its name, and how its value is written ("" for as it is)."""

    name: str
    way: str = ""


def placeholder(value: object) -> Placeholder | None:
    """Return the placeholder that a whole text is; None for anything else."""
    match = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    return Placeholder(match[1], match[2] or "") if match else None


def placeholders(template: object) -> Iterator[Placeholder]:
    """Yield the placeholders of a template, in its order."""
    if found := placeholder(template):
        yield found
    parts = template.values() if isinstance(template, Mapping) else template if isinstance(template, list) else ()
    for part in parts:
        yield from placeholders(part)


def names_inside(text: str) -> list[str]:
    """Return the names in braces of a path or of a query's value."""
    return _INSIDE.findall(text)


def fault_of(template: object) -> str | None:
    """Return the first text of a body that has a name in braces and more besides, or is none of ours; None if none."""
    if isinstance(template, str):
        found = placeholder(template)
        if found:
            ways = WAYS if found.name == "seconds" else ("",)
            return None if found.name in BODY_NAMES and found.way in ways else template
        return template if any(name.partition(":")[0] in BODY_NAMES for name in names_inside(template)) else None
    parts = template.values() if isinstance(template, Mapping) else template if isinstance(template, list) else ()
    return next((wrong for part in parts if (wrong := fault_of(part))), None)


@dataclass(frozen=True, slots=True)
class _Filled:
    """A part of a template with its values: how many of its placeholders have one, and how many have none."""

    value: object
    given: int = 0
    missing: int = 0

    @property
    def dropped(self) -> bool:
        return bool(self.missing and not self.given)


def fill(template: Mapping[str, object], values: Mapping[str, object]) -> dict[str, object]:
    """Return a template with ``values`` in place of its placeholders; a value may be None."""
    filled = _fill(template, values).value
    return filled if isinstance(filled, dict) else {}


def _fill(template: object, values: Mapping[str, object]) -> _Filled:
    if isinstance(template, Mapping):
        parts = {name: _fill(part, values) for name, part in template.items()}
        kept: object = {name: part.value for name, part in parts.items() if not part.dropped}
        return _sum(kept, list(parts.values()))
    if isinstance(template, list):
        items = [_fill(item, each) for item in template for each in _rounds(item, values)]
        return _sum([item.value for item in items if not item.dropped], items)
    if found := placeholder(template):
        value = values.get(f"{found.name}:{found.way}" if found.way else found.name)
        return _Filled(value, given=1) if value is not None else _Filled(None, missing=1)
    return _Filled(template)


def _rounds(item: object, values: Mapping[str, object]) -> list[Mapping[str, object]]:
    """The values for each time that an item of a list is written."""
    images = values.get("references")
    if EACH not in {found.name for found in placeholders(item)} or not isinstance(images, list):
        return [values]
    return [{**values, EACH: image} for image in images]


def _sum(value: object, parts: list[_Filled]) -> _Filled:
    return _Filled(value, sum(part.given for part in parts), sum(part.missing for part in parts))


def fill_path(path: str, values: Mapping[str, str], dividing: frozenset[str] = frozenset()) -> str:
    """Return a path with the escaped ``values``; slashes in those of ``dividing`` divide it."""
    return _INSIDE.sub(lambda name: encode(values.get(name[1], ""), slashes=name[1] in dividing), path)


def fill_query(query: Mapping[str, str], values: Mapping[str, str | None]) -> dict[str, str]:
    """Return a query with ``values``; one that has none drops its name."""
    filled = {}
    for name, text in query.items():
        found = placeholder(text)
        value = values.get(found.name) if found else text
        if value is not None:
            filled[name] = value
    return filled
