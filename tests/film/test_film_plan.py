"""What is copied and what is rendered, thought out on tables alone: no file is needed to know it."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from storyboard.film.film_plan import plan_film
from storyboard.film.picture_plan import copyable
from storyboard.film.pieces import AudioExcerpt, CopiedPiece, FilmPlan, PictureExcerpt, RenderedPiece, SilentPiece
from storyboard.film.sound_plan import block_at
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, ParameterSets, PictureFormat, SampleTable, VideoTrack
from storyboard.timeline.model import Clip, Timeline

LOOK = PictureFormat(1280, 720, (1, 1, 1, False))
SETS = ParameterSets(b"\x64\0\x1f", (b"sps",), (b"pps",), b"", ((0,), (0,)))


def frames(count: int = 192, group: int = 48, **other: object) -> VideoTrack:
    """Groups of ``group`` frames: I, then P and B in turn, each P decoded before the B that is seen ahead of it."""
    shown = []
    for start in range(0, count, group):
        end = min(start + group, count)
        shown.append(start)
        for at in range(start + 1, end, 2):
            shown += [at + 1, at] if at + 1 < end else [at]
    stored = SampleTable((10,) * count, tuple(range(0, 10 * count, 10)))
    made = VideoTrack(stored, tuple(shown), tuple(range(0, count, group)), Fraction(24), Fraction(0), LOOK, SETS)
    return replace(made, **other)


def sound(count: int = 376, **other: object) -> AudioTrack:
    stored = SampleTable((9,) * count, tuple(range(0, 9 * count, 9)))
    return replace(AudioTrack(stored, 48000, 2, 1024, Fraction(0), b"\x11\x90"), **other)


def film(*lengths: int, first: int = 0) -> Timeline:
    parts, at = [], 0
    for number, length in enumerate(lengths):
        clip = Clip(f"s{number}", str(number), Fraction(first, 24), Fraction(first + length, 24), at, length)
        parts.append(clip)
        at += length
    return Timeline(tuple(parts), 1280, 720, 24, "pad")


def planned(cut: Timeline, **indexes: ClipIndex) -> FilmPlan:
    known = {clip.digest: indexes.get(clip.scene, ClipIndex(frames(), sound())) for clip in cut.clips}
    plan = plan_film(cut, known)
    assert isinstance(plan, FilmPlan), plan
    return plan


def test_equal_clips_are_copied_from_end_to_end():
    """8 s are exactly 375 blocks: the second one is the first that is heard."""
    plan = planned(film(192, 192))
    assert plan.pictures == (CopiedPiece("0", 0, 192), CopiedPiece("1", 0, 192))
    assert plan.sound == (CopiedPiece("0", 1, 376), CopiedPiece("1", 1, 376))
    assert (plan.form, plan.sets) == ((48000, 2), (SETS,))


def test_a_trim_renders_up_to_the_next_start_and_behind_the_last_whole_group():
    """Frames 20 to 119: the ones before 48 need what is cut away, and the last one needs a later one."""
    assert copyable(frames(), 20, 120) == (48, 119)
    assert copyable(frames(), 20, 119) == (48, 119)
    assert copyable(frames(), 1, 40)[0] == copyable(frames(), 1, 40)[1]
    plan = planned(film(100, first=20))
    assert [(type(piece), piece.length) for piece in plan.pictures] == [
        (RenderedPiece, 28),
        (CopiedPiece, 71),
        (RenderedPiece, 1),
    ]
    last = plan.pictures[2]
    assert isinstance(last, RenderedPiece)
    assert isinstance(last.job, PictureExcerpt)
    assert (last.job.clip.start, last.job.clip.at, last.job.clip.frames) == (Fraction(119, 24), 99, 1)


def test_a_clip_without_sound_is_silent_and_one_in_another_format_is_rendered():
    """The film would be mute from there on, or run at another pace."""
    mono = ClipIndex(frames(), sound(channels=1))
    other = ClipIndex(frames(), "its sound is not AAC")
    plan = planned(film(192, 192, 192, 192), s1=ClipIndex(frames(), None), s2=mono, s3=other)
    assert plan.sound[:2] == (CopiedPiece("0", 1, 376), SilentPiece(375))
    assert [piece.job for piece in plan.sound[2:] if isinstance(piece, RenderedPiece)] == [
        AudioExcerpt("s2", "2", Fraction(0), 375),
        AudioExcerpt("s3", "3", Fraction(0), 375),
    ]


def test_sound_that_ends_early_goes_on_as_silence():
    """All that follows would come too early."""
    plan = planned(film(192, 192), s0=ClipIndex(frames(), sound(370)))
    assert plan.sound == (CopiedPiece("0", 1, 370), SilentPiece(6), CopiedPiece("1", 1, 376))


def test_sound_that_begins_late_is_waited_for():
    plan = planned(film(192), s0=ClipIndex(frames(), sound(begins=Fraction(512, 375))))
    assert plan.sound == (SilentPiece(64), CopiedPiece("0", 1, 312))


def test_other_parameter_sets_get_numbers_in_the_order_of_the_film():
    """Two clips' sets under one number: a browser stops at the joint."""
    kinds = [replace(SETS, sequences=(bytes([number]),)) for number in range(3)]
    indexes = {
        f"s{n}": ClipIndex(frames(sets=kind), sound())
        for n, kind in enumerate((kinds[1], kinds[0], kinds[0], kinds[2]))
    }
    plan = planned(film(192, 192, 192, 192), **indexes)
    assert [piece.sets for piece in plan.pictures if isinstance(piece, CopiedPiece)] == [1, 0, 0, 2]
    assert plan.sets == (kinds[0], kinds[1], kinds[2])


def test_a_part_that_goes_on_is_not_taken_apart():
    """Two scenes that are one after the other in one clip would get a joint for nothing."""
    one = Clip("a", "0", Fraction(0), Fraction(4), 0, 96)
    plan = planned(
        Timeline((one, replace(one, scene="b", start=Fraction(4), end=Fraction(8), at=96)), 1280, 720, 24, "pad")
    )
    assert plan.pictures == (CopiedPiece("0", 0, 192),)
    assert plan.sound == (CopiedPiece("0", 1, 376),)


def test_what_is_rendered_has_a_name_of_all_that_decides_it():
    """A piece made for another trim, or another size, would be taken for this one."""
    cuts = [film(100, first=20), film(99, first=20), film(100, first=21), replace(film(100, first=20), fit="crop")]
    keys = [piece.key for cut in cuts for piece in planned(cut).pictures[:1] if isinstance(piece, RenderedPiece)]
    assert len(set(keys[:1] + keys[2:])) == 3
    assert keys[0] == keys[1]  # the end of a trim does not change its head


def test_where_nothing_can_be_copied_it_is_said_why():
    cut = film(192)
    for odd, why in (
        (frames(fps=Fraction(25)), "scene s0: it has 25 frames a second, and the film has 24"),
        (frames(look=replace(LOOK, width=720, height=1280)), "scene s0: it is 720x1280, and the film is 1280x720"),
        (frames(100), "scene s0: its last frame must be repeated"),
        ("it is fragmented", "scene s0: it is fragmented"),
    ):
        assert plan_film(cut, {"0": ClipIndex(odd, sound())}) == f"no clip can be copied: {why}"


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 190), st.integers(1, 192), st.integers(0, 3)), min_size=1, max_size=20))
def test_both_rows_are_as_long_as_the_film(parts):
    """A gap or an overlap would move everything that follows; sound may lie half a block beside its picture at most."""
    kinds = [
        ClipIndex(frames(), sound()),
        ClipIndex(frames(), None),
        ClipIndex(frames(), sound(200)),
        ClipIndex("odd", "odd"),
    ]
    clips, at = [], 0
    for number, (first, length, kind) in enumerate(parts):
        length = min(length, 192 - first)
        clips.append(Clip(str(number), str(kind), Fraction(first, 24), Fraction(first + length, 24), at, length))
        at += length
    cut = Timeline(tuple(clips), 1280, 720, 24, "pad")
    plan = plan_film(cut, {str(number): kind for number, kind in enumerate(kinds)})
    if isinstance(plan, str):
        assert {clip.digest for clip in clips} == {"3"}
        return
    assert sum(piece.length for piece in plan.pictures) == cut.frames
    assert (
        sum(piece.length for piece in plan.sound) == -(-cut.frames * 2000 // BLOCK) == block_at(cut.frames, cut, 48000)
    )
    assert all(piece.length > 0 for piece in (*plan.pictures, *plan.sound))
    block = 0
    for piece in plan.sound:
        if isinstance(piece, CopiedPiece):
            begins = [clip for clip in clips if clip.digest == piece.source and clip.at * 2000 < (block + 1) * BLOCK]
            lies = [abs((piece.first - 1 - block) * BLOCK - clip.start * 48000 + clip.at * 2000) for clip in begins]
            assert min(lies) <= BLOCK / 2
        block += piece.length
