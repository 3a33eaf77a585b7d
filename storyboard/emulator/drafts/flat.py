"""Flat clips for tests and benchmarks: one colour each, small, rendered in a hundredth of an animatic's time.

A faint wave of light runs through the colour: a clip without it is one that the checks of a take remark on.
"""

from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np

from storyboard.emulator.drafts.bed import bed
from storyboard.emulator.drafts.brief import RATE
from storyboard.emulator.drafts.clip_writer import aac, mp4
from storyboard.emulator.drafts.given_frames import GivenFrames
from storyboard.emulator.drafts.planes import flat_picture
from storyboard.graphics.transitions import YuvPicture

# Steps of luma, and frames until the wave is where it was: half of it is half a second and more.
_LIGHT, _PERIOD = 4, 32

Colour = tuple[int, int, int]


def colour(digest: str) -> Colour:
    """A colour derived from ``digest`` (hex): RGB, 24 to 231, so that the codec does not clip it."""
    red, green, blue = (24 + int(digest[i : i + 2], 16) * 207 // 255 for i in (0, 2, 4))
    return red, green, blue


def film(
    path: Path,
    size: tuple[int, int],
    shade: Colour,
    seconds: Fraction = Fraction(8),
    given: GivenFrames | None = None,
    *,
    sound: bool = True,
) -> None:
    """Write a clip of some ``seconds``, all of colour ``shade`` but for ``given`` frames, with a sound or none."""
    frames = max(1, round(seconds * RATE))
    given = given or GivenFrames(frames)
    waves = [_wave(shade, size, phase / _PERIOD) for phase in range(_PERIOD)]
    pictures = (given.over(waves[number % _PERIOD], number).content for number in range(frames))
    mp4(path, size, pictures, _hum(seconds) if sound else None)


def _wave(shade: Colour, size: tuple[int, int], phase: float) -> YuvPicture:
    """The colour, lighter and darker by turns from left to right; on average it is the colour."""
    picture = flat_picture(shade, size)
    turns = np.arange(size[0]) / size[0] + phase
    light = picture.planes[0] + np.rint(_LIGHT * np.sin(2 * np.pi * turns))
    picture.planes[0][:] = np.clip(light, 16, 235)
    return picture


@cache
def _hum(seconds: Fraction) -> bytes:
    return aac(bed("0" * 16, seconds))
