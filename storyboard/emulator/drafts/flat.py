"""Flat clips for tests and benchmarks: one colour each, small, rendered in a hundredth of an animatic's time."""

from functools import cache
from pathlib import Path

from storyboard.emulator.drafts.bed import bed
from storyboard.emulator.drafts.clip_writer import RATE, SAMPLE_RATE, SECONDS, aac, mp4
from storyboard.emulator.drafts.given_frames import GivenFrames
from storyboard.emulator.drafts.planes import flat_picture

Colour = tuple[int, int, int]


def colour(digest: str) -> Colour:
    """A colour derived from ``digest`` (hex): RGB, 24 to 231, so that the codec does not clip it."""
    red, green, blue = (24 + int(digest[i : i + 2], 16) * 207 // 255 for i in (0, 2, 4))
    return red, green, blue


def film(
    path: Path, size: tuple[int, int], shade: Colour, seconds: int = SECONDS, given: GivenFrames | None = None
) -> None:
    """Write a clip of at most 8 ``seconds``, all of colour ``shade`` but for ``given`` frames, with a quiet sound."""
    picture = flat_picture(shade, size)
    given = given or GivenFrames(seconds * RATE)
    pictures = (given.over(picture, number).content for number in range(seconds * RATE))
    mp4(path, size, pictures, _hum(seconds))


@cache
def _hum(seconds: int) -> bytes:
    return aac(bed("0" * 16)[: seconds * SAMPLE_RATE])
