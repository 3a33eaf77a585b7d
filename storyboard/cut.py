"""Clips in a Cut: which part of which take is seen, and on which frames of the film. Whole frames, counted once."""

from dataclasses import dataclass
from fractions import Fraction

from storyboard.story import Fit


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a take (or of an own clip) in the film.

    ``digest`` names the bytes; ``start`` and ``end`` are seconds of the source, on its frame boundaries; ``at`` is
    the film frame it begins on and ``frames`` how many film frames it lasts.
    """

    scene: str
    digest: str
    start: Fraction
    end: Fraction
    at: int
    frames: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The film as a list of clips without gaps. ``fps`` is whole; ``width`` and ``height`` are even pixels."""

    clips: tuple[Clip, ...]
    width: int
    height: int
    fps: int
    fit: Fit
