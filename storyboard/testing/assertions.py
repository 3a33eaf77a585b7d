"""Assertions of the contract suite: plain AssertionErrors, each with a sentence; also under ``python -O``."""

import json
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

from storyboard.model.text import one_line
from storyboard.providers.base import is_job_name

T = TypeVar("T")


def require(holds: bool, sentence: str) -> None:
    """Raise AssertionError(sentence) unless ``holds``."""
    if not holds:
        raise AssertionError(sentence)


def describe(value: object) -> str:
    """``value`` on one short line, for a sentence."""
    try:
        return one_line(repr(value), 120)
    except (ValueError, RecursionError):  # a number with too many digits, a list that is too deep
        return f"a {type(value).__name__} that is too large to print"


def is_text(value: object) -> bool:
    """Whether this is printable text, and not blank."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def is_int(value: object, least: int | None = None) -> bool:
    """Whether this is a whole number (True and False are none) of at least ``least``."""
    return isinstance(value, int) and not isinstance(value, bool) and (least is None or value >= least)


def is_amount(value: object) -> bool:
    """Whether this is a Fraction of at least 0, as prices and costs are."""
    return isinstance(value, Fraction) and value >= 0


def call_twice(what: str, function: Callable[..., T], *arguments: object) -> T:
    """Return what ``function`` returns. Raise AssertionError where it raises, or returns something else next time."""
    try:
        first, second = function(*arguments), function(*arguments)
    except Exception as error:  # Others wrote the provider: whatever it raises fails the check.
        given = ", ".join(describe(getattr(value, "body", value)) for value in arguments)
        raise AssertionError(f"{what} raised {type(error).__name__} for {given}") from error
    require(first == second, f"{what} is not pure: the same arguments gave {describe(first)} and {describe(second)}")
    return first


def as_json(what: str, body: object) -> str:
    """``body`` as it is sent. Raise AssertionError where it is no JSON."""
    try:
        return json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise AssertionError(f"{what}: the body cannot be sent as JSON: {error}") from error


def require_job_name(what: str, name: object) -> None:
    """A job's name goes into requests, the ledger and messages: printable, and not without an end."""
    require(is_job_name(name), f"{what} takes {describe(name)} for a job's name")


def require_web_address(what: str, url: object) -> None:
    """An address of a clip or an image is http or https, or a path of the service itself; whether it may be fetched is
    the client's decision."""
    right = isinstance(url, str) and url.startswith(("http://", "https://", "/"))
    require(right, f"{what} takes {describe(url)} for an address")
