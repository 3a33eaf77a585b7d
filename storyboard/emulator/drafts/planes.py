"""Planes: RGB pictures and colours as YUV 4:2:0 in BT.709, limited range; drafts are drawn in it, frame by frame.

A frame that is drawn in RGB costs as much again to convert as to draw.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from storyboard.graphics.transitions import Plane, YuvPicture

# Y, U and V of R, G and B, from 0 to 255 (ITU-R BT.709, 3.2 to 3.5).
_MATRIX = np.array(((46.559, 156.629, 15.812), (-25.664, -86.336, 112.0), (112.0, -101.73, -10.27))) / 255
_ZERO = np.array((16.0, 128.0, 128.0))

Numbers = npt.NDArray[np.uint16]
_Number = TypeVar("_Number", np.uint16, np.float32)


@cache
def yuv_colour(rgb: tuple[int, int, int]) -> tuple[int, int, int]:
    """Y, U and V of a colour, 0 to 255 each."""
    y, u, v = (int(value) for value in np.rint(_MATRIX @ np.array(rgb) + _ZERO))
    return y, u, v


def yuv_picture(image: Image.Image) -> YuvPicture:
    """The planes of an RGB image with even sides."""
    frame = VideoReformatter().reformat(
        av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        threads=1,
    )
    return YuvPicture(np.asarray(frame.to_ndarray(), np.uint8).reshape(-1), *image.size)


def flat_picture(rgb: tuple[int, int, int], size: tuple[int, int]) -> YuvPicture:
    """A picture of one colour."""
    picture = YuvPicture(np.empty(size[0] * size[1] * 3 // 2, np.uint8), *size)
    for plane, value in zip(picture.planes, yuv_colour(rgb), strict=True):
        plane[:] = value
    return picture


def mix_pictures(before: YuvPicture, coming: YuvPicture, share: int) -> YuvPicture:
    """``before`` with ``share`` of 256 of ``coming``."""
    sum = before.content * np.uint16(256 - share)
    sum += coming.content * np.uint16(share)
    sum >>= 8
    return YuvPicture(sum.astype(np.uint8), before.width, before.height)


@dataclass(frozen=True, slots=True)
class Cutout:
    """A drawn rectangle with its position in pixels, both even.

    ``colour`` are Y, U and V multiplied by their opacity, ``rest`` the share of the planes below that remains (0 to
    256); both have Y alone where the colours below stay.
    """

    left: int
    top: int
    colour: tuple[Numbers, ...]
    rest: tuple[Numbers, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.rest[0].shape
        return width, height

    def over(self, planes: tuple[Plane, Plane, Plane]) -> None:
        """Blend it onto a picture, in place."""
        for scale, plane, colour, rest in zip((1, 2, 2), planes, self.colour, self.rest, strict=False):
            top, left = self.top // scale, self.left // scale
            under = plane[top : top + rest.shape[0], left : left + rest.shape[1]]
            sum = under * rest
            sum += colour
            sum >>= 8
            under[:] = sum


@dataclass(frozen=True, slots=True)
class Specks:
    """Single pixels of light, such as those of thin lines: ``places`` in the plane of Y, as Cutout has the rest.

    A frame with twenty lines takes a tenth of the time that it takes with as many cutouts.
    """

    places: npt.NDArray[np.intp]
    colour: Numbers
    rest: Numbers

    def over(self, planes: tuple[Plane, Plane, Plane]) -> None:
        """Blend them onto a picture, in place."""
        light = planes[0].reshape(-1)
        light[self.places] = (light[self.places] * self.rest + self.colour) >> 8


def specks(cutouts: Iterable[Cutout], width: int) -> list[Specks]:
    """The same as ``cutouts`` of light alone, one over the other, in frames ``width`` pixels wide."""
    parts = []
    for cutout in cutouts:
        rows, columns = np.nonzero(cutout.rest[0] < 256)
        places = (rows + cutout.top) * width + columns + cutout.left
        parts.append((places, cutout.colour[0][rows, columns], cutout.rest[0][rows, columns]))
    places, colour, rest = (np.concatenate(values) for values in zip(*parts, strict=True))
    turns = _turns(places)
    return [Specks(places[turns == n], colour[turns == n], rest[turns == n]) for n in range(turns.max() + 1)]


def _turns(places: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """How many equal values lie before each value."""
    order = np.argsort(places, kind="stable")
    firsts = np.flatnonzero(np.diff(places[order], prepend=-1))
    turns = np.empty_like(order)
    turns[order] = np.arange(len(order)) - np.repeat(firsts, np.diff(firsts, append=len(order)))
    return turns


def cutout(drawn: Image.Image, left: int, top: int) -> Cutout:
    """An RGBA image whose upper left corner lies at ``left`` and ``top``, in pixels."""
    pixels, at = _aligned(np.asarray(drawn), left, top)
    opacity = pixels[..., 3].astype(np.float32) * np.float32(256 / 255)
    full = (pixels[..., :3] @ _MATRIX.T.astype(np.float32) + _ZERO.astype(np.float32)) * opacity[..., None]
    shares = (opacity, half := _summed(opacity) / 4, half)
    colours = (full[..., 0], _summed(full[..., 1]) / 4, _summed(full[..., 2]) / 4)
    rests = [256 - np.rint(share).astype(np.uint16) for share in shares]
    # Rounded down: the sum with what is below must not exceed 16 bits.
    inks = [colour.astype(np.uint16) for colour in colours]
    return Cutout(*at, tuple(inks), tuple(rests))


def stencil(mask: Image.Image, rgb: tuple[int, int, int], left: int, top: int, *, faint: bool = False) -> Cutout:
    """One colour where a mask ("L") is, whose upper left corner lies at ``left`` and ``top``, in pixels.

    ``faint``: so little of it that only the light of what is below changes.
    """
    pixels, at = _aligned(np.asarray(mask)[..., None], left, top)
    opacity = pixels[..., 0].astype(np.uint16)
    opacity += opacity >> np.uint16(7)
    half: Numbers = (_summed(opacity) + np.uint16(2)) >> np.uint16(2)
    shares = (opacity,) if faint else (opacity, half, half)
    inks = tuple(share * np.uint16(value) for share, value in zip(shares, yuv_colour(rgb), strict=False))
    return Cutout(*at, inks, tuple(np.uint16(256) - share for share in shares))


def _summed(plane: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The sum of each square of 2 x 2."""
    even, odd = plane[::2], plane[1::2]
    sum: npt.NDArray[_Number] = even[:, ::2] + even[:, 1::2] + odd[:, ::2] + odd[:, 1::2]
    return sum


def _aligned(pixels: npt.NDArray[np.uint8], left: int, top: int) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """Pixels (rows, columns, channels) from an even place, with even sides; what is added is empty."""
    before, above = left % 2, top % 2
    height, width, channels = pixels.shape
    if before or above or height % 2 or width % 2:
        even = np.zeros((-(-(height + above) // 2) * 2, -(-(width + before) // 2) * 2, channels), np.uint8)
        even[above : above + height, before : before + width] = pixels
        pixels = even
    return pixels, (left - before, top - above)


@dataclass(frozen=True, slots=True)
class WidePicture:
    """A picture wider than the frame, and the same shifted by 1, 2 and 3 half pixels as far as they are needed.

    A step of the camera is half a pixel of luma, and a quarter of a pixel of chroma.
    """

    views: Mapping[int, YuvPicture]

    def window(self, steps: int, width: int) -> YuvPicture:
        """The frame ``width`` pixels wide that begins ``steps`` half pixels from the left."""
        light, colours = self.views[steps % 2], self.views[steps % 4]
        height = light.height
        frame = YuvPicture(np.empty(width * height * 3 // 2, np.uint8), width, height)
        sources = (light.planes[0], *colours.planes[1:])
        for scale, into, source in zip((1, 2, 2), frame.planes, sources, strict=True):
            start = steps // 2 // scale
            into[:] = source[:, start : start + width // scale]
        return frame


def wide_picture(image: Image.Image, pace: int) -> WidePicture:
    """The views of an RGB image with even sides, for a camera that moves by ``pace`` half pixels a frame."""
    wide, height = image.width - 2, image.height
    steps = {0, *(frame * pace % 4 for frame in range(4))}
    shifted = {step: _shifted(image, step, (wide, height)) for step in sorted({*steps, *(step % 2 for step in steps)})}
    return WidePicture({step: yuv_picture(view) for step, view in shifted.items()})


def _shifted(image: Image.Image, step: int, size: tuple[int, int]) -> Image.Image:
    """The part of an image of this size that begins ``step`` half pixels from the left."""
    if step % 2 == 0:
        return image.crop((step // 2, 0, size[0] + step // 2, size[1]))
    return image.resize(size, Image.Resampling.BICUBIC, box=(step / 2, 0, size[0] + step / 2, size[1]))
