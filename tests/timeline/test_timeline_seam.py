"""Seams: the frame that two scenes have in common is shown once, and every length is told as it is."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.export.chapters import chapters
from storyboard.model.film_length import film_seconds, length_document, scene_lengths
from storyboard.model.problem import Place
from storyboard.model.seam import drops_frame
from storyboard.model.storyboard import (
    Caption,
    Finish,
    Generated,
    LocalImage,
    Output,
    Scene,
    SceneFrame,
    Storyboard,
    Transition,
    Trim,
    WebImage,
)
from storyboard.model.take import Footage, Measure
from storyboard.timeline.build import build_timeline, clip_of_scene
from storyboard.timeline.model import Slate

PLACE = Place("chain.yaml", 1, 1)
VEO = Measure(192, Fraction(24), 1280, 720, True)


def shot(**words: object) -> Generated:
    usual = {"model": "veo3_fast", "aspect": "16:9", "first_frame": None, "last_frame": None, "references": ()}
    rest = {"seed": None, "translate": True, "watermark": None, "resolution": "720p"}
    return Generated(**{"prompt": "a door opens", **usual, **rest, **words})


def frame(scene: str, at: object) -> SceneFrame:
    return SceneFrame(scene, at, PLACE)


CUT, WHOLE = Finish(), Trim()


def scene(name: str, finish: Finish = CUT, trim: Trim = WHOLE, **words: object) -> Scene:
    return Scene(name, ord(name) - 96, shot(**words), trim, PLACE, "", finish, Fraction(8))


def chain(names: str = "abc", **finish: object) -> tuple[Scene, ...]:
    """Scenes of which each begins with the last frame of the one before."""
    return tuple(
        scene(name, Finish(**finish) if before else Finish(), first_frame=before and frame(before, "last"))
        for before, name in zip([None, *names], names, strict=False)
    )


def film(*scenes: Scene) -> Storyboard:
    return Storyboard("f", "F", scenes, (), Output(PurePosixPath("f.mp4"), None, None, "pad"))


def footage(scenes: tuple[Scene, ...], measure: Measure = VEO) -> Mapping[str, Footage]:
    return {each.id: Footage(f"{each.number:064x}", measure) for each in scenes}


def lengths(scenes: tuple[Scene, ...], measure: Measure = VEO) -> list[tuple[int, int]]:
    return [(clip.at, clip.frames) for clip in build_timeline(film(*scenes), footage(scenes, measure)).clips]


def test_the_frame_at_a_seam_is_shown_once():
    """The picture would stand still for a moment at every cut of a chain."""
    assert lengths(chain()) == [(0, 191), (191, 191), (382, 192)]
    assert lengths(chain(seam="keep")) == [(0, 192), (192, 192), (384, 192)]
    fade = Transition("dissolve", Fraction(1, 2))
    assert lengths(chain(transition=fade)) == [(0, 192), (180, 192), (360, 192)]
    assert lengths(chain(transition=replace(fade, over="tail"))) == [(0, 192), (192, 192), (384, 192)]


PICTURE = LocalImage(PurePosixPath("door.png"), "d" * 64, 9, 16, 9, "png", PLACE)
OTHER = WebImage("https://images.example/door.png", PLACE)


@pytest.mark.parametrize(
    ("before", "behind", "dropped"),
    [
        ({}, {"first_frame": frame("a", "first")}, False),
        ({}, {"first_frame": frame("a", Fraction(2))}, False),
        ({}, {"first_frame": frame("c", "last")}, False),
        ({"trim": Trim(end=Fraction(3))}, {"first_frame": frame("a", "last")}, True),
        ({}, {"first_frame": frame("a", "last"), "trim": Trim(Fraction(1))}, False),
        ({"first_frame": PICTURE, "last_frame": frame("b", "first")}, {}, True),
        ({"first_frame": PICTURE, "last_frame": frame("b", "first")}, {"first_frame": PICTURE}, True),
        ({"last_frame": frame("b", "first"), "trim": Trim(end=Fraction(3))}, {"first_frame": PICTURE}, False),
        ({"last_frame": frame("c", Fraction(1))}, {"first_frame": frame("c", Fraction(1))}, True),
        ({"last_frame": frame("c", Fraction(1))}, {"first_frame": frame("c", Fraction(2))}, False),
        ({"last_frame": PICTURE}, {"first_frame": PICTURE}, False),
        ({"last_frame": PICTURE}, {"first_frame": replace(PICTURE), "finish": Finish(seam="drop")}, True),
        ({"last_frame": OTHER}, {"first_frame": replace(OTHER), "finish": Finish(seam="match")}, True),
        ({"last_frame": OTHER}, {"first_frame": PICTURE, "finish": Finish(seam="match")}, False),
    ],
)
def test_only_a_frame_that_both_have_is_dropped(before, behind, dropped):
    """A frame that was bought would be missing, or one be seen twice; and films from before would lose frames."""
    assert drops_frame(scene("a", **before), scene("b", **behind)) == dropped


def test_a_trim_ends_a_frame_earlier():
    """The frame that was handed on is the last one that is shown, wherever the scene is trimmed."""
    one, *rest = chain("ab")
    trimmed = (replace(one, trim=Trim(Fraction(1), Fraction(3))), *rest)
    clips = build_timeline(film(*trimmed), footage(trimmed)).clips
    assert (clips[0].start, clips[0].end, clips[0].frames) == (1, Fraction(71, 24), 47)
    assert clips[1].at == 47
    short = replace(VEO, frames=1)
    assert lengths(trimmed[1:], short) == [(0, 1)]
    single = (replace(one, trim=Trim(Fraction(0), Fraction(1, 24))), *rest)
    assert lengths(single) == [(0, 1), (1, 192)]
    assert scene_lengths(single) == [Fraction(1, 24), 8]


def test_a_slate_has_no_seam():
    """A film with missing scenes would lose frames of those that are there."""
    scenes = chain("ab")
    slate = Slate(2, 2, "b", "B", "a door opens", "not yet", Fraction(8))
    clips = build_timeline(film(*scenes), footage(scenes), slates={"b": slate}).clips
    assert [clip.frames for clip in clips] == [192, 192]


def test_every_length_that_is_told_is_that_of_the_film():
    """Chapters, captions and the plan would be late by a frame a cut."""
    said = Finish(captions=(Caption("a", Fraction(0), None),))
    scenes = tuple(replace(each, finish=said) for each in chain("abcd"))
    cut = build_timeline(film(*scenes), footage(scenes))
    assert cut.frames == 4 * 192 - 3
    assert film_seconds(scenes) == Fraction(cut.frames, 24)
    told = length_document(scenes)
    assert [each["seconds"] for each in told["scenes"]] == [round(191 / 24, 6)] * 3 + [8]
    assert [chapter.first for chapter in chapters(cut)] == [0, 191, 382, 573]
    assert [(cue.first, cue.frames) for cue in cut.cues] == [(0, 191), (191, 191), (382, 191), (573, 192)]
    alone = clip_of_scene(film(*scenes), scenes[0], footage(scenes)["a"], dropped=True)
    assert alone == replace(cut.clips[0])


def test_only_a_matched_seam_makes_another_film():
    """A cut would not be made again when its seams change; or every film there is would be."""
    dropped, matched, kept = (
        build_timeline(film(*scenes), footage(scenes))
        for scenes in (chain(seam="drop"), chain(seam="match"), chain(seam="keep"))
    )
    assert dropped.identity == build_timeline(film(*chain()), footage(chain())).identity
    assert len({dropped.identity, matched.identity, kept.identity}) == 3
    assert [clip.match for clip in matched.clips] == [0, 12, 12]
    assert [clip.match for clip in dropped.clips] == [0, 0, 0]


RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60)])


@given(st.lists(st.tuples(st.sampled_from(["drop", "keep", "match"]), st.integers(5, 300)), min_size=1), RATES, RATES)
def test_seams_never_add_up(seams, rate, wanted):
    """Frames would be lost or held where rates differ: each cut lies within half a frame of where it should."""
    letters = [chr(97 + at % 26) * (1 + at // 26) for at in range(len(seams))]
    scenes, due, ends = [], [], Fraction(0)
    for at, (name, (seam, frames)) in enumerate(zip(letters, seams, strict=True)):
        first = frame(letters[at - 1], "last") if at else None
        source = shot(first_frame=first)
        scenes.append(
            Scene(name, at + 1, source, Trim(), PLACE, "", Finish(seam=seam), Fraction(frames) / rate, 1 / rate)
        )
        dropped = at + 1 < len(seams) and seams[at + 1][0] != "keep"
        ends += (frames - dropped) / rate
        due.append(ends)
    known = {
        each.id: Footage(f"{each.number:064x}", Measure(frames, rate, 64, 36, True))
        for each, (_, frames) in zip(scenes, seams, strict=True)
    }
    story = film(*scenes)
    cut = build_timeline(replace(story, output=replace(story.output, fps=wanted)), known)
    assert [clip.until for clip in cut.clips] == [round(end * wanted) for end in due]
    assert film_seconds(scenes) == ends
