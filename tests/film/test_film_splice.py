"""The splice: what is copied is bit for bit what was bought, and a player gets it in time, whatever lies beside it."""

import errno
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from moving import BLUE, GREEN, GREY, RED, TAGS, Planes, close, decibels, files, laid, look, parted, planes
from tiers import every

from storyboard.film import copy
from storyboard.film import splice as hand
from storyboard.film.audio import joint
from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import CopiedPiece, FilmPlan, RenderedPiece
from storyboard.media import ffmpeg, probe
from storyboard.model.errors import BadMedia, LocalFault
from storyboard.mp4 import h264, reader
from storyboard.mp4.samples import BLOCK, AudioTrack, VideoTrack
from storyboard.mp4.writer import AudioSamples, VideoSamples, film_header
from storyboard.system import files as system_files
from storyboard.timeline.model import Clip, Timeline

SMALL = (64, 36)
# 64 frames of 24 a second are exactly 125 blocks of sound: there the sound cannot lie beside the picture at all.
EVEN = Fraction(64, 24)
NOISE = ",noise=alls=6:allf=t:all_seed=7"
BFRAMES = ("-c:v", "libx264", "-preset", "veryfast", "-g", "24", "-sc_threshold", "0", "-crf", "20", *TAGS)
OPEN = ("-c:v", "libx264", "-g", "12", "-x264-params", "open-gop=1:scenecut=0:bframes=3", *TAGS)
CAVLC = ("-c:v", "libx264", "-coder", "0", "-bf", "0", "-g", "24", *TAGS)
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", *TAGS)


def spliced(cut: Timeline, paths: Mapping[str, Path], folder: Path) -> tuple[FilmPlan, Path]:
    """The plan, and the film that was made by it."""
    known = hand.indexes(paths)
    plan = plan_film(cut, known)
    assert isinstance(plan, FilmPlan), plan
    film = hand.splice(plan, known, paths, folder / "film.mp4", folder / "scratch")
    assert (film.bytes, film.checksum) == (film.path.stat().st_size, system_files.checksum(film.path))
    return plan, film.path


def pictures(path: Path) -> list[str]:
    """The sum of every frame, in the order in which they are seen."""
    with av.open(str(path)) as film:
        return [hashlib.md5(frame.to_ndarray().tobytes()).hexdigest() for frame in film.decode(video=0)]


def check(plan: FilmPlan, film: Path, paths: Mapping[str, Path]) -> None:
    """What holds for every film: frames counted, evenly spaced, copied ones identical; samples exact; index first."""
    own = pictures(film)
    assert len(own) == plan.cut.frames
    at = 0
    for piece in plan.pictures:
        if isinstance(piece, CopiedPiece):
            assert own[at : at + piece.length] == pictures(paths[piece.source])[piece.first : piece.last]
        at += piece.length
    seen = look(film)
    assert {later - one for one, later in pairwise(seen.times)} <= {Fraction(1, plan.cut.fps)}
    assert seen.times[0] == 0
    samples = Fraction(plan.cut.frames * plan.form[0], plan.cut.fps)
    assert seen.sound.shape[1] == -int(-samples // BLOCK) * BLOCK  # a decoder gives the last block whole
    assert abs(seen.sound).max() <= 1
    _read_in_order(film, samples)
    _played(film, samples, plan.form[1])
    content = film.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    again = reader.read(film)
    assert isinstance(again.frames, VideoTrack)
    assert isinstance(again.sound, AudioTrack)
    assert (again.frames.begins, again.sound.begins, again.sound.priming) == (0, 0, 1024)
    assert again.frames.look.colour == (1, 1, 1, False)  # said in full: a browser does not believe a part of it
    listed = content.index(b"stss") + 8
    count = int.from_bytes(content[listed : listed + 4])
    rows = [content[listed + 4 * at :][:4] for at in range(1, count + 1)]
    assert [int.from_bytes(row) - 1 for row in rows] == list(again.frames.starts)
    _sought(film, again.frames.starts, own)


def _read_in_order(film: Path, samples: Fraction) -> None:
    """Times rise in the order of decoding, evenly; no two frames are seen at once."""
    with av.open(str(film)) as opened:
        picture, sound = opened.streams.video[0], opened.streams.audio[0]
        assert sound.start_time == 0
        assert abs(sound.duration - samples) <= Fraction(1, 2)  # at 44.1 kHz a film may end within one
        assert abs(opened.duration - picture.duration * picture.time_base * 1_000_000) < 25
        packets = [packet for packet in opened.demux() if packet.size]
    for stream in (picture, sound):
        times = [packet.dts for packet in packets if packet.stream is stream]
        steps = {later - one for one, later in pairwise(times[:-1])}
        assert len(steps) <= 1
        assert all(later > one for one, later in pairwise(times))
    frames = [packet for packet in packets if packet.stream is picture]
    assert len({packet.pts for packet in frames}) == len(frames)


def _played(film: Path, samples: Fraction, channels: int) -> None:
    """ffmpeg has nothing to say of it, and writes just so many samples."""
    command = [ffmpeg.binary(), "-v", "error", "-xerror", "-i", str(film), "-map", "0:v", "-f", "null", "-"]
    said = subprocess.run([*command, "-map", "0:a", "-f", "s16le", "pipe:1"], capture_output=True)
    assert (said.returncode, said.stderr) == (0, b"")
    assert abs(Fraction(len(said.stdout), 2 * channels) - samples) <= Fraction(1, 2)


def _sought(film: Path, starts: Sequence[int], linear: Sequence[str]) -> None:
    """Decoding from each place to seek to, up to the next, gives the same as decoding all of it."""
    with av.open(str(film)) as opened:
        video = opened.streams.video[0]
        for start, end in pairwise([*starts, len(linear)]):
            opened.seek(round(Fraction(start, video.average_rate) / video.time_base), stream=video)
            frames = islice(opened.decode(video), end - start)
            assert [hashlib.md5(frame.to_ndarray().tobytes()).hexdigest() for frame in frames] == linear[start:end]


@pytest.fixture
def small(clips):
    """A clip of a colour, 64 frames, that shares all its parameters with the others."""

    def clip(colour, **options):
        return clips(colour, **{"seconds": float(EVEN), "size": SMALL, "filters": NOISE, "codec": BFRAMES, **options})

    return clip


def test_equal_clips_are_copied_whole(small, tmp_path):
    """Every frame that was paid for would lose a little, and the film take minutes."""
    paths = {"a": small(RED), "b": small(GREEN), "c": small(BLUE)}
    plan, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    assert plan.pictures == tuple(CopiedPiece(name, 0, 64) for name in "abc")
    check(plan, film, paths)
    seen = look(film)
    assert seen.flashes() == [64 * n + second for n in range(3) for second in (0, 24, 48)]
    assert seen.clicks() == pytest.approx([at / 24 for at in seen.flashes()], abs=0.001)


def shifted(path: Path, out: Path, samples: int) -> Path:
    """The same clip with another number of samples in front of its sound, as other encoders have."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst", content.index(b"soun") - 400)
    assert int.from_bytes(content[at + 16 : at + 20]) == 1024
    content[at + 16 : at + 20] = samples.to_bytes(4)
    out.write_bytes(content)
    return out


def wide(path: Path, out: Path) -> Path:
    """The same clip with offsets of 64 bits. Its index stands behind its media, so that they need not move."""
    content = path.read_bytes()
    assert content.index(b"mdat") < content.index(b"moov")

    def widened(box: bytes) -> bytes:
        kind, inside = box[4:8], box[8:]
        if kind == b"stco":
            rows = [inside[at : at + 4] for at in range(8, len(inside), 4)]
            kind, inside = b"co64", inside[:8] + b"".join(bytes(4) + row for row in rows)
        elif kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):
            parts, at = [], 0
            while at < len(inside):
                length = int.from_bytes(inside[at : at + 4])
                parts.append(widened(inside[at : at + length]))
                at += length
            inside = b"".join(parts)
        return (len(inside) + 8).to_bytes(4) + kind + inside

    start = content.index(b"moov") - 4
    out.write_bytes(content[:start] + widened(content[start:]))
    return out


def turned(path: Path, out: Path) -> Path:
    command = [ffmpeg.binary(), "-v", "error", "-display_rotation", "90", "-i", str(path), "-c", "copy", str(out)]
    subprocess.run(command, check=True)
    return out


COPIED = {
    "same": {},
    "other encoder settings": {"codec": ("-c:v", "libx264", "-bf", "2", "-refs", "5", "-g", "30", *TAGS)},
    "no B-frames": {"codec": ("-c:v", "libx264", "-preset", "ultrafast", *TAGS)},
    "CAVLC": {"codec": CAVLC},
    "several slices": {"codec": (*BFRAMES, "-x264-params", "slices=3")},
    "time scale 90000": {"extra": ("-video_track_timescale", "90000")},
    "time scale 24000": {"extra": ("-video_track_timescale", "24000")},
    "time scale 24": {"extra": ("-video_track_timescale", "24")},
    "time scale 1000": {"extra": ("-video_track_timescale", "1000")},
    "no sound": {"sound": ""},
    "mono 44.1 kHz": {"sound": "mono", "hertz": 44100},
    "mono": {"sound": "mono"},
    "short sound": {"sound_seconds": 2.6},
    "long sound": {"sound_seconds": 2.72},
    "other sound": {"sound_codec": ("-c:a", "mp3"), "codec": BFRAMES},
    "open groups": {"codec": OPEN},
    "index in front": {"extra": ("-movflags", "+faststart")},
    "no edit list": {"extra": ("-use_editlist", "0")},
    "late": {"extra": ("-output_ts_offset", "0.5")},
}
RENDERED = {
    "portrait": {"size": (36, 64)},
    "larger": {"size": (128, 72)},
    "other colours": {"filters": NOISE + ",scale=out_range=pc", "codec": (*BFRAMES, "-color_range", "pc")},
    "4:4:4": {"codec": ("-c:v", "libx264", "-pix_fmt", "yuv444p", *TAGS)},
    "10 bits": {"codec": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le", *TAGS)},
    "25 frames a second": {"fps": 25, "seconds": 2.68},
    "uneven": {"filters": NOISE + ",select='not(eq(mod(n\\,24)\\,5))'", "extra": ("-fps_mode", "vfr")},
    "HEVC": {"codec": X265},
    "WebM": {"suffix": "webm", "codec": ("-c:v", "libvpx-vp9", "-deadline", "realtime"), "sound_codec": ()},
    "fragmented": {"extra": ("-movflags", "+frag_keyframe+empty_moov")},
}


SAME_FRAMES = ("larger", "other colours", "4:4:4", "10 bits", "HEVC", "WebM", "fragmented")


def brought(path: Path) -> list[Planes]:
    """Each frame of a clip in the film's size and colours, as ffmpeg's scaler has it."""
    with av.open(str(path)) as clip:
        return [
            parted(frame.reformat(*SMALL, "yuv420p", "ITU709", "ITU709", "BICUBIC", None, "MPEG"))
            for frame in clip.decode(video=0)
        ]


ANYWHERE = ("no sound", "mono 44.1 kHz", "other encoder settings", "portrait")


@pytest.mark.parametrize(
    ("odd", "place"),
    every(6, [(odd, at) for odd in (*COPIED, *RENDERED) for at in ((0, 1, 2) if odd in ANYWHERE else (1,))]),
)
@pytest.mark.ci
def test_an_odd_clip_stands_beside_the_others(small, tmp_path, odd, place):
    """ffmpeg's own way would be silently wrong: films of 116 s instead of 16, without sound, or that do not play."""
    others = iter(((RED, {}), (BLUE, {})))
    made = {str(n): (GREEN, {**COPIED, **RENDERED}[odd]) if n == place else next(others) for n in range(3)}
    paths = {name: small(colour, **options) for name, (colour, options) in made.items()}
    plan, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    check(plan, film, paths)
    said, counted = probe.measure(paths[str(place)]), probe.source(paths[str(place)]).measure
    assert said == replace(counted, fps=said.fps)
    assert said.fps == counted.fps or (odd == "time scale 1000" and abs(said.fps - counted.fps) < Fraction(1, 100))
    copied = [piece.source for piece in plan.pictures if isinstance(piece, CopiedPiece)]
    assert copied == [name for name in paths if odd in COPIED or int(name) != place]
    if odd in SAME_FRAMES:
        for own, due in zip(planes(film)[64 * place : 64 * place + 64], brought(paths[str(place)]), strict=True):
            assert decibels(own, due) >= 36
    seen = look(film)
    assert all(close(seen.colour(64 * n + 12), made[str(n)][0], within=40) for n in range(3))
    assert {64 * n for n in range(3)} <= set(seen.flashes())
    loud = [n for n in range(3) if n != place or odd != "no sound"]
    clicks = [64 * n / 24 + second for n in loud for second in (0, 1, 2)]
    within = 0.022 if odd in ("no edit list", "25 frames a second", "uneven") else 0.0025
    assert seen.clicks() == pytest.approx(clicks, abs=within)


@pytest.mark.parametrize("form", ["turned", "wide", "primed"])
@pytest.mark.ci
def test_clips_of_other_writers_keep_their_place(small, tmp_path, form):
    """A phone's clip lies on its side; large files have wide offsets; Apple's encoders begin with 2,112 samples."""
    odd = small(GREEN)
    ways = {"turned": turned, "wide": wide, "primed": lambda path, out: shifted(path, out, 2112)}
    paths = {"a": small(RED), "b": ways[form](odd, tmp_path / "odd.mp4"), "c": small(BLUE)}
    cut = laid({"a": paths["a"], "b": odd, "c": paths["c"]}, size=SMALL)
    plan, film = spliced(cut, paths, tmp_path)
    check(plan, film, paths)
    assert isinstance(plan.pictures[1], RenderedPiece if form == "turned" else CopiedPiece)
    heard = [64 / 24 + second for second in (0, 1, 2)]
    if form == "primed":  # the clip says that 1,088 samples more of it are not heard: its clicks come that much earlier
        heard = [second - 1088 / 48000 for second in heard]
    late = [click for click in look(film).clicks() if 2.7 < click < 5.3]
    assert late == pytest.approx([second for second in heard if second > 2.7], abs=0.0025)


def test_a_clip_of_one_frame(small, tmp_path):
    """A stutter cut of single frames would break the film."""
    paths = {"a": small(RED), "b": small(GREEN, seconds=1 / 24), "c": small(BLUE)}
    plan, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    assert plan.pictures == (CopiedPiece("a", 0, 64), CopiedPiece("b", 0, 1), CopiedPiece("c", 0, 64))
    check(plan, film, paths)


@pytest.mark.ci
def test_too_many_kinds_of_encoders_are_rendered(small, tmp_path):
    """One avcC holds so many parameter sets, and no more."""
    paths = {str(n): small(RED, seconds=0.25, codec=("-c:v", "libx264", "-qp", str(20 + n), *TAGS)) for n in range(20)}
    plan, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    assert sum(isinstance(piece, CopiedPiece) for piece in plan.pictures) == 16
    check(plan, film, paths)


PARTS = [(0, 64), (24, 64), (24, 48), (10, 50), (1, 63), (25, 40), (47, 49), (0, 1), (63, 64), (30, 35), (48, 64)]


@pytest.mark.parametrize(("first", "last"), every(3, PARTS))
@pytest.mark.ci
def test_a_trim_shows_just_those_frames(small, tmp_path, first, last):
    """A trim at the next key frame shows up to two seconds that the author has cut away."""
    paths = {"x": small(GREEN), "y": small(RED)}
    parts = (
        Clip("y", "y", Fraction(0), EVEN, 0, 64),
        Clip("x", "x", Fraction(first, 24), Fraction(last, 24), 64, last - first),
        Clip("z", "y", Fraction(0), EVEN, 64 + last - first, 64),
    )
    plan, film = spliced(Timeline(parts, *SMALL, 24, "pad"), paths, tmp_path)
    check(plan, film, paths)
    seen = look(film)
    due = [64 + at - first for at in (0, 24, 48) if first <= at < last]
    assert [at for at in seen.flashes() if 64 <= at < 64 + last - first] == due
    # Sound begins with a whole block: of a click right at the cut, a part may be left out.
    due = [at / 24 for at in seen.flashes() if not 64 <= at < 66]
    heard = [click for click in seen.clicks() if not 64 / 24 - 0.02 <= click < 66 / 24]
    assert heard == pytest.approx(due, abs=0.0225)
    own, theirs = look(paths["x"]).frames[first:last], seen.frames[64 : 64 + last - first]
    noise = [((one.astype(float) - other) ** 2).mean() for one, other in zip(own, theirs, strict=True)]
    assert max(noise) < 16.5  # 36 dB


def test_the_head_of_a_trim_is_as_near_to_the_clip_as_the_copied_rest(clips, tmp_path):
    """A clip with one key frame is re-encoded nearly whole: the trimmed scene would look worse than its neighbours."""
    noisy = ("-c:v", "libx264", "-g", "250", "-bf", "3", "-sc_threshold", "0", "-b:v", "900k", *TAGS)
    clip = clips(GREEN, seconds=2, filters=",noise=alls=10:allf=t:all_seed=3", codec=noisy)
    cut = Timeline((Clip("x", "x", Fraction(12, 24), Fraction(44, 24), 0, 32),), 320, 180, 24, "pad")
    plan, film = spliced(
        replace(cut, clips=(*cut.clips, Clip("y", "x", Fraction(0), Fraction(2), 32, 48))), {"x": clip}, tmp_path
    )
    assert [type(piece) for piece in plan.pictures] == [RenderedPiece, CopiedPiece]
    own = planes(film)[:32]
    assert min(decibels(one, other) for one, other in zip(own, planes(clip)[12:44], strict=True)) >= 40


def test_only_the_head_and_the_end_of_a_trim_are_rendered(small, tmp_path):
    """Trimming a scene by a frame would cost its whole length."""
    plan, _ = spliced(
        Timeline((Clip("x", "x", Fraction(20, 24), Fraction(60, 24), 0, 40),), *SMALL, 24, "pad"),
        {"x": small(GREEN)},
        tmp_path,
    )
    assert [(type(piece), piece.length) for piece in plan.pictures[:2]] == [
        (RenderedPiece, 4),
        (CopiedPiece, 40 - 4 - sum(piece.length for piece in plan.pictures[2:])),
    ]
    assert sum(piece.length for piece in plan.pictures[2:]) <= 3


@pytest.mark.ci
def test_every_place_to_seek_to_shows_the_right_frame(small, tmp_path):
    """Jumping into the film, a player would show rubble: frames whose references, or parameters, it has not read."""
    paths = {"a": small(RED), "b": small(GREEN, codec=CAVLC), "c": small(BLUE, codec=OPEN), "d": small(GREY)}
    cut = laid(paths, size=SMALL)
    trimmed = replace(cut.clips[3], start=Fraction(10, 24), end=Fraction(60, 24), frames=50)
    _, film = spliced(replace(cut, clips=(*cut.clips[:3], trimmed)), paths, tmp_path)
    linear = pictures(film)
    index = reader.read(film)
    assert isinstance(index.frames, VideoTrack)
    assert len(index.frames.starts) >= 9
    for start in index.frames.starts:
        with av.open(str(film)) as opened:
            video = opened.streams.video[0]
            opened.seek(round(Fraction(start, 24) / video.time_base), stream=video)
            frames = [hashlib.md5(frame.to_ndarray().tobytes()).hexdigest() for frame in opened.decode(video)]
        assert frames == linear[start:]


@pytest.mark.ci
def test_a_hundred_clips_do_not_drift(small, tmp_path):
    """21 ms too many at each joint are two seconds at the end: lips and words far apart."""
    paths = {str(n): small(colour) for n, colour in enumerate((RED, GREEN, BLUE))}
    parts = tuple(Clip(str(n), str(n % 3), Fraction(0), EVEN, 64 * n, 64) for n in range(100))
    _, film = spliced(Timeline(parts, *SMALL, 24, "pad"), paths, tmp_path)
    seen = look(film)
    assert (len(seen.frames), seen.sound.shape[1]) == (6400, 100 * 128_000)
    flashes, clicks = seen.flashes(), seen.clicks()
    assert len(flashes) == len(clicks) == 300
    assert max(abs(flash / 24 - click) for flash, click in zip(flashes, clicks, strict=True)) < 0.001
    assert abs(seen.sound).max() <= 1
    due = look(paths["0"]).sound[:, :128_000]
    for edge in range(128_000, 100 * 128_000, 128_000):  # a click stands on each: the worst that there is
        assert clean(due[:, :1024], seen.sound[:, edge : edge + 1024]) > 20
        assert clean(due[:, -1024:], seen.sound[:, edge - 1024 : edge]) > 20


def clean(due: numpy.ndarray, heard: numpy.ndarray) -> float:
    """The signal-to-noise ratio of sound (channels, samples) in dB, in the worse channel."""
    noise = ((heard - due) ** 2).mean(axis=1)
    return float(10 * numpy.log10((due**2).mean(axis=1) / noise).min())


MUSIC = "0.2*sin(2*PI*(220+{n}*37)*t)*exp(-3*mod(t\\,0.5))+0.1*sin(2*PI*(660+{n}*31)*t)+0.05*(random({n})*2-1)"


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.ci
def test_sound_is_whole_on_both_sides_of_a_joint(tmp_path, channels):
    """The first syllable of each scene would be swallowed, or the last one."""
    paths, ideal = {}, []
    for n in range(4):
        path = tmp_path / f"{n}.mp4"
        sound = "aevalsrc='" + "|".join([MUSIC.format(n=n)] * channels) + f"':s=48000:d={float(EVEN)}"
        picture = f"color=c=gray:s={SMALL[0]}x{SMALL[1]}:r=24:d={float(EVEN)}"
        command = [ffmpeg.binary(), "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound]
        subprocess.run([*command, "-pix_fmt", "yuv420p", *TAGS, "-b:a", "192k", "-aac_pns", "0", str(path)], check=True)
        paths[str(n)] = path
        ideal.append(look(path).sound[:, :128_000])
    plan, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    check(plan, film, paths)
    assert plan.form == (48000, channels)
    wanted, sound = numpy.concatenate(ideal, axis=1), look(film).sound
    for edge in (128_000 * n for n in range(1, 4)):
        for part in (slice(edge - 1024, edge), slice(edge, edge + 1024)):
            assert clean(wanted[:, part], sound[:, part]) > 22
        assert abs(sound[:, edge - 60_000 : edge - 1024] - wanted[:, edge - 60_000 : edge - 1024]).max() < 1e-6


@pytest.mark.parametrize("early", [11, 12, 13])
def test_a_sharp_sound_stays_as_loud_as_it_is(small, tmp_path, early):
    """A door that slams where the sound of a clip is encoded would crackle: louder than a player can be."""
    paths = {"a": small(RED, sound="mono"), "b": small(GREEN)}
    parts = (
        Clip("a", "a", Fraction(0), Fraction(early, 24), 0, early),
        Clip("b", "b", Fraction(1), Fraction(27, 24), early, 3),
    )
    plan, film = spliced(Timeline(parts, *SMALL, 24, "pad"), paths, tmp_path)
    assert isinstance(plan.sound[1], RenderedPiece)
    assert plan.form == (48000, 1)
    assert 0.6 < abs(look(film).sound[:, early * 2000 :]).max() < 0.75


def test_silence_is_silence(small, tmp_path):
    """A hiss, or the end of the scene before, under a scene that has no sound."""
    paths = {"a": small(RED), "b": small(GREEN, sound=""), "c": small(BLUE)}
    _, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    assert not look(film).sound[:, 128_000 + 1024 : 256_000 - 1024].any()


def test_the_same_film_has_the_same_bytes(small, tmp_path):
    """A film in git, or in a cache, would change without a reason."""
    paths = {"a": small(RED), "b": small(GREEN, size=(36, 64)), "c": small(BLUE, codec=CAVLC, sound="mono")}
    contents = {spliced(laid(paths, size=SMALL), paths, tmp_path / name)[1].read_bytes() for name in ("x", "y", "x")}
    assert len(contents) == 1


@pytest.mark.ci
def test_all_odd_clips_in_one_film(small, tmp_path):
    """Each goes well beside two plain ones; a film of an author's own clips has them all."""
    names = [odd for odd in (*COPIED, *RENDERED) if odd not in ("no edit list", "25 frames a second", "uneven")]
    names += ["turned", "wide", "primed", "one frame", "same"]
    ways = {"turned": turned, "wide": wide, "primed": lambda path, out: shifted(path, out, 2112)}
    paths, lengths = {}, {}
    for number, odd in enumerate(reversed(names)):
        name = str(number)
        options = {"seconds": 1 / 24} if odd == "one frame" else {**COPIED, **RENDERED}.get(odd, {})
        paths[name] = small((40 + 6 * number, 90, 160), **options)
        if odd in ways:
            paths[name] = ways[odd](paths[name], tmp_path / f"{odd}.mp4")
        lengths[name] = 1 if odd == "one frame" else 64
    parts, at = [], 0
    for name, length in lengths.items():
        parts.append(Clip(name, name, Fraction(0), Fraction(length, 24), at, length))
        at += length
    plan, film = spliced(Timeline(tuple(parts), *SMALL, 24, "pad"), paths, tmp_path)
    check(plan, film, paths)
    assert sum(isinstance(piece, CopiedPiece) for piece in plan.pictures) == len(COPIED) + 3
    flashes = [part.at + second for part in parts for second in (0, 24, 48) if second < part.frames]
    assert look(film).flashes() == flashes


@pytest.mark.ci
def test_sound_of_takes_that_ends_early_or_late(small, tmp_path):
    """Takes of 8 s have sound of 7.95 s or 8.03 s: after ten of them lips and words would be apart."""
    lengths = (None, 7.95, 8.03, None, 8.03, 7.95, None)
    paths = {str(n): small((30 * n + 20, 80, 80), seconds=8, sound_seconds=long) for n, long in enumerate(lengths)}
    plan, film = spliced(laid(paths, size=SMALL), paths, tmp_path)
    check(plan, film, paths)
    seen = look(film)
    assert (len(seen.frames), seen.sound.shape[1]) == (7 * 192, 7 * 384_000)
    assert seen.flashes() == [24 * second for second in range(56)]
    assert seen.clicks() == pytest.approx(range(56), abs=0.001)


ANEW = """
import sys
from fractions import Fraction
from pathlib import Path
from storyboard.film import splice as hand
from storyboard.film.film_plan import plan_film
from storyboard.model.storyboard import Title
from storyboard.mp4.metadata import Chapter, FilmMetadata
from storyboard.timeline.model import Clip, Overlay, TimedTransition, Timeline
folder, *files = map(Path, sys.argv[1:])
paths = {path.name: path for path in files}
clips, at = [], 0
for name in paths:
    joint = TimedTransition("dissolve", 6) if at else None
    at -= 6 if joint else 0
    clips.append(Clip(name, name, Fraction(0), Fraction(64, 24), at, 64, joint))
    at += 64
title = Title("Gulls", Fraction(0), None, "center", Fraction(16, 100), "#ffff00", "box")
cut = Timeline(tuple(clips), 64, 36, 24, "pad", (Overlay(title, 60, 20, 5),))
known = hand.indexes(paths)
notes = FilmMetadata("Gulls", "storyboard", "", tuple(Chapter(clip.scene, clip.at) for clip in clips))
hand.splice(plan_film(cut, known), known, paths, folder / "film.mp4", folder / "scratch", notes=notes)
"""


@pytest.mark.ci
def test_another_run_gives_the_same_bytes(small, tmp_path):
    """Another process has another order of sets and dictionaries, another machine more processors."""
    odd = ({}, {"codec": CAVLC}, {"codec": OPEN, "sound": ""}, {"size": (36, 64), "sound": "mono"}, {"codec": X265})
    files = [small((40 * n + 30, 90, 60), **options) for n, options in enumerate(odd)]
    contents = set()
    for seed, processors in (("0", 1), ("1", 2), ("77", 1)):
        folder = tmp_path / seed
        folder.mkdir()
        code = f"import os; os.cpu_count = lambda: {processors}\n" + ANEW
        command = [sys.executable, "-c", code, str(folder), *map(str, files)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        contents.add((folder / "film.mp4").read_bytes())
    assert len(contents) == 1


@pytest.mark.ci
def test_a_film_is_a_clip_of_another_film(small, tmp_path):
    """What was cut here, a part of it twice, is the author's own: it must not be called damaged."""
    paths = {"a": small(RED), "b": small(GREEN, codec=CAVLC), "c": small(BLUE, size=(36, 64), sound="mono")}
    parts, at = [], 0
    for name in "aabbccaba":
        for first, length in ((0, 64), (0, 64), (30, 20), (30, 20), (40, 24), (0, 30)):
            ends = Fraction(first + length, 24)
            parts.append(Clip(f"{name}{at}", name, Fraction(first, 24), ends, at, length))
            at += length
    plan, film = spliced(Timeline(tuple(parts), *SMALL, 24, "pad"), paths, tmp_path)
    check(plan, film, paths)
    content = reader.read(film)
    assert isinstance(content.frames, VideoTrack)
    again = {"film": film, "a": paths["a"]}
    plan, other = spliced(laid(again, size=SMALL), again, tmp_path / "again")
    check(plan, other, again)
    assert pictures(other)[-64:] == pictures(paths["a"])


@pytest.mark.ci
def test_a_film_of_clips_that_do_not_say_their_colours_says_them(small, tmp_path):
    """Beside what is rendered here, the same colours would look different; and the film could not be copied again."""
    untagged = {"codec": BFRAMES[: -len(TAGS)], "filters": ",setparams=colorspace=unknown"}
    paths = {"a": small(RED, size=(1280, 720), seconds=0.5, **untagged), "b": small(GREEN, seconds=0.5)}
    assert reader.read(paths["a"]).frames.look.colour[2] == 2
    plan, film = spliced(laid(paths, size=(1280, 720)), paths, tmp_path)
    assert [type(piece) for piece in plan.pictures] == [CopiedPiece, RenderedPiece]
    check(plan, film, paths)


def disordered(path: Path, out: Path) -> Path:
    """The same clip with its frames, one a chunk, lying from last to first in the file."""
    index = reader.read(path)
    assert isinstance(index.frames, VideoTrack)
    assert isinstance(index.sound, AudioTrack)
    frames, sound, content = index.frames, index.sound, path.read_bytes()
    media, places = bytearray(), {}
    for stored in (frames.stored, sound.stored):
        for at, size in reversed(list(zip(stored.offsets, stored.sizes, strict=True))):
            places[at] = len(media)
            media += content[at : at + size]
    shown = VideoSamples(
        frames.stored.sizes,
        [places[at] for at in frames.stored.offsets],
        frames.shown,
        frames.starts,
        24,
        frames.look,
        h264.config([frames.sets]),
    )
    heard = AudioSamples(sound.stored.sizes, [places[at] for at in sound.stored.offsets], 48000, 2, sound.config)
    out.write_bytes(film_header(shown, heard, len(media)) + media)
    return out


def test_a_clip_that_lies_backwards_in_its_file(small, tmp_path):
    """Whatever wrote it: seen twice, a part of it would be in the film once, and the film could not be used again."""
    paths = {"a": disordered(small(RED), tmp_path / "backwards.mp4")}
    parts = tuple(Clip(str(n), "a", Fraction(0), EVEN, 64 * n, 64) for n in range(3))
    plan, film = spliced(Timeline(parts, *SMALL, 24, "pad"), paths, tmp_path)
    check(plan, film, paths)


@pytest.mark.ci
def test_changing_one_scene_makes_two_joints(small, tmp_path):
    """Every small change would cost the whole film again."""
    paths = {name: small((20 * n + 40, 60, 90)) for n, name in enumerate("abcdef")}
    spliced(laid(paths, size=SMALL), paths, tmp_path)
    before = joint.read_joints(tmp_path / "scratch" / "joints")
    others = {("g" if name == "c" else name): path for name, path in paths.items()}
    others["g"] = small(GREY)
    spliced(laid(others, size=SMALL), others, tmp_path)
    after = joint.read_joints(tmp_path / "scratch" / "joints")
    assert len(before) == len(after) == 5
    assert len(before.items() & after.items()) == 3


@pytest.mark.parametrize("odd", [{"fps": 25}, {"size": (128, 72)}, {"codec": X265}], ids=str)
def test_where_nothing_can_be_copied_it_is_said_why(small, odd):
    """The film would take minutes, and nobody knew why."""
    paths = {"a": small(RED, **odd)}
    why = plan_film(laid(paths, size=SMALL), hand.indexes(paths))
    assert isinstance(why, str)
    assert "no clip can be copied: scene a: it" in why


def test_a_damaged_clip_names_its_scene_and_leaves_the_old_film(small, tmp_path):
    """Nobody would know which of a hundred scenes is at fault, and the good film would be gone."""
    good, damaged = small(RED), tmp_path / "damaged.mp4"
    damaged.write_bytes(good.read_bytes()[: good.stat().st_size * 2 // 3])
    out = tmp_path / "film.mp4"
    out.write_bytes(b"the film of yesterday")
    paths = {"a": good, "b": damaged}
    with pytest.raises((LocalFault, BadMedia)) as caught:
        spliced(laid({"a": good, "b": good}, size=SMALL), paths, tmp_path)
    assert "scene 'b'" in caught.value.message
    assert out.read_bytes() == b"the film of yesterday"


def test_planted_files_are_not_followed(small, tmp_path):
    """A scratch folder may come with a project from elsewhere: links in it would lead to any file."""
    paths = {"a": small(RED), "b": small(GREEN)}
    cut = laid(paths, size=SMALL)
    _, film = spliced(cut, paths, tmp_path)
    good = film.read_bytes()
    (joints,) = (tmp_path / "scratch").iterdir()
    (tmp_path / "secret").write_bytes(b"the key")
    for planted in (b"", b"\0" * 900, b"rubbish"):
        joints.write_bytes(planted)
        assert spliced(cut, paths, tmp_path)[1].read_bytes() == good
    joints.unlink()
    joints.symlink_to(tmp_path / "secret")
    assert spliced(cut, paths, tmp_path)[1].read_bytes() == good
    assert (tmp_path / "secret").read_bytes() == b"the key"


def test_pruning_touches_nothing_of_others(small, tmp_path):
    """A folder named by mistake would be emptied."""
    (tmp_path / "scratch").mkdir()
    (tmp_path / "scratch" / "holiday.mp4").write_bytes(b"mine")
    (tmp_path / "scratch" / f"{'0' * 32}.m4a").write_bytes(b"old")
    paths = {"a": small(RED)}
    spliced(laid(paths, size=SMALL), paths, tmp_path)
    assert list(files(tmp_path / "scratch")) == ["holiday.mp4"]


def test_whoever_is_told_can_stop_the_work(small, tmp_path):
    """Ctrl-C would wait for a gigabyte to be copied, and leave half a film behind."""

    class Enough(Exception):
        pass

    def stop(frames: int) -> None:
        raise Enough

    paths = {"a": small(RED)}
    known = hand.indexes(paths)
    plan = plan_film(laid(paths, size=SMALL), known)
    assert isinstance(plan, FilmPlan)
    with pytest.raises(Enough):
        hand.splice(plan, known, paths, tmp_path / "film.mp4", tmp_path / "scratch", stop)
    assert not list(files(tmp_path))


def test_a_disk_that_gives_no_space_beforehand_gets_the_film(small, tmp_path, monkeypatch):
    """On macOS, or on a network's disk, there would be no film."""
    paths = {"a": small(RED), "b": small(GREEN)}
    cut = laid(paths, size=SMALL)
    good = spliced(cut, paths, tmp_path)[1].read_bytes()

    def refused(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr("os.posix_fallocate", refused)
    assert spliced(cut, paths, tmp_path)[1].read_bytes() == good
    monkeypatch.delattr("os.posix_fallocate")
    assert spliced(cut, paths, tmp_path)[1].read_bytes() == good


def test_a_long_film_is_synced_while_it_grows(small, tmp_path, monkeypatch):
    """A disk that lost what was written before the end would be believed: it tells of that once."""
    paths = {"a": small(RED), "b": small(GREEN)}
    cut = laid(paths, size=SMALL)
    good = spliced(cut, paths, tmp_path)[1].read_bytes()
    monkeypatch.setattr(copy, "_STRIDE", 1000)
    monkeypatch.setattr(copy, "PIECE", 5000)
    monkeypatch.setattr(system_files, "PIECE", 5000)
    assert spliced(cut, paths, tmp_path)[1].read_bytes() == good

    def refused(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fdatasync", refused)
    with pytest.raises(LocalFault, match="Input/output error"):
        spliced(cut, paths, tmp_path)
    assert (tmp_path / "film.mp4").read_bytes() == good
    monkeypatch.setattr(copy, "_BESIDE", False)
    assert spliced(cut, paths, tmp_path)[1].read_bytes() == good


@pytest.mark.parametrize("at", ["first", "last"])
def test_a_clip_that_becomes_shorter_while_it_is_copied_is_told(small, tmp_path, monkeypatch, at):
    """Whoever of the two that copy meets it, the film would have a hole."""
    paths = {"a": small(RED), "b": tmp_path / "own.mp4"}
    paths["b"].write_bytes(small(GREEN).read_bytes())
    known = hand.indexes(paths)
    plan = plan_film(laid(paths, size=SMALL), known)
    assert isinstance(plan, FilmPlan)
    hand.splice(plan, known, paths, tmp_path / "film.mp4", tmp_path / "scratch")
    good = (tmp_path / "film.mp4").read_bytes()
    with paths["b"].open("r+b") as own:
        own.truncate(1000 if at == "first" else paths["b"].stat().st_size - 20_000)
    monkeypatch.setattr(copy, "PIECE", 5000)
    with pytest.raises(LocalFault, match=r"own\.mp4 is shorter than before"):
        hand.splice(plan, known, paths, tmp_path / "film.mp4", tmp_path / "scratch")
    assert (tmp_path / "film.mp4").read_bytes() == good


def test_a_full_disk_says_so_before_anything_is_copied(small, tmp_path, monkeypatch):
    """After a minute of copying nine tenths of the film would be thrown away."""
    paths = {"a": small(RED), "b": small(GREEN)}

    def refused(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", refused)
    told: list[int] = []
    known = hand.indexes(paths)
    plan = plan_film(laid(paths, size=SMALL), known)
    assert isinstance(plan, FilmPlan)
    with pytest.raises(LocalFault, match="No space left") as caught:
        hand.splice(plan, known, paths, tmp_path / "film.mp4", tmp_path / "scratch", told.append)
    assert "free some space" in caught.value.hint
    assert set(told) <= {0}
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


KINDS = [{}, {"codec": CAVLC}, {"sound": ""}, {"sound_seconds": 2.5}, {"sound": "mono"}, {"codec": OPEN}]


@pytest.mark.ci
@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.integers(0, len(KINDS) - 1), st.integers(0, 63), st.integers(1, 64)), min_size=1, max_size=6)
)
def test_any_film_is_exact(small, tmp_path_factory, wanted):
    """Whatever is laid together: every frame in its place, the sound as long as the frames, the joints silent."""
    folder = tmp_path_factory.mktemp("any")
    paths = {str(kind): small(GREEN, **KINDS[kind]) for kind in range(len(KINDS))}
    parts, at = [], 0
    for number, (kind, first, length) in enumerate(wanted):
        length = min(length, 64 - first)
        start, end = Fraction(first, 24), Fraction(first + length, 24)
        parts.append(Clip(str(number), str(kind), start, end, at, length))
        at += length
    plan, film = spliced(Timeline(tuple(parts), *SMALL, 24, "pad"), paths, folder)
    check(plan, film, paths)
    flashes = [
        clip.at + flash - clip.start * 24
        for clip in parts
        for flash in (0, 24, 48)
        if 0 <= flash - clip.start * 24 < clip.frames
    ]
    assert look(film).flashes() == flashes


def test_a_film_of_more_than_four_gigabytes_is_found_again(small, tmp_path):
    """Its last scenes would play the bytes of the first ones."""
    far, frames = 5 * 1024**3, reader.read(small(RED)).frames
    assert isinstance(frames, VideoTrack)
    pictures = VideoSamples([9], [far], [0], [0], 24, frames.look, h264.config([frames.sets]))
    head = film_header(pictures, AudioSamples([9, 9, 9], [0, far + 9, far + 18], 48000, 2, b"\x11\x90"), far + 27)
    with (tmp_path / "film.mp4").open("wb") as file:
        file.write(head)
        file.truncate(len(head) + far + 27)  # a hole: it takes no room on the disk
    sound = reader.read(tmp_path / "film.mp4").sound
    assert isinstance(sound, AudioTrack)
    assert [offset - len(head) for offset in sound.stored.offsets] == [0, far + 9, far + 18]


@pytest.mark.parametrize(("rate", "version"), [(24, 0), (Fraction(4 * 10**9 + 1, 10**9), 1)], ids=["short", "long"])
def test_durations_take_32_bits_where_they_can(small, rate, version):
    """Tools that know version 0 alone, AtomicParsley for one, read that a film of a minute lasts a second."""
    frames = reader.read(small(RED)).frames
    assert isinstance(frames, VideoTrack)
    config = h264.config([frames.sets])
    pictures = VideoSamples([9] * 5, [*range(0, 45, 9)], [*range(5)], [0], Fraction(rate), frames.look, config)
    head = film_header(pictures, AudioSamples([9, 9, 9], [45, 54, 63], 48000, 2, b"\x11\x90"), 72)
    versions = [head[at + 4] for kind in (b"mvhd", b"tkhd", b"mdhd", b"elst") for at in found(head, kind)]
    assert versions == [version, version, version, version, 0, version, version]  # The sound of both is short.
    # The movie's duration: behind its name, version and flags, two dates, and the time scale.
    wide = 8 if version else 4
    assert int.from_bytes(head[head.index(b"mvhd") + 12 + 2 * wide :][:wide]) == pictures.long


def found(content: bytes, word: bytes) -> list[int]:
    return [match.start() for match in re.finditer(re.escape(word), content)]


@pytest.mark.ci
def test_what_is_measured_is_what_is_copied(small):
    """A clip would be cut to other frames than those that the plan counted."""
    for name, options in COPIED.items():
        if name == "time scale 1000":
            continue  # in milliseconds the rate is a guess
        path = small(GREEN, **options)
        measure, index = probe.measure(path), reader.read(path)
        assert isinstance(index.frames, VideoTrack)
        assert (len(index.frames.shown), index.frames.fps) == (measure.frames, measure.fps)
