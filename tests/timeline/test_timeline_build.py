"""Laying scenes end to end: whole frames, boundaries rounded once, and a place for every trim that does not fit."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.model.errors import Problems
from storyboard.model.problem import Place
from storyboard.model.storyboard import (
    Caption,
    Finish,
    Output,
    OwnClip,
    Scene,
    Still,
    Storyboard,
    Title,
    Transition,
    Trim,
)
from storyboard.model.take import Footage, Measure
from storyboard.timeline.build import build_timeline
from storyboard.timeline.captions import timed_cues
from storyboard.timeline.model import Cue, TimedTransition

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
    film = build_timeline(story(trim(), trim()), filmed(VEO, VEO))
    assert [(clip.at, clip.frames, clip.start, clip.end) for clip in film.clips] == [(0, 192, 0, 8), (192, 192, 0, 8)]
    assert (film.width, film.height, film.fps, film.frames) == (1280, 720, 24, 384)


def test_a_film_has_the_exact_rate_that_most_clips_have():
    """A film of 29.97 clips would be one of 30, and every frame of it re-encoded."""
    phone = Measure(240, Fraction(30000, 1001), 1280, 720, True)
    by_header = replace(phone, fps=Fraction(2997, 100))
    film = build_timeline(story(trim(), trim(), trim()), filmed(VEO, phone, by_header))
    assert film.fps == Fraction(30000, 1001)
    assert [(clip.at, clip.frames) for clip in film.clips] == [(0, 240), (240, 240), (480, 240)]
    slow = build_timeline(
        story(trim(), trim()), filmed(replace(VEO, fps=Fraction(25, 2)), replace(VEO, fps=Fraction(25, 2)))
    )
    assert slow.fps == Fraction(25, 2)


def test_rounding_never_adds_up():
    """Sixty scenes of 0.35 s are 21 s: 504 frames, and not the 480 that rounding each would leave."""
    film = build_timeline(story(*[trim(end="0.35")] * 60), filmed(*[VEO] * 60))
    assert film.frames == 504
    assert {clip.frames for clip in film.clips} == {8, 9}
    assert all(clip.end - clip.start == Fraction(clip.frames, 24) for clip in film.clips)


def test_a_trim_begins_on_a_frame_of_the_clip():
    """A start between two frames would show either, now this and now that."""
    film = build_timeline(story(trim("0.49", "6")), filmed(VEO))
    assert (film.clips[0].start, film.clips[0].frames) == (Fraction(12, 24), 132)


def test_most_clips_decide_size_and_rate():
    """One portrait phone clip would turn the film of nine landscape scenes on its side."""
    phone = Measure(250, Fraction(30000, 1001), 1080, 1920, True)
    film = build_timeline(story(trim(), trim(), trim()), filmed(phone, VEO, VEO))
    assert (film.width, film.height, film.fps) == (1280, 720, 24)
    tied = build_timeline(story(trim(), trim()), filmed(phone, VEO))
    assert (tied.width, tied.height, tied.fps) == (1080, 1920, Fraction(30000, 1001))
    asked = build_timeline(story(trim(), trim(), size=(640, 360), fps=25), filmed(phone, VEO))
    assert (asked.width, asked.height, asked.fps) == (640, 360, 25)


def test_odd_sizes_become_even():
    """H.264 cannot hold half a colour sample: the encoder would refuse the film at its very end."""
    film = build_timeline(story(trim()), filmed(replace(VEO, width=1279, height=719)))
    assert (film.width, film.height) == (1278, 718)


def test_other_rates_keep_their_seconds():
    """A clip of 25 frames a second would run slow in a film of 24."""
    film = build_timeline(story(trim(), trim(), trim()), filmed(VEO, replace(VEO, frames=200, fps=Fraction(25)), VEO))
    assert [clip.frames for clip in film.clips] == [192, 192, 192]
    assert film.clips[1].end == 8


def test_every_trim_that_does_not_fit_is_told_with_its_place():
    """Found one by one, three wrong trims would take four runs."""
    with pytest.raises(Problems) as caught:
        build_timeline(story(trim("9"), trim("1", "9"), trim("1", "1.01"), trim()), filmed(VEO, VEO, VEO, VEO))
    told = [(problem.place.line, problem.path, problem.message) for problem in caught.value.problems]
    assert told == [
        (1, "scenes[0].trim", "the trim starts at 9 s, but the clip of scene 's1' is 8 s long"),
        (2, "scenes[1].trim", "the trim ends at 9 s, but the clip of scene 's2' is 8 s long"),
        (3, "scenes[2].trim", "the trim leaves no frame of scene 's3'"),
    ]
    assert all(problem.hint for problem in caught.value.problems)


def test_an_end_within_half_a_frame_fits():
    """A clip of 8 s by its label, which has 7.99, would be refused for a frame that nobody sees."""
    assert build_timeline(story(trim(end="8.02")), filmed(VEO)).frames == 192
    with pytest.raises(Problems):
        build_timeline(story(trim(end="8.03")), filmed(VEO))


def test_identity_is_all_that_decides_the_bytes():
    """A film would be written anew after renaming a scene, or not after trimming one."""
    one = build_timeline(story(trim(), trim()), filmed(VEO, VEO))
    renamed = replace(one, clips=(replace(one.clips[0], scene="other"), one.clips[1]))
    assert renamed.identity == one.identity
    others = [
        build_timeline(story(trim("1"), trim()), filmed(VEO, VEO)),
        build_timeline(story(trim(end="7"), trim()), filmed(VEO, VEO)),
        build_timeline(story(trim(), trim(), fit="blur"), filmed(VEO, VEO)),
        build_timeline(story(trim(), trim(), fps=25), filmed(VEO, VEO)),
        build_timeline(story(trim(), trim(), size=(640, 360)), filmed(VEO, VEO)),
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
    film = build_timeline(story(*trims, fps=fps), filmed(*measures))
    at = 0
    for clip, measure in zip(film.clips, measures, strict=True):
        assert clip.at == at
        assert clip.frames > 0
        assert 0 <= clip.start < clip.end <= measure.seconds
        assert (clip.start * measure.fps).denominator == (clip.end * measure.fps).denominator == 1
        at += clip.frames
    assert at == film.frames == round(seconds * film.fps)


def finished(film: Storyboard, **finishes: Finish) -> Storyboard:
    """The storyboard with some scenes finished in another way."""
    return replace(
        film, scenes=tuple(replace(scene, finish=finishes.get(scene.id, scene.finish)) for scene in film.scenes)
    )


def dissolve(seconds: str) -> Finish:
    return Finish(transition=Transition("dissolve", Fraction(seconds)))


def test_a_joint_makes_the_film_shorter():
    """Both scenes are seen while it lasts, so its frames are counted once."""
    film = build_timeline(finished(story(trim(), trim(), trim()), s2=dissolve("0.5")), filmed(VEO, VEO, VEO))
    assert [(clip.at, clip.until, clip.joint) for clip in film.clips] == [
        (0, 192, None),
        (180, 372, TimedTransition("dissolve", 12)),
        (372, 564, None),
    ]
    assert film.frames == 564


def test_a_fade_in_from_black_takes_nothing_away():
    """There is no scene before the first that it could overlap."""
    film = build_timeline(
        finished(story(trim(), trim()), s1=Finish(transition=Transition("fade", Fraction(1)))), filmed(VEO, VEO)
    )
    assert (film.clips[0].joint, film.frames) == (TimedTransition("fade", 24), 384)


def test_a_transition_over_the_tail_takes_nothing_away():
    """The scene begins behind it, whole."""
    film = story(trim(), trim(end="0.25"), trim())
    over = {at: Finish(transition=Transition("dissolve", Fraction(1, 2), "tail")) for at in ("s1", "s2")}
    made = build_timeline(finished(film, **over), filmed(VEO, VEO, VEO))
    assert [(clip.at, clip.until, clip.joint, clip.lead_in) for clip in made.clips] == [
        (0, 192, TimedTransition("dissolve", 12), None),
        (192, 198, None, TimedTransition("dissolve", 12)),
        (198, 390, None, None),
    ]
    with pytest.raises(Problems) as raised:
        build_timeline(finished(film, s3=over["s1"]), filmed(VEO, VEO, VEO))
    assert "scene 's2' is too short for the transition of scene 's3'" in raised.value.problems[0].message


@given(st.lists(st.integers(0, 30), min_size=2, max_size=12))
def test_joints_lie_inside_their_clips(hundredths: list[int]):
    """A frame of a third scene in a dissolve of two would be a flash."""
    scenes = story(*[trim(end="0.71")] * len(hundredths))
    shown = {
        f"s{n}": dissolve(f"0.{length:02}") if length else Finish() for n, length in enumerate(hundredths, 1) if n > 1
    }
    film = build_timeline(finished(scenes, **shown), filmed(*[VEO] * len(hundredths)))
    for before, clip in pairwise(film.clips):
        assert clip.at == before.until - (clip.joint.frames if clip.joint else 0)
        assert (before.joint.frames if before.joint else 0) + (clip.joint.frames if clip.joint else 0) <= before.frames
    exact = len(hundredths) * Fraction("0.71") - sum(Fraction(length, 100) for length in hundredths[1:])
    assert film.frames == round(exact * 24)


def test_a_transition_longer_than_its_clips_is_told():
    """What was expected at 8 s may have come at 2."""
    short = Measure(24, Fraction(24), 1280, 720, True)
    for at, measures in (("s2", (short, VEO, VEO)), ("s2", (VEO, short, VEO)), ("s3", (VEO, short, VEO))):
        with pytest.raises(Problems) as raised:
            build_timeline(finished(story(trim(), trim(), trim()), **{at: dissolve("1.5")}), filmed(*measures))
        assert f"transition of scene '{at}'" in raised.value.problems[0].message


def test_titles_and_captions_stand_on_frames_of_the_film():
    """They keep to their scene, wherever it comes to lie, and end with it at the latest."""
    title = Title("A", Fraction(1), Fraction(9), "center", Fraction(8, 100), "#ffffff", "outline")
    lines = (
        Caption("One", Fraction(0), None),
        Caption("Two", Fraction(2), Fraction(1)),
        Caption("3", Fraction(7), None),
    )
    film = build_timeline(finished(story(trim(), trim()), s2=Finish(titles=(title,), captions=lines)), filmed(VEO, VEO))
    assert [(each.first, each.frames) for each in film.overlays] == [(216, 168)]
    assert film.cues == (Cue("One", 192, 48), Cue("Two", 240, 24), Cue("3", 360, 24))


def test_a_still_is_as_large_as_the_film():
    """It has no size of its own: it is drawn for this film."""
    place = Place("a.yaml", 9, 3)
    still = Scene("card", 3, Still(None, "#101820", Fraction("2.5"), "none", place), Trim(), place)
    film = story(trim(), trim())
    made = build_timeline(replace(film, scenes=(*film.scenes, still)), filmed(VEO, VEO))
    assert (made.clips[2].at, made.clips[2].frames, made.clips[2].drawn) == (384, 60, still.source)
    alone = build_timeline(replace(film, scenes=(still,)), {})
    assert (alone.width, alone.height, alone.fps, alone.frames) == (1280, 720, 24, 60)
    assert alone.clips[0].digest == made.clips[2].digest
    recoloured = replace(still, source=Still(None, "#ffffff", Fraction("2.5"), "none", place))
    assert build_timeline(replace(film, scenes=(recoloured,)), {}).identity != alone.identity


def test_what_is_finished_otherwise_is_another_film():
    """A title that is changed must be seen in the next film."""
    plain = story(trim(), trim())
    title = Title("A", Fraction(0), None, "center", Fraction(8, 100), "#ffffff", "outline")
    films = [
        plain,
        finished(plain, s2=dissolve("0.5")),
        finished(plain, s2=Finish(titles=(title,))),
        finished(plain, s2=Finish(titles=(replace(title, text="B"),))),
        finished(plain, s2=Finish(captions=(Caption("A", Fraction(0), None),))),
        finished(plain, s2=Finish(effect="grain")),
    ]
    assert len({build_timeline(film, filmed(VEO, VEO)).identity for film in films}) == len(films)


def test_captions_are_in_the_picture_only_if_they_shall_be():
    """Burnt in they cannot be switched off."""
    said = finished(story(trim()), s1=Finish(captions=(Caption("One", Fraction(1), Fraction(2)),)))
    films = {
        where: build_timeline(replace(said, output=replace(said.output, captions=where)), filmed(VEO))
        for where in ("sidecar", "burn", "both")
    }
    assert films["sidecar"].overlays == ()
    (words,) = films["burn"].overlays
    assert (words.title.text, words.first, words.frames, words.fade) == ("One", 24, 48, 0)
    assert films["both"].overlays == films["burn"].overlays
    assert all(film.cues == (Cue("One", 24, 48),) for film in films.values())


def test_a_title_appears_and_goes_softly():
    """Never longer than a third of it each way; whole in between; not seen outside."""
    for seconds, fade in ((Fraction(3), 7), (Fraction(1, 2), 4), (Fraction(1, 12), 0)):
        title = Title("A", Fraction(1), seconds, "center", Fraction(8, 100), "#ffffff", "outline")
        (words,) = build_timeline(finished(story(trim()), s1=Finish(titles=(title,))), filmed(VEO)).overlays
        assert words.fade == fade
        seen = [words.opacity(frame) for frame in range(words.first, words.first + words.frames)]
        assert seen == seen[::-1]
        assert max(seen) == 1
        assert all(0 < one <= later for one, later in pairwise(seen[: len(seen) // 2]))
        assert words.opacity(words.first - 1) == words.opacity(words.first + words.frames) == 0


def test_one_thing_is_said_at_a_time() -> None:
    """Where two scenes are seen at once, the first one's caption gives way; those that begin together are one."""

    def film(first: str) -> tuple[Cue, ...]:
        two = story(trim(), trim())
        captions = [Caption("A", Fraction(first), None)], [Caption("B", Fraction(0), Fraction(2))]
        finishes = (
            Finish(captions=tuple(captions[0])),
            Finish(transition=Transition("dissolve", Fraction(1)), captions=tuple(captions[1])),
        )
        scenes = (replace(scene, finish=finish) for scene, finish in zip(two.scenes, finishes, strict=True))
        return build_timeline(replace(two, scenes=tuple(scenes)), filmed(VEO, VEO)).cues

    assert film("6") == (Cue("A", 144, 24), Cue("B", 168, 48))
    assert film("7") == (Cue("A\nB", 168, 48),)


@given(st.integers(1, 400), st.lists(st.text(max_size=90), min_size=1, max_size=8))
def test_cues_in_turn_fill_the_time_of_their_caption(frames: int, texts: list[str]) -> None:
    """A long line that is seen as briefly as a short one is not read to its end."""
    cues = list(timed_cues(Cue("", 100, frames), texts))
    assert [cue.text for cue in cues] == texts[:frames]
    assert all(cue.frames > 0 for cue in cues)
    assert cues[0].first == 100
    assert cues[-1].first + cues[-1].frames == 100 + frames
    assert all(later.first == cue.first + cue.frames for cue, later in pairwise(cues))
    if frames >= 100 and len(texts) <= 2:
        share = [max(1, len(text)) for text in texts]
        assert abs(cues[0].frames - frames * share[0] / sum(share)) <= 2


def test_a_long_caption_becomes_cues_for_every_reader() -> None:
    """The picture, SubRip and WebVTT say the same at the same time."""
    said = finished(story(trim(), captions="both"), s1=Finish(captions=(Caption("one two", Fraction(1), Fraction(4)),)))
    film = build_timeline(said, filmed(VEO), break_caption=lambda text, width, height: text.split())
    assert film.cues == (Cue("one", 24, 48), Cue("two", 72, 48))
    assert [(each.title.text, each.first, each.frames) for each in film.overlays] == [("one", 24, 48), ("two", 72, 48)]
