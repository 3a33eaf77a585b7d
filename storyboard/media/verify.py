"""Verification of downloaded takes: complete, and every frame decodes (reliability.md B8)."""

import os
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

from storyboard.checks.examined import Examined
from storyboard.media import ffmpeg, probe
from storyboard.media.glimpse import glimpse_files
from storyboard.model.errors import BadMedia, LocalFault
from storyboard.model.take import Measure
from storyboard.model.text import one_line
from storyboard.mp4.boxes import most_samples
from storyboard.system.files import disk_errors

PICTURE = ("h264", "hevc", "vp9", "av1")
SOUND = ("aac", "mp3", "opus")
LARGEST = 4096
SHORTEST, LONGEST = Fraction(1), Fraction(70)
PATIENCE = 120.0
# Samples of one track: at 70 s, some ten times more than pictures or sound have.
MOST_SAMPLES = 100_000
# Address space of the child in bytes; a clip of 3840x2160 and ten bits needs 700 MB of it, and holds a third of that.
MEMORY = 820 << 20
# What the threads of further outputs reserve, and hardly use.
_MORE = 600 << 20
# CPU time of the child in seconds, and how much more for each megabyte: 8 s of 1920x1080 take 3 s.
CPU, CPU_PER_MEGABYTE = 12, 1
_DEEP_PATIENCE = 1800.0
# Seconds of frames that may be missing at the ends of a clip: some encoders' first frames need ones before them.
_SPARE = Fraction(1, 2)


def examine(path: Path) -> Examined:
    """Verify a clip as ``verify`` does, and measure its picture and sound in the same pass of the decoder.

    Raise BadMedia, LocalFault.
    """
    seen = None

    def decode(clip: Path) -> int:
        nonlocal seen
        try:
            with disk_errors(clip), glimpse_files(clip, int(LONGEST) + 1) as files:
                frames = _ffmpeg(clip, files.arguments, files.descriptors)
                seen = files.read()
                return frames
        except (LocalFault, BadMedia):  # whatever is wrong is for the decoder alone to say
            return _decode(clip)

    measure = _verified(path, None, decode)
    if seen is None:
        return Examined(measure)
    return Examined(measure, seen.levels(measure.fps), seen.ends)


def measure_only(path: Path) -> Examined:
    """Measure a clip that was made on this machine a moment ago. Raise BadMedia, LocalFault."""
    return Examined(probe.measure(path))


def verify(path: Path, seconds: int | None) -> Measure:
    """Check that a downloaded take is complete and decodes without errors; return its measure.

    ``seconds`` is the requested duration, None if unknown. Blocks for about a second on one core, most of it in a
    child process, so that as many threads as there are cores may call it. Opens no other file and no connection.
    Raise BadMedia, or LocalFault where this machine cannot verify it.
    """
    return _verified(path, seconds, _decode)


def _verified(path: Path, seconds: int | None, decode: Callable[[Path], int]) -> Measure:
    if probe.demuxer(path) != "mp4":
        raise BadMedia("not an MP4 file (it is Matroska)")
    _complete(path)
    if (samples := most_samples(path)) > MOST_SAMPLES:
        raise BadMedia(f"damaged: its index claims to have {samples:,} samples")
    decoded = decode(path)  # in a child process, first: only a file that decodes there is opened in this process
    said = _allowed(path)
    measured = probe.source(path).measure
    _plausible(measured, said, seconds)
    if decoded < measured.frames:
        raise BadMedia(f"damaged: {decoded} of its {measured.frames} frames decode")
    return measured


def first_damage(path: Path, start: Fraction, end: Fraction) -> Fraction | None:
    """The time at which a clip stops decoding between ``start`` and ``end``, in seconds from its first frame.

    None where it decodes without errors. Decodes in a child process. Raise BadMedia, LocalFault.
    """
    source, reached = probe.source(path), 0

    def watch(frames: int) -> None:
        nonlocal reached
        reached = frames

    begins = source.lead + start
    arguments = ["-xerror", "-threads", "2", "-protocol_whitelist", "file", "-f", source.format]
    arguments += [*(("-ss", f"{float(begins):.6f}") if start else ()), "-i", f"file:{os.path.abspath(path)}"]
    for stream in (source.video, *source.sounds):
        arguments += ["-map", f"0:{stream}"]
    arguments += ["-t", f"{float(end - start):.6f}", "-fps_mode", "passthrough", "-f", "null", "-"]
    try:
        reached = ffmpeg.run(arguments, seconds=_DEEP_PATIENCE, watch=watch)
    except ffmpeg.FfmpegFailed as failure:
        if failure.blameless:
            raise
        return start + reached / source.measure.fps
    whole = reached + _SPARE * source.measure.fps >= (end - start) * source.measure.fps
    return None if whole else start + reached / source.measure.fps


def _complete(path: Path) -> None:
    """Walk the outermost boxes: each must lie inside the file; moov (the index) and mdat must be among them.

    Raise BadMedia.
    """
    with disk_errors(path), path.open("rb") as file:
        size, at, seen = os.fstat(file.fileno()).st_size, 0, set()
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4])
            if length == 1:
                length = int.from_bytes(head[8:16])
            elif length == 0:
                length = size - at
            if length < 8 or at + length > size:
                missing = at + length - size
                raise BadMedia(f"cut short: {missing} bytes are missing" if length >= 8 else "damaged: no box fits")
            seen.add(head[4:8])
            at += length
    if not {b"moov", b"mdat"} <= seen:
        raise BadMedia("cut short: it has no index of its frames")


def _decode(path: Path) -> int:
    """Decode everything in a child process, which a hostile clip may crash or exhaust; return the number of frames.

    Without ``-xerror -err_detect explode`` a file cut in half decodes with status 0. Whatever the decoder says, also
    that it lacks memory, is a property of the file: the file is not trusted, and the child has a limit of its own.
    """
    try:
        try:
            return _ffmpeg(path)
        except ffmpeg.FfmpegFailed as failure:
            if not failure.starved:
                raise
        return _ffmpeg(path)  # Killed for want of memory, or given no time: only twice is that said of the file.
    except ffmpeg.FfmpegFailed as failure:
        if failure.blameless:
            raise
        limits = f"it takes over {_cpu(path)} s of CPU time or {MEMORY >> 20} MB of memory ({failure.message})"
        raise BadMedia(f"damaged, it does not decode: {failure.said or limits}") from failure


def _ffmpeg(path: Path, more: Sequence[str] = (), passed: Sequence[int] = ()) -> int:
    """Decode everything; ``more`` are arguments of further outputs, which write to the descriptors ``passed``."""
    arguments = ["-xerror", "-err_detect", "explode", "-threads", "1", "-max_pixels", str(LARGEST * LARGEST)]
    arguments += ["-protocol_whitelist", "file", "-f", "mp4", "-i", f"file:{os.path.abspath(path)}"]
    arguments += ["-map", "0:v?", "-map", "0:a?", "-t", str(LONGEST + 1), "-fps_mode", "passthrough", "-f", "null", "-"]
    limits = ffmpeg.ChildLimits(MEMORY + (_MORE if more else 0), _cpu(path))
    return ffmpeg.run([*arguments, *more], seconds=PATIENCE, limits=limits, passed=passed)


def _cpu(path: Path) -> int:
    """The limit of CPU time for a clip in seconds."""
    return CPU + CPU_PER_MEGABYTE * (os.stat(path).st_size // 1_000_000)


def _allowed(path: Path) -> Fraction:
    """Check for one video stream, at most one audio stream, common codecs, at most 4096 pixels a side.

    Return the duration by the header, in seconds. Raise BadMedia.
    """
    with probe.open_clip(path, "mp4") as clip:
        video = probe.picture(clip)
        if len(clip.streams.video) != 1 or len(clip.streams.audio) > 1:
            raise BadMedia("it has more than one picture or more than one sound")
        for stream, known in ((video, PICTURE), *((sound, SOUND) for sound in clip.streams.audio)):
            name = stream.codec_context.codec.canonical_name
            if name not in known:
                raise BadMedia(f"its format is {one_line(name, 40)}, not one of {', '.join(known)}")
        if not 0 < video.width <= LARGEST or not 0 < video.height <= LARGEST:
            raise BadMedia(f"it is {video.width}x{video.height} pixels large; at most {LARGEST}x{LARGEST} is a clip")
        return Fraction((video.duration or 0) * (video.time_base or 0))


def _plausible(measured: Measure, said: Fraction, asked: int | None) -> None:
    long = f"its frames last {float(measured.seconds):.2f} s"
    if not SHORTEST <= measured.seconds <= LONGEST:
        raise BadMedia(f"{long}; a clip has {SHORTEST} to {LONGEST} s")
    if abs(measured.seconds - said) > 1:
        raise BadMedia(f"{long}, but its header says {float(said):.2f} s")
    if asked is not None and abs(measured.seconds - asked) > 1:
        raise BadMedia(f"{long}, but {asked} s were asked for")
