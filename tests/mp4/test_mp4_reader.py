"""Reading tables that an enemy may have made: always an answer, never an exception, nor a great deal of memory."""

import random
import tracemalloc
from pathlib import Path

import pytest
from moving import GREEN, TAGS

from storyboard.mp4 import reader
from storyboard.mp4.samples import ClipIndex, VideoTrack

TINY = {"size": (64, 36), "seconds": 1, "codec": ("-c:v", "libx264", "-bf", "2", "-g", "12", *TAGS)}
FRONT = ("-movflags", "+faststart")


@pytest.fixture
def clip(clips) -> bytes:
    """A clip with its index in front."""
    return clips(GREEN, **TINY, extra=FRONT).read_bytes()


def read(content: bytes, folder: Path) -> ClipIndex:
    path = folder / "clip.mp4"
    path.write_bytes(content)
    return reader.read(path)


def is_damaged(answer: ClipIndex) -> bool:
    """Whether a track cannot be copied because of damage."""
    reasons = [why for why in (answer.frames, answer.sound) if isinstance(why, str)]
    return any("damaged" in why or "cut short" in why for why in reasons)


def field(content: bytes, box: bytes, at: int, value: int, size: int = 4) -> bytes:
    """The clip with a number of a box (the first of its kind) replaced; ``at`` counts from behind the box's name."""
    start = content.index(box, content.index(b"moov")) + 4 + at
    return content[:start] + value.to_bytes(size) + content[start + size :]


@pytest.mark.parametrize(
    "count", [150, pytest.param(3_000, marks=pytest.mark.ci), pytest.param(10_500, marks=pytest.mark.slow)]
)
def test_any_bytes_give_an_answer(clip, tmp_path, count):
    """A clip from elsewhere could end the render, or fill the memory: ten thousand of them, changed at random."""
    chance = random.Random(4)
    begin, end = clip.index(b"moov") - 4, clip.index(b"mdat") + 4
    answers = {"index": 0, "told": 0, "damaged": 0}
    tracemalloc.start()
    for _ in range(count):
        content = bytearray(clip)
        for _ in range(chance.choice((1, 1, 2, 8))):
            at = chance.randrange(begin, end)
            match chance.randrange(3):
                case 0:
                    content[at] = chance.randrange(256)
                case 1:
                    content[at : at + 4] = chance.choice((0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFF0)).to_bytes(4)
                case 2:
                    content[at : at + chance.randrange(9)] = b""
        answer = read(bytes(content), tmp_path)
        kind = "damaged" if is_damaged(answer) else "told" if isinstance(answer.frames, str) else "index"
        answers[kind] += 1
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    assert min(answers.values()) > count // 35


def test_a_clip_cut_short_anywhere_is_damaged(clip, tmp_path):
    """Half a download would be cut into the film."""
    assert isinstance(read(clip, tmp_path).frames, VideoTrack)
    for length in range(0, len(clip), max(1, len(clip) // 300)):
        assert is_damaged(read(clip[:length], tmp_path))


@pytest.mark.parametrize(
    ("box", "at", "value"),
    [
        (b"stsz", 8, 0xFFFFFFFF),
        (b"stsz", 8, 400_000),
        (b"stsz", 12, 0x7FFFFFFF),
        (b"stsz", 12, 0),
        (b"stts", 8, 0xFFFFFFFF),
        (b"stts", 4, 0xFFFFFFFF),
        (b"ctts", 4, 0xFFFFFFFF),
        (b"stsc", 8, 2),
        (b"stsc", 12, 0xFFFFFFFF),
        (b"stco", 4, 0x10000000),
        (b"stco", 8, 0),
        (b"stco", 8, 0xFFFFFFFF),
        (b"stss", 8, 0xFFFFFFFF),
        (b"mdhd", 12, 0),
        (b"mvhd", 12, 0),
        (b"avcC", 6, 0xFFFF0000),
    ],
)
def test_absurd_numbers_are_damage(clip, tmp_path, box, at, value):
    """A table of four thousand million entries would be made, or a frame copied from the end of the disk."""
    assert is_damaged(read(field(clip, box, at, value), tmp_path))


def test_frames_over_one_another_are_damage(clip, tmp_path):
    """A clip of a megabyte could say that it has terabytes, and the film would have them."""
    at = clip.index(b"stco") + 8
    assert int.from_bytes(clip[at : at + 4]) > 2
    first = int.from_bytes(clip[at + 4 : at + 8])
    assert is_damaged(read(field(clip, b"stco", 12, first + 1), tmp_path))


@pytest.mark.parametrize(
    ("box", "at", "value", "why"),
    [
        (b"tkhd", 0, 0, "switched off"),
        (b"tkhd", 40, 0, "turned"),
        (b"elst", 8, 1, "edit list cuts it"),
        (b"elst", 12, 5000, "edit list cuts it"),
        (b"elst", 16, 0x20000, "edit list cuts it"),
        (b"url ", 0, 0, "another file"),
        (b"avc1", -4, int.from_bytes(b"encv"), "not H.264 (encv)"),
        (b"avcC", -4, int.from_bytes(b"sinf"), "special kind (sinf)"),
    ],
)
def test_what_is_whole_but_cannot_be_copied_is_said(clip, tmp_path, box, at, value, why):
    """Rotated, encrypted or trimmed inside its file: copied, it would be shown wrongly or not at all."""
    answer = read(field(clip, box, at, value), tmp_path)
    assert isinstance(answer.frames, str)
    assert why in answer.frames


def test_the_file_may_say_of_its_colours_what_the_pictures_leave_out(clips, tmp_path):
    """Some encoders say them in one place only; where the two places differ, each player believes another one."""
    said = {"filters": ",setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709"}
    content = clips(GREEN, **{**TINY, "extra": ("-movflags", "+faststart+write_colr"), **said}).read_bytes()
    conflict = "it says two things of its colours"
    for at, value, answer in ((4, 1, (1, 1, 1, False)), (4, 2, (1, 1, 1, False)), (4, 9, conflict), (8, 9, conflict)):
        index = read(field(content, b"colr", at, value, 2), tmp_path)
        assert (index.frames.look.colour if isinstance(index.frames, VideoTrack) else index.frames) == answer


def test_a_key_frame_that_is_none_is_not_believed(clips, tmp_path):
    """x264 marks frames as key frames whose neighbours need what comes before: cut there, the picture is rubble."""
    path = clips(
        GREEN, **{**TINY, "codec": ("-c:v", "libx264", "-g", "6", "-x264-params", "open-gop=1:scenecut=0", *TAGS)}
    )
    index = reader.read(path)
    assert isinstance(index.frames, VideoTrack)
    content = path.read_bytes()
    at = content.index(b"stss") + 8
    assert int.from_bytes(content[at : at + 4]) > 1
    assert index.frames.starts == (0,)
