"""Cache of clip indexes: one file per clip, so that a film of many clips need not read each of them again."""

import os
from collections.abc import Sequence
from fractions import Fraction
from operator import add
from pathlib import Path
from struct import Struct, error, unpack_from
from struct import pack as packed

from storyboard.model.errors import BadMedia
from storyboard.mp4 import h264
from storyboard.mp4.boxes import LARGEST_INDEX
from storyboard.mp4.reader import USUAL_RATES
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, PictureFormat, SampleTable, VideoTrack
from storyboard.system.files import disk_errors, read_checked, write_checked

# Frames, starts, frames per second, time of the first frame, width, height, colour, size of the avcC in bytes.
_PICTURES = Struct(">IIQQqQIIHHH?H")
# AAC frames, hertz, channels, priming, time of the first sound, size of the AudioSpecificConfig in bytes.
_SOUND = Struct(">IIHIqQH")


def write(path: Path, index: ClipIndex) -> None:
    """Write an index to the cache if both of its parts can be copied. Indexes with a reason are not cached.

    Raise LocalFault.
    """
    frames, sound = index.frames, index.sound
    if isinstance(frames, str) or isinstance(sound, str):
        return
    try:
        content = _pictures(frames) + (_sounds(sound) if sound else b"")
    except error:  # numbers that exceed the width of their fields
        return
    write_checked(path, content)


def read(path: Path, clip: Path) -> ClipIndex | None:
    """Read the cached index of ``clip``; None if there is none, or it does not match the file.

    A folder that came with a project may hold planted indexes with invalid numbers, so all are checked.
    Raise LocalFault.
    """
    content = read_checked(path, LARGEST_INDEX)
    if not content:
        return None
    with disk_errors(clip):
        size = os.stat(clip).st_size
    try:
        return _index(content, size)
    except (error, ZeroDivisionError, BadMedia):
        return None


def _pictures(frames: VideoTrack) -> bytes:
    look, config = frames.look, h264.config([frames.sets])
    counts = (len(frames.shown), len(frames.starts))
    times = (*frames.fps.as_integer_ratio(), *frames.begins.as_integer_ratio())
    head = _PICTURES.pack(*counts, *times, look.width, look.height, *look.colour, len(config))
    return head + config + _stored(frames.stored) + _numbers(frames.shown) + _numbers(frames.starts)


def _sounds(sound: AudioTrack) -> bytes:
    form = (len(sound.stored.sizes), sound.hertz, sound.channels, sound.priming)
    head = _SOUND.pack(*form, *sound.begins.as_integer_ratio(), len(sound.config))
    return head + sound.config + _stored(sound.stored)


def _stored(stored: SampleTable) -> bytes:
    return _numbers(stored.sizes) + packed(f">{len(stored.offsets)}Q", *stored.offsets)


def _numbers(numbers: Sequence[int]) -> bytes:
    return packed(f">{len(numbers)}I", *numbers)


def _index(content: bytes, size: int) -> ClipIndex | None:
    """Parse a cached index; None if it does not fit a file of ``size`` bytes.

    Raise struct.error where it is cut short, ZeroDivisionError, BadMedia.
    """
    count, starting, fps, per, begins, of, width, height, *colour, full, long = _PICTURES.unpack_from(content)
    at = _PICTURES.size + long
    sets = h264.parameter_sets(content[at - long : at])
    stored, at = _placed(content, at, count)
    shown, at = unpack_from(f">{count}I", content, at), at + 4 * count
    starts, at = unpack_from(f">{starting}I", content, at), at + 4 * starting
    look = PictureFormat(width, height, (*colour, full))
    frames = VideoTrack(stored, shown, starts, Fraction(fps, per), Fraction(begins, of), look, sets)
    sound = _heard(content, at) if at < len(content) else None
    good = _fit(stored, size) and frames.fps > 0 and sorted(shown) == list(range(count)) and starts[:1] == (0,)
    good = good and all(start < count and shown[start] == start for start in starts)
    if sound:
        good = good and _fit(sound.stored, size) and sound.hertz in USUAL_RATES and sound.channels in (1, 2)
        good = good and sound.priming < BLOCK * len(sound.stored.sizes)
    return ClipIndex(frames, sound) if good else None


def _heard(content: bytes, at: int) -> AudioTrack:
    blocks, hertz, channels, priming, begins, of, long = _SOUND.unpack_from(content, at)
    at += _SOUND.size + long
    stored, _ = _placed(content, at, blocks)
    return AudioTrack(stored, hertz, channels, priming, Fraction(begins, of), content[at - long : at])


def _placed(content: bytes, at: int, count: int) -> tuple[SampleTable, int]:
    sizes, at = unpack_from(f">{count}I", content, at), at + 4 * count
    return SampleTable(sizes, unpack_from(f">{count}Q", content, at)), at + 8 * count


def _fit(stored: SampleTable, size: int) -> bool:
    """Whether there are samples, and all lie within a file of ``size`` bytes."""
    return all(stored.sizes) and 0 < max(map(add, stored.offsets, stored.sizes), default=0) <= size
