"""ClipLevels: what was measured of a clip's picture and sound while it was decoded."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class ClipLevels:
    """Levels of each frame of a clip at ``fps``, in steps of 255 of the luma of 64 x 64 cells; and of its sound.

    ``tops``: the level that 98 % of the cells of the frame do not exceed. ``spreads``: their standard deviation.
    ``moves``: how far the cell that changed most is from what it was half a second before, or in the first frame.
    ``peak``: the highest sample of the sound in dBFS; None where it was not measured, or there is none.
    """

    fps: Fraction
    tops: Sequence[float]
    spreads: Sequence[float]
    moves: Sequence[float]
    peak: float | None
