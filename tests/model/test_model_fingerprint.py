"""What a film, a segment and a measurement are known by: fields and values, never names of classes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.film.audio.loudness import Known
from storyboard.film.reencode import _name
from storyboard.model.fingerprint import fingerprint
from storyboard.model.storyboard import Title
from storyboard.timeline.model import AudioLevel, Clip, MusicSpan, Overlay, TimedTransition, Timeline

LAMP = Clip("lamp", "a" * 64, Fraction(0), Fraction(8), 0, 192)
KEY = Clip(
    "key", "b" * 64, Fraction(1, 2), Fraction(9, 2), 180, 96, TimedTransition("dissolve", 12), AudioLevel(Fraction(-3))
)
TITLE = Title("The lamp", Fraction(1), Fraction(2), "bottom", Fraction(1, 10), "#ffffff", "outline")
FILM = Timeline(
    (LAMP, KEY),
    1280,
    720,
    Fraction(24),
    "pad",
    overlays=(Overlay(TITLE, 24, 48, 7),),
    underlays=(MusicSpan("c" * 64, 0, 276, Fraction(-12), 24, duck=True, loop=False),),
    loudness=Fraction(-16),
)


def test_three_identities_are_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another value here makes every film, segment and measurement of every user anew: raise it on purpose only."""
    monkeypatch.setattr("storyboard.media.ffmpeg.version", lambda: "7.1")
    film, segment, measurement = FILM.identity, _name(KEY, FILM), Known(tmp_path)._path(KEY).stem
    assert film == "0787d5455362de057a9812a59fc0dc27a2f97632f6b8b67a4b2dca84dfae42a2"
    assert segment == "8e796dcffc5befa68a69336a9d5ac87f"
    assert measurement == "baf5b8fcb1c973a66326b17cc5ba710d"


@dataclass(frozen=True)
class Before:
    scene: str
    frames: int
    fade: int = 0


@dataclass(frozen=True)
class Renamed:
    frames: int
    scene: str
    fade: int = 0
    later: tuple[str, ...] = ()
    gain: Fraction = Fraction(0)


def test_a_field_with_its_default_changes_nothing() -> None:
    """Nor does another name of the class, nor another order of its fields; a value that is not the default does."""
    assert fingerprint(Before("lamp", 8)) == fingerprint(Renamed(8, "lamp"))
    assert fingerprint(Before("lamp", 8, 1)) == fingerprint(Renamed(8, "lamp", 1))
    assert fingerprint(Renamed(8, "lamp")) != fingerprint(Renamed(8, "lamp", gain=Fraction(1)))
    assert fingerprint(Before("lamp", 8)) != fingerprint(Before("lamp", 8, 1))


def test_what_decides_the_bytes_of_a_film_is_in_its_identity() -> None:
    """A scene's id is not: renaming a scene makes no film anew."""
    assert replace(FILM, clips=(replace(LAMP, scene="lantern"), KEY)).identity == FILM.identity
    others = [
        replace(FILM, clips=(replace(LAMP, digest="d" * 64), KEY)),
        replace(FILM, clips=(LAMP, replace(KEY, joint=TimedTransition("wipe-left", 12)))),
        replace(FILM, clips=(LAMP, replace(KEY, joint=None, lead_in=KEY.joint))),
        replace(FILM, clips=(LAMP, replace(KEY, level=AudioLevel(mute=True)))),
        replace(FILM, overlays=(Overlay(replace(TITLE, text="A lamp"), 24, 48, 7),)),
        replace(FILM, loudness=None),
        replace(FILM, fit="crop"),
        replace(FILM, fps=25),
    ]
    assert len({FILM.identity, *(film.identity for film in others)}) == len(others) + 1


@dataclass(frozen=True)
class Circle:
    KIND: ClassVar[str] = "circle"
    size: int


@dataclass(frozen=True)
class Square:
    KIND: ClassVar[str] = "square"
    size: int


class Colour(Enum):
    RED = 1


def test_classes_in_one_place_are_told_apart_by_their_kind() -> None:
    assert fingerprint(Circle(1)) != fingerprint(Square(1))


def test_a_type_that_is_not_known_is_our_own_fault() -> None:
    """Never a guess: an address in memory would be another identity in each run."""
    with pytest.raises(TypeError, match="object"):
        fingerprint(object())


ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.fractions(),
    st.sampled_from(Colour),
    st.builds(PurePosixPath, st.text("ab/", max_size=4)),
    st.builds(Circle, st.integers(0, 3)),
    st.builds(Before, st.text(max_size=2), st.integers(0, 2), st.integers(0, 1)),
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.frozensets(st.text(max_size=2), max_size=3)
    ),
    max_leaves=8,
)


def _typed(value: object) -> object:
    """The value with the type of each part, so that 1, True and 1.0 are three."""
    if isinstance(value, tuple):
        return ("tuple", tuple(map(_typed, value)))
    if isinstance(value, Mapping):
        return ("mapping", frozenset((key, _typed(found)) for key, found in value.items()))
    return (type(value), repr(value) if isinstance(value, float) else value)


@given(VALUES, VALUES)
@pytest.mark.ci
def test_equal_values_have_one_fingerprint_and_others_have_another(left: object, right: object) -> None:
    assert (fingerprint(left) == fingerprint(right)) == (_typed(left) == _typed(right))


@given(st.dictionaries(st.text(max_size=2), st.integers(), min_size=2))
def test_the_order_in_which_a_mapping_was_filled_does_not_count(value: dict[str, int]) -> None:
    assert fingerprint(dict(reversed(value.items()))) == fingerprint(value)
