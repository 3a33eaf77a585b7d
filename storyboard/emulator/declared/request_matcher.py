"""Which request of a declaration a request is, and the values of its placeholders."""

import json
import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from storyboard.emulator.declared.template_match import Mismatch, match_body
from storyboard.providers.declared.declaration import Declaration, DeclaredRequest
from storyboard.providers.declared.placeholders import placeholder

# The order in which a request is looked for: a path of `then` may be the beginning of one of `look`, and one of `find`
# the same.
_ORDER = ("find", "look", "cancel", "balance", "then", "submit")


class RequestMatcher:
    """Finds a request among those of a declaration."""

    def __init__(self, declaration: Declaration) -> None:
        found = dict(declaration.requests)
        self._requests = {name: (found[name], _pattern(declaration, found[name])) for name in _ORDER if name in found}

    def matches(
        self, method: str, path: str, query: Mapping[str, str], body: bytes
    ) -> Iterator[tuple[str, DeclaredRequest, Mapping[str, str]]]:
        """Yield each request that this can be: its name, itself, the values. ``path`` is as it was sent."""
        for name, (declared, pattern) in self._requests.items():
            match = pattern.fullmatch(path) if declared.method == method else None
            values = _values(declared, match, query, body) if match else None
            if values is not None:
                yield name, declared, values


def _pattern(declaration: Declaration, request: DeclaredRequest) -> "re.Pattern[str]":
    """What the paths of a request look like, with a group for each placeholder."""
    divides = declaration.job_divides
    parts = re.split(r"\{([^{}]*)\}", request.path)
    written = (
        re.escape(part) if at % 2 == 0 else f"(?P<{part}>{'.+?' if part in divides else '[^/]+'})"
        for at, part in enumerate(parts)
    )
    return re.compile("".join(written))


def _values(
    declared: DeclaredRequest, match: "re.Match[str]", query: Mapping[str, str], body: bytes
) -> Mapping[str, str] | None:
    """The values of the placeholders; None where the query or the body is not that of the declaration."""
    values = {name: unquote(text) for name, text in match.groupdict().items()}
    for name, text in declared.query.items():
        found = placeholder(text)
        if not found and query.get(name) != text:
            return None
        if found and name in query:
            values[found.name] = query[name]
    if declared.body:
        try:
            told = match_body(declared.body, json.loads(body or b"null"))
        except (Mismatch, ValueError, RecursionError):
            return None
        values.update({name: value for name, value in told.items() if isinstance(value, str)})
    return values
