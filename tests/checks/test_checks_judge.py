"""What numbers say of a clip: a closed set of remarks, none of them for what is merely dark, still or quiet."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.checks.clip_levels import ClipLevels
from storyboard.checks.judge import NAMES, NO_IMAGES, AskedFor, FrameLikeness, judge
from storyboard.film.audio.mix_plan import loudness_remark
from storyboard.model.remark import Remark, remarks_of
from storyboard.model.take import Measure

RATE = Fraction(24)
ASKED = AskedFor(Fraction(8), "16:9", "720p")
MEASURE = Measure(192, RATE, 1280, 720, True)
# A frame by (top, spread, move).
PICTURE, BLACK, GREY, STILL = (200, 40, 20), (1, 0.3, 0), (129, 0.2, 0), (200, 40, 1)


def levels(*parts: tuple[int, tuple[float, float, float]], peak: float | None = -12.0) -> ClipLevels:
    """The levels of a clip with so many frames of each kind."""
    frames = [frame for count, frame in parts for _ in range(count)]
    tops, spreads, moves = (tuple(frame[number] for frame in frames) for number in range(3))
    return ClipLevels(RATE, tops, spreads, moves, peak)


def said(
    measure: Measure = MEASURE,
    seen: ClipLevels | None = None,
    asked: AskedFor = ASKED,
    likeness: FrameLikeness = NO_IMAGES,
) -> list[str]:
    return [
        f"{remark.name}: {remark.says}" for remark in judge(asked, measure, seen or levels((192, PICTURE)), likeness)
    ]


def test_a_good_clip_has_no_remark() -> None:
    """A remark on each clip is one that nobody reads."""
    assert said(likeness=FrameLikeness(0.81, 0.9)) == []
    assert judge(ASKED, MEASURE, None) == ()


@pytest.mark.parametrize(
    ("measure", "asked", "wanted"),
    [
        (Measure(192, RATE, 1280, 720, False), ASKED, "no-sound: the take has no sound: the cut adds silence"),
        (Measure(120, RATE, 1280, 720, True), ASKED, "wrong-length: 8 seconds were expected, but 5.0 came"),
        (Measure(192, RATE, 720, 1280, True), ASKED, "wrong-shape: asked for 16:9, and 720x1280 came"),
        (Measure(192, RATE, 1280, 1280, True), ASKED, "wrong-shape: asked for 16:9, and 1280x1280 came"),
        (
            Measure(192, RATE, 1280, 720, True),
            AskedFor(Fraction(8), "16:9", "1080p", 1080),
            "wrong-size: asked for 1080p, and 1280x720 came",
        ),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_what_differs_from_what_was_asked_for(measure: Measure, asked: AskedFor, wanted: str) -> None:
    """It is paid for, and the film has bars, silence or another length."""
    assert said(measure, asked=asked) == [wanted]
    assert said(Measure(192, RATE, 1280, 720, True), asked=AskedFor(Fraction(8), "auto", "720p")) == []


def test_a_silent_sound_and_a_quiet_one() -> None:
    """A sound track without sound is the commonest fault of these services; a quiet room is none."""
    assert said(seen=levels((192, PICTURE), peak=-91.0)) == [
        "no-sound: its sound is silent: no sample is above -91 dBFS"
    ]
    assert said(seen=levels((192, PICTURE), peak=-50.0)) == []
    assert said(seen=levels((192, PICTURE), peak=None)) == []


def test_the_gravest_thing_is_said_of_each_frame() -> None:
    """A black clip is flat and frozen as well: three remarks for one fault."""
    assert said(seen=levels((192, BLACK))) == ["black: its picture is black"]
    assert said(seen=levels((192, GREY))) == ["flat: its picture is one flat colour"]
    assert said(seen=levels((192, STILL))) == ["frozen: its picture does not move"]


def test_a_stretch_is_told_with_its_time() -> None:
    """The author looks there first."""
    seen = levels((100, PICTURE), (72, STILL), (20, PICTURE))
    assert said(seen=seen) == ["frozen: its picture does not move for 3.0 s, from 4.2 s on"]
    assert said(seen=levels((48, BLACK), (144, PICTURE))) == ["black: its picture is black for 2.0 s, from 0.0 s on"]


@pytest.mark.parametrize(
    "parts",
    [
        [(36, BLACK), (120, PICTURE), (36, BLACK)],  # faded in and out
        [(71, STILL), (50, PICTURE), (71, STILL)],  # held, twice
        [(192, (5, 1.5, 2))],  # a night in which something moves
        [(192, (27, 6.0, 3))],  # little contrast, and a breath
        [(192, (150, 1.1, 2))],  # thick fog that drifts
    ],
)
def test_near_misses(parts: Sequence[tuple[int, tuple[float, float, float]]]) -> None:
    """Bought again for nothing, where `retake` is set."""
    assert said(seen=levels(*parts)) == []


def test_frames_that_are_not_shown() -> None:
    """A shot that does not begin with its frame cannot be joined to the one before."""
    found = judge(ASKED, MEASURE, None, FrameLikeness(0.31, 0.79))
    assert [(remark.name, remark.numbers) for remark in found] == [
        ("first-frame", (("likeness", 0.31),)),
        ("last-frame", (("likeness", 0.79),)),
    ]


def test_loudness_beside_the_others() -> None:
    """One scene that shouts is found; two of them say nothing of which is wrong."""
    assert loudness_remark(-10.0, [-20.0]) is None
    assert loudness_remark(-15.0, [-20.0, -21.0]) is None
    found = loudness_remark(-10.0, [-20.0, -21.0, -18.0])
    assert found == Remark("loudness", "it is 10 LU louder than the other scenes", (("lufs", -10.0), ("others", -20.0)))
    assert loudness_remark(-40.0, [-20.0, -22.0]) == Remark(
        "loudness", "it is 19 LU softer than the other scenes", (("lufs", -40.0), ("others", -21.0))
    )


numbers = st.floats(0, 255)
frame = st.tuples(numbers, numbers, numbers) | st.sampled_from([PICTURE, BLACK, GREY, STILL])


@given(
    st.lists(st.tuples(st.integers(1, 60), frame), min_size=1, max_size=8),
    st.none() | st.floats(-120, 0),
    st.builds(Measure, st.integers(1, 2000), st.just(RATE), st.integers(1, 4096), st.integers(1, 4096), st.booleans()),
    st.tuples(st.none() | st.floats(-1, 1), st.none() | st.floats(-1, 1)),
)
def test_any_numbers_give_remarks_that_are_kept(
    parts: list[tuple[int, tuple[float, float, float]]],
    peak: float | None,
    measure: Measure,
    likeness: tuple[float | None, float | None],
) -> None:
    """A check that raises tells nothing, and a remark that does not read again spoils the lock."""
    seen = levels(*parts, peak=peak)
    found = judge(ASKED, measure, seen, FrameLikeness(*likeness))
    names = [remark.name for remark in found]
    assert set(names) <= set(NAMES)
    assert len(set(names)) == len(names)
    assert remarks_of([remark.document() for remark in found]) == found
    for remark in found:
        if remark.name in ("black", "flat", "frozen"):
            place = dict(remark.numbers)
            assert 0 <= place["from"] < place["from"] + place["seconds"] <= len(seen.tops) / RATE + 0.01
            assert place["seconds"] >= min(2, len(seen.tops) / RATE / 2) - 0.01


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["name", "says", "numbers", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_what_is_no_remark_is_refused(document: object) -> None:
    """A lock file and a ledger may be edited: nothing but a ValueError may come of it."""
    try:
        found = remarks_of(document)
    except ValueError:
        return
    assert remarks_of([remark.document() for remark in found]) == found


@pytest.mark.parametrize(
    ("name", "says", "values"),
    [
        ("No Sound", "it is silent", ()),
        ("no-sound", "", ()),
        ("no-sound", "two\nlines", ()),
        ("no-sound", "x" * 501, ()),
        ("blurry", "it is blurry", (("edges", float("nan")),)),
        ("blurry", "it is blurry", (("Edges", 1.0),)),
        ("blurry", "it is blurry", tuple((f"n{number}", 1.0) for number in range(21))),
    ],
)
def test_a_remark_is_checked_when_it_is_made(name: str, says: str, values: tuple[tuple[str, float], ...]) -> None:
    """The author of a check is told at once, and not by a lock file that cannot be read any more."""
    with pytest.raises(ValueError, match="remark"):
        Remark(name, says, values)


def test_a_clip_that_was_to_be_silent_has_no_remark() -> None:
    """A retake for the lack of sound would be bought again and again."""
    silent = AskedFor(Fraction(8), "16:9", "720p", sound=False)
    assert said(Measure(192, RATE, 1280, 720, False), asked=silent) == []
