"""Layout of a spliced film: the ranges of files that are copied, in order, and the offset of each sample in the film.

Pictures and sound are interleaved by time, as players read them; samples that are adjacent in a file stay together.
"""

import os
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain
from operator import add
from pathlib import Path

from storyboard.film.copy import Range
from storyboard.film.pieces import FilmPlan, SilentPiece
from storyboard.mp4.samples import BLOCK, AudioTrack, SampleTable, VideoTrack
from storyboard.system.files import disk_errors

# Gaps of up to this many bytes between two samples are copied along: leaving them out costs a system call.
GAP = 4096


@dataclass(frozen=True, slots=True)
class VideoRange:
    """Frames [first, last) of a file."""

    path: Path
    frames: VideoTrack
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class AudioRange:
    """Blocks [first, last) of a file; ``name`` identifies its content, ``scene`` is the scene that it belongs to."""

    path: Path
    sound: AudioTrack
    first: int
    last: int
    name: str
    scene: str


@dataclass(slots=True)
class Places:
    """Sizes and offsets of a track's samples in the film, in bytes, in decoding order."""

    sizes: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def add(self, sizes: Sequence[int], offsets: Sequence[int]) -> None:
        """Append samples."""
        self.sizes += sizes
        self.offsets += offsets


@dataclass(slots=True)
class FilmLayout:
    """The media of a film, front to back, and the places of each track's samples in it.

    ``size`` is the sum of the ranges, in bytes; offsets count from the beginning of the media.
    """

    ranges: list[Range] = field(default_factory=list)
    size: int = 0
    frames: Places = field(default_factory=Places)
    sounds: Places = field(default_factory=Places)

    def put(self, content: bytes) -> int:
        """Append bytes to the media; return their offset."""
        self.ranges.append(Range.of(content))
        self.size += len(content)
        return self.size - len(content)


def block(sound: AudioRange | SilentPiece, position: int, channels: int, *, begin: bool = False) -> bytes:
    """Read the AAC frame at ``position``, counted from the beginning of the sound or from its end (-1 is the last).

    Before the first frame of the file, and in silent pieces, return a frame of silence. Raise LocalFault.
    """
    number = (sound.first if begin else sound.last) + position if isinstance(sound, AudioRange) else -1
    if not isinstance(sound, AudioRange) or number < 0:
        from storyboard.mp4.aac import silent

        return silent(channels)
    with disk_errors(sound.path), sound.path.open("rb") as file:
        return os.pread(file.fileno(), sound.sound.stored.sizes[number], sound.sound.stored.offsets[number])


@dataclass(frozen=True, slots=True)
class _FilePart:
    """Samples of one track in one file, or, where ``path`` is None, one after another in ``content``.

    ``at`` is the time of the first sample in the film, in seconds; ``heard`` is whether this is sound; ``joint`` is an
    AAC frame to put before it.
    """

    at: Fraction
    heard: bool
    path: Path | None
    stored: SampleTable
    content: bytes = b""
    joint: bytes = b""


def lay_out(
    plan: FilmPlan,
    shots: Sequence[VideoRange],
    sounds: Sequence[AudioRange | SilentPiece],
    joints: Sequence[bytes],
    texts: bytes,
) -> FilmLayout:
    """Interleave pictures and sound by time; samples that are adjacent in a file stay together.

    ``joints`` are the AAC frames between neighbouring ``sounds``; ``texts`` (chapter samples) come first.
    Raise LocalFault.
    """
    laid = FilmLayout()
    if texts:
        laid.put(texts)
    parts = [*_pictures(plan, shots), *_sounds(plan, sounds, joints)]
    for run in _runs(sorted(parts, key=lambda part: part.at)):
        places = [laid.put(part.joint) if part.joint else 0 for part in run]
        moved = _moved(laid, run)
        for part, place in zip(run, places, strict=True):
            track = laid.sounds if part.heard else laid.frames
            if part.joint:
                track.add([len(part.joint)], [place])
            track.add(part.stored.sizes, moved(part.stored.offsets))
    return laid


def _pictures(plan: FilmPlan, shots: Sequence[VideoRange]) -> Iterator[_FilePart]:
    frame = 0
    for shot in shots:
        yield _FilePart(
            Fraction(frame, plan.cut.fps), False, shot.path, _slice(shot.frames.stored, shot.first, shot.last)
        )
        frame += shot.last - shot.first


def _sounds(plan: FilmPlan, sounds: Sequence[AudioRange | SilentPiece], joints: Sequence[bytes]) -> Iterator[_FilePart]:
    """Audio parts in order.

    The first includes the priming frame; all but the last omit their final frame, which the joint frame replaces.
    """
    hertz, channels = plan.form
    done = 0
    for number, (sound, joint) in enumerate(zip(sounds, (b"", *joints), strict=True)):
        first, final = number == 0, number == len(sounds) - 1
        at = Fraction(done * BLOCK, hertz)
        if isinstance(sound, SilentPiece):
            length = sound.length
            yield _silence(at, length + first - 1 + final, joint, channels)
        else:
            length = sound.last - sound.first
            lead = block(sound, -1, channels, begin=True) if first else joint
            stored = _slice(sound.sound.stored, sound.first, sound.last - 1 + final)
            yield _FilePart(at, True, sound.path, stored, joint=lead)
        done += length


def _silence(at: Fraction, frames: int, joint: bytes, channels: int) -> _FilePart:
    from storyboard.mp4.aac import silent

    one = silent(channels)
    stored = SampleTable((len(one),) * frames, tuple(range(0, frames * len(one), len(one))))
    return _FilePart(at, True, None, stored, one * frames, joint)


def _slice(stored: SampleTable, first: int, last: int) -> SampleTable:
    return SampleTable(stored.sizes[first:last], stored.offsets[first:last])


def _runs(parts: Sequence[_FilePart]) -> Iterator[list[_FilePart]]:
    """Group consecutive parts of one file, as long as the offsets of each track increase."""
    run: list[_FilePart] = []
    for part in parts:
        if run and (part.path is None or run[0].path != part.path or _jumps(run, part)):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _jumps(run: Sequence[_FilePart], part: _FilePart) -> bool:
    """Whether the part's track continues at or before its earlier samples: repeated samples are copied again."""
    before = [one for one in run if one.heard == part.heard and one.stored.offsets][-1:]
    return bool(before and part.stored.offsets) and max(before[0].stored.offsets) >= min(part.stored.offsets)


def _moved(laid: FilmLayout, run: Sequence[_FilePart]) -> Callable[[Sequence[int]], list[int]]:
    """Add the bytes of a run to the film; return a function from offsets in their file to offsets in the film."""
    path = run[0].path
    if path is None:
        place = laid.put(run[0].content)
        return lambda offsets: [place + offset for offset in offsets]
    spans = _spans(run)
    shifts = []
    for begin, end in spans:
        shifts.append(laid.size - begin)
        laid.ranges.append(Range(path, begin, end - begin))
        laid.size += end - begin
    if len(spans) == 1:
        return lambda offsets: [shifts[0] + offset for offset in offsets]
    begins = [begin for begin, _ in spans]
    return lambda offsets: [offset + shifts[bisect_right(begins, offset) - 1] for offset in offsets]


def _spans(run: Sequence[_FilePart]) -> list[tuple[int, int]]:
    """The spans of the file to copy: a single one if the gaps are small, else the samples, with gaps up to GAP."""
    stored = [part.stored for part in run if part.stored.sizes]
    if not stored:
        return []
    low = min(min(one.offsets) for one in stored)
    high = max(max(map(add, one.offsets, one.sizes)) for one in stored)
    if (high - low) - sum(sum(one.sizes) for one in stored) <= 4 * GAP:
        return [(low, high)]
    spans: list[tuple[int, int]] = []
    for offset, size in sorted(chain.from_iterable(zip(one.offsets, one.sizes, strict=True) for one in stored)):
        if spans and offset - spans[-1][1] <= GAP:
            spans[-1] = (spans[-1][0], max(spans[-1][1], offset + size))
        else:
            spans.append((offset, offset + size))
    return spans
