"""Segments: the frames of parts of clips, brought to the film's format, and encoded."""

import os
from collections.abc import Callable, Generator
from pathlib import Path

from storyboard.film.film_plan import EXCERPTS, OURS
from storyboard.film.pieces import PictureExcerpt
from storyboard.media import ffmpeg, filters, probe
from storyboard.model.errors import LocalFault
from storyboard.system.files import atomic_output
from storyboard.timeline.model import Clip, Timeline

# Two threads: a single changed scene is ready in half the time; with two segments at once, one thread would do.
# The number is fixed because it affects the bytes; cpu-independent gives the same bytes on every processor, and
# stitchable the same parameter sets for all content and qualities.
_SETS = f"cpu-independent=1:stitchable=1:sps-id={OURS}"
ENCODER = (
    *("-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-profile:v", "high", "-threads", "2"),
    *("-x264-params", _SETS, "-flags:v", "+bitexact"),
)
# Short pieces between copied ones: half the encoding time and higher quality, up to 1.5 times the size. Tools that the
# preset turns off but that the parameter sets name are turned on again, so that both have the same parameter sets.
_AS_ENCODER = "cabac=1:8x8dct=1:weightp=1:weightb=1:bframes=3:b-adapt=0"
PIECE = ("-preset", "ultrafast", "-crf", "16", "-x264-params", f"{_SETS}:{_AS_ENCODER}", "-threads", "1")
# Frames of a clip whose other frames are copied. A constant quantizer: as near to the clip whatever it shows, where a
# crf would be 35 dB from moving noise; and easy frames take half the time and half the bytes of a crf that is near it.
# Moving noise comes to 100 Mbit/s, of which CABAC takes twice the time of CAVLC: hence parameter sets of their own. And
# without B-frames, which x264 quantizes more coarsely, each frame is as near as the others.
EXCERPT = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-qp", "19", "-profile:v", "high", "-threads", "2"),
    *("-x264-params", f"cpu-independent=1:stitchable=1:sps-id={EXCERPTS}:8x8dct=1", "-flags:v", "+bitexact"),
)
SOUND = ("-c:a", "aac", "-aac_coder", "fast", "-b:a", "192k", "-flags:a", "+bitexact")
NEUTRAL = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")

# Time limit in seconds, so that nothing hangs for ever: eight seconds of 4K take one to two minutes on an old machine.
_PATIENCE = 1800.0


def make(job: Clip | PictureExcerpt, cut: Timeline, path: Path, out: Path, watch: Callable[[int], None]) -> None:
    """Write a clip's frames: H.264 in MP4, exactly as many as it has.

    ``watch`` is called several times a second with the frames written so far; an exception in it stops the work.
    Raise LocalFault, BadMedia.
    """
    clip, settings = (job.clip, EXCERPT) if isinstance(job, PictureExcerpt) else (job, ENCODER)
    arguments = _read(clip, cut, path)
    with atomic_output(out) as staged:
        arguments += ["-frames:v", str(clip.frames), *settings, "-g", str(round(2 * cut.fps)), *NEUTRAL]
        arguments += ["-video_track_timescale", str(cut.fps.numerator), "-f", "mp4", "-y", f"file:{staged}"]
        written = ffmpeg.run(arguments, seconds=_PATIENCE, watch=watch)
        if written != clip.frames:
            raise LocalFault(f"ffmpeg wrote {written} frames of {clip.frames}", "unset STORYBOARD_FFMPEG and try again")


def _read(clip: Clip, cut: Timeline, path: Path) -> list[str]:
    """ffmpeg arguments to read a clip's frames in the film's format, from one second before the first on.

    ffmpeg seeks to a key frame before, and the filters cut exactly.
    """
    source = probe.source(path)
    seek = filters.seek(source, clip.start)
    arguments = ["-filter_threads", "2", "-threads", "2", "-protocol_whitelist", "file", "-f", source.format]
    arguments += [*filters.KEPT, *(("-ss", f"{float(seek):.6f}") if seek else ())]
    shape = filters.FrameShape(cut.width, cut.height, cut.fps)
    wanted = filters.picture_filter(source, shape, cut.fit, clip.start)
    return [*arguments, "-i", f"file:{os.path.abspath(path)}", "-map", f"0:{source.video}", "-vf", wanted]


def pictures(clip: Clip, cut: Timeline, path: Path) -> Generator[bytes]:
    """The clip's frames in the film's format, in order: YUV 4:2:0 with 8 bits, plane by plane.

    Raise LocalFault, BadMedia.
    """
    arguments = [*_read(clip, cut, path), "-frames:v", str(clip.frames), "-f", "rawvideo", "pipe:1"]
    return ffmpeg.pieces(arguments, cut.width * cut.height * 3 // 2, seconds=_PATIENCE)


def encode_frames(frames: Generator[bytes], count: int, cut: Timeline, out: Path, watch: Callable[[int], None]) -> None:
    """Encode ``count`` frames of the film (YUV 4:2:0 with 8 bits, plane by plane) like those of a clip in ``make``.

    One thread: pieces are short, and one per processor is encoded at a time. Raise LocalFault, and the exceptions
    of ``frames``.
    """
    with atomic_output(out) as staged:
        size = f"{cut.width}x{cut.height}"
        arguments = ["-protocol_whitelist", "pipe", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", size]
        arguments += ["-framerate", str(cut.fps), "-i", "pipe:0", "-vf", f"setsar=1,{filters.TAGS}"]
        arguments += [*ENCODER, *PIECE, "-g", str(round(2 * cut.fps)), *NEUTRAL]
        arguments += ["-video_track_timescale", str(cut.fps.numerator), "-f", "mp4", "-y", f"file:{staged}"]
        written = ffmpeg.run(arguments, seconds=_PATIENCE, watch=watch, feed=frames)
        if written != count:
            raise LocalFault(f"ffmpeg wrote {written} frames of {count}", "unset STORYBOARD_FFMPEG and try again")
