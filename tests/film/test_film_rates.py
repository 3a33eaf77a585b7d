"""Films of 23.976, 29.97 and 59.94 frames per second: copied, exactly n/1001, over an hour too."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath

import av
import pytest
from moving import BLUE, GREEN, RED, look
from test_film_splice import BFRAMES, NOISE, SMALL, check, spliced

from storyboard.export.chapters import chapter_list, chapters
from storyboard.export.subtitles import srt
from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import CopiedPiece
from storyboard.film.reencode import join
from storyboard.media import probe
from storyboard.model.problem import Place
from storyboard.model.storyboard import Output, OwnClip, Scene, Storyboard, Transition, Trim
from storyboard.model.take import Footage
from storyboard.mp4 import reader
from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import AudioTrack, VideoTrack
from storyboard.timeline.build import build_timeline
from storyboard.timeline.captions import burnt_caption
from storyboard.timeline.model import Cue

NTSC = Fraction(30000, 1001)
FILMED = {"codec": BFRAMES, "size": SMALL, "filters": NOISE}


def story(scenes, fps=None):
    place = Place("a.yaml", 1, 1)
    made = tuple(
        Scene(name, at, OwnClip(PurePosixPath(f"{name}.mp4"), place), Trim(), place) for at, name in enumerate(scenes)
    )
    return Storyboard("a", "A", made, (), Output(PurePosixPath("out/film.mp4"), None, fps, "pad"))


def timeline(paths, fps=None):
    return build_timeline(story(paths, fps), {name: Footage(name, probe.measure(path)) for name, path in paths.items()})


@pytest.mark.parametrize("fps", ["24000/1001", pytest.param("60000/1001", marks=pytest.mark.ci), "30000/1001"])
def test_a_film_of_such_clips_is_copied(clips, tmp_path, fps):
    """Every frame that was paid for would be re-encoded, at 30 frames per second instead of 29.97."""
    paths = {"a": clips(RED, fps=fps, **FILMED), "b": clips(GREEN, fps=fps, **FILMED)}
    cut = timeline(paths)
    assert cut.fps == Fraction(fps)
    plan, film = spliced(cut, paths, tmp_path)
    assert all(isinstance(piece, CopiedPiece) for piece in plan.pictures)
    check(plan, film, paths)
    assert probe.measure(film).fps == Fraction(fps)


@pytest.mark.parametrize("scale", ["30000", "90000", "1000", "2997"])
def test_a_clip_is_known_in_any_time_scale(clips, scale):
    """A clip whose times are rounded to milliseconds would be re-encoded beside others of its rate."""
    clip = clips(RED, fps="30000/1001", seconds=4, extra=("-video_track_timescale", scale), **FILMED)
    frames = reader.read(clip).frames
    assert isinstance(frames, VideoTrack)
    assert frames.fps == NTSC == probe.source(clip).measure.fps


@pytest.mark.ci
def test_an_odd_clip_beside_them_is_brought_to_the_rate(clips, tmp_path):
    """Titles, transitions and clips of 24 frames per second would be counted in other frames than the film's."""
    paths = {"a": clips(RED, fps="30000/1001", **FILMED), "b": clips(GREEN, fps=24, **FILMED)}
    paths |= {"c": clips(BLUE, fps="30000/1001", **FILMED)}
    film = story(paths)
    last = film.scenes[2]
    coming = replace(last.finish, transition=Transition("dissolve", Fraction(1, 3)))
    film = replace(film, scenes=(*film.scenes[:2], replace(last, finish=coming)))
    cut = build_timeline(film, {name: Footage(name, probe.measure(path)) for name, path in paths.items()})
    assert (cut.fps, cut.frames) == (NTSC, 80)
    plan, made = spliced(cut, paths, tmp_path)
    check(plan, made, paths)


@pytest.mark.ci
def test_a_reencoded_film_has_even_times(clips, tmp_path):
    """ffmpeg counts its list of files in microseconds, and a frame of 29.97 lasts 33,366.67 of them."""
    paths = {str(at): clips((20 * at + 40, 60, 90), fps=24, seconds=0.5, size=SMALL) for at in range(7)}
    cut = timeline(paths, NTSC)
    film = join(cut, paths, tmp_path / "film.mp4", tmp_path / "scratch", notes=FilmMetadata(chapters=chapters(cut)))
    seen = look(film.path)
    assert {later - one for one, later in pairwise(seen.times)} == {1 / NTSC}
    assert seen.times[0] == 0
    assert len(seen.times) == cut.frames
    with av.open(str(film.path)) as opened:
        begun = [chapter["start"] * Fraction(chapter["time_base"]) for chapter in opened.chapters()]
    assert begun == pytest.approx([float(clip.at / NTSC) for clip in cut.clips], abs=0.0006)


@pytest.mark.ci
def test_an_hour_of_2997_is_exact(clips, tmp_path):
    """After an hour a film that counts 29.97 for 30000/1001, or whole milliseconds, is frames and samples off."""
    clip = clips(RED, fps="30000/1001", seconds=8.008, size=(32, 32), codec=BFRAMES)
    names = [f"s{at}" for at in range(450)]
    footage = {name: Footage("clip", probe.measure(clip)) for name in names}
    cut = build_timeline(story(names), footage)
    assert (cut.frames, cut.clips[-1].at) == (450 * 240, 449 * 240)
    known = hand.indexes({"clip": clip})
    plan = plan_film(cut, known)
    notes = FilmMetadata(chapters=chapters(cut))
    film = hand.splice(plan, known, {"clip": clip}, tmp_path / "film.mp4", tmp_path / "scratch", notes=notes)
    index = reader.read(film.path)
    assert isinstance(index.frames, VideoTrack)
    assert isinstance(index.sound, AudioTrack)
    assert (index.frames.fps, index.frames.begins, len(index.frames.shown)) == (NTSC, 0, cut.frames)
    with av.open(str(film.path)) as opened:
        picture, sound = opened.streams.video[0], opened.streams.audio[0]
        assert picture.duration * picture.time_base == cut.frames / NTSC
        assert sound.duration == round(cut.frames * 48_000 / NTSC) == 172_972_800
        begun = [chapter["start"] * Fraction(chapter["time_base"]) for chapter in opened.chapters()]
    assert begun[-1] == pytest.approx(float(449 * 240 / NTSC), abs=1e-6)
    assert chapter_list(cut).splitlines()[-1] == "59:55 S449"
    last = replace(cut, cues=(Cue("Here", cut.frames - 1, 1),))
    assert "01:00:03,566 --> 01:00:03,600" in srt(last)


@pytest.mark.ci
def test_a_title_stands_on_its_frames(clips, tmp_path):
    """Composed frames would be written at another rate than those beside them."""
    paths = {"a": clips(RED, fps="24000/1001", seconds=2, **FILMED)}
    cut = timeline(paths)
    plan, film = spliced(replace(cut, overlays=(burnt_caption(Cue("A", 5, 9)),)), paths, tmp_path)
    check(plan, film, paths)
