"""What a provider and the client exchange: a request to send, a reply to read, and what a reply can mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storyboard.http.policy import Call, Signal


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without the key and the address of the service, which the client adds.

    ``path`` begins with a slash; ``body`` is sent as JSON, None sends none.
    """

    call: Call
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: the HTTP status, the whole JSON (None if the body is not JSON), Retry-After in seconds.

    Numbers with a point in ``body`` are Decimals.
    """

    status: int
    body: object = field(repr=False)
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the reply's content says, whatever its HTTP status is: a row of the provider's table.

    ``words`` are for people: the service's own message, or what is wrong with it.
    """

    signal: Signal
    words: str = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The reply refuses: the more severe of its HTTP status and the ``code`` in its body (None: no code) counts.

    ``words`` are the service's own message.
    """

    code: int | None = None
    words: str = ""
