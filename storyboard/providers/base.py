"""The contract with a provider: it makes requests and reads replies. One vendor is one package beside this file.

A provider opens no connection, waits for nothing and tries nothing again: the client of ``storyboard.http`` does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Generic, Literal, Protocol, TypeVar, runtime_checkable

from storyboard.costs.prices import Prices
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.messages import Answers
from storyboard.http.policy import Signal
from storyboard.model.capabilities import Capabilities, Environment
from storyboard.model.shot import Shot, ShotImage

T_co = TypeVar("T_co", covariant=True)

LONGEST_JOB = 512  # characters of a job's name


def is_job_name(value: object) -> bool:
    """Whether this can name a job: any printable text of 1 to 512 characters.

    A stricter rule would lose a job that is paid for. Requests encode the name, and no path on disk is made of it.
    """
    return isinstance(value, str) and bool(value.strip()) and value.isprintable() and len(value) <= LONGEST_JOB


Role = Literal["first_frame", "last_frame", "reference"]


@dataclass(frozen=True, slots=True)
class SentImage:
    """One image as it is sent: its ``role``, and the ``address`` (or the name) that the service knows it by.

    Where the model takes bytes, ``content`` and ``kind``, its media type, are given in place of the address.
    """

    role: Role
    address: str = ""
    content: bytes = field(default=b"", repr=False)
    kind: str = ""


def sent_images(shot: Shot, addresses: Sequence[str]) -> list[SentImage]:
    """Return the images of a shot in its order, each with its role and the address at which the service gets it."""
    if shot.references:
        return [SentImage("reference", address) for address in addresses]
    frames: Sequence[tuple[Role, ShotImage | None]] = (
        ("first_frame", shot.first_frame),
        ("last_frame", shot.last_frame),
    )
    roles = [role for role, image in frames if image]
    return [SentImage(role, address) for role, address in zip(roles, addresses, strict=True)]


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What storyboard says of one submission: our own ``name`` for its job, and where the service may call back.

    The name is a UUID as text; it is the same when the same submission is looked for, or sent again.
    """

    name: str
    callback: str | None = None


# Why a reply is no result: the client looks it up in the provider's table, and tries again or gives up.
NoResult = Meaning | Rejection


@dataclass(frozen=True, slots=True)
class Pending:
    """The job is in progress. ``seen`` is False if the provider does not show the job (yet).

    ``done``: it says that the job is done, and yet gives no address for the clip. ``queued``: its work has not begun,
    which takes none of our patience; ``place`` is its place in the queue, from 1, where that is told.
    """

    seen: bool = True
    done: bool = False
    queued: bool = False
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The job is done: ``url`` serves the clip for a while; ``seed`` and ``credits`` where they are reported.

    ``url`` may be a path of the service itself. ``credits`` are in the unit of the model's tariff. ``original`` serves
    the clip before it was cropped to the shape that was asked for, "" where there is none; ``fallback``: another model
    than the one asked for generated it. ``content`` is the clip itself, in place of an address. ``with_key``: the
    address is one of the provider's own ``hosts`` and needs the key. ``others`` is how many clips it made besides this
    one.
    """

    url: str
    seed: int | None = None
    credits: Fraction | None = None
    original: str = ""
    fallback: bool = False
    content: bytes = field(default=b"", repr=False)
    with_key: bool = False
    others: int = 0


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The provider says that the job failed: its code or a kind of answer, and its words."""

    signal: Signal
    words: str = ""


@dataclass(frozen=True, slots=True)
class AskNext(Generic[T_co]):
    """The reply does not say all: ``request`` is sent next, and ``read`` says what its reply, with this one, means."""

    request: Request
    read: "Callable[[Reply], T_co | NoResult | AskNext[T_co]]" = field(compare=False)


JobState = Pending | Ready | JobFailed


@dataclass(frozen=True, slots=True)
class Address:
    """Where the provider can fetch an image, and until when (None: without a limit)."""

    url: str
    expires: datetime | None


@dataclass(frozen=True, slots=True)
class Timing:
    """How a service is asked, in seconds: the ``first`` look at a job, the ``pause`` between two, then they grow.

    ``deadline`` is for how long a job is worked on, without its time in a queue; ``period`` lies between two
    submissions.
    """

    first: float = 45.0
    pause: float = 12.0
    deadline: float = 30 * 60.0
    period: float = 0.5


class Provider(Protocol):
    """What every provider has. ``name`` is a part of each shot's key; ``prices`` are those that it has published.

    ``hosts`` are origins of the service besides its address, such as "https://queue.fal.run": they alone are sent the
    key as well. ``rehearses``: takes that come from this machine are rehearsals; False if they are real ones.
    """

    name: str
    capabilities: Capabilities
    answers: Answers
    environment: Environment
    prices: Prices
    timing: Timing
    hosts: tuple[str, ...]
    rehearses: bool

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Mapping[str, object]:
        """The body of the submission exactly as it is sent, or the fields of its form. ``images``: ``shot.images``."""
        ...

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        """The request that submits the shot: a SUBMIT, the only one that costs money."""
        ...

    def read_submission(self, reply: Reply) -> str | NoResult:
        """The name of the job. Without a usable one an acceptance is a NO_RECEIPT: it may have been charged."""
        ...

    def status(self, job: str) -> Request:
        """The request for the state of a job: a POLL."""
        ...

    def read_status(self, job: str, reply: Reply) -> "JobState | NoResult | AskNext[JobState]":
        """The state of the job. JobFailed only if the provider itself says that it failed."""
        ...


@runtime_checkable
class Upscaler(Protocol):
    """A provider that upgrades a finished job."""

    def upscale(self, job: str) -> Request | None:
        """The request for the upgrade: an HD. None if there is none."""
        ...

    def read_upscale(self, reply: Reply) -> Pending | Ready | NoResult:
        """The state of the upgrade."""
        ...


@runtime_checkable
class ImageUploader(Protocol):
    """A provider that stores images itself."""

    def upload(self, name: str, content: bytes, kind: str) -> Request | None:
        """The request that stores an image: an UPLOAD. ``kind`` is its media type. None if it stores none."""
        ...

    def read_upload(self, reply: Reply, now: datetime) -> Address | NoResult:
        """The address of the image, and until when it is valid."""
        ...


@runtime_checkable
class PromptEcho(Protocol):
    """A provider that repeats the prompt of a job: a lost submission can be identified."""

    def echo(self, job: str) -> Request:
        """The request for the prompt of a job: a POLL."""
        ...

    def read_echo(self, job: str, reply: Reply) -> str | NoResult | None:
        """The prompt of the job; None if the reply does not contain it."""
        ...


@runtime_checkable
class JobFinder(Protocol):
    """A provider by which a submission whose answer was lost can be found, so that none of its jobs is unknown."""

    def search(self, dispatch: Dispatch) -> Request:
        """The request that looks for the job of a submission: a POLL."""
        ...

    def read_search(self, dispatch: Dispatch, reply: Reply) -> "str | NoResult | AskNext[str | None] | None":
        """The job's name; None if the provider certainly has no such job: it may be submitted again."""
        ...


@runtime_checkable
class Canceller(Protocol):
    """A provider that can be told to end a job."""

    def cancel(self, job: str) -> Request:
        """The request that ends a job: a CANCEL."""
        ...

    def read_cancel(self, reply: Reply) -> bool | NoResult:
        """Whether the job has ended by it; False if it was too late."""
        ...


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a service says of the configured models: ``said`` is about itself, such as its version.

    ``problems`` are sentences about what it would refuse, ``notes`` about what the user should know, each with what to
    do about it. ``fine`` says what there is to say without a problem.
    """

    said: str
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    fine: str = "has everything that the models in config.toml need"
    problem_hint: str = ""
    note_hint: str = ""


@runtime_checkable
class Inspector(Protocol):
    """A provider that can ask its service whether the models that the user configured can be used there."""

    def inspection(self) -> Request:
        """The first request: a BALANCE, which costs nothing."""
        ...

    def read_inspection(self, reply: Reply) -> Inspection | NoResult | AskNext[Inspection]:
        """What the service says."""
        ...


@runtime_checkable
class CallbackReader(Protocol):
    """A provider with callbacks (webhooks)."""

    def jobs_in_callback(self, body: object) -> tuple[str, ...]:
        """The names that a callback's body (JSON, from anybody) gives its job, the likeliest first; () if none."""
        ...


@runtime_checkable
class Configurable(Protocol):
    """A provider for which the user may write a [profile] into config.toml."""

    def with_profile(self, profile: Mapping[str, object]) -> Provider:
        """The provider under this profile. Raise InputError."""
        ...


@runtime_checkable
class TableConfigurable(Protocol):
    """A provider whose models or terms the user writes into [providers.NAME] of config.toml."""

    def with_table(self, table: Mapping[str, object], folder: Path) -> Provider:
        """The provider under its table, without base_url, key_file, at_once, prices and what else each provider has.

        ``folder`` is that of config.toml: a path that is not absolute is relative to it. Raise InputError.
        """
        ...


@runtime_checkable
class BalanceReader(Protocol):
    """A provider that reports the credits left."""

    def balance(self) -> Request | None:
        """The request for the balance: a BALANCE. None if there is none."""
        ...

    def read_balance(self, reply: Reply) -> Fraction | NoResult | None:
        """Credits left, None if the reply does not say."""
        ...
