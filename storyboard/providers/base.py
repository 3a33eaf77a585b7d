"""The contract with a provider: it makes requests and reads replies. One vendor is one package beside this file.

A provider opens no connection, waits for nothing and tries nothing again: the client of ``storyboard.http`` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Protocol, runtime_checkable

from storyboard.costs.prices import Prices
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.messages import Answers
from storyboard.http.policy import Signal
from storyboard.model.capabilities import Capabilities, Environment
from storyboard.model.shot import Shot

LONGEST_JOB = 512  # characters of a job's name


def is_job_name(value: object) -> bool:
    """Whether this can name a job: any printable text of 1 to 512 characters.

    A stricter rule would lose a job that is paid for. Requests encode the name, and no path on disk is made of it.
    """
    return isinstance(value, str) and bool(value.strip()) and value.isprintable() and len(value) <= LONGEST_JOB


# Why a reply is no result: the client looks it up in the provider's table, and tries again or gives up.
NoResult = Meaning | Rejection


@dataclass(frozen=True, slots=True)
class Pending:
    """The job is in progress. ``seen`` is False if the provider does not show the job (yet).

    ``done``: it says that the job is done, and yet gives no address for the clip.
    """

    seen: bool = True
    done: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """The job is done: ``url`` serves the clip for a while; ``seed`` and ``credits`` where they are reported.

    ``original`` serves the clip before it was cropped to the shape that was asked for, "" where there is none;
    ``fallback``: another model than the one asked for generated it.
    """

    url: str
    seed: int | None = None
    credits: Fraction | None = None
    original: str = ""
    fallback: bool = False


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The provider says that the job failed: its code or a kind of answer, and its words."""

    signal: Signal
    words: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the provider can fetch an image, and until when (None: without a limit)."""

    url: str
    expires: datetime | None


class Provider(Protocol):
    """What every provider has. ``name`` is a part of each shot's key; ``prices`` are those that it has published."""

    name: str
    capabilities: Capabilities
    answers: Answers
    environment: Environment
    prices: Prices

    def request(self, shot: Shot, images: Sequence[str], callback: str | None) -> dict[str, object]:
        """The body of the submission exactly as it is sent. ``images`` are the addresses of ``shot.images``."""
        ...

    def submission(self, shot: Shot, images: Sequence[str], callback: str | None) -> Request:
        """The request that submits the shot: a SUBMIT, the only one that costs money."""
        ...

    def read_submission(self, reply: Reply) -> str | NoResult:
        """The name of the job. Without a usable one an acceptance is a NO_RECEIPT: it may have been charged."""
        ...

    def status(self, job: str) -> Request:
        """The request for the state of a job: a POLL."""
        ...

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
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
class BalanceReader(Protocol):
    """A provider that reports the credits left."""

    def balance(self) -> Request | None:
        """The request for the balance: a BALANCE. None if there is none."""
        ...

    def read_balance(self, reply: Reply) -> Fraction | NoResult | None:
        """Credits left, None if the reply does not say."""
        ...
