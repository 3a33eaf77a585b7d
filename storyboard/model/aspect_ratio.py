"""Aspect ratios of what is generated, as numbers, and when two of them count as one."""

import re
from fractions import Fraction

# Width by height, of the shapes that films mostly have.
RATIOS = {"16:9": Fraction(16, 9), "9:16": Fraction(9, 16)}
CHOOSE_FIT = "write 'fit: crop' or 'fit: blur' under 'output'"

# Black bars that take less than this share of the frame are not seen.
_SHARE = Fraction(2, 100)


def ratio_of(aspect: str) -> Fraction | None:
    """Return width by height of an aspect such as "21:9"; None for a word such as "auto"."""
    sides = re.fullmatch(r"([1-9][0-9]{0,2}):([1-9][0-9]{0,2})", aspect)
    return Fraction(int(sides[1]), int(sides[2])) if sides else None


def in_shape(size: tuple[int, int], aspect: str) -> tuple[int, int]:
    """Return the size of a picture of this aspect, whose shape at 16:9, and for words such as "auto", is ``size``.

    Width and height in pixels, even. Services name a resolution by the shorter side, which stays.
    """
    ratio, short = ratio_of(aspect), min(size)
    if ratio is None or ratio == RATIOS["16:9"]:
        return size
    if ratio == RATIOS["9:16"]:
        return size[::-1]
    long = 2 * round(short * max(ratio, 1 / ratio) / 2)
    return (long, short) if ratio > 1 else (short, long)


def is_alike(ratio: Fraction, wanted: Fraction) -> bool:
    """Whether a picture of one aspect ratio fits a frame of the other one without visible bars."""
    return abs(ratio / wanted - 1) <= _SHARE
