"""The table of a declaration, checked by its JSON Schema; what is wrong is told at its line and column."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.providers.declared.pointers import str_of
from storyboard.providers.declared.toml_places import TomlPath, toml_places


class Wrong(Exception):
    """What is wrong with a declaration: the value at ``path``, why, and what to do."""

    def __init__(self, path: TomlPath, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint


_DEEPEST = 40  # levels of a declaration


@dataclass(frozen=True, slots=True)
class TomlFile:
    """A TOML file in which a declaration stands: ``above`` is the path of its table."""

    path: Path
    above: TomlPath

    def error(self, wrong: Wrong, more: int = 0) -> InputError:
        """Return the error, at the line and column of the value, or of the nearest table that the file has."""
        try:
            places = toml_places(self.path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            places = {}
        whole = (*self.above, *wrong.path)
        known = next((places[whole[:end]] for end in range(len(whole), 0, -1) if whole[:end] in places), None)
        where = f"{self.path}:{known[0]}:{known[1]}" if known else str(self.path)
        others = f" (and {more} more)" if more else ""
        return InputError(f"{where}: {wrong.message}{others}", wrong.hint)


def plain_table(table: Mapping[str, object]) -> dict[str, object]:
    """Return a TOML table as JSON has it: days as texts. Raise Wrong for what JSON cannot have."""
    return {name: _plain(value, (name,)) for name, value in table.items()}


def _plain(value: object, path: TomlPath) -> object:
    if len(path) > _DEEPEST:
        raise Wrong(path[:4], f"{spell_path(path[:4])}: it is nested deeper than {_DEEPEST} levels")
    if isinstance(value, Mapping):
        return {name: _plain(part, (*path, name)) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part, (*path, at)) for at, part in enumerate(value)]
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, datetime | time) or (isinstance(value, float) and not isfinite(value)):
        raise Wrong(path, f"{spell_path(path)}: {value} cannot be sent as JSON", "write it as text, in quotes")
    return value


def spell_path(path: TomlPath) -> str:
    """A path as config.toml spells it: models."minimax/h3".body."""
    parts = [f"[{part}]" if isinstance(part, int) else _key(part) for part in path]
    return one_line(".".join(parts).replace(".[", "["), 200)


def _key(part: str) -> str:
    return part if part.replace("_", "").replace("-", "").isalnum() and part.isascii() else json.dumps(part)


def schema_faults(table: Mapping[str, object]) -> list[Wrong]:
    """Return what breaks the schema of a declaration, as the table has it from its top to its end."""
    every = [fault for error in _validator().iter_errors(table) for fault in _faults(error)]
    # A missing key is told of once for each that is missing.
    found = list({(fault.path, fault.message): fault for fault in every}.values())
    order = {key: at for at, key in enumerate(table)}
    return sorted(found, key=lambda fault: order.get(str(fault.path[0]), len(order)) if fault.path else len(order))


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    file = Path(__file__).parents[2] / "schemas" / "provider.schema.json"
    # With an empty registry, jsonschema never downloads a schema.
    return Draft202012Validator(json.loads(file.read_text("utf-8")), registry=Registry())


def _faults(error: Any) -> Iterator[Wrong]:
    path: TomlPath = tuple(error.absolute_path)
    rule, value, at = error.schema, error.instance, spell_path(tuple(error.absolute_path))
    inside = f"{at}: " if at else ""
    if error.validator == "additionalProperties" and isinstance(rule.get("properties"), dict):
        known = tuple(rule["properties"])
        for name in value if isinstance(value, dict) else ():
            if name not in known:
                hint = did_you_mean(name, known) or f"known: {', '.join(known)}"
                yield Wrong((*path, name), f"{inside}unknown key {one_line(name, 60)!r}", hint)
    elif error.validator == "required":
        for name in rule["required"]:
            if name not in value:
                yield Wrong(path, f"{inside}{name} is missing", "docs/declared.md has a whole declaration")
    elif "propertyNames" in error.relative_schema_path:
        name = str(value)
        yield Wrong((*path, name), f"{inside}{one_line(name, 60)!r} must be {rule.get('wanted', 'known')}")
    else:
        wanted = rule.get("wanted", "of another kind")
        yield Wrong(path, f"{at or 'this'} must be {wanted}, not {one_line(str_of(value), 60)!r}")
