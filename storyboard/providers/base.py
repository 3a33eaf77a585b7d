"""The contract with a provider. One vendor is one package beside this file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from storyboard.model.capabilities import Offer
from storyboard.shot import Shot

if TYPE_CHECKING:
    from storyboard.http.client import Wire


@dataclass(frozen=True, slots=True)
class Waiting:
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
class Address:
    """Where the provider can fetch an image, and until when (None = as long as it likes)."""

    url: str
    expires: datetime | None


class Provider(Protocol):
    """What a vendor's file offers. Retries, limits, pauses and downloads are the wire's, never a provider's."""

    name: str
    offer: Offer

    def request(self, shot: Shot, images: Sequence[str], callback: str | None) -> dict[str, object]:
        """The body of the submission exactly as it is sent. ``images`` are the addresses of ``shot.images``."""
        ...

    async def submit(self, shot: Shot, images: Sequence[str], callback: str | None, wire: "Wire") -> str:
        """Ask for the shot, once; the job's name. Raises SceneFailed, RunRefused or SubmissionUnknown."""
        ...

    async def poll(self, job: str, wire: "Wire") -> Waiting | Ready:
        """How the job stands. Raises SceneFailed (the job is over), RunRefused or Stalled."""
        ...

    async def hd(self, job: str, wire: "Wire") -> Waiting | Ready:
        """The 1080p version of a finished job. Raises as ``poll`` does."""
        ...

    async def upload(self, name: str, content: bytes, kind: str, wire: "Wire") -> Address:
        """Put an image where the provider can fetch it. ``kind`` is its media type. Raises SceneFailed, RunRefused."""
        ...

    async def prompt(self, job: str, wire: "Wire") -> str | None:
        """What a job was asked for, as the provider repeats it; None where it does not. Raises as ``poll`` does."""
        ...

    def called(self, body: object) -> tuple[str, ...]:
        """The names that a callback's body (JSON, from anybody) gives its job, the likeliest first; () where none."""
        ...

    async def balance(self, wire: "Wire") -> Fraction | None:
        """Credits left on the account, or None where the provider does not say."""
        ...
