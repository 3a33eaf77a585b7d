"""Joining: what a player gets is what the cut says, frame by frame and sample by sample."""

import hashlib
import os
import subprocess
import threading
from dataclasses import replace
from fractions import Fraction

import numpy
import pytest
from moving import BLUE, GREEN, GREY, RED, TAGS, close, files, laid, look

from storyboard.film import segment
from storyboard.film.reencode import join
from storyboard.media import ffmpeg, filters, probe
from storyboard.media.bt709 import Colour
from storyboard.model.errors import BadMedia, LocalFault
from storyboard.timeline.model import RENDER_VERSION, Clip, Timeline


@pytest.fixture
def joined(tmp_path):
    """Joins whole clips, in the order of their names, and looks at the film."""

    def whole(paths, **film):
        made = join(laid(paths, **film), paths, tmp_path / "film.mp4", tmp_path / "scratch")
        return look(made.path)

    return whole


@pytest.mark.ci
def test_each_scene_is_seen_in_its_place(joined, clips):
    """The film would show other scenes, or the right ones at the wrong time."""
    film = joined({"a": clips(RED), "b": clips(GREEN, seconds=1.5), "c": clips(BLUE)})
    assert len(film.frames) == 84
    assert {b - a for a, b in zip(film.times, film.times[1:], strict=False)} == {Fraction(1, 24)}
    assert film.times[0] == 0
    middles = [film.colour(12), film.colour(24 + 18), film.colour(60 + 12)]
    assert all(close(*pair) for pair in zip(middles, (RED, GREEN, BLUE), strict=True))
    assert [close(film.colour(frame), RED) for frame in (23, 24)] == [True, False]


@pytest.mark.ci
def test_flash_and_click_fall_together_at_every_joint(joined, clips):
    """Lips would not move with the words, worse with every scene."""
    film = joined({str(number): clips((60 + 9 * number, 80, 90), seconds=1) for number in range(8)})
    assert film.flashes() == [24 * number for number in range(8)]
    assert len(film.clicks()) == 8
    assert max(abs(click - number) for number, click in enumerate(film.clicks())) < 0.001


def test_sound_ends_with_the_picture(joined, clips):
    """A player would hang on the last picture, or cut the last word."""
    film = joined({"a": clips(RED, seconds=1.3), "b": clips(GREEN, seconds=1.1)})
    assert abs(film.sound.shape[1] / 48000 - len(film.frames) / 24) <= 1024 / 48000
    assert film.hertz == 48000


@pytest.mark.parametrize("silent", [0, 1, 2])
@pytest.mark.ci
def test_a_clip_without_sound_is_exactly_silent(joined, clips, silent):
    """Everything after a clip whose sound the service left out would come too early, or the film be mute."""
    paths = {str(n): clips(RED if n else BLUE, seconds=1, sound="" if n == silent else "stereo") for n in range(3)}
    film = joined(paths)
    assert [round(click) for click in film.clicks()] == [second for second in range(3) if second != silent]
    inside = film.sound[:, silent * 48000 + 1500 : (silent + 1) * 48000 - 1500]
    assert abs(inside).max() < 1e-3
    assert abs(film.sound.shape[1] - 3 * 48000) <= 1024


def test_sound_that_is_short_or_long_shifts_nothing(joined, clips):
    """AAC comes in frames of 21 ms, so a clip's sound hardly ever ends where its picture does."""
    short, long = clips(RED, seconds=1, sound_seconds=0.93), clips(GREEN, seconds=1, sound_seconds=1.2)
    film = joined({"a": short, "b": long, "c": clips(BLUE, seconds=1)})
    assert film.clicks() == pytest.approx([0, 1, 2], abs=0.001)


def test_mono_at_another_rate_is_as_loud_on_both_sides(joined, clips):
    """An own clip from a recorder would come from one side, or too quiet."""
    film = joined({"a": clips(RED, sound="mono", hertz=44100), "b": clips(GREEN)})
    first, second = film.sound[:, 2000:40000], film.sound[:, 50000:90000]
    assert numpy.sqrt((first**2).mean(axis=1)) == pytest.approx(numpy.sqrt((second**2).mean(axis=1)), rel=0.1)
    assert film.clicks() == pytest.approx([0, 1], abs=0.001)


def test_a_trim_shows_just_those_frames(clips, tmp_path):
    """A trimmed scene would begin on the wrong frame, or lose its sound's place."""
    path = clips(RED, seconds=4)
    parts = (
        Clip("late", "x", Fraction(53, 24), Fraction(83, 24), 0, 30),
        Clip("early", "x", Fraction(1, 24), Fraction(25, 24), 30, 24),
    )
    film = look(join(Timeline(parts, 320, 180, 24, "pad"), {"x": path}, tmp_path / "f.mp4", tmp_path / "s").path)
    assert len(film.frames) == 54
    assert film.flashes() == [72 - 53, 30 + 23]
    assert film.clicks() == pytest.approx([(72 - 53) / 24, (30 + 23) / 24], abs=0.001)


@pytest.mark.parametrize("form", [{"suffix": "mkv"}, {"fps": "30000/1001"}, {"fps": 30, "hertz": 44100}], ids=str)
@pytest.mark.ci
def test_a_trim_deep_inside_a_clip_is_found_again(clips, tmp_path, form):
    """Only the part that is seen is decoded; jumping there must not cost a frame, nor the sound its place."""
    path = clips(BLUE, seconds=6, **form)
    rate = probe.measure(path).fps
    start = round(Fraction(7, 2) * rate) / rate
    part = Clip("a", "x", start, start + Fraction(4, 3), 0, 32)
    film = look(join(Timeline((part,), 320, 180, 24, "pad"), {"x": path}, tmp_path / "f.mp4", tmp_path / "s").path)
    assert film.flashes() == [12]
    assert film.clicks() == pytest.approx([0.5], abs=0.018)


def test_every_frame_of_an_equal_clip_comes_once(clips, tmp_path):
    """A frame doubled or dropped at a joint is seen as a stutter."""
    codec = ("-c:v", "libx264", "-crf", "12", *TAGS)
    path = clips(seconds=2, filters=",geq=lum='16+mod(N*37,200)':cb=128:cr=128", codec=codec)
    film = look(join(laid({"a": path}), {"a": path}, tmp_path / "f.mp4", tmp_path / "s").path)
    for own, theirs in zip(film.frames, look(path).frames, strict=True):
        assert abs(own.astype(int).mean() - theirs.astype(int).mean()) < 2


@pytest.mark.ci
def test_other_rates_are_resampled_and_keep_their_length(joined, clips):
    """Phone clips of 25, 30 and 29.97 frames would run slow or fast."""
    rates = {"a": clips(RED, fps=25, seconds=2), "b": clips(GREEN, fps=30, seconds=2), "c": clips(BLUE, seconds=2)}
    film = joined({**rates, "d": clips(GREY, fps="30000/1001", seconds=2)})
    assert len(film.frames) == pytest.approx(192, abs=1)
    assert film.flashes()[:6] == [0, 24, 48, 72, 96, 120]
    assert film.clicks()[:6] == pytest.approx(range(6), abs=0.001)


@pytest.mark.parametrize("late", [("-use_editlist", "0"), ("-output_ts_offset", "5")])
@pytest.mark.ci
def test_a_clip_whose_times_do_not_begin_at_zero_loses_no_frame(joined, clips, late):
    """Some makers leave the first frame at 0.08 s, or at any other time: it would be held, and the last frames lost."""
    path = clips(RED, seconds=2, codec=("-c:v", "libx264", "-bf", "3", *TAGS), extra=late)
    film = joined({"a": path, "b": clips(GREEN)})
    assert film.flashes() == [0, 24, 48]
    assert film.clicks() == pytest.approx([0, 1, 2], abs=0.07)


@pytest.mark.ci
def test_a_variable_rate_keeps_its_times(joined, clips):
    """Screen recordings drop frames that do not change: by counting, they would run too fast."""
    path = clips(RED, seconds=3, filters=",select='not(between(mod(n\\,24)\\,5\\,15))'", extra=("-fps_mode", "vfr"))
    film = joined({"a": path, "b": clips(GREEN)})
    assert film.flashes() == [0, 24, 48, 72]
    assert film.clicks() == pytest.approx(range(4), abs=0.03)


@pytest.mark.parametrize(
    ("suffix", "codec", "sound_codec"),
    [
        ("webm", ("-c:v", "libvpx-vp9", "-deadline", "realtime", *TAGS), ("-c:a", "libopus")),
        ("mov", ("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le", *TAGS), ("-c:a", "pcm_s16le")),
        ("mkv", ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", *TAGS), ()),
    ],
)
@pytest.mark.ci
def test_own_clips_come_in_other_formats(joined, clips, suffix, codec, sound_codec):
    """A sting from an editor would have to be converted by hand."""
    film = joined({"a": clips(RED, suffix=suffix, codec=codec, sound_codec=sound_codec), "b": clips(GREEN)})
    assert len(film.frames) == 48
    assert close(film.colour(12), RED)
    assert film.flashes() == [0, 24]
    assert film.clicks() == pytest.approx([0, 1], abs=0.001)


def test_a_turned_clip_is_shown_upright(joined, clips, tmp_path):
    """Phones store a portrait clip lying on its side, with a note to turn it."""
    lying, turned = clips(RED, size=(320, 180)), tmp_path / "turned.mp4"
    command = [ffmpeg.binary(), "-v", "error", "-display_rotation", "90", "-i", str(lying), "-c", "copy", str(turned)]
    subprocess.run(command, check=True)
    measure = probe.measure(turned)
    assert (measure.width, measure.height) == (180, 320)
    film = joined({"a": turned, "b": clips(GREEN)}, fit="pad")
    assert close(film.at(12, 160, 90), RED)
    assert close(film.at(12, 60, 90), (0, 0, 0))


def test_oblong_pixels_are_shown_wide(joined, clips):
    """A DV clip of 4:3 pixels in a 16:9 picture would be squeezed."""
    path = clips(RED, size=(240, 180), filters=",setsar=4/3")
    assert (probe.measure(path).width, probe.measure(path).height) == (320, 180)
    film = joined({"a": path})
    assert close(film.at(12, 4, 90), RED)
    assert close(film.at(12, 315, 90), RED)


@pytest.mark.parametrize(("fit", "edge"), [("pad", (0, 0, 0)), ("crop", RED), ("blur", (120, 24, 24))])
@pytest.mark.ci
def test_a_clip_of_another_shape_fits_as_asked(joined, clips, fit, edge):
    """A portrait clip in a landscape film would be stretched, or leave the film in two sizes."""
    film = joined({"a": clips(RED, size=(180, 320)), "b": clips(GREEN)}, fit=fit)
    assert {frame.shape for frame in film.frames} == {(180, 320, 3)}
    assert close(film.at(12, 160, 90), RED)
    assert close(film.at(12, 20, 90), edge, within=24)
    assert close(film.colour(36), GREEN)


@pytest.mark.ci
@pytest.mark.parametrize("size", [(1920, 1080), (333, 187), (319, 181), (2, 2)])
def test_any_size_becomes_the_films(joined, clips, size):
    """1080p among 720p, or an odd number of lines, would break the film in two."""
    film = joined({"a": clips(RED, size=size, codec=("-c:v", "libx264", "-pix_fmt", "yuv444p", *TAGS)), "b": clips()})
    assert {frame.shape for frame in film.frames} == {(180, 320, 3)}
    assert close(film.colour(12), RED)


@pytest.mark.parametrize(("size", "matrix"), [((320, 180), "bt601"), ((1280, 720), "bt709")])
@pytest.mark.ci
def test_untagged_colours_are_read_as_players_read_them(joined, clips, size, matrix):
    """Skin would turn orange or green in clips whose maker left the tags out."""
    filters = f",scale=in_color_matrix=bt709:out_color_matrix={matrix},setparams=colorspace=unknown"
    path = clips(RED, size=size, filters=filters, codec=("-c:v", "libx264"))
    assert probe.source(path).colour.matrix == {"bt601": 6, "bt709": 1}[matrix]
    assert close(joined({"a": path, "b": clips(GREEN)}).colour(12), RED)


def test_full_range_colours_are_not_washed_out(joined, clips):
    """Phones and screen recorders use all of 0 to 255: taken for the usual range, black would be grey."""
    full = ("-c:v", "libx264", "-pix_fmt", "yuvj420p", *TAGS[:-2], "-color_range", "pc")
    path = clips(RED, filters=",scale=in_range=tv:out_range=pc", codec=full)
    assert close(joined({"a": path, "b": clips(GREEN)}).colour(12), RED)


def test_the_film_says_what_its_colours_are(clips, tmp_path):
    """Players would guess, each of them otherwise."""
    path = clips(RED)
    film = join(laid({"a": path}), {"a": path}, tmp_path / "f.mp4", tmp_path / "s").path
    told = subprocess.run([ffmpeg.binary(), "-hide_banner", "-i", str(film)], capture_output=True, text=True).stderr
    assert "yuv420p(tv, bt709" in told
    assert "48000 Hz, stereo" in told
    assert "creation_time" not in told


def test_the_index_comes_first(clips, tmp_path):
    """A browser would have to fetch the whole film before the first picture."""
    path = clips(RED)
    content = join(laid({"a": path}), {"a": path}, tmp_path / "f.mp4", tmp_path / "s").path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.ci
def test_the_same_cut_gives_the_same_bytes(clips, tmp_path):
    """A film in git, or in a cache, would change without a reason."""
    paths = {"a": clips(RED), "b": clips(GREEN, fps=30, size=(180, 320)), "c": clips(BLUE, sound="")}
    cut = laid(paths, fit="blur")
    films = [join(cut, paths, tmp_path / f"{n}.mp4", tmp_path / f"scratch{n}") for n in range(2)]
    films.append(join(cut, paths, tmp_path / "again.mp4", tmp_path / "scratch0"))
    assert len({film.path.read_bytes() for film in films}) == 1
    assert films[0].bytes == films[0].path.stat().st_size


def test_changing_one_scene_makes_one_segment(clips, tmp_path):
    """Every small change would cost the whole film again."""
    paths = {"a": clips(RED), "b": clips(GREEN), "c": clips(BLUE)}
    cut = laid(paths)
    scratch = tmp_path / "scratch"
    join(cut, paths, tmp_path / "film.mp4", scratch)
    before = {path: path.stat().st_mtime_ns for path in scratch.iterdir()}
    parts = (cut.clips[0], replace(cut.clips[1], digest="d"), cut.clips[2])
    join(replace(cut, clips=parts), {**paths, "d": clips(GREY)}, tmp_path / "film.mp4", scratch)
    after = {path: path.stat().st_mtime_ns for path in scratch.iterdir()}
    assert len(before) == len(after) == 3
    assert len(before.items() & after.items()) == 2


def test_the_same_part_twice_is_made_once(clips, tmp_path):
    """A refrain would be made again for each of its scenes."""
    one = Clip("a", "x", Fraction(0), Fraction(1), 0, 24)
    cut = Timeline((one, replace(one, scene="b", at=24), replace(one, scene="c", at=48)), 320, 180, 24, "pad")
    counted: list[int] = []
    film = join(cut, {"x": clips(RED)}, tmp_path / "film.mp4", tmp_path / "scratch", counted.append)
    assert len(list(files(tmp_path / "scratch"))) == 1
    assert look(film.path).flashes() == [0, 24, 48]
    assert counted[-1] == 72


def test_clips_of_one_frame_join_too(clips, tmp_path):
    """A stutter cut of single frames would break the film."""
    paths = {"a": clips(RED), "b": clips(GREEN), "c": clips(BLUE)}
    parts = tuple(Clip(str(n), "abc"[n % 3], Fraction(5, 24), Fraction(6, 24), n, 1 if n < 9 else 2) for n in range(10))
    film = look(join(Timeline(parts, 320, 180, 24, "pad"), paths, tmp_path / "f.mp4", tmp_path / "s").path)
    assert len(film.frames) == 11
    assert all(close(film.colour(n), (RED, GREEN, BLUE)[n % 3]) for n in range(9))


@pytest.mark.ci
def test_sixty_short_scenes_do_not_drift(clips, tmp_path):
    """Rounding each scene would lose a second a minute."""
    parts = tuple(
        Clip(str(n), "x", Fraction(0), Fraction(9, 24), round(Fraction(n * 35, 100) * 24), length)
        for n in range(60)
        if (length := round(Fraction((n + 1) * 35, 100) * 24) - round(Fraction(n * 35, 100) * 24))
    )
    film = look(join(Timeline(parts, 320, 180, 24, "pad"), {"x": clips(RED)}, tmp_path / "f.mp4", tmp_path / "s").path)
    assert len(film.frames) == 504
    assert film.flashes() == [clip.at for clip in parts]
    assert film.clicks() == pytest.approx([clip.at / 24 for clip in parts], abs=0.001)


def test_progress_only_grows_and_ends_at_the_whole(clips, tmp_path):
    """The bar would jump back, or never be full."""
    paths = {"a": clips(RED, seconds=2), "b": clips(GREEN, seconds=2)}
    counted: list[int] = []
    join(laid(paths), paths, tmp_path / "film.mp4", tmp_path / "scratch", counted.append)
    assert counted == sorted(counted)
    assert counted[-1] == 96


@pytest.mark.ci
def test_whoever_is_told_can_stop_the_work(clips, tmp_path):
    """Ctrl-C would wait for the encoder, and leave half a film behind."""

    class Enough(Exception):
        pass

    def stop(frames: int) -> None:
        raise Enough

    paths = {"a": clips(RED, seconds=20)}
    before = set(threading.enumerate())
    with pytest.raises(Enough):
        join(laid(paths, size=(1920, 1080)), paths, tmp_path / "film.mp4", tmp_path / "scratch", stop)
    assert set(threading.enumerate()) <= before
    assert not list(files(tmp_path))


def test_a_film_is_never_written_through_a_link(clips, tmp_path):
    """A storyboard from elsewhere could overwrite any file of its user."""
    victim, out = tmp_path / "victim", tmp_path / "film.mp4"
    victim.write_text("precious")
    out.symlink_to(victim)
    path = clips(RED)
    join(laid({"a": path}), {"a": path}, out, tmp_path / "scratch")
    assert victim.read_text() == "precious"
    assert not out.is_symlink()


def test_a_damaged_clip_names_its_scene_and_leaves_the_old_film(clips, tmp_path):
    """Nobody would know which of a hundred scenes is at fault, and the good film would be gone."""
    out = tmp_path / "film.mp4"
    out.write_bytes(b"the film of yesterday")
    path = clips(RED)
    damaged = tmp_path / "damaged.mp4"
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    content[start:] = os.urandom(len(content) - start)
    damaged.write_bytes(content)
    with pytest.raises((LocalFault, BadMedia)) as caught:
        join(laid({"a": path, "b": path}), {"a": path, "b": damaged}, out, tmp_path / "scratch")
    assert "scene 'b'" in caught.value.message
    assert out.read_bytes() == b"the film of yesterday"


def test_a_full_disk_is_said_and_leaves_nothing(clips, tmp_path, monkeypatch):
    """The user would see a line of ffmpeg's and half a film."""
    full = tmp_path / "ffmpeg"
    full.write_text(
        '#!/bin/sh\n[ "$1" = -version ] && echo ffmpeg version 9 && exit\necho No space left on device >&2\nexit 228\n'
    )
    full.chmod(0o755)
    path = clips(RED)
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(full))
    with pytest.raises(LocalFault) as caught:
        join(laid({"a": path}), {"a": path}, tmp_path / "out" / "film.mp4", tmp_path / "scratch")
    assert "No space left" in caught.value.message
    assert "free some space" in caught.value.hint
    assert not list(files(tmp_path / "scratch"))


def test_a_planted_segment_opens_no_other_file(clips, tmp_path):
    """A scratch folder may come with a project from elsewhere: a playlist in it would lead to any file."""
    path = clips(RED)
    cut, scratch = laid({"a": path}), tmp_path / "scratch"
    join(cut, {"a": path}, tmp_path / "film.mp4", scratch)
    segment = next(scratch.glob("*.mp4"))
    segment.write_text(f"ffconcat version 1.0\nfile '{clips(GREEN).name}'\n")
    (scratch / clips(GREEN).name).write_bytes(clips(GREEN).read_bytes())
    film = look(join(cut, {"a": path}, tmp_path / "film.mp4", scratch).path)
    assert close(film.colour(12), RED)


def test_pruning_touches_nothing_of_others(clips, tmp_path):
    """A folder named by mistake would be emptied."""
    scratch, path = tmp_path / "scratch", clips(RED)
    scratch.mkdir()
    (scratch / "holiday.mp4").write_bytes(b"mine")
    join(laid({"a": path}), {"a": path}, tmp_path / "film.mp4", scratch)
    assert (scratch / "holiday.mp4").read_bytes() == b"mine"


def test_whoever_changes_how_films_are_made_says_so(clips):
    """Films and segments made before would be taken for what is made now, and two kinds put into one film."""
    source, shape = probe.source(clips(RED)), filters.FrameShape(320, 180, 24)
    used = [
        filters.picture_filter(replace(source, colour=colour, interlaced=True), shape, fit, Fraction(0))
        for fit in ("pad", "crop", "blur")
        for colour in (source.colour, Colour(9, 16, 9, False), Colour(11, 17, 1, False), Colour(12, 1, 1, True))
    ]
    settings = repr((used, segment.ENCODER, segment.PIECE, segment.NEUTRAL, segment.SOUND))
    # Where this differs, raise RENDER_VERSION, then write the new pair here.
    assert (RENDER_VERSION, hashlib.sha256(settings.encode()).hexdigest()[:12]) == (8, "99d64f1a6fb0")
