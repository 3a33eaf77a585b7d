"""The checks of a clip: thresholds, and the remarks that measured numbers give (measurements: docs/checks.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Literal

from storyboard.checks.clip_levels import ClipLevels
from storyboard.model.aspect_ratio import is_alike, ratio_of
from storyboard.model.remark import Remark
from storyboard.model.take import Measure

# The remarks of storyboard's own checks. `loudness` and `seam` compare scenes: they are made when a plan is read.
NAMES = (
    *("no-sound", "wrong-size", "wrong-shape", "wrong-length", "black", "frozen", "flat"),
    *("first-frame", "last-frame", "loudness", "seam"),
)

SILENT = -60.0  # dBFS: sound whose highest sample is below is silence
LENGTH = Fraction(1)  # seconds that a clip may be longer or shorter than was asked for
BLACK = 3.0  # of 255: 98 % of a black frame are at most this light
FLAT = 1.0  # of 255: the spread of the luma of a frame without a picture
STILL = 3.0  # of 255: no part of a frozen picture changes more in half a second
STILL_LEAST = 1.0  # the same for a picture of little contrast, where it is a third of the spread in between
BLACK_SECONDS, FLAT_SECONDS, STILL_SECONDS = Fraction(2), Fraction(3), Fraction(3)
LIKENESS = 0.8  # of 1: an image and a frame that shows it are at least so alike

_Look = Literal["black", "flat", "frozen", ""]
_LOOKS: tuple[tuple[_Look, Fraction, str], ...] = (
    ("black", BLACK_SECONDS, "its picture is black"),
    ("flat", FLAT_SECONDS, "its picture is one flat colour"),
    ("frozen", STILL_SECONDS, "its picture does not move"),
)


@dataclass(frozen=True, slots=True)
class AskedFor:
    """What was asked for: ``seconds``, the aspect ratio ("auto": any), and the resolution.

    ``least`` is the length of the shorter side in pixels of a resolution that was paid for apart, 0 for any other.
    Without ``sound`` the clip is to have none.
    """

    seconds: Fraction
    aspect: str
    resolution: str
    least: int = 0
    sound: bool = True


@dataclass(frozen=True, slots=True)
class FrameLikeness:
    """How alike the first and the last frame are to the images that were sent for them, of 1; None: none was sent."""

    first: float | None = None
    last: float | None = None


NO_IMAGES = FrameLikeness()


def judge(
    asked: AskedFor, measure: Measure, levels: ClipLevels | None, likeness: FrameLikeness = NO_IMAGES
) -> tuple[Remark, ...]:
    """Return the remarks of a clip. ``levels`` is None where they could not be measured."""
    return (
        *_measured(asked, measure),
        *(_sound(measure, levels) if asked.sound else ()),
        *(_picture(levels) if levels else ()),
        *_frames(likeness),
    )


def _measured(asked: AskedFor, measure: Measure) -> Iterator[Remark]:
    size, seconds = f"{measure.width}x{measure.height}", float(measure.seconds)
    sides = (("width", measure.width), ("height", measure.height))
    if abs(measure.seconds - asked.seconds) > LENGTH:
        says = f"{float(asked.seconds):g} seconds were expected, but {seconds:.1f} came"
        yield Remark("wrong-length", says, (("seconds", round(seconds, 3)), ("expected", float(asked.seconds))))
    ratio = ratio_of(asked.aspect)
    if ratio and not is_alike(Fraction(measure.width, measure.height), ratio):
        yield Remark("wrong-shape", f"asked for {asked.aspect}, and {size} came", sides)
    elif min(measure.width, measure.height) < asked.least:
        yield Remark("wrong-size", f"asked for {asked.resolution}, and {size} came", sides)


def _sound(measure: Measure, levels: ClipLevels | None) -> Iterator[Remark]:
    if not measure.sound:
        yield Remark("no-sound", "the take has no sound: the cut adds silence")
    elif levels and levels.peak is not None and levels.peak < SILENT:
        says = f"its sound is silent: no sample is above {levels.peak:.0f} dBFS"
        yield Remark("no-sound", says, (("peak", round(levels.peak, 1)),))


def _picture(levels: ClipLevels) -> Iterator[Remark]:
    length = len(levels.tops) / levels.fps
    stretches = _longest(levels)
    for look, seconds, says in _LOOKS:
        first, frames = stretches.get(look, (0, 0))
        lasts = frames / levels.fps
        if frames and lasts >= min(seconds, length / 2):
            begins = float(first / levels.fps)
            where = "" if frames == len(levels.tops) else f" for {float(lasts):.1f} s, from {begins:.1f} s on"
            yield Remark(look, says + where, (("from", round(begins, 3)), ("seconds", round(float(lasts), 3))))


def _longest(levels: ClipLevels) -> dict[_Look, tuple[int, int]]:
    """The longest stretch of each look: its first frame, and how many there are."""
    found: dict[_Look, tuple[int, int]] = {}
    frames = enumerate(map(_look, levels.tops, levels.spreads, levels.moves))
    for look, stretch in groupby(frames, key=lambda frame: frame[1]):
        numbers = [number for number, _ in stretch]
        if len(numbers) > found.get(look, (0, 0))[1]:
            found[look] = (numbers[0], len(numbers))
    return found


def _look(top: float, spread: float, move: float) -> _Look:
    """What is wrong with one frame: one thing, and the gravest."""
    if top <= BLACK:
        return "black"
    if spread <= FLAT:
        return "flat"
    return "frozen" if move <= min(STILL, max(STILL_LEAST, spread / 3)) else ""


def _frames(likeness: FrameLikeness) -> Iterator[Remark]:
    if likeness.first is not None and likeness.first < LIKENESS:
        yield _unlike("first-frame", "it does not begin with its first frame", likeness.first)
    if likeness.last is not None and likeness.last < LIKENESS:
        yield _unlike("last-frame", "it does not end with its last frame", likeness.last)


def _unlike(name: str, says: str, likeness: float) -> Remark:
    return Remark(name, f"{says} (likeness {likeness:.2f} of 1)", (("likeness", round(likeness, 3)),))
