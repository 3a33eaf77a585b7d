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

# Why a reply is no result: the client looks it up in the provider's table, and tries again or gives up.
NoResult = Meaning | Rejection


@dataclass(frozen=True, slots=True)
class Pending:
    """The job is at work. ``seen`` is False where the provider does not show the job (yet).

    ``done`` is True where it says that the job is done, and yet gives no address for the clip.
    """

    seen: bool = True
    done: bool = False


@dataclass(frozen=True, slots=True)
class Ready:
    """The job is done: ``url`` serves the clip for a while; ``seed`` and ``credits`` where they are reported."""

    url: str
    seed: int | None = None
    credits: Fraction | None = None


@dataclass(frozen=True, slots=True)
class JobFailed:
    """The provider itself says that the job is over, and why: a code of its own, or a kind of answer, and its words."""

    signal: Signal
    words: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the provider can fetch an image, and until when (None = as long as it likes)."""

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
        """The request that asks for the shot: a SUBMIT, the only one that costs money."""
        ...

    def read_submission(self, reply: Reply) -> str | NoResult:
        """The name of the job. Without a usable one an acceptance is a NO_RECEIPT: it may have been charged."""
        ...

    def status(self, job: str) -> Request:
        """The request that asks how the job stands: a POLL."""
        ...

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
        """How the job stands. JobFailed only where the provider itself says that it is over."""
        ...


@runtime_checkable
class Upscaler(Protocol):
    """A provider that makes a better version of a finished job."""

    def upscale(self, job: str) -> Request | None:
        """The request that asks for the better version: an HD. None where there is none."""
        ...

    def read_upscale(self, reply: Reply) -> Pending | Ready | NoResult:
        """How the better version stands."""
        ...


@runtime_checkable
class ImageUploader(Protocol):
    """A provider that keeps images itself, for a while."""

    def upload(self, name: str, content: bytes, kind: str) -> Request | None:
        """The request that stores an image: an UPLOAD. ``kind`` is its media type. None where nothing is taken."""
        ...

    def read_upload(self, reply: Reply, now: datetime) -> Address | NoResult:
        """Where the image lies, and until when."""
        ...


@runtime_checkable
class PromptEcho(Protocol):
    """A provider that repeats what a job was asked for: a lost submission can be told from another one."""

    def echo(self, job: str) -> Request:
        """The request that asks what the job was asked for: a POLL."""
        ...

    def read_echo(self, job: str, reply: Reply) -> str | NoResult | None:
        """The prompt of the job; None where the reply does not say it."""
        ...


@runtime_checkable
class CallbackReader(Protocol):
    """A provider that calls back."""

    def jobs_in_callback(self, body: object) -> tuple[str, ...]:
        """The names that a callback's body (JSON, from anybody) gives its job, the likeliest first; () where none."""
        ...


@runtime_checkable
class Configurable(Protocol):
    """A provider for which the user may write a [profile] into config.toml."""

    def with_profile(self, profile: Mapping[str, object]) -> Provider:
        """The provider under this profile. Raise InputError."""
        ...


@runtime_checkable
class BalanceReader(Protocol):
    """A provider that says what is left on the account."""

    def balance(self) -> Request | None:
        """The request that asks for it: a BALANCE. None where it cannot be asked for."""
        ...

    def read_balance(self, reply: Reply) -> Fraction | NoResult | None:
        """Credits left, or None where the reply does not say."""
        ...
