"""Structured prompts: a mapping that is sent as JSON, with its keys in the author's order and its texts filled in."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from storyboard.parsing.source import KeyPath

# Renders the text at a path of the file.
FilledIn = Callable[[KeyPath, str], str]

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def json_prompt(value: object, path: KeyPath, filled_in: FilledIn) -> str:
    """Return the mapping at ``path`` as one line of JSON; numbers as they are written, where JSON allows it.

    This text is a part of the shot's key: another way to write it would buy every such scene again.
    """
    if isinstance(value, Mapping):
        parts = [f"{_text(key)}: {json_prompt(part, (*path, key), filled_in)}" for key, part in value.items()]
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, str):
        return _text(filled_in(path, value).strip())
    if isinstance(value, Sequence):
        return "[" + ", ".join(json_prompt(part, (*path, at), filled_in) for at, part in enumerate(value)) + "]"
    return str(value) if _JSON_NUMBER.fullmatch(str(value)) else json.dumps(value)


def prompt_texts(value: object) -> Iterator[str]:
    """Yield each text in a prompt: the prompt itself, or the texts in its mapping."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from prompt_texts(part)
    elif isinstance(value, Sequence):
        for part in value:
            yield from prompt_texts(part)


def prompt_keys(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Yield the path of each key in a prompt that is a mapping."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield (*path, key)
            yield from prompt_keys(part, (*path, key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, part in enumerate(value):
            yield from prompt_keys(part, (*path, index))


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
