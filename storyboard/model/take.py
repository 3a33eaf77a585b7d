"""Take: a clip that came back, named by its bytes and measured once; or Outcome, where none may have come."""

import re
from dataclasses import dataclass
from fractions import Fraction

from storyboard.model.errors import StoryboardError
from storyboard.model.storyboard import Resolution


@dataclass(frozen=True, slots=True)
class Measure:
    """What a clip is: ``frames`` at ``fps``, ``width`` x ``height`` pixels as shown, and whether it has ``sound``."""

    frames: int
    fps: Fraction
    width: int
    height: int
    sound: bool

    @property
    def seconds(self) -> Fraction:
        return self.frames / self.fps


@dataclass(frozen=True, slots=True)
class Take:
    """A take in the store: ``digest`` is the SHA-256 of its bytes in hex, and its name there.

    ``seed`` and ``credits`` are what the provider reported, None where it did not.
    """

    digest: str
    bytes: int
    measure: Measure
    resolution: Resolution = "720p"
    seed: int | None = None
    credits: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Footage:
    """What a scene brings to the cut, a take or an own clip: the name of its bytes (SHA-256 in hex) and its measure."""

    digest: str
    measure: Measure


_EXACT = re.compile(r"[0-9]{1,60}(?:/[0-9]{1,60})?")


def exact(text: object) -> Fraction:
    """A number as we write it into our files: "60", "24000/1001". Raises ValueError for anything else.

    ``Fraction`` itself takes "1e999999999" too, and works on it until the memory is full.
    """
    if not isinstance(text, str) or not _EXACT.fullmatch(text):
        raise ValueError("not a number of ours")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError("divided by nothing") from None


# What became of one scene: its take, or why there is none. An expected failure is a result.
Outcome = Take | StoryboardError
