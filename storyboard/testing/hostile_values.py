"""Fixed values that have broken readers of JSON, and the replies that the contract suite makes of them."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from storyboard.http.exchange import Reply

_DEEP: object = "deep"
for _ in range(200):
    _DEEP = [{"a": _DEEP}]

# Numbers with a point are Decimals, as in every Reply.
HOSTILE: tuple[object, ...] = (
    *(None, True, False, 0, -1, 10**4000, -(10**400), Decimal("-0.5"), Decimal("1e99999"), Decimal("1e-99999")),
    *(float("nan"), float("inf"), "", " ", "null", "NaN", "-1", "9" * 5000, "\0", "\x1b[2J", "a\nb", "\r\nX-A: b"),
    *("\u202egpj", "\u200b", "\ud800", "\x9b31m", "..", "../../etc/passwd", "/etc/passwd", "a/../b", "a//b", "a\\b"),
    *("%2e%2e%2fa", "a?b=c", "a#b", "a b", "abcd\n", "http://", "https://[", "file:///etc/passwd", "data:,x"),
    *("{", "[" * 100_000, '{"a":' * 1_000, "x" * 200_000, "\u00e9" * 300, "::error::x", "${x}", "{{ x }}", "%s%n"),
    *([], {}, [None], [[]], [{}], [1, "a", None], {"": None}, {"a": {}}, {"a": [{}]}, _DEEP),
)
# Bodies that say nothing: a page, half a reply, the reply of another service.
NOTHING: tuple[object, ...] = (
    *HOSTILE,
    *({"storyboard-contract": value} for value in HOSTILE),
    [{"storyboard-contract": value} for value in HOSTILE],
)
# Members that many services' replies have, each with a value that it cannot have.
_MEMBERS = (
    *("id", "name", "job", "data", "result", "output", "url"),
    *("status", "state", "code", "error", "message", "msg"),
)
WRONG: tuple[object, ...] = tuple({name: value} for name in _MEMBERS for value in HOSTILE)

ACCEPTING = (200, 201, 202, 204)
STATUSES = (*ACCEPTING, 301, 400, 404, 429, 500, 502, 503)
FEW_STATUSES = (200, 400, 500)  # for what is read often


def replies(bodies: Iterable[object], statuses: Sequence[int] = STATUSES) -> Iterator[Reply]:
    """Each body under each HTTP status."""
    return (Reply(status, body) for body in bodies for status in statuses)


def damaged_copies(body: object) -> Iterator[object]:
    """``body`` with one part of it taken away or replaced by a hostile value, for every part and every value."""
    yield from HOSTILE
    if isinstance(body, dict):
        for name, part in body.items():
            yield {key: value for key, value in body.items() if key != name}
            yield from ({**body, name: worse} for worse in damaged_copies(part))
    if isinstance(body, list):
        for index, part in enumerate(body):
            yield from ([*body[:index], worse, *body[index + 1 :]] for worse in damaged_copies(part))


def with_job(body: object, job: str, stranger: str) -> object:
    """``body`` with ``stranger`` wherever a whole text of it is ``job``."""
    if isinstance(body, dict):
        return {name: with_job(part, job, stranger) for name, part in body.items()}
    if isinstance(body, list):
        return [with_job(part, job, stranger) for part in body]
    return stranger if body == job else body
