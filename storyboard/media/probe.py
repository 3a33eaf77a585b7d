"""Measurement of clips and sound files, by their bytes: never by file name, nor by header fields alone."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from storyboard.media.bt709 import Colour, Tags
from storyboard.model.errors import BadMedia
from storyboard.model.file_signatures import file_kind
from storyboard.model.frame_rate import nominal_rate
from storyboard.model.take import Measure
from storyboard.model.text import one_line
from storyboard.mp4 import reader
from storyboard.mp4.boxes import most_samples
from storyboard.system.files import disk_errors

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Frames that are decoded to learn whether a clip is interlaced: some begin with progressive ones.
_FIRST_FRAMES = 8
# AVCOL_RANGE_JPEG: the full range of values.
_FULL = 2

# First box types of QuickTime files that are older than "ftyp".
_QUICKTIME = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

# First words of texts that stand in place of a video, in small letters.
_TEXTS = (
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "an XML file, perhaps a DASH playlist"),
    (b"<mpd", "a DASH playlist"),
    (b"#extm3u", "an HLS playlist"),
    (b"ffconcat", "an ffmpeg concat list"),
    (b"{", "JSON"),
)


@dataclass(frozen=True, slots=True)
class ClipNotes:
    """``sentences`` about what is made of a clip; how many sound ``tracks`` it has, and which is ``main``, from 1."""

    sentences: tuple[str, ...]
    tracks: int
    main: int


class SizedPart(NamedTuple):
    """A part of a clip whose frames have one size in pixels; ``begins`` counts seconds from the first frame."""

    begins: Fraction
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Source:
    """The measure of a clip, and what is needed to read it again.

    ``format`` is the demuxer to force; ``lead`` is the time from the beginning of the file to its first frame, in
    seconds; ``video`` is the number of its picture among the streams of the file, ``sounds`` those of its sound tracks.
    ``parts`` are given where the size of the frames changes, and filters are needed that do not expect that.
    """

    measure: Measure
    format: str
    lead: Fraction
    colour: Colour
    video: int
    sounds: tuple[int, ...]
    interlaced: bool
    notes: ClipNotes
    parts: tuple[SizedPart, ...] = ()


def measure(path: Path) -> Measure:
    """The clip's frames, size, frame rate and sound. Reads only the index if that is enough, which is fast.

    Raise BadMedia where the file is not a valid clip, LocalFault where it is unreadable.
    """
    if demuxer(path) != "mp4" or isinstance((index := reader.read(path)).frames, str):
        return source(path).measure
    frames, sound = index.frames, index.sound is not None
    return Measure(len(frames.shown), frames.fps, frames.look.width, frames.look.height, sound)


def source(path: Path) -> Source:
    """Everything that is measured of a clip; decodes its first frames.

    Raise BadMedia where the file is not a valid clip, LocalFault where it is unreadable.
    """
    kind = demuxer(path)
    with open_clip(path, kind) as clip:
        video, sounds = picture(clip), sound_tracks(clip)
        width, height, colour, interlaced = _shown(clip, video)
        clip.seek(0)
        times = _times(clip, video)
        measured = Measure(len(times), _rate(video, times), width, height, bool(sounds))
        return Source(
            measured,
            kind,
            times[0] - Fraction(clip.start_time or 0, 1_000_000),
            colour,
            video.index,
            tuple(stream.index for stream in sounds),
            interlaced,
            ClipNotes(tuple(_sentences(clip, interlaced)), len(sounds), _main(sounds) + 1),
            () if colour.simple and not interlaced else _parts(clip, video, times[0]),
        )


def notes(path: Path) -> ClipNotes:
    """What is made of a clip that is not plain. Reads only the index if that is enough. Raise BadMedia, LocalFault."""
    index = reader.read(path) if demuxer(path) == "mp4" else None
    if index and not isinstance(index.frames, str) and not isinstance(index.sound, str) and not index.others:
        return ClipNotes((), int(index.sound is not None), 1)
    return source(path).notes


def sound(path: Path) -> Fraction:
    """The duration of a sound file in seconds, counted by packets. Raise BadMedia where it is none, LocalFault."""
    with open_clip(path, sound_demuxer(path)) as file:
        stream = sound_track(file, 0)
        if stream is None:
            raise BadMedia("there is no sound in it")
        ends = [
            (packet.pts, packet.duration) for packet in file.demux(stream) if packet.size and packet.pts is not None
        ]
        if not ends or not stream.time_base:
            raise BadMedia("there is no sound in it")
        first, last = min(pts for pts, _ in ends), max(pts + (length or 0) for pts, length in ends)
        return (last - max(first, 0)) * stream.time_base


def sound_demuxer(path: Path) -> str:
    """The demuxer to force for a sound file, by its first bytes. Raise BadMedia, LocalFault."""
    with disk_errors(path), path.open("rb") as file:
        head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] in (b"fLaC", b"OggS"):
        return "flac" if head[:4] == b"fLaC" else "ogg"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "mp3"
    try:
        return demuxer(path)
    except BadMedia as error:
        raise BadMedia(error.message.replace("a video", "a sound"), "a sound is WAV, MP3, FLAC, OGG or M4A") from None


def demuxer(path: Path) -> str:
    """The demuxer to force, by the file's first bytes: "mp4" (also QuickTime) or "matroska" (also WebM).

    Without it ffmpeg would guess, and follow playlists to other files (reliability.md C3). Raise BadMedia, LocalFault.
    """
    if path.exists() and not path.is_file():
        raise BadMedia(f"{one_line(str(path))}: not a file")
    with disk_errors(path), path.open("rb") as file:
        head, size = file.read(64), os.fstat(file.fileno()).st_size
    if head[4:8] == b"ftyp" and 8 <= int.from_bytes(head[:4]) <= 4096:
        return "mp4"
    # The demuxer is the same; it opens no external files named in the boxes unless an option enables that.
    if head[4:8] in _QUICKTIME and (int.from_bytes(head[:4]) == 1 or 8 <= int.from_bytes(head[:4]) <= size):
        return "mp4"
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    raise BadMedia(f"not a video file ({_likeness(head)})", "a clip is MP4, MOV, MKV or WebM")


@contextmanager
def open_clip(path: Path, kind: str) -> "Iterator[InputContainer]":
    """Open the clip in PyAV with the demuxer ``kind``. Raise BadMedia for every error of libav.

    A file that claims to have more samples than bytes is not opened: libav would ask for memory for all of them.
    """
    import av

    if kind == "mp4" and (samples := most_samples(path)) > path.stat().st_size:
        raise BadMedia(f"damaged: its index claims to have {samples:,} samples")
    try:
        file = f"file:{os.path.abspath(path)}"
        options = {"protocol_whitelist": "file"}
        with av.open(file, format=kind, options=options, metadata_errors="replace") as clip:
            yield clip
    except av.error.FFmpegError as error:
        raise BadMedia(f"damaged: {one_line(error.strerror or '', 200)}") from error
    except ValueError as error:
        raise BadMedia(f"damaged: {one_line(str(error), 200)}") from error


def picture(clip: "InputContainer") -> "VideoStream":
    """The main video stream: of several the one with more than one frame, switched on, first in the file.

    Cover pictures and streams that cannot be decoded do not count. Raise BadMedia where there is none.
    """
    if not (streams := _pictures(clip)):
        raise BadMedia("there is no picture in it, only sound")
    return max(streams, key=lambda stream: (stream.frames > 1, _switched_on(stream)))


def sound_tracks(clip: "InputContainer") -> "list[AudioStream]":
    """The sound tracks that can be decoded, in the file's order; empty ones only where all are empty."""
    known = [stream for stream in clip.streams.audio if stream.codec_context and stream.channels]
    return [stream for stream in known if stream.frames] or known


def sound_track(clip: "InputContainer", number: int) -> "AudioStream | None":
    """The sound track ``number``, from 1; 0 is the first one that is switched on. None where there is none."""
    tracks = sound_tracks(clip)
    number = number or _main(tracks) + 1
    return tracks[number - 1] if number <= len(tracks) else None


def _switched_on(stream: "AudioStream | VideoStream") -> bool:
    return bool(stream.disposition & stream.disposition.default)


def _pictures(clip: "InputContainer") -> "list[VideoStream]":
    streams = (stream for stream in clip.streams.video if stream.codec_context)
    return [stream for stream in streams if not stream.disposition & stream.disposition.attached_pic]


def _main(tracks: "Sequence[AudioStream]") -> int:
    """The place of the main sound track: the first one that is switched on; 0 where there is none."""
    return max(range(len(tracks)), key=lambda at: _switched_on(tracks[at]), default=0)


def _sentences(clip: "InputContainer", interlaced: bool) -> Iterator[str]:
    if interlaced:
        yield "its clip is interlaced: it is deinterlaced"
    if (pictures := len(_pictures(clip))) > 1:
        yield f"its clip has {pictures} picture tracks: only the main one is used"
    if any(stream.codec_context is None for stream in (*clip.streams.video, *clip.streams.audio)):
        yield "a track of its clip does not say how it is encoded: the track is left out"


def _likeness(head: bytes) -> str:
    if not head:
        return "it is empty"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known = next((name for words, name in _TEXTS if start.startswith(words)), None) or file_kind(head)
    if known:
        return f"it looks like {known}"
    return "it looks like text" if head.isascii() and b"\0" not in head else "of an unknown kind"


def _shown(clip: "InputContainer", video: "VideoStream") -> tuple[int, int, Colour, bool]:
    """Width and height as displayed (pixel aspect ratio and rotation applied), colour, and whether it is interlaced."""
    decoded = islice(clip.decode(video), _FIRST_FRAMES)
    frame = next(decoded, None)
    if frame is None:
        raise BadMedia("there is no frame in it")
    interlaced = [frame.interlaced_frame, *(later.interlaced_frame for later in decoded)]
    shape = video.sample_aspect_ratio or Fraction(1)
    width, height = max(1, round(frame.width * shape)), frame.height
    tags = Tags(frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range == _FULL)
    colour = Colour.of(tags, min(frame.width, frame.height), rgb=frame.format.is_rgb)
    if frame.rotation % 180:
        width, height = height, width
    return width, height, colour, any(interlaced)


def _parts(clip: "InputContainer", video: "VideoStream", first: Fraction) -> tuple[SizedPart, ...]:
    """The parts of a clip whose frames change their size, which they can only do at key frames; () where none does."""
    if video.codec_context.codec.intra_only:
        return ()
    clip.seek(0)
    video.codec_context.skip_frame = "NONKEY"
    parts: list[SizedPart] = []
    for frame in clip.decode(video):
        size = (frame.height, frame.width) if frame.rotation % 180 else (frame.width, frame.height)
        if not parts:
            parts.append(SizedPart(Fraction(0), *size))
        elif parts[-1][1:] != size and frame.pts is not None and frame.time_base:
            parts.append(SizedPart(frame.pts * frame.time_base - first, *size))
    return tuple(parts) if len(parts) > 1 else ()


def _times(clip: "InputContainer", video: "VideoStream") -> list[Fraction]:
    """The display time of each frame, in seconds, by packets: frames that are missing in the file do not count."""
    packets = (packet for packet in clip.demux(video) if packet.size and not packet.is_discard)
    ticks = sorted(packet.pts for packet in packets if packet.pts is not None)
    if not ticks or not video.time_base:
        raise BadMedia("there is no frame in it")
    return [tick * video.time_base for tick in ticks]


def _rate(video: "VideoStream", times: list[Fraction]) -> Fraction:
    """Frames per second: by the interval of at least 90 % of the frames, else by the header, else the average.

    Not 100 %: some writers of fragmented files give single frames too long a duration.
    """
    span = times[-1] - times[0]
    steps = Counter(later - earlier for earlier, later in pairwise(times)).most_common(1)
    step, agree = steps[0] if steps else (Fraction(0), 0)
    if step and agree >= 0.9 * (len(times) - 1) and abs(span - step * (len(times) - 1)) < step:
        return nominal_rate(1 / step, len(times))
    for said in (video.average_rate, video.guessed_rate, video.base_rate):
        if said and abs(said * span - (len(times) - 1)) < Fraction(1, 2):
            return nominal_rate(said, len(times))
    if not span:
        raise BadMedia("its frames have no times")
    return Fraction((len(times) - 1) / span).limit_denominator(1001)
