"""Laying scenes end to end: whole frames, boundaries rounded once, and a place for every trim that does not fit."""

from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.cut import cut
from storyboard.errors import Problems
from storyboard.story import Output, OwnClip, Place, Scene, Storyboard, Trim
from storyboard.take import Footage, Measure

VEO = Measure(192, Fraction(24), 1280, 720, True)


def story(*trims: Trim, **output: object) -> Storyboard:
    scenes = tuple(
        Scene(f"s{n}", n, OwnClip(PurePosixPath("x.mp4"), place := Place("a.yaml", n, 3)), trim, place)
        for n, trim in enumerate(trims, 1)
    )
    wanted = Output(PurePosixPath("out/film.mp4"), **{"size": None, "fps": None, "fit": "pad", **output})
    return Storyboard("a", "A", scenes, (), wanted)


def filmed(*measures: Measure) -> dict[str, Footage]:
    return {f"s{n}": Footage(f"{n:064x}", measure) for n, measure in enumerate(measures, 1)}


def trim(start: str = "0", end: str | None = None) -> Trim:
    return Trim(Fraction(start), None if end is None else Fraction(end))


def test_whole_clips_lie_end_to_end():
    """A gap or an overlap would show as a flash, or as a frame seen twice."""
    film = cut(story(trim(), trim()), filmed(VEO, VEO))
    assert [(clip.at, clip.frames, clip.start, clip.end) for clip in film.clips] == [(0, 192, 0, 8), (192, 192, 0, 8)]
    assert (film.width, film.height, film.fps, film.frames) == (1280, 720, 24, 384)


def test_rounding_never_adds_up():
    """Sixty scenes of 0.35 s are 21 s: 504 frames, and not the 480 that rounding each would leave."""
    film = cut(story(*[trim(end="0.35")] * 60), filmed(*[VEO] * 60))
    assert film.frames == 504
    assert {clip.frames for clip in film.clips} == {8, 9}
    assert all(clip.end - clip.start == Fraction(clip.frames, 24) for clip in film.clips)


def test_a_trim_begins_on_a_frame_of_the_clip():
    """A start between two frames would show either, now this and now that."""
    film = cut(story(trim("0.49", "6")), filmed(VEO))
    assert (film.clips[0].start, film.clips[0].frames) == (Fraction(12, 24), 132)


def test_most_clips_decide_size_and_rate():
    """One portrait phone clip would turn the film of nine landscape scenes on its side."""
    phone = Measure(250, Fraction(30000, 1001), 1080, 1920, True)
    film = cut(story(trim(), trim(), trim()), filmed(phone, VEO, VEO))
    assert (film.width, film.height, film.fps) == (1280, 720, 24)
    tied = cut(story(trim(), trim()), filmed(phone, VEO))
    assert (tied.width, tied.height, tied.fps) == (1080, 1920, 30)
    asked = cut(story(trim(), trim(), size=(640, 360), fps=25), filmed(phone, VEO))
    assert (asked.width, asked.height, asked.fps) == (640, 360, 25)


def test_odd_sizes_become_even():
    """H.264 cannot hold half a colour sample: the encoder would refuse the film at its very end."""
    film = cut(story(trim()), filmed(replace(VEO, width=1279, height=719)))
    assert (film.width, film.height) == (1278, 718)


def test_other_rates_keep_their_seconds():
    """A clip of 25 frames a second would run slow in a film of 24."""
    film = cut(story(trim(), trim(), trim()), filmed(VEO, replace(VEO, frames=200, fps=Fraction(25)), VEO))
    assert [clip.frames for clip in film.clips] == [192, 192, 192]
    assert film.clips[1].end == 8


def test_every_trim_that_does_not_fit_is_told_with_its_place():
    """Found one by one, three wrong trims would take four runs."""
    with pytest.raises(Problems) as caught:
        cut(story(trim("9"), trim("1", "9"), trim("1", "1.01"), trim()), filmed(VEO, VEO, VEO, VEO))
    told = [(problem.place.line, problem.path, problem.message) for problem in caught.value.problems]
    assert told == [
        (1, "scenes[0].trim", "the trim starts at 9 s, but the clip of scene 's1' is 8 s long"),
        (2, "scenes[1].trim", "the trim ends at 9 s, but the clip of scene 's2' is 8 s long"),
        (3, "scenes[2].trim", "the trim leaves no frame of scene 's3'"),
    ]
    assert all(problem.hint for problem in caught.value.problems)


def test_an_end_within_half_a_frame_fits():
    """A clip of 8 s by its label, which has 7.99, would be refused for a frame that nobody sees."""
    assert cut(story(trim(end="8.02")), filmed(VEO)).frames == 192
    with pytest.raises(Problems):
        cut(story(trim(end="8.03")), filmed(VEO))


def test_identity_is_all_that_decides_the_bytes():
    """A film would be written anew after renaming a scene, or not after trimming one."""
    one = cut(story(trim(), trim()), filmed(VEO, VEO))
    renamed = replace(one, clips=(replace(one.clips[0], scene="other"), one.clips[1]))
    assert renamed.identity == one.identity
    others = [
        cut(story(trim("1"), trim()), filmed(VEO, VEO)),
        cut(story(trim(end="7"), trim()), filmed(VEO, VEO)),
        cut(story(trim(), trim(), fit="blur"), filmed(VEO, VEO)),
        cut(story(trim(), trim(), fps=25), filmed(VEO, VEO)),
        cut(story(trim(), trim(), size=(640, 360)), filmed(VEO, VEO)),
        replace(one, clips=one.clips[::-1]),
        replace(one, clips=(replace(one.clips[0], digest="f" * 64), one.clips[1])),
    ]
    assert len({film.identity for film in [one, *others]}) == 8


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60)]),
            st.integers(24, 400),
            st.integers(0, 700),
            st.integers(170, 8000),
        ),
        min_size=1,
        max_size=30,
    ),
    st.sampled_from([None, 12, 24, 25, 30, 60]),
)
def test_no_cut_has_a_gap_or_drifts(parts, fps):
    """Whatever is laid together, the film is as long as its scenes, to the frame."""
    trims, measures, seconds = [], [], Fraction(0)
    for rate, frames, start, length in parts:
        measure = Measure(frames, rate, 320, 180, False)
        begin = min(Fraction(start, 1000), measure.seconds - Fraction(1, 4))
        end = min(begin + Fraction(length, 1000), measure.seconds)
        trims.append(Trim(begin, end))
        measures.append(measure)
        seconds += end - begin
    film = cut(story(*trims, fps=fps), filmed(*measures))
    at = 0
    for clip, measure in zip(film.clips, measures, strict=True):
        assert clip.at == at
        assert clip.frames > 0
        assert 0 <= clip.start < clip.end <= measure.seconds
        assert (clip.start * measure.fps).denominator == (clip.end * measure.fps).denominator == 1
        at += clip.frames
    assert at == film.frames == round(seconds * film.fps)
