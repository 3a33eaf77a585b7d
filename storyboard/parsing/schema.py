"""The JSON Schema of a storyboard, and its violations as messages for authors."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry

from storyboard.model.suggest import did_you_mean, nearest
from storyboard.model.text import one_line
from storyboard.parsing import source
from storyboard.parsing.template_filters import kind

Part = Literal["storyboard", "scene", "include"]
SchemaFile = Literal["storyboard", "scenes"]

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
# The most unknown keys that are reported of one mapping.
_UNKNOWN = 20
_QUOTE = "put it in quotes to have it as text"

# What other tools call a key of ours. Those that the mapping has are offered.
_SYNONYMS = {
    **dict.fromkeys(("duration", "length"), ("trim", "seconds", "for", "length")),
    **dict.fromkeys(("aspect_ratio", "ratio"), ("aspect", "size")),
    **dict.fromkeys(("image", "picture", "photo"), ("first_frame", "still", "images")),
    **dict.fromkeys(("video", "clip"), ("file",)),
    **dict.fromkeys(("subtitle", "subtitles"), ("caption", "captions")),
    **dict.fromkeys(("narration", "voiceover", "voice_over", "speech"), ("voice",)),
    **dict.fromkeys(("negative_prompt", "style", "camera", "motion"), ("prompt", "vars")),
    **dict.fromkeys(("comment", "comments"), ("note", "description")),
    "text": ("prompt", "title", "caption"),
    "volume": ("gain", "audio"),
}


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """A violation of the schema by the value at ``path``, or by its ``key``.

    ``meant`` is the key that an unknown key most likely stands for, ``missing`` a required key that is missing.
    """

    path: source.KeyPath
    message: str
    hint: str = ""
    key: bool = False
    meant: str | None = None
    missing: str | None = None

    @property
    def about(self) -> frozenset[source.KeyPath]:
        """The paths that this fault covers: no other rule needs to report them."""
        beside = self.path[:-1]
        return frozenset(
            {(*beside, self.missing) if self.missing else self.path}
            | ({(*beside, self.meant)} if self.meant else set())
        )


def text(file: SchemaFile = "storyboard") -> str:
    """The JSON Schema as published, in JSON: of the storyboard file, or of an include file (``scenes``)."""
    return (Path(__file__).parents[1] / "schemas" / f"{file}.schema.json").read_text(encoding="utf-8")


def faults(value: object, part: Part) -> list[SchemaFault]:
    """All violations of the schema by a whole file (without its scenes), by one scene, or by one include."""
    found = dict.fromkeys(fault for error in _validator(part).iter_errors(value) for fault in _told(error))
    meant = {(fault.path[:-1], fault.meant) for fault in found if fault.meant}
    return [fault for fault in found if (fault.path[:-1], fault.missing) not in meant]


@cache
def _validator(part: Part) -> Draft202012Validator:
    whole = json.loads(text())
    flat = _flat(whole, whole["$defs"])
    if part == "storyboard":
        del flat["properties"]["scenes"]["items"]
        schema = {key: rule for key, rule in flat.items() if key != "$defs"}
    else:
        schema = flat["$defs"][part]
    # With an empty registry, jsonschema never downloads a schema (reliability.md B14).
    return Draft202012Validator(schema, registry=Registry())


def _flat(rule: Any, defs: dict[str, Any]) -> Any:
    """The schema with each ``$ref`` replaced by its definition: resolving them takes half the time of a check."""
    if isinstance(rule, list):
        return [_flat(item, defs) for item in rule]
    if not isinstance(rule, dict):
        return rule
    if reference := rule.get("$ref"):
        return _flat(defs[reference.removeprefix("#/$defs/")], defs)
    return {key: _flat(item, defs) for key, item in rule.items()}


def _told(error: ValidationError) -> Iterator[SchemaFault]:
    """The faults of one jsonschema error. Its own message is never shown: it contains the whole instance."""
    path: source.KeyPath = tuple(error.absolute_path)
    rule: Any = error.schema
    value: Any = error.instance
    if "propertyNames" in error.relative_schema_path:
        yield SchemaFault(
            (*path, value), f"'{one_line(value, 60)}' cannot be a name", rule["patternErrorMessage"], key=True
        )
    elif error.validator == "additionalProperties":
        yield from _unknown(path, value, rule["properties"])
    elif error.validator == "anyOf" and (branch := _branch(rule["anyOf"], value)) is not None:
        for inner in error.context or ():
            if inner.relative_schema_path[0] == branch:
                yield from _told(inner)
    elif error.validator == "required":
        yield from _required(path, value, rule)
    else:
        yield SchemaFault(path, *_wrong(path, error, rule))


def _branch(choices: list[Any], value: object) -> int | None:
    """The index of the rule for a value of this type, whose violations are reported; None if no rule fits."""
    kind = "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "string"
    kinds = [choice.get("type") for choice in choices]
    if isinstance(value, int | float) and not isinstance(value, bool) and "number" in kinds:
        kind = "number"
    return kinds.index(kind) if kind in kinds else None


def _unknown(path: source.KeyPath, value: dict[str, object], known: dict[str, object]) -> Iterator[SchemaFault]:
    unknown = [key for key in value if key not in known and not key.startswith("x-")]
    for key in unknown[:_UNKNOWN]:
        meant = [name for name in _SYNONYMS.get(key.lower(), ()) if name in known]
        if not meant and (near := nearest(key, known)):
            meant = [near]
        hint = f"did you mean {' or '.join(map(repr, meant))}?" if meant else ""
        hint = hint or f"known here: {', '.join(known)}"
        only = meant[0] if len(meant) == 1 and meant[0] not in value else None
        yield SchemaFault((*path, key), f"unknown key '{one_line(key, 60)}'", hint, key=True, meant=only)


def _required(path: source.KeyPath, value: dict[str, object], rule: Any) -> Iterator[SchemaFault]:
    first = next(iter(value), None)
    for key in rule["required"]:
        if key not in value:
            example = json.dumps(rule["properties"][key]["examples"][0]).strip('"')
            hint = "add 'scenes:' and a list of scenes" if key == "scenes" else f"add '{key}: {example}'"
            where = path if first is None else (*path, first)
            yield SchemaFault(where, f"'{key}' is missing", hint, key=first is not None, missing=key)


def _wrong(path: source.KeyPath, error: ValidationError, rule: Any) -> tuple[str, str]:
    """Message and hint for a value that its key does not accept."""
    name = _name(path)
    value: Any = error.instance
    match error.validator:
        case "type":
            message, hint = _kind(name, value, rule["type"])
            if rule["type"] == "object" and isinstance(value, str) and "examples" in rule:
                hint = f"such as {_flow(rule['examples'][0])}"
            return message, hint
        case "enum":
            return _choice(name, value, rule["enum"])
        case "pattern":
            return f"'{one_line(value, 60)}' is not {_article(path)}", rule["patternErrorMessage"]
        case "minLength" | "minItems" | "minProperties":
            return f"{name} is empty", ""
        case "maxLength":
            return f"{name} is longer than {rule['maxLength']} characters", ""
        case "maxItems":
            return f"{name} has {len(value)} items: it can have up to {rule['maxItems']}", ""
        case "minimum" | "maximum":
            most = f"{rule['minimum']} to {rule['maximum']}" if "maximum" in rule else f"{rule['minimum']} or more"
            return f"{name} is {one_line(str(value), 60)}: it can be {most}", ""
    return _one_of(path, error, rule)


def _one_of(path: source.KeyPath, error: ValidationError, rule: Any) -> tuple[str, str]:
    value = error.instance
    if value is None:
        return _kind(_name(path), None, "")
    if isinstance(value, str) and path[-1] == "references":
        hint = did_you_mean(value, ["cast"]) or f"write it as [{one_line(value, 60)}]"
        return f"{_name(path)} {rule['errorMessage']}", hint
    return f"{_name(path)} {rule['errorMessage']}", ""


def _kind(name: str, value: object, wanted: str) -> tuple[str, str]:
    if value is None:
        return f"{name} has no value", "give it one, or leave the key out"
    message = f"{name} must be {_KINDS[wanted]}, this is {kind(value)}"
    if wanted == "string" and not isinstance(value, list | dict):
        return message, _QUOTE
    if wanted == "boolean" and isinstance(value, str):
        return message, "write true or false"
    if wanted == "integer" and isinstance(value, float):
        return f"{name} must be a whole number", ""
    if wanted in ("integer", "number") and isinstance(value, str) and value.strip().lstrip("+-").isdigit():
        return message, "write it without quotes and without a leading 0"
    if wanted == "array" and isinstance(value, str):
        return message, f"write it as [{one_line(value, 60)}]"
    if wanted == "array" and isinstance(value, dict):
        return message, "begin each of its items with '- '"
    return message, "write its keys and values below it" if wanted == "object" else ""


def _choice(name: str, value: object, choices: list[object]) -> tuple[str, str]:
    if value is None:
        return _kind(name, None, "")
    word = one_line(str(value), 60)
    if choices == [1] and name == "'storyboard'":
        return f"version {word} of the format is not known to this version of storyboard", "write 1"
    options = ", ".join(map(str, choices))
    return f"'{word}' is not a value of {name}", did_you_mean(word, map(str, choices)) or f"one of: {options}"


def _flow(example: dict[str, object]) -> str:
    """A mapping in YAML flow style, on one line."""
    return "{" + ", ".join(f"{key}: {value}" for key, value in example.items()) + "}"


def _name(path: source.KeyPath) -> str:
    """The name of the value at ``path`` in messages: "'model'", "item 2 of 'references'"."""
    *above, last = path
    return f"item {last + 1} of {_name(tuple(above))}" if isinstance(last, int) else f"'{one_line(last, 60)}'"


def _article(path: source.KeyPath) -> str:
    return {
        "id": "a scene id",
        "size": "a size",
        "fps": "a frame rate",
        "file": "a film's name",
        "include": "a storyboard file",
        "color": "a colour",
        "effect": "an effect's name",
        "language": "a language tag",
    }[str(path[-1])]
