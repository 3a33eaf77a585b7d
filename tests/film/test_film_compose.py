"""What is rendered, and only that: transitions as they should look, and every other frame as it was bought."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import get_args

import numpy
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moving import BLUE, GREEN, RED, TAGS, Planes, clips_in_order, decibels, planes
from test_film_splice import check, spliced
from tiers import every

from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_film, plan_reencoded_film
from storyboard.film.pieces import Composed, CopiedPiece, FilmPlan, PictureExcerpt, RenderedPiece
from storyboard.graphics.titles import Ink, ink
from storyboard.graphics.transitions import YuvPicture, blend
from storyboard.model.storyboard import Title, TransitionKind
from storyboard.timeline.model import RENDER_VERSION, Clip, Overlay, TimedTransition, Timeline

SIZE = (96, 54)
SECONDS = Fraction(64, 24)
# A picture that moves, so that a frame in the wrong place is seen: 36 dB are far from any neighbour.
MOVING = ",drawgrid=w=24:h=18:t=3:c=white@0.3,scroll=h=0.02:v=0.01,noise=alls=4:allf=t:all_seed=7"
GROUPS = ("-c:v", "libx264", "-preset", "veryfast", "-g", "24", "-sc_threshold", "0", "-crf", "16", *TAGS)
ONE_GROUP = ("-c:v", "libx264", "-preset", "veryfast", "-g", "600", "-sc_threshold", "0", "-crf", "16", *TAGS)
KINDS: tuple[TransitionKind, ...] = get_args(TransitionKind)


@pytest.fixture
def moving(clips):
    """A clip of 64 frames whose picture moves."""

    def clip(colour, **options):
        wanted = {"seconds": float(SECONDS), "size": SIZE, "filters": MOVING, "codec": GROUPS}
        return clips(colour, **{**wanted, **options})

    return clip


def in_a_row(names: str, *joints: TimedTransition | None, length: int = 64) -> Timeline:
    """Whole clips, each coming in as it is said, the first and those that are not said by a cut."""
    clips: list[Clip] = []
    for name, joint in zip(names, [*joints, *[None] * len(names)], strict=False):
        at = clips[-1].until - (joint.frames if joint else 0) if clips else 0
        clips.append(Clip(name, name, Fraction(0), Fraction(length, 24), at, length, joint))
    return Timeline(tuple(clips), *SIZE, 24, "pad")


def ideal(kind: TransitionKind, part: float, before: Planes, coming: Planes) -> Planes:
    """A transition as a book would describe it, worked out the long way round."""
    black = tuple(numpy.full(plane.shape, 16.0 if n == 0 else 128.0) for n, plane in enumerate(coming))
    if kind == "dissolve":
        return tuple(one * (1 - part) + other * part for one, other in zip(before, coming, strict=True))
    if kind == "fade":
        one, other, far = (before, black, 2 * part) if part < 0.5 else (black, coming, 2 * part - 1)
        return tuple(a * (1 - far) + b * far for a, b in zip(one, other, strict=True))
    way, direction = kind.split("-")
    axis = 1 if direction in ("left", "right") else 0
    made = []
    for scale, one, other in zip((2, 1, 1), before, coming, strict=True):
        length = one.shape[axis]
        reach = scale * round(part * coming[1].shape[axis])
        there = numpy.arange(length)
        from_end = direction in ("left", "up")
        new = there >= length - reach if from_end else there < reach
        shift = 0 if way == "wipe" else (length - reach if from_end else reach - length)
        gone = 0 if way == "wipe" else (-reach if from_end else reach)
        old = numpy.take(one, numpy.clip(there - gone, 0, length - 1), axis)
        own = numpy.take(other, numpy.clip(there - shift, 0, length - 1), axis)
        made.append(numpy.where(new[None, :] if axis else new[:, None], own, old))
    return tuple(made)


def wanted(cut: Timeline, paths: Mapping[str, Path]) -> Iterator[Planes]:
    """Every frame of a film as it should be, with the words on it."""
    for frame, seen in enumerate(bare(cut, paths)):
        for overlay in cut.overlays:
            since, left = frame - overlay.first + 1, overlay.first + overlay.frames - frame
            if since > 0 and left > 0:
                much = min(1, since / (overlay.fade + 1), left / (overlay.fade + 1))
                seen = worded(seen, ink(overlay.title, cut.width, cut.height), much)
        yield seen


def worded(seen: Planes, words: Ink, much: float) -> Planes:
    made = []
    for scale, plane, cover, colour in zip((1, 2, 2), seen, words.cover, words.colour, strict=True):
        top, left = words.top // scale, words.left // scale
        whole, mixed = numpy.zeros(plane.shape), numpy.zeros(plane.shape)
        part = (slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1]))
        whole[part], mixed[part] = cover / 256 * much, colour / 256 * much
        made.append(plane * (1 - whole) + mixed)
    return tuple(made)


def bare(cut: Timeline, paths: Mapping[str, Path]) -> Iterator[Planes]:
    """Every frame of a film as it should be, without words."""
    own = {name: planes(path) for name, path in paths.items()}
    for frame in range(cut.frames):
        seen = [clip for clip in cut.clips if clip.at <= frame < clip.until]
        taken = [own[clip.digest][int(clip.start * cut.fps) + frame - clip.at] for clip in seen]
        coming = seen[-1]
        for clip in cut.clips:
            if clip.lead_in and clip.at - clip.lead_in.frames <= frame < clip.at:
                part = (frame - clip.at + clip.lead_in.frames + 1) / (clip.lead_in.frames + 1)
                taken[-1] = ideal(clip.lead_in.kind, part, taken[-1], own[clip.digest][int(clip.start * cut.fps)])
        if not coming.joint or frame >= coming.at + coming.joint.frames:
            yield taken[-1]
            continue
        part = (frame - coming.at + 1) / (coming.joint.frames + 1)
        black = tuple(numpy.full(plane.shape, 128 if n else 16) for n, plane in enumerate(taken[0]))
        kind = coming.joint.kind if len(seen) == 2 else "dissolve"
        yield ideal(kind, part, taken[0] if len(seen) == 2 else black, taken[-1])


def composed(plan: FilmPlan) -> list[Composed]:
    return [
        piece.job for piece in plan.pictures if isinstance(piece, RenderedPiece) and isinstance(piece.job, Composed)
    ]


def looked_at(plan: FilmPlan, film: Path, paths: Mapping[str, Path]) -> None:
    """Copied frames are what was bought; made ones are within 36 dB of what they should be."""
    copied, at = set(), 0
    for piece in plan.pictures:
        if isinstance(piece, CopiedPiece):
            copied |= set(range(at, at + piece.length))
        at += piece.length
    for number, (frame, due) in enumerate(zip(planes(film), wanted(plan.cut, paths), strict=True)):
        least = float("inf") if number in copied else 36
        assert decibels(frame, due) >= least, number


@pytest.mark.parametrize("kind", every(3, KINDS))
@pytest.mark.ci
def test_a_transition_looks_as_it_should(moving, tmp_path, kind):
    """The wrong way round, a frame late, or with shifted colours, it would be seen at once."""
    paths = {"a": moving(RED), "b": moving(GREEN)}
    plan, film = spliced(in_a_row("ab", None, TimedTransition(kind, 11)), paths, tmp_path)
    check(plan, film, paths)
    looked_at(plan, film, paths)


def test_only_the_groups_that_a_joint_touches_are_rendered(moving, tmp_path):
    """A film of an hour with a dissolve would be encoded for as long."""
    paths = {"a": moving(RED), "b": moving(GREEN), "c": moving(BLUE)}
    plan, _ = spliced(
        in_a_row("abc", None, TimedTransition("dissolve", 12), TimedTransition("wipe-up", 12)), paths, tmp_path
    )
    kinds = [(type(piece), piece.length) for piece in plan.pictures]
    assert [kind for kind, _ in kinds] == [CopiedPiece, RenderedPiece, CopiedPiece, RenderedPiece, CopiedPiece]
    for _, length in (kinds[1], kinds[3]):
        assert 24 <= length <= 24 + 3
    assert kinds[4] == (CopiedPiece, 40)


@pytest.mark.ci
def test_what_was_copied_before_is_copied_again(moving, tmp_path):
    """Changing one of a hundred scenes makes its two joints, and nothing else."""
    paths = {name: moving((30 * n + 20, 90, 120)) for n, name in enumerate("abcdef")}
    joints = [None, *[TimedTransition("dissolve", 8)] * 5]
    spliced(in_a_row("abcdef", *joints), paths, tmp_path)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "scratch").glob("*.mp4")}
    assert len(before) == 5
    changed = {**paths, "x": moving(BLUE)}
    film = in_a_row("abxdef", *joints)
    spliced(film, {name: path for name, path in changed.items() if name != "c"}, tmp_path)
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "scratch").glob("*.mp4")}
    assert (len(after), len(before.items() & after.items())) == (5, 3)
    renamed = replace(film, clips=tuple(replace(clip, scene=f"{clip.scene}2") for clip in film.clips))
    spliced(renamed, {name: path for name, path in changed.items() if name != "c"}, tmp_path)
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "scratch").glob("*.mp4")} == after


def test_a_joint_is_the_same_wherever_it_stands(moving, tmp_path):
    """A scene put in at the beginning would make every joint of the film anew."""
    paths = {"a": moving(RED), "b": moving(GREEN), "c": moving(BLUE)}
    known = hand.indexes(paths)
    early, late = (
        in_a_row("ab", None, TimedTransition("fade", 9)),
        in_a_row("cab", None, None, TimedTransition("fade", 9)),
    )
    keys = []
    for cut in (early, late):
        plan = plan_film(cut, known)
        assert isinstance(plan, FilmPlan)
        keys.append([piece.key for piece in plan.pictures if isinstance(piece, RenderedPiece)])
    assert keys[0] == keys[1]
    assert len(keys[0]) == 1


def test_the_film_comes_out_of_black(moving, tmp_path):
    """There is no scene before the first."""
    paths = {"a": moving(RED)}
    plan, film = spliced(in_a_row("a", TimedTransition("fade", 12)), paths, tmp_path)
    check(plan, film, paths)
    looked_at(plan, film, paths)
    assert [type(piece) for piece in plan.pictures] == [RenderedPiece, CopiedPiece]


ODD = {
    "larger": {"size": (192, 108)},
    "25 frames a second": {"fps": 25},
    "HEVC": {"codec": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", *TAGS)},
    "portrait": {"size": (54, 96)},
    "other settings": {"codec": (*GROUPS, "-coder", "0", "-bf", "0")},
}


@pytest.mark.parametrize("odd", every(3, ODD))
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.ci
def test_an_odd_clip_joins_too(moving, tmp_path, odd, place):
    """A clip of the author's own, of another size or codec, stands in every film."""
    options = [ODD[odd] if n == place else {} for n in range(2)]
    paths = {"a": moving(RED, **options[0]), "b": moving(GREEN, **options[1]), "c": moving(BLUE)}
    cut = in_a_row("abc", None, TimedTransition("dissolve", 10))
    plan, film = spliced(cut, paths, tmp_path)
    check(plan, film, paths)
    (joint,) = composed(plan)
    at = joint.clips[1].at
    assert joint.clips[1].joint == TimedTransition("dissolve", 10)
    frames = planes(film)
    begin = cut.clips[1].at
    assert at <= 3
    # Half-way through, each colour is the mean of those before and behind.
    mean = [plane.mean() for plane in frames[begin + 5]]
    ends = [[plane.mean() for plane in frames[number]] for number in (begin - 1, begin + 10)]
    assert mean == pytest.approx([0.5 * (one + other) for one, other in zip(*ends, strict=True)], abs=6)


@pytest.mark.ci
def test_a_clip_in_one_group_is_rendered_in_two_pieces(moving, tmp_path):
    """The joint by itself: changing the scene before would render all of it again."""
    paths = {name: moving(colour, codec=ONE_GROUP) for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE))}
    plan, film = spliced(
        in_a_row("abc", None, TimedTransition("dissolve", 6), TimedTransition("dissolve", 6)), paths, tmp_path
    )
    check(plan, film, paths)
    looked_at(plan, film, paths)
    assert [(type(piece.job) if isinstance(piece, RenderedPiece) else CopiedPiece) for piece in plan.pictures] == [
        CopiedPiece,
        Composed,
        PictureExcerpt,
        Composed,
        PictureExcerpt,
    ]


@pytest.mark.parametrize("kind", ["dissolve", "fade", "slide-up"])
@pytest.mark.ci
def test_over_the_tail_a_clip_in_one_group_stays_whole(moving, tmp_path, kind):
    """Its first frame waits; all of it, first frame too, is then what was bought."""
    paths = {name: moving(colour, codec=ONE_GROUP) for name, colour in (("a", RED), ("b", GREEN), ("c", BLUE))}
    cut = in_a_row("abc")
    cut = replace(
        cut, clips=(cut.clips[0], *(replace(clip, lead_in=TimedTransition(kind, 10)) for clip in cut.clips[1:]))
    )
    plan, film = spliced(cut, paths, tmp_path)
    check(plan, film, paths)
    looked_at(plan, film, paths)
    assert [type(piece) for piece in plan.pictures] == [
        CopiedPiece,
        RenderedPiece,
        CopiedPiece,
        RenderedPiece,
        CopiedPiece,
    ]
    assert all(piece.length <= 10 + 3 for piece in plan.pictures if isinstance(piece, RenderedPiece))
    assert plan.pictures[4] == CopiedPiece("c", 0, 64, 0)


def test_encoding_all_of_it_shows_the_same(moving, tmp_path):
    """--reencode is another file of the same film."""
    paths = {"a": moving(RED), "b": moving(GREEN)}
    cut = in_a_row("ab", TimedTransition("fade", 6), TimedTransition("slide-left", 12))
    known = hand.indexes(paths)
    plan = plan_reencoded_film(cut, known)
    film = hand.splice(plan, known, paths, tmp_path / "film.mp4", tmp_path / "scratch").path
    assert not any(isinstance(piece, CopiedPiece) for piece in plan.pictures)
    check(plan, film, paths)
    looked_at(plan, film, paths)


TITLE = Title("Ägypt", Fraction(0), None, "lower-third", Fraction(16, 100), "#ffff00", "box")


def test_a_title_costs_the_groups_that_it_stands_on(moving, tmp_path):
    """Two seconds of words would cost eight of encoding, and a loss in all of them."""
    paths = {"a": moving(RED), "b": moving(GREEN)}
    cut = replace(in_a_row("ab"), overlays=(Overlay(TITLE, 64 + 26, 16, 5),))
    plan, film = spliced(cut, paths, tmp_path)
    check(plan, film, paths)
    looked_at(plan, film, paths)
    kinds = [(type(piece), piece.length) for piece in plan.pictures]
    assert [kind for kind, _ in kinds] == [CopiedPiece, CopiedPiece, RenderedPiece, CopiedPiece]
    assert 22 <= kinds[2][1] <= 22 + 3
    assert kinds[3] == (CopiedPiece, 16)


def test_words_over_a_joint_and_over_each_other(moving, tmp_path):
    """Where everything meets it is one piece, each frame made once."""
    paths = {"a": moving(RED), "b": moving(GREEN)}
    words = (
        Overlay(TITLE, 40, 30, 5),
        Overlay(replace(TITLE, at="center", legibility="outline"), 50, 20, 3),
        Overlay(replace(TITLE, text="Said", at="bottom", color="#ffffff", legibility="outline"), 56, 20),
    )
    plan, film = spliced(
        replace(in_a_row("ab", None, TimedTransition("dissolve", 10)), overlays=words), paths, tmp_path
    )
    check(plan, film, paths)
    looked_at(plan, film, paths)
    assert len(composed(plan)) == 1


def test_other_words_are_another_piece(moving):
    """The old title would stay in the film."""
    known = hand.indexes({"a": moving(RED)})
    keys = set()
    for text, first, fade in (("One", 26, 5), ("Two", 26, 5), ("One", 27, 5), ("One", 26, 4)):
        plan = plan_film(replace(in_a_row("a"), overlays=(Overlay(replace(TITLE, text=text), first, 12, fade),)), known)
        assert isinstance(plan, FilmPlan)
        keys |= {piece.key for piece in plan.pictures if isinstance(piece, RenderedPiece)}
    assert len(keys) == 4


def test_a_title_over_a_whole_film_is_a_piece_a_clip(moving):
    """A watermark over a hundred scenes would be rendered by one processor, and again after every change."""
    paths = {"a": moving(RED), "b": moving(GREEN), "c": moving(BLUE)}
    words = tuple(Overlay(TITLE, 64 * n, 64) for n in range(3))
    plan = plan_film(replace(in_a_row("abc"), overlays=words), hand.indexes(paths))
    assert isinstance(plan, FilmPlan)
    assert [piece.length for piece in plan.pictures] == [64, 64, 64]


# What fails is seen in its plan; to look for a smaller one takes minutes.
QUICK = [Phase.explicit, Phase.generate]

# Colours, encoders and sounds that a film may be made of; sound that is encoded anew lies exactly, too.
CLIPS = (
    (RED, {}),
    (GREEN, {"codec": ONE_GROUP}),
    (BLUE, {"sound": ""}),
    (RED, {"codec": (*GROUPS, "-coder", "0", "-bf", "0"), "sound": "mono", "hertz": 44100}),
    (GREEN, {"codec": (*GROUPS, "-x264-params", "open-gop=1:scenecut=0:bframes=3"), "sound_seconds": 2.5}),
)
PARTS = st.tuples(
    st.integers(0, len(CLIPS) - 1), st.integers(0, 40), st.integers(16, 64), st.integers(0, 8), st.booleans()
)


@pytest.mark.ci
@settings(max_examples=12, phases=QUICK, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(PARTS, min_size=1, max_size=5),
    kind=st.sampled_from(KINDS),
    titles=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 90)), max_size=3),
)
def test_any_film_is_whole(moving, tmp_path_factory, parts, kind, titles):
    """Trims, joints, words and missing sound wherever they fall: each frame once, copied or as it should look."""
    whole(moving, tmp_path_factory.mktemp("film"), parts, kind, titles)


@pytest.mark.slow
@settings(max_examples=150, phases=QUICK, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(PARTS, min_size=1, max_size=8),
    kind=st.sampled_from(KINDS),
    titles=st.lists(st.tuples(st.integers(0, 300), st.integers(1, 120)), max_size=4),
)
def test_any_of_many_films_is_whole(moving, tmp_path_factory, parts, kind, titles):
    whole(moving, tmp_path_factory.mktemp("film"), parts, kind, titles)


def whole(moving, folder, parts, kind, titles) -> None:
    clips = clips_in_order((str(clip), first, last, kind, length, tail) for clip, first, last, length, tail in parts)
    here = {clip.digest: moving(CLIPS[int(clip.digest)][0], **CLIPS[int(clip.digest)][1]) for clip in clips}
    spans = sorted((first, min(length, clips[-1].until - first)) for first, length in titles)
    words = tuple(Overlay(TITLE, first, length, min(7, length // 3)) for first, length in spans if length > 0)
    cut = Timeline(clips, *SIZE, 24, "pad", words)
    assert all(one.at < later.at for one, later in pairwise(clips))
    known = hand.indexes(here)
    plan = plan_film(cut, known)
    plan = plan_reencoded_film(cut, known) if isinstance(plan, str) else plan
    film = hand.splice(plan, known, here, folder / "film.mp4", folder / "scratch").path
    check(plan, film, here)
    looked_at(plan, film, here)


def test_whoever_changes_what_is_blended_says_so():
    """Pieces made before the change would stay in the film, beside ones made after it."""
    height, width = SIZE[1], SIZE[0]
    ramp = numpy.arange(width * height * 3 // 2, dtype=numpy.uint32)
    before, coming = (YuvPicture((ramp * factor % 251).astype(numpy.uint8), width, height) for factor in (7, 13))
    digest = hashlib.sha256()
    for kind in KINDS:
        for part in (Fraction(1, 13), Fraction(1, 2), Fraction(12, 13)):
            digest.update(blend(kind, part, before, coming).content.tobytes())
    # Where this differs, raise RENDER_VERSION, then write the new pair here.
    assert (RENDER_VERSION, digest.hexdigest()[:12]) == (8, "800939ce24a7")
