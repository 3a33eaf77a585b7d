"""Take: a downloaded clip, named by the digest of its bytes, with its measurements; and Outcome, a take or an error."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from storyboard.model.cost import CREDITS, Cost
from storyboard.model.errors import StoryboardError
from storyboard.model.remark import Remark
from storyboard.model.shot import USUAL_PROVIDER

# The resolution of a clip as the provider generated it, before it was cropped to the shape of the take beside it.
ORIGINAL = "original"


@dataclass(frozen=True, slots=True)
class Measure:
    """Measurements of a clip: ``frames`` at ``fps``, ``width`` x ``height`` displayed pixels, and ``sound``."""

    frames: int
    fps: Fraction
    width: int
    height: int
    sound: bool

    @property
    def seconds(self) -> Fraction:
        """The duration in seconds."""
        return self.frames / self.fps


class TakeId(NamedTuple):
    """Which take of which scene. ``number`` counts from 1."""

    scene: str
    number: int

    def __str__(self) -> str:
        return self.scene if self.number == 1 else f"{self.scene} take {self.number}"


@dataclass(frozen=True, slots=True)
class Take:
    """A take in the store: ``digest`` is the SHA-256 (hex) of its bytes, and its name in the store.

    ``resolution`` is that of the model, or ORIGINAL. ``seed`` and ``credits`` are as reported by the provider, None
    where it reported none; ``unit`` is that of ``credits``: "credits" of the provider, or a currency. ``job`` is the
    provider's name of the job that generated it, None where that is not known; ``fallback``: the provider says that
    another model than the one asked for generated it. ``provider`` is named where a lock file pins a job of another one
    than the default. ``remarks`` say what the checks of the clip found.
    ``first_frame`` and ``last_frame`` are the digests of the frames of other scenes that were sent with the request.
    """

    digest: str
    bytes: int
    measure: Measure
    resolution: str = "720p"
    seed: int | None = None
    credits: Fraction | None = None
    job: str | None = None
    fallback: bool = False
    provider: str | None = None
    remarks: tuple[Remark, ...] = ()
    first_frame: str | None = None
    last_frame: str | None = None
    unit: str = CREDITS

    @property
    def cost(self) -> Cost | None:
        """What the provider reported; None where it reported nothing."""
        provider = self.provider or USUAL_PROVIDER
        return None if self.credits is None else Cost.of_provider(self.credits, provider, self.unit)


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """Frame ``number`` (from 0) of the take ``source`` (its digest), as a PNG image in the store.

    ``digest`` is the SHA-256 (hex) of its bytes; ``width`` and ``height`` are pixels.
    """

    source: str
    number: int
    digest: str
    bytes: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Footage:
    """The clip of a scene for the cut, a take or a local file: SHA-256 (hex) of its bytes, and its measurements."""

    digest: str
    measure: Measure


_EXACT = re.compile(r"[0-9]{1,60}(?:/[0-9]{1,60})?")


def exact(text: object) -> Fraction:
    """A number in the form that storyboard writes: "60", "24000/1001". Raise ValueError for anything else.

    ``Fraction`` alone would accept "1e999999999" and compute it until memory is full.
    """
    if not isinstance(text, str) or not _EXACT.fullmatch(text):
        raise ValueError("not a number of ours")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError("divided by nothing") from None


# The outcome of a scene: its take, or the error because of which there is none. Expected errors are results.
Outcome = Take | StoryboardError
