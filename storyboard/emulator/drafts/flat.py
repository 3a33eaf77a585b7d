"""Flat clips for tests and benchmarks: one colour each, small, made in a hundredth of the time."""

from functools import cache
from itertools import repeat
from pathlib import Path

import numpy as np

from storyboard.emulator.drafts.bed import bed
from storyboard.emulator.drafts.clip_writer import RATE, SAMPLE_RATE, SECONDS, aac, mp4

Colour = tuple[int, int, int]


def colour(digest: str) -> Colour:
    """The colour that ``digest`` (hex) decides: RGB, 0 to 255, away from both ends so that it survives the codec."""
    red, green, blue = (24 + int(digest[i : i + 2], 16) * 207 // 255 for i in (0, 2, 4))
    return red, green, blue


def film(path: Path, size: tuple[int, int], shade: Colour, seconds: int = SECONDS) -> None:
    """Write a clip of at most eight seconds, all ``shade``, with a quiet sound."""
    picture = np.full((size[1], size[0], 3), shade, dtype=np.uint8)
    mp4(path, size, repeat(picture, seconds * RATE), _hum(seconds))


@cache
def _hum(seconds: int) -> bytes:
    return aac(bed("0" * 16)[: seconds * SAMPLE_RATE])
