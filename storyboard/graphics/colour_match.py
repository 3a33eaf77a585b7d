"""Colour match: bring one picture to the mean and the spread of another, plane by plane, on decoded YUV 4:2:0."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

import numpy as np

from storyboard.graphics.transitions import Plane, YuvPicture

# A gain outside of these says that the two show different things: it would make noise, or a flat picture.
_GAINS = (0.5, 2.0)
_FLAT = 1.0  # a plane whose spread is below this, in steps of 255, is moved only


@dataclass(frozen=True, slots=True)
class ColourMatch:
    """What makes a picture's planes (Y, U, V) like another's: a value becomes ``gain`` * value + ``offset``."""

    gains: tuple[float, float, float]
    offsets: tuple[float, float, float]

    @classmethod
    def between(cls, picture: YuvPicture, wanted: YuvPicture) -> Self:
        """The match that gives ``picture`` mean and spread (standard deviation) of ``wanted`` in each plane."""
        pairs = [_line(*planes) for planes in zip(picture.planes, wanted.planes, strict=True)]
        (y, y_offset), (u, u_offset), (v, v_offset) = pairs
        return cls((y, u, v), (y_offset, u_offset, v_offset))

    def apply(self, picture: YuvPicture, share: Fraction) -> YuvPicture:
        """The picture corrected by ``share`` of the match: 1 for all of it, 0 for nothing."""
        made = YuvPicture(np.empty_like(picture.content), picture.width, picture.height)
        part = float(share)
        values = np.arange(256)
        rows = zip(self.gains, self.offsets, picture.planes, made.planes, strict=True)
        for gain, offset, before, after in rows:
            table = np.clip(np.rint(values + part * ((gain - 1) * values + offset)), 0, 255).astype(np.uint8)
            after[:] = table[before]
        return made


def _line(plane: Plane, wanted: Plane) -> tuple[float, float]:
    """Gain and offset of one plane."""
    spread, aim = float(plane.std()), float(wanted.std())
    gain = min(_GAINS[1], max(_GAINS[0], aim / spread)) if spread >= _FLAT and aim >= _FLAT else 1.0
    return gain, float(wanted.mean()) - gain * float(plane.mean())
