"""Which frame a chained shot begins with: the one that the film shows, however the clip is trimmed."""

from fractions import Fraction
from pathlib import PurePosixPath

import pytest

from storyboard.model.problem import Place
from storyboard.model.storyboard import FrameAt, Output, OwnClip, Scene, Storyboard, Trim
from storyboard.model.take import Footage, Measure
from storyboard.timeline.build import build_timeline
from storyboard.timeline.shown_frames import is_empty, shown_frame

PLACE = Place("film.yaml", 1, 1)


def measure(frames: int = 192, fps: Fraction = Fraction(24)) -> Measure:
    return Measure(frames, fps, 1280, 720, sound=True)


@pytest.mark.parametrize(
    ("trim", "moment", "number"),
    [
        (Trim(), "first", 0),
        (Trim(), "last", 191),
        (Trim(), Fraction(5, 2), 60),
        (Trim(), Fraction(7999, 1000), 191),
        (Trim(), Fraction(8), None),
        (Trim(Fraction(1, 2), Fraction(6)), "first", 12),
        (Trim(Fraction(1, 2), Fraction(6)), "last", 143),
        (Trim(Fraction(1, 2), Fraction(6)), Fraction(1), 36),
        (Trim(Fraction(1, 2), Fraction(6)), Fraction(11, 2), None),
        (Trim(Fraction(0), Fraction(9)), "last", 191),
        (Trim(Fraction(1), Fraction(1001, 1000)), "last", 24),
    ],
)
def test_the_frame_that_the_film_shows(trim: Trim, moment: FrameAt, number: int | None) -> None:
    """``at`` counts from where the scene begins in the film; a moment past its end is no frame."""
    assert shown_frame(measure(), trim, moment) == number


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("trim", [Trim(), Trim(Fraction(1), Fraction(3)), Trim(Fraction(1, 3))])
def test_first_and_last_are_those_of_the_timeline(fps: Fraction, trim: Trim) -> None:
    """The cut and the chain agree: what the next shot begins with is what the film has just shown."""
    clip = Footage("d" * 64, measure(int(4 * fps), fps))
    scene = Scene("x", 1, OwnClip(PurePosixPath("x.mp4"), PLACE), trim, PLACE)
    film = Storyboard("film", "film", (scene,), (), Output(PurePosixPath("out.mp4"), None, None, "pad"))
    (shown,) = build_timeline(film, {"x": clip}).clips
    first, last = shown_frame(clip.measure, trim, "first"), shown_frame(clip.measure, trim, "last")
    assert (first, last) == (shown.start * fps, shown.end * fps - 1)


def test_a_trim_that_leaves_no_frame() -> None:
    """What begins with a frame of such a scene would be paid for, and again once the trim is longer."""
    trims = (Trim(), Trim(Fraction(4)), Trim(Fraction(4), Fraction(401, 100)), Trim(Fraction(4), Fraction(404, 100)))
    assert [is_empty(measure(), trim) for trim in trims] == [False, False, True, False]
