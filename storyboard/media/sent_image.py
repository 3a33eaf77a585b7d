"""Whether a frame of a clip shows the image that was sent for it.

Both are compared as cells of luma. The image is tried as a service may fit it into the frame (cropped, stretched, with
bars), and each with the picture moved and enlarged a little: an image that is generated again is never in its place.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from storyboard.media.glimpse import SIDE
from storyboard.media.images import DAMAGED

Values = npt.NDArray[np.float64]

# Cells by which a picture may be moved, and how much larger one of the two may be.
_MOVED = 2
_ENLARGED = (1.04, 1.08)
# The share of cells that do not count: those that fit least, such as those under a watermark.
_LEFT_OUT = 0.1
_GAIN = 2.0  # contrasts further apart than this are not made the same
_NOISE = 9.0  # variance of cells, in steps of 255, below which nothing is seen
_SURE = 0.95  # from here on, no better place is looked for
_ENOUGH = SIDE * 8  # pixels on the shorter side of an image from which cells are taken


def likeness(image: bytes, frame: bytes, ratio: Fraction) -> float | None:
    """Return how alike an image and a frame are: 1 for the same picture, about 0 for two with nothing in common.

    ``frame`` has SIDE x SIDE bytes of luma. ``ratio`` is the width of the clip by its height. None if the image cannot
    be read.
    """
    if (picture := _picture(image)) is None:
        return None
    seen, best = np.frombuffer(frame, np.uint8).reshape(SIDE, SIDE).astype(np.float64), -1.0
    for cells, part in _fitted(picture, ratio):
        best = max(best, _alike(cells, seen[part]))
        if best >= _SURE:
            break
    return round(best, 3)


# Scenes in a row often share an image, and a clip may begin and end with the same one.
@lru_cache(maxsize=2)
def _picture(image: bytes) -> Image.Image | None:
    """The picture of an image, no larger than its cells need; None if it cannot be read."""
    try:
        with Image.open(BytesIO(image)) as opened:
            opened.draft("RGB", (_ENOUGH, _ENOUGH))
            ImageOps.exif_transpose(opened, in_place=True)
            picture: Image.Image = opened if opened.mode == "RGB" else opened.convert("RGB")
            return picture.reduce(max(1, min(picture.size) // _ENOUGH))
    except (*DAMAGED, Image.DecompressionBombError):
        return None


def _fitted(picture: Image.Image, ratio: Fraction) -> Iterator[tuple[Values, tuple[slice, slice]]]:
    """The cells of an image in each way that it may fill a frame, and the part of the frame that it fills."""
    width, height = picture.size
    shape = width / height / float(ratio)  # above 1: wider than the frame
    across, down = min(1.0, 1 / shape), min(1.0, shape)
    left, top = width * (1 - across) / 2, height * (1 - down) / 2
    whole = (slice(None), slice(None))
    yield _luma(picture, (SIDE, SIDE), (left, top, width - left, height - top)), whole
    if min(across, down) > 0.98:
        return
    yield _luma(picture, (SIDE, SIDE), (0, 0, width, height)), whole
    size = (max(8, round(SIDE * down)), max(8, round(SIDE * across)))  # with bars: what was cropped is the room of bars
    places = [slice((SIDE - length) // 2, (SIDE - length) // 2 + length) for length in size]
    yield _luma(picture, size, (0, 0, width, height)), (places[1], places[0])


def _luma(picture: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Values:
    """The luma of a part of a picture, in cells (rows, columns): ITU-R BT.709, 3.2."""
    small = picture.resize(size, Image.Resampling.BOX, box=box)
    values: Values = np.asarray(small, np.float64) @ np.array((0.2126, 0.7152, 0.0722))
    return values


def _alike(one: Values, other: Values) -> float:
    """The best correlation of two pictures, over small movements and enlargements of either."""
    best = _correlation(one, other)
    for first, second in _enlarged_pairs(one, other):
        if best >= _SURE:
            break
        for down in range(-_MOVED, _MOVED + 1):
            for right in range(-_MOVED, _MOVED + 1):
                best = max(best, _correlation(*_overlap(first, second, down, right)))
    return best


def _enlarged_pairs(one: Values, other: Values) -> Iterator[tuple[Values, Values]]:
    """Two pictures as they are, then with either of them larger."""
    yield one, other
    for larger in _ENLARGED:
        yield _enlarged(one, larger), other
        yield _enlarged(other, larger), one


def _overlap(one: Values, other: Values, down: int, right: int) -> tuple[Values, Values]:
    """What two pictures share if one is moved by so many cells."""
    rows, columns = one.shape
    kept = one[max(0, down) : rows + min(0, down), max(0, right) : columns + min(0, right)]
    beside = other[max(0, -down) : rows + min(0, -down), max(0, -right) : columns + min(0, -right)]
    return kept, beside


def _enlarged(cells: Values, by: float) -> Values:
    """The middle of a picture, so much larger."""
    rows, columns = cells.shape
    top, left = rows * (1 - 1 / by) / 2, columns * (1 - 1 / by) / 2
    image = Image.fromarray(cells.astype(np.float32))
    box = (left, top, columns - left, rows - top)
    return np.asarray(image.resize((columns, rows), Image.Resampling.BILINEAR, box=box), np.float64)


def _correlation(one: Values, other: Values) -> float:
    """How alike two pictures are without the cells that fit least, once their light and contrast are the same.

    Contrasts that differ by more than _GAIN count: a picture is not a grey frame. (The terms of contrast and structure
    of SSIM: Wang et al., IEEE Transactions on Image Processing 13(4), 2004, equation 13.)
    """
    first, second = one.ravel() - one.mean(), other.ravel() - other.mean()
    gain = float(first @ second) / max(float(first @ first), 1e-9 * first.size)
    off = np.abs(second - gain * first)
    kept = off <= np.partition(off, place := int(off.size * (1 - _LEFT_OUT)))[place]
    first, second = first[kept], second[kept]
    first, second = first - first.mean(), second - second.mean()
    # Products of rows are three times as fast as means and standard deviations of so few numbers.
    variance, other_variance, shared = (float(a @ b) / first.size for a, b in _pairs(first, second))
    gain = min(_GAIN, max(1 / _GAIN, math.sqrt(other_variance) / max(math.sqrt(variance), 1e-9)))
    return float((2 * gain * shared + _NOISE) / (gain * gain * variance + other_variance + _NOISE))


def _pairs(first: Values, second: Values) -> tuple[tuple[Values, Values], ...]:
    return (first, first), (second, second), (first, second)
