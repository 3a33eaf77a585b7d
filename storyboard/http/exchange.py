"""What a provider and the client exchange: a request to send, a reply to read, and what a reply can mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storyboard.http.policy import Call, Signal


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form: text, or a file where ``filename`` is given; ``kind`` is its media type."""

    name: str
    content: str | bytes = field(repr=False)
    filename: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without the key and the address of the service, which the client adds.

    ``path`` begins with a slash; ``body`` is sent as JSON, None sends none; ``form`` is sent as multipart/form-data in
    its place. ``origin`` is another of the provider's own ``hosts``, such as "https://queue.fal.run"; "" is the address
    of the service. ``reply_bytes`` is the largest reply that is read; 0 for the client's usual limit.
    """

    call: Call
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    form: tuple[Part, ...] = ()
    origin: str = ""
    reply_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: the HTTP status, the whole JSON (None if the body is not JSON), Retry-After in seconds, its headers.

    Numbers with a point in ``body`` are Decimals; the names in ``headers`` are in lower case.
    """

    status: int
    body: object = field(repr=False)
    retry_after: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


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
