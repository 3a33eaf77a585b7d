"""Aspect ratios of what is generated, as numbers, and when two of them count as one."""

from fractions import Fraction

# Width by height.
RATIOS = {"16:9": Fraction(16, 9), "9:16": Fraction(9, 16)}
CHOOSE_FIT = "write 'fit: crop' or 'fit: blur' under 'output'"

# Black bars that take less than this share of the frame are not seen.
_SHARE = Fraction(2, 100)


def is_alike(ratio: Fraction, wanted: Fraction) -> bool:
    """Whether a picture of one aspect ratio fits a frame of the other one without visible bars."""
    return abs(ratio / wanted - 1) <= _SHARE
