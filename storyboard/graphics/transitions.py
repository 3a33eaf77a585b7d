"""Transitions: blend two pictures, on decoded YUV 4:2:0 planes, without conversion to RGB."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from storyboard.model.storyboard import TransitionKind

Plane = npt.NDArray[np.uint8]

# Luma and chroma of black in the limited range (ITU-R BT.709, 4.6).
_BLACK, _GREY = 16, 128


@dataclass(frozen=True, slots=True)
class YuvPicture:
    """A picture of the film: ``width`` x ``height`` bytes of luma, then a quarter as many for each chroma plane."""

    content: Plane
    width: int
    height: int

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Views of Y, U and V, each rows by columns."""
        luma, chroma = self.width * self.height, self.width * self.height // 4
        half = (self.height // 2, self.width // 2)
        return (
            self.content[:luma].reshape(self.height, self.width),
            self.content[luma : luma + chroma].reshape(half),
            self.content[luma + chroma :].reshape(half),
        )


def black(width: int, height: int) -> YuvPicture:
    """A black picture of this size, in pixels."""
    content = np.full(width * height * 3 // 2, _GREY, np.uint8)
    content[: width * height] = _BLACK
    return YuvPicture(content, width, height)


def blend(kind: TransitionKind, part: Fraction, before: YuvPicture, coming: YuvPicture) -> YuvPicture:
    """The picture after the share ``part`` (above 0, below 1) of a transition.

    A wipe reveals the coming picture behind an edge that moves in the named direction; in a slide the coming picture
    itself moves that way, and pushes out the one before. Edges are aligned to even pixels, because of the chroma.
    """
    if kind == "dissolve":
        return _mixed(before, coming, part)
    if kind == "fade":
        dark = black(coming.width, coming.height)
        half = Fraction(1, 2)
        return _mixed(before, dark, 2 * part) if part < half else _mixed(dark, coming, 2 * part - 1)
    way, _, direction = kind.partition("-")
    made = YuvPicture(before.content.copy(), before.width, before.height)
    across = direction in ("left", "right")
    reach = round(part * (before.width if across else before.height) / 2)
    for scale, *planes in zip((2, 1, 1), made.planes, before.planes, coming.planes, strict=True):
        upright = [plane if across else plane.T for plane in planes]
        out, one, other = upright if direction in ("left", "up") else [plane[:, ::-1] for plane in upright]
        _cover(out, one, other, scale * reach, slide=way == "slide")
    return made


def fade_from_black(part: Fraction, coming: YuvPicture) -> YuvPicture:
    """The picture after the share ``part`` of a fade from black, at the beginning of a film."""
    return _mixed(black(coming.width, coming.height), coming, part)


def _mixed(one: YuvPicture, other: YuvPicture, part: Fraction) -> YuvPicture:
    weight = round(256 * part)
    sum = one.content.astype(np.uint16) * np.uint16(256 - weight)
    sum += other.content.astype(np.uint16) * np.uint16(weight)
    sum += np.uint16(128)
    sum >>= np.uint16(8)
    return YuvPicture(sum.astype(np.uint8), one.width, one.height)


def _cover(out: Plane, before: Plane, coming: Plane, reach: int, *, slide: bool) -> None:
    """Put ``reach`` columns of the coming picture on the right of ``out``, which starts as a copy of ``before``."""
    rest = out.shape[1] - reach
    out[:, rest:] = coming[:, :reach] if slide else coming[:, rest:]
    if slide:
        out[:, :rest] = before[:, reach:]
