"""Measuring: what a clip is by its bytes, and one plain error for whatever is no clip."""

import io
import random
import subprocess
import zipfile
from contextlib import suppress
from fractions import Fraction

import pytest
from moving import RED, TAGS

from storyboard.media import ffmpeg, probe
from storyboard.model.errors import BadMedia, LocalFault
from storyboard.model.take import Measure


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("clip.mp4", b"x" * 1000)
    return archive.getvalue()


NOT_CLIPS = {
    "it is empty": b"",
    "a web page": b"\n<!DOCTYPE html><html><body>Sign in</body></html>",
    "an HLS playlist": b"#EXTM3U\n#EXT-X-TARGETDURATION:8\n#EXTINF:8,\nfile:///etc/passwd\n",
    "DASH playlist": b'<?xml version="1.0"?><MPD><BaseURL>http://127.0.0.1:9/</BaseURL></MPD>',
    "ffmpeg concat list": b"ffconcat version 1.0\nfile 'other.mp4'\n",
    "a ZIP archive, such as a document of an office program": zipped(),
    "JSON": b'{"code": 401, "msg": "unauthorized"}',
    "a PNG image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a GIF image": b"GIF89a" + bytes(100),
    "like text": b"concat:/etc/passwd|/etc/group",
    "of an unknown kind": bytes(range(256)),
}


def test_a_clip_is_measured_as_it_is_shown(clips):
    """Size, rate and length decide the cut: each wrong one shifts every scene after it."""
    assert probe.measure(clips(RED, seconds=2)) == Measure(48, Fraction(24), 320, 180, True)
    assert probe.measure(clips(RED, seconds=2, fps=25, sound="")) == Measure(50, Fraction(25), 320, 180, False)
    film_rate = probe.measure(clips(RED, fps="24000/1001", size=(180, 320)))
    assert (film_rate.fps, film_rate.width, film_rate.height) == (Fraction(24000, 1001), 180, 320)


@pytest.mark.parametrize("suffix", ["webm", "mkv", "mov"])
def test_other_containers_agree(clips, suffix):
    """Matroska knows whole milliseconds alone: 24 frames a second would become 23.98."""
    codec = ("-c:v", "libvpx-vp9", "-deadline", "realtime", *TAGS) if suffix == "webm" else ("-c:v", "libx264", *TAGS)
    sound = ("-c:a", "libopus") if suffix == "webm" else ("-c:a", "aac")
    assert probe.measure(clips(RED, seconds=2, suffix=suffix, codec=codec, sound_codec=sound)) == Measure(
        48, Fraction(24), 320, 180, True
    )


def test_a_variable_rate_is_measured_by_its_frames(clips):
    """The header's rate would make the clip seem shorter than it is."""
    path = clips(RED, seconds=3, filters=",select='not(between(mod(n\\,24)\\,5\\,15))'", extra=("-fps_mode", "vfr"))
    measure = probe.measure(path)
    assert measure.frames == 39
    assert float(measure.seconds) == pytest.approx(3, abs=0.1)


def test_frames_cut_off_by_the_container_are_not_counted(clips, tmp_path):
    """A clip cut without encoding keeps frames that no player shows."""
    cut = tmp_path / "cut.mp4"
    source = str(clips(RED, seconds=3))
    subprocess.run([ffmpeg.binary(), "-v", "error", "-ss", "0.5", "-i", source, "-c", "copy", str(cut)], check=True)
    assert probe.measure(cut).frames == 60


def test_the_name_means_nothing(clips, tmp_path):
    """A playlist called clip.mp4 would be followed; a clip without a suffix refused."""
    bare = tmp_path / "http:clip"
    bare.write_bytes(clips(RED).read_bytes())
    assert probe.measure(bare).frames == 24


@pytest.mark.parametrize("likeness", NOT_CLIPS)
def test_what_is_no_clip_is_called_what_it_is(tmp_path, likeness):
    """ "Invalid data found when processing input" tells nobody that a sign-in page was downloaded."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(NOT_CLIPS[likeness])
    with pytest.raises(BadMedia, match=likeness):
        probe.measure(path)


def test_sound_alone_is_no_clip(clips, tmp_path):
    """A film of it would have no picture."""
    sound = tmp_path / "sound.mp4"
    subprocess.run([ffmpeg.binary(), "-v", "error", "-i", str(clips(RED)), "-vn", "-c", "copy", str(sound)], check=True)
    with pytest.raises(BadMedia, match="only sound"):
        probe.measure(sound)


def test_a_file_that_is_not_there_is_this_machines_fault(tmp_path):
    """A take that is gone would be called damaged."""
    with pytest.raises(LocalFault):
        probe.measure(tmp_path / "gone.mp4")
    with pytest.raises(BadMedia, match="not a file"):
        probe.measure(tmp_path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_damaged_bytes_are_never_a_traceback(clips, tmp_path, suffix):
    """Any clip from the network could end the program."""
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "45")
    good = clips(RED, suffix=suffix, codec=codec).read_bytes()
    dice, path = random.Random(7), tmp_path / "clip"
    for _ in range(150):
        content = bytearray(good)
        for _ in range(dice.choice((1, 4, 30))):
            content[dice.randrange(12, len(good))] = dice.randrange(256)
        if dice.random() < 0.3:
            del content[dice.randrange(64, len(content)) :]
        path.write_bytes(content)
        with suppress(BadMedia):
            probe.measure(path)


def test_one_frame_held_too_long_is_not_another_rate(clips, tmp_path):
    """A fragmented clip of 96 frames at 24 would be 97 frames in the film."""
    whole = clips(RED, seconds=4)
    path = tmp_path / "fragmented.mp4"
    fragmented = ["-c", "copy", "-bsf:v", "setts=pts=PTS+gt(N\\,0)*263:dts=DTS+gt(N\\,0)*263"]
    ffmpeg.run(["-i", str(whole), *fragmented, "-f", "mp4", str(path)], seconds=20)
    assert (probe.measure(path).frames, probe.measure(path).fps) == (96, 24)
