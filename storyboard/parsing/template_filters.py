"""The filters, tests and comparisons of templates."""

from collections.abc import Callable, Mapping

from jinja2.filters import do_capitalize, do_title

from storyboard.parsing.template_limits import MAX_TEXT, WorkSpent


def kind(value: object) -> str:
    """The type of a value as an author would call it: "a list"."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "a mapping"
    return "a list"


def is_number(value: object) -> bool:
    """Whether the value is a number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def require_text(value: object) -> str:
    """``value`` itself. Raise TypeError where it is no text."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _replace(value: object, old: object, new: object) -> str:
    text, before, after = require_text(value), require_text(old), require_text(new)
    if not before:
        raise ValueError(before)
    if len(text) + text.count(before) * (len(after) - len(before)) > MAX_TEXT:
        raise WorkSpent(f"a text grows past {MAX_TEXT:,} characters")
    return text.replace(before, after)


def _join(value: object, between: object = "") -> str:
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    parts = [str(part) if is_number(part) else require_text(part) for part in value]
    if sum(map(len, parts)) + len(require_text(between)) * len(parts) > MAX_TEXT:
        raise WorkSpent(f"a text grows past {MAX_TEXT:,} characters")
    return require_text(between).join(parts)


def _end(value: object, index: int) -> object:
    if not isinstance(value, str | list | tuple) or not value:
        raise TypeError(value)
    return value[index]


def _length(value: object) -> int:
    if not isinstance(value, str | list | tuple | Mapping):
        raise TypeError(value)
    return len(value)


def _sort(value: object) -> list[object]:
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    return sorted(value, key=lambda item: item.lower() if isinstance(item, str) else item)


COMPARISONS: dict[str, Callable[..., bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "lteq": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gteq": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
TEST_FUNCTIONS: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "mapping": lambda value: isinstance(value, Mapping),
}
FILTER_FUNCTIONS: dict[str, Callable[..., object]] = {
    "lower": lambda value: require_text(value).lower(),
    "upper": lambda value: require_text(value).upper(),
    "capitalize": lambda value: do_capitalize(require_text(value)),
    "title": lambda value: do_title(require_text(value)),
    "trim": lambda value: require_text(value).strip(),
    "replace": _replace,
    "join": _join,
    "first": lambda value: _end(value, 0),
    "last": lambda value: _end(value, -1),
    "length": _length,
    "sort": _sort,
}
FILTERS = ("default", *FILTER_FUNCTIONS)
TESTS = ("defined", "undefined", *TEST_FUNCTIONS)
