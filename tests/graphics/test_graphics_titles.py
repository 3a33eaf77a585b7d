"""Words over the picture: where they stand, that none is ever cut off, and that they can be read on anything."""

from dataclasses import replace
from fractions import Fraction

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.graphics import fonts, titles, transitions
from storyboard.model.storyboard import Legibility, Position, Title

WIDE, TALL = (640, 360), (360, 640)
PLAIN = Title("The lamp room", Fraction(0), None, "center", Fraction(8, 100), "#ffffff", "outline")
POSITIONS: dict[Position, tuple[float, float]] = {
    "center": (0.5, 0.5),
    "top": (0.5, 0),
    "bottom": (0.5, 1),
    "left": (0, 0.5),
    "right": (1, 0.5),
    "upper-third": (0, 1 / 6),
    "lower-third": (0, 5 / 6),
    "top-left": (0, 0),
    "top-right": (1, 0),
    "bottom-left": (0, 1),
    "bottom-right": (1, 1),
}
LEGIBILITIES: tuple[Legibility, ...] = ("outline", "box", "plain")


def flat(size: tuple[int, int], luma: int) -> transitions.YuvPicture:
    picture = transitions.black(*size)
    picture.planes[0][:] = luma
    return picture


def drawn_on(ink: titles.Ink, size: tuple[int, int], luma: int) -> numpy.ndarray:
    """The luma of a flat frame with the words on it."""
    return ink.over(flat(size, luma), Fraction(1)).planes[0]


@pytest.mark.parametrize("at", POSITIONS)
@pytest.mark.parametrize("size", [WIDE, TALL], ids=["wide", "tall"])
def test_words_stand_where_they_are_wanted(at, size):
    """A lower third across somebody's face; or, in an upright film, under the buttons of a phone."""
    left, top, right, bottom = titles.ink(replace(PLAIN, at=at), *size).box
    across, down = POSITIONS[at]
    margins = [round(length * 0.05) for length in size]
    foot = margins[1] if size == WIDE else round(size[1] * 0.15)
    expected = {0: margins[0], 1: size[0] - margins[0] - (right - left), 0.5: (size[0] - (right - left)) / 2}
    assert left == pytest.approx(expected[across], abs=1)
    if down in (0, 1):
        assert (top if down == 0 else bottom) == (margins[1] if down == 0 else size[1] - foot)
    elif at == "lower-third" and size == TALL:
        assert bottom == size[1] - foot
    else:
        assert (top + bottom) / 2 == pytest.approx(size[1] * down, abs=1)


SCRIPTS = ("AÄÅÉgjpqyßŷ", "ΑΩάώξψ", "ЖЩйўџђ", "Việtếặữ", "123!?&@()", "fffilitQ")
WORD = st.sampled_from(SCRIPTS).flatmap(lambda letters: st.text(letters, min_size=1, max_size=14))
TEXT = st.lists(WORD, min_size=1, max_size=25).flatmap(
    lambda words: st.sampled_from([" ", "\n"]).map(lambda gap: gap.join(words))
)


@settings(max_examples=40, deadline=None)
@given(
    text=TEXT,
    at=st.sampled_from(list(POSITIONS)),
    size=st.sampled_from([WIDE, TALL, (320, 180), (96, 54), (64, 64)]),
    high=st.integers(2, 40),
    legibility=st.sampled_from(LEGIBILITIES),
)
def test_no_word_is_ever_cut_off(text, at, size, high, legibility):
    """Half a word at the edge of the frame, seen only once the film is shown."""
    words = replace(PLAIN, text=text, at=at, size=Fraction(high, 100), legibility=legibility)
    ink = titles.ink(words, *size)
    left, top, right, bottom = ink.box
    area = titles.safe_area(*size)
    assert area[0] <= left < right <= area[2]
    assert area[1] <= top < bottom <= area[3]
    seen = drawn_on(ink, size, 16) != 16
    rows, columns = numpy.flatnonzero(seen.any(axis=1)), numpy.flatnonzero(seen.any(axis=0))
    assert top <= rows[0] <= rows[-1] < bottom
    assert left <= columns[0] <= columns[-1] < right
    assert not seen[:top].any()


@pytest.mark.parametrize("legibility", ["outline", "box"])
@pytest.mark.parametrize("color", ["#ffffff", "#000000", "#ffff00", "#0000ff"])
@pytest.mark.parametrize("luma", [16, 126, 235])
def test_words_can_be_read_on_anything(legibility, color, luma):
    """White on snow."""
    ink = titles.ink(replace(PLAIN, legibility=legibility, color=color), *WIDE)
    left, top, right, bottom = ink.box
    seen = drawn_on(ink, WIDE, luma)[top:bottom, left:right].astype(int)
    letters = titles._yuv(color)[0]
    own = abs(seen - letters) < 12
    other = abs(seen - letters) > 90
    assert own.sum() > 300
    assert other.sum() > 300


def test_a_line_break_stays_one_and_long_lines_are_wrapped():
    """Who breaks a title in two has a reason."""
    heights = [
        ink.box[3] - ink.box[1]
        for ink in (
            titles.ink(replace(PLAIN, text=text, size=Fraction(6, 100)), *WIDE)
            for text in ("One", "One\nTwo", "One two " * 9)
        )
    ]
    assert heights[1] > 1.8 * heights[0]
    assert heights[2] > 1.8 * heights[0]


def test_what_does_not_fit_is_made_smaller():
    """It would run out of the frame."""
    large = titles.ink(replace(PLAIN, size=Fraction(30, 100)), *WIDE).box
    larger = titles.ink(replace(PLAIN, size=Fraction(30, 100), text="The lamp room at night, by Ada"), *WIDE).box
    assert large[2] - large[0] <= 576
    assert larger[2] - larger[0] <= 576


def test_an_upright_film_has_the_same_letters():
    """By the height of the frame they would be nearly twice as large as in the same film on its side."""
    heights = [box[3] - box[1] for box in (titles.ink(replace(PLAIN, text="A"), *size).box for size in (WIDE, TALL))]
    assert heights[0] == heights[1]


def test_a_word_is_broken_only_with_a_hyphen():
    """Smaller letters come first; half a word without a sign is read as two."""
    long = "Donaudampfschifffahrtsgesellschaft"
    for text, lines in (("Schifffahrtsgesellschaft", 1), (long, 2)):
        setting = fonts.fit_lines(text, (250, 500), titles._sizes(22, 10), titles.WEIGHT, "de")
        assert len(setting.lines) == lines
        assert setting.pixels * 3 >= 22 * 2
        assert "".join(line.removesuffix("-") for line in setting.lines) == text
        assert all(line.endswith("-") for line in setting.lines[:-1])
    assert setting.lines[0] in ("Donau-", "Donaudampf-", "Donaudampfschiff-", "Donaudampfschifffahrts-")


def test_half_seen_words_are_half_seen():
    """A fade would jump."""
    ink = titles.ink(replace(PLAIN, legibility="box"), *WIDE)
    none, half, full = (ink.over(flat(WIDE, 200), Fraction(part, 2)).planes[0].astype(float) for part in (0, 1, 2))
    assert (none == 200).all()
    assert abs(half - (none + full) / 2).max() <= 1


def test_colours_are_those_that_were_asked_for():
    """Yellow would come out green, and edges in purple, were they mixed in the wrong matrix."""
    for color, wanted in (("#ffff00", (219, 16, 138)), ("#ff0000", (63, 102, 240)), ("#ffffff", (235, 128, 128))):
        ink = titles.ink(replace(PLAIN, color=color, text="███", size=Fraction(1, 4)), *WIDE)
        picture = ink.over(flat(WIDE, 16), Fraction(1))
        values = [
            int(numpy.bincount(plane[plane != rest].reshape(-1)).argmax()) if (plane != rest).any() else rest
            for plane, rest in zip(picture.planes, (16, 128, 128), strict=True)
        ]
        assert values == pytest.approx(wanted, abs=2)
