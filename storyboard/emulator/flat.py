"""Plain clips for tests and benchmarks: one flat colour each, a tenth of the size, made in a hundredth of the time."""

from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np

from storyboard.emulator.bed import bed
from storyboard.emulator.encode import FRAMES, aac, mp4

Colour = tuple[int, int, int]


def colour(digest: str) -> Colour:
    """The colour that ``digest`` (hex) decides: RGB, 0 to 255, away from both ends so that it survives the codec."""
    red, green, blue = (24 + int(digest[i : i + 2], 16) * 207 // 255 for i in (0, 2, 4))
    return red, green, blue


def film(path: Path, size: tuple[int, int], shade: Colour) -> None:
    """Write a clip of eight seconds, all ``shade``, with a quiet sound."""
    picture = np.full((size[1], size[0], 3), shade, dtype=np.uint8)
    mp4(path, size, repeat(picture, FRAMES), _hum())


@cache
def _hum() -> bytes:
    return aac(bed("0" * 16))
