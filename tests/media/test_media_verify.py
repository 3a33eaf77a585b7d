"""Verifying a download: no damaged clip is believed, no good one refused, and nothing else is opened on the way."""

import random
import re
import shutil
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from moving import BLUE, RED, TAGS, files
from test_media_probe import NOT_CLIPS

from storyboard.media import ffmpeg
from storyboard.media.verify import verify
from storyboard.model.errors import BadMedia, LocalFault

NOISE = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "3M", *TAGS)


@pytest.fixture
def noisy(clips):
    """A clip with enough bytes to damage, its index first, as a download comes."""
    filters = ",noise=alls=30:allf=t"
    return clips(RED, seconds=2, filters=filters, codec=NOISE, extra=("-movflags", "+faststart"))


@pytest.fixture
def damaged(tmp_path):
    def put(content: bytes) -> Path:
        path = tmp_path / "take.mp4"
        path.write_bytes(content)
        return path

    return put


def test_a_good_take_is_measured(noisy):
    """Nothing that was bought would ever be used."""
    measure = verify(noisy, 2)
    assert (measure.frames, measure.width, measure.height, measure.sound) == (48, 320, 180, True)
    assert verify(noisy, None) == measure


@pytest.mark.parametrize(
    "made",
    [
        {"sound": ""},
        {"sound": "mono", "hertz": 44100},
        {"sound_codec": ("-c:a", "libmp3lame")},
        {"sound_codec": ("-c:a", "libopus")},
        {"sound_seconds": 1.4},
        {"size": (180, 320), "fps": 30},
        {"size": (1920, 1080)},
        {"codec": ("-c:v", "libx264", "-preset", "medium", "-bf", "8", "-x264-params", "open-gop=1:keyint=12", *TAGS)},
        {"codec": ("-c:v", "libx264", "-preset", "ultrafast", "-x264-params", "slices=4:intra-refresh=1")},
        {"codec": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none")},
        {"codec": ("-c:v", "libvpx-vp9", "-deadline", "realtime")},
        {"codec": ("-c:v", "libsvtav1", "-preset", "12")},
        {"extra": ("-movflags", "frag_keyframe+empty_moov")},
        {"extra": ("-use_editlist", "0")},
        {"fps": "24000/1001"},
    ],
    ids=str,
)
@pytest.mark.ci
def test_every_good_form_is_accepted(clips, made):
    """A take that was paid for would be thrown away for a harmless peculiarity."""
    path = clips(BLUE, **{"seconds": 2, **made})
    assert verify(path, 2).frames in (48, 60)


@pytest.mark.parametrize("left", [0.01, 0.5, 0.99, -1])
@pytest.mark.parametrize("index_first", [True, False])
def test_a_take_that_is_cut_short_is_refused(noisy, clips, damaged, left, index_first):
    """A film with the end of a scene missing: cut in half, such a file decodes without a word of complaint."""
    path = noisy if index_first else clips(RED, seconds=2, filters=",noise=alls=30:allf=t", codec=NOISE)
    content = path.read_bytes()
    kept = int(len(content) * left) if left > 0 else len(content) + left
    with pytest.raises(BadMedia, match=r"cut short|damaged"):
        verify(damaged(content[:kept]), 2)


def test_a_hole_is_refused(noisy, damaged):
    """A disk or proxy that lost 64 KiB leaves grey blocks in the film."""
    content = bytearray(noisy.read_bytes())
    middle = (content.index(b"mdat") + len(content)) // 2
    content[middle : middle + 65536] = bytes(65536)
    with pytest.raises(BadMedia, match="damaged"):
        verify(damaged(bytes(content)), 2)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_are_refused(noisy, damaged, seed):
    """Twenty wrong bytes of a megabyte are seen by everyone who sees the film."""
    content, dice = bytearray(noisy.read_bytes()), random.Random(seed)
    for _ in range(20):
        content[dice.randrange(content.index(b"mdat") + 64, len(content))] ^= 1 << dice.randrange(8)
    with pytest.raises(BadMedia):
        verify(damaged(bytes(content)), 2)


@pytest.mark.parametrize("likeness", NOT_CLIPS)
def test_what_is_no_video_is_refused(damaged, likeness):
    """A sign-in page or a playlist would be kept as the take that was paid for."""
    with pytest.raises(BadMedia, match=likeness):
        verify(damaged(NOT_CLIPS[likeness]), 2)


@pytest.mark.ci
def test_what_no_seller_sends_is_refused(clips, damaged, tmp_path):
    """Wrong length, only sound, another container, several pictures: not what was asked for."""
    with pytest.raises(BadMedia, match="8 s were asked for"):
        verify(clips(RED, seconds=2), 8)
    with pytest.raises(BadMedia, match="1 to 70 s"):
        verify(clips(RED, seconds=0.5), None)
    with pytest.raises(BadMedia, match="1 to 70 s"):
        verify(clips(RED, seconds=75, size=(32, 32), sound=""), None)
    with pytest.raises(BadMedia, match="Matroska"):
        verify(clips(RED, suffix="mkv"), 1)
    with pytest.raises(BadMedia, match="format"):
        verify(clips(RED, codec=("-c:v", "mpeg4")), 1)
    for name, options in (("sound", ["-vn"]), ("two", ["-map", "0:v", "-map", "0:v"])):
        path = tmp_path / f"{name}.mp4"
        command = [ffmpeg.binary(), "-v", "error", "-i", str(clips(RED)), *options, "-c", "copy", str(path)]
        subprocess.run(command, check=True)
        with pytest.raises(BadMedia, match=r"only sound|more than one picture"):
            verify(path, 1)


def test_a_picture_too_large_to_be_a_clip_is_refused(clips, damaged):
    """30,000 by 30,000 pixels would take all memory."""
    content = bytearray(clips(RED, codec=("-c:v", "libvpx-vp9", "-deadline", "realtime"), sound="").read_bytes())
    at = content.index(b"\x49\x83\x42", content.index(b"mdat")) + 3  # a VP9 key frame: its size follows, four bits in
    other_bits = int.from_bytes(content[at : at + 5]) & 0xF0_0000_000F
    content[at : at + 5] = (other_bits | (29_999 << 16 | 29_999) << 4).to_bytes(5)
    with pytest.raises(BadMedia, match="30000x30000"):
        verify(damaged(bytes(content)), 1)
    with pytest.raises(BadMedia, match="4160x80"):
        verify(clips(RED, size=(4160, 80), sound=""), 1)


def test_ten_thousand_streams_are_refused(clips, damaged):
    """An index made to open ten thousand decoders would take minutes and all memory."""
    content = clips(RED, sound="", extra=("-movflags", "+faststart")).read_bytes()
    start = content.index(b"moov") - 4
    (length,) = struct.unpack_from(">I", content, start)
    track = content.index(b"trak", start) - 4
    (track_length,) = struct.unpack_from(">I", content, track)
    tracks = content[track : track + track_length] * 9_999
    index = struct.pack(">I", length + len(tracks)) + content[start + 4 : start + length] + tracks
    with pytest.raises((BadMedia, LocalFault)):
        verify(damaged(content[:start] + index + content[start + length :]), 1)


def test_a_table_of_a_billion_samples_is_the_clips_fault(clips, damaged):
    """Taken for a shortage of memory here, it told to close other programs and left paid neighbours unfetched."""
    content = bytearray(clips(RED).read_bytes())
    at = content.index(b"stsz") + 8
    content[at : at + 8] = struct.pack(">II", 1, 10**9)
    with pytest.raises(BadMedia):
        verify(damaged(bytes(content)), 1)


@pytest.mark.parametrize("words", ["Cannot allocate memory", "Input/output error", "No space left on device"])
def test_what_a_decoder_says_is_said_of_the_clip(noisy, tmp_path, monkeypatch, words):
    """The clip is not trusted: it may make the decoder say anything."""
    saying = tmp_path / "ffmpeg"
    saying.write_text(f'#!/bin/sh\n[ "$1" = -version ] && echo ffmpeg version 9 && exit\necho "{words}" >&2\nexit 1\n')
    saying.chmod(0o755)
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(saying))
    with pytest.raises(BadMedia, match=words):
        verify(noisy, 2)
    saying.write_text(saying.read_text().replace(words, "Unrecognized option 'fps_mode'."))
    with pytest.raises(LocalFault, match="fps_mode"):
        verify(noisy, 2)


def test_a_decoder_that_crashes_is_the_clips_fault(noisy, tmp_path, monkeypatch):
    """A clip made to crash a decoder would crash the program, with jobs in flight."""
    crashing = tmp_path / "ffmpeg"
    crashing.write_text('#!/bin/sh\n[ "$1" = -version ] && echo ffmpeg version 9 && exit\nkill -SEGV $$\n')
    crashing.chmod(0o755)
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(crashing))
    with pytest.raises(BadMedia, match="SIGSEGV"):
        verify(noisy, 2)


def test_a_decoder_that_is_killed_once_is_asked_again(noisy, tmp_path, monkeypatch):
    """Under load the kernel kills it for want of memory: a whole clip was set aside, and downloaded again."""
    killed, asked = tmp_path / "ffmpeg", tmp_path / "asked"
    answer = '[ "$1" = -version ] && echo ffmpeg version 9 && exit'
    once = f'[ -e {asked} ] && exec {ffmpeg.binary()} "$@"'
    killed.write_text(f"#!/bin/sh\n{answer}\n{once}\ntouch {asked}\nkill -KILL $$\n")
    killed.chmod(0o755)
    monkeypatch.setenv("STORYBOARD_FFMPEG", str(killed))
    assert verify(noisy, 2).frames == 48
    killed.write_text(killed.read_text().replace(once, ""))
    with pytest.raises(BadMedia, match="SIGKILL"):
        verify(noisy, 2)


def test_two_at_once_do_not_disturb_each_other(noisy, clips):
    """Downloads end in bursts, and are verified side by side."""
    with ThreadPoolExecutor(2) as pool:
        measures = list(pool.map(verify, [noisy, clips(BLUE, seconds=2)] * 3, [2] * 6))
    assert len(measures) == 6
    assert {measure.frames for measure in measures} == {48}


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace, which .ci/run installs")
@pytest.mark.parametrize("likeness", ["an HLS playlist", "DASH playlist", "ffmpeg concat list", "like text", "as mp4"])
def test_nothing_else_is_opened_or_connected_to(noisy, tmp_path, likeness):
    """A clip could read the user's files into the film, or tell its maker that it was opened."""
    secret, take, trace = tmp_path / "other.mp4", tmp_path / "take.mp4", tmp_path / "trace"
    secret.write_bytes(noisy.read_bytes())
    # The worst case: what only looks like an MP4 for the first eight bytes.
    head = b"\0\0\0\x18ftypisom\n" if likeness == "as mp4" else b""
    take.write_bytes(head + (NOT_CLIPS.get(likeness) or NOT_CLIPS["ffmpeg concat list"]))
    look = f"from pathlib import Path; from storyboard.media.verify import verify; verify(Path({str(take)!r}), 8)"
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat,connect", "-o", str(trace), sys.executable, "-c", look]
    outcome = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert "BadMedia" in outcome.stderr
    assert "take.mp4" in trace.read_text()
    assert not re.search(r"other\.mp4|/etc/passwd|connect\(", trace.read_text())
    assert sorted(files(tmp_path)) == ["other.mp4", "take.mp4", "trace"]


@pytest.mark.ci
def test_no_single_damage_goes_unnoticed(noisy, damaged):
    """A sweep: cut anywhere, holes and flips anywhere, and not one of a hundred and fifty is believed."""
    content, dice, believed = noisy.read_bytes(), random.Random(1), []
    start = content.index(b"mdat") + 64
    for number in range(50):
        place, flipped = dice.randrange(start, len(content) - 4096), bytearray(content)
        for _ in range(20):
            flipped[dice.randrange(start, len(content))] ^= 1 << dice.randrange(8)
        hole = content[:place] + bytes(4096) + content[place + 4096 :]
        for kind, bad in (("cut", content[:place]), ("hole", hole), ("flips", bytes(flipped))):
            try:
                verify(damaged(bad), 2)
                believed.append((kind, number))
            except BadMedia:
                pass
    assert not believed


@pytest.mark.parametrize("fragmented", [False, True])
def test_a_table_of_a_thousand_million_samples_is_the_files_fault(clips, damaged, fragmented):
    """ffmpeg would ask for 24 GB, and this machine be told to close other programs."""
    extra = ("-movflags", "frag_keyframe+empty_moov") if fragmented else ()
    content = bytearray(clips(RED, seconds=2, extra=extra).read_bytes())
    at = content.index(b"trun") + 8 if fragmented else content.rindex(b"stsz") + 8
    content[at : at + 8] = (
        (10**9).to_bytes(4) + content[at + 4 : at + 8] if fragmented else struct.pack(">II", 1, 10**9)
    )
    with pytest.raises(BadMedia, match="claims to have 1,000,000,0"):
        verify(damaged(bytes(content)), 2)


@pytest.mark.ci
def test_a_clip_that_takes_too_much_is_refused(clips, damaged, monkeypatch):
    """A few megabytes could decode for minutes, or fill the memory. The limits are those of a smaller clip here."""
    path = clips(RED, seconds=8, size=(1920, 1080), filters=",noise=alls=60:allf=t", codec=NOISE, sound="")
    monkeypatch.setattr("storyboard.media.verify.CPU", -4)
    with pytest.raises(BadMedia, match=r"over \d+ s of CPU time"):
        verify(path, 8)
