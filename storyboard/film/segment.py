"""Segments: parts of clips, encoded in the film's format, pictures or sound."""

import os
from collections.abc import Callable, Generator
from fractions import Fraction
from pathlib import Path

from storyboard.film.film_plan import OURS
from storyboard.film.pieces import AudioExcerpt
from storyboard.media import ffmpeg, probe
from storyboard.media.probe import Source
from storyboard.model.errors import LocalFault
from storyboard.mp4.samples import BLOCK
from storyboard.system.files import atomic_output
from storyboard.timeline.model import Clip, Timeline

_WHITE = 203  # cd/m2

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
SOUND = ("-c:a", "aac", "-aac_coder", "fast", "-b:a", "192k", "-flags:a", "+bitexact")
NEUTRAL = ("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact")
_SCALING = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
_TAGS = "setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
_DIMMED = "lutyuv=y=16+(val-16)*0.6:u=128+(val-128)*0.6:v=128+(val-128)*0.6"

# Time limit in seconds, so that nothing hangs for ever: eight seconds of 4K take one to two minutes on an old machine.
_PATIENCE = 1800.0


def make(clip: Clip, cut: Timeline, path: Path, out: Path, watch: Callable[[int], None]) -> None:
    """Write the clip's frames: H.264 in MP4, exactly ``clip.frames``.

    ``watch`` is called several times a second with the frames written so far; an exception in it stops the work.
    Raise LocalFault, BadMedia.
    """
    source = probe.source(path)
    begins = source.lead + clip.start
    arguments, late = _read(source, path, begins)
    with atomic_output(out) as staged:
        arguments += ["-map", "0:V:0", "-vf", picture_filter(source, clip, cut, late)]
        arguments += ["-frames:v", str(clip.frames), *ENCODER, "-g", str(2 * cut.fps), *NEUTRAL]
        arguments += ["-video_track_timescale", str(cut.fps), "-f", "mp4", "-y", f"file:{staged}"]
        written = ffmpeg.run(arguments, seconds=_PATIENCE, watch=watch)
        if written != clip.frames:
            raise LocalFault(f"ffmpeg wrote {written} frames of {clip.frames}", "unset STORYBOARD_FFMPEG and try again")


def excerpt(wanted: AudioExcerpt, form: tuple[int, int], path: Path, out: Path, watch: Callable[[int], None]) -> None:
    """Write the excerpt as AAC in MP4; ``form`` is hertz and channels, ``watch`` as in ``make``.

    A clip without sound gives silence. Raise LocalFault, BadMedia.
    """
    source = probe.source(path)
    length = wanted.blocks * BLOCK
    if source.measure.sound:
        arguments, late = _read(source, path, source.lead + wanted.start)
        filters = f"{_sound_filter(source, late, form, length)},aformat=sample_fmts=fltp,apad=whole_len={length}"
        arguments += ["-map", "0:a:0", "-af", filters]
    else:
        arguments = ["-protocol_whitelist", "file", "-f", "s16le", "-ar", str(form[0]), "-ac", str(form[1])]
        arguments += ["-i", "file:/dev/zero", "-af", f"atrim=end_sample={length},aformat=sample_fmts=fltp"]
    with atomic_output(out) as staged:
        arguments += [*SOUND, *NEUTRAL, "-f", "mp4", "-y", f"file:{staged}"]
        ffmpeg.run(arguments, seconds=_PATIENCE, watch=watch)


def _read(source: Source, path: Path, begins: Fraction) -> tuple[list[str], Fraction]:
    """ffmpeg arguments to read a clip from one second before ``begins`` on; and the time of ``begins`` in that input.

    Times are in seconds. ffmpeg seeks to a key frame before, and the filters cut exactly. No seek to 0: that would
    lose 21 ms of AAC sound.
    """
    seek = max(Fraction(0), begins - 1)
    arguments = ["-filter_threads", "2", "-threads", "2", "-protocol_whitelist", "file", "-f", source.format]
    arguments += ["-ss", f"{float(seek):.6f}"] if seek else []
    return [*arguments, "-i", f"file:{os.path.abspath(path)}"], begins - seek


def pictures(clip: Clip, cut: Timeline, path: Path) -> Generator[bytes]:
    """The clip's frames in the film's format, in order: YUV 4:2:0 with 8 bits, plane by plane.

    Raise LocalFault, BadMedia.
    """
    source = probe.source(path)
    arguments, late = _read(source, path, source.lead + clip.start)
    arguments += ["-map", "0:V:0", "-vf", picture_filter(source, clip, cut, late)]
    arguments += ["-frames:v", str(clip.frames), "-f", "rawvideo", "pipe:1"]
    return ffmpeg.pieces(arguments, cut.width * cut.height * 3 // 2, seconds=_PATIENCE)


def encode_frames(frames: Generator[bytes], count: int, cut: Timeline, out: Path, watch: Callable[[int], None]) -> None:
    """Encode ``count`` frames of the film (YUV 4:2:0 with 8 bits, plane by plane) like those of a clip in ``make``.

    One thread: pieces are short, and one per processor is encoded at a time. Raise LocalFault, and the exceptions
    of ``frames``.
    """
    with atomic_output(out) as staged:
        size = f"{cut.width}x{cut.height}"
        arguments = ["-protocol_whitelist", "pipe", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", size]
        arguments += ["-framerate", str(cut.fps), "-i", "pipe:0", "-vf", f"setsar=1,{_TAGS}"]
        arguments += [*ENCODER, *PIECE, "-g", str(2 * cut.fps), *NEUTRAL]
        arguments += ["-video_track_timescale", str(cut.fps), "-f", "mp4", "-y", f"file:{staged}"]
        written = ffmpeg.run(arguments, seconds=_PATIENCE, watch=watch, feed=frames)
        if written != count:
            raise LocalFault(f"ffmpeg wrote {written} frames of {count}", "unset STORYBOARD_FFMPEG and try again")


def picture_filter(source: Source, clip: Clip, cut: Timeline, begins: Fraction) -> str:
    """The picture filters: frame times, then size, then colour. Contains only numbers, no text of the author.

    ``begins`` is the time of the clip's first frame in ffmpeg's input, in seconds. The last frame is repeated where
    rounding needs one more than there is.
    """
    return ",".join(
        (
            f"setpts=PTS-({begins})/TB",
            f"fps=fps={cut.fps}:start_time=0:round=near",
            "tpad=stop=-1:stop_mode=clone",
            *(() if source.tagged else (_assumed(source),)),
            *_toned(source),
            _fitted(source, cut),
            "format=yuv420p,setsar=1",
            _TAGS,
        )
    )


def _sound_filter(source: Source, begins: Fraction, form: tuple[int, int], samples: int) -> str:
    """The sound filters: silence where the sound starts late or has a gap, trimmed to the duration of the picture.

    Mono goes to both channels unchanged: by default ffmpeg would make it 3 dB quieter.
    """
    hertz, channels = form
    both_sides = "pan=stereo|c0=c0|c1=c0," if source.mono and channels == 2 else ""
    return (
        f"{both_sides}asetpts=PTS-({begins})/TB,aresample={hertz}:async=1:first_pts=0,"
        f"aformat=sample_fmts=s16:channel_layouts={'stereo' if channels == 2 else 'mono'},atrim=end_sample={samples}"
    )


def _assumed(source: Source) -> str:
    """The colour matrix that players assume if there is no tag: BT.709 from 720 lines up, BT.601 below."""
    matrix = "bt709" if min(source.measure.width, source.measure.height) >= 720 else "smpte170m"
    return f"setparams=colorspace={matrix}"


def _toned(source: Source) -> tuple[str, ...]:
    """Filters from HDR or wide gamut to BT.709.

    HDR reference white (203 cd/m2, ITU-R BT.2408) stays nearly white; highlights up to 1,000 cd/m2 are compressed
    into the range above it (a Moebius curve), so that faces keep their contrast.
    """
    if not source.range:
        return ()
    linear = f"zscale=t=linear:npl={_WHITE},format=gbrpf32le,zscale=p=bt709"
    pressed = f",tonemap=tonemap=mobius:param=0.3:desat=0:peak={1000 / _WHITE:.3f}" if source.range == "hdr" else ""
    return (f"{linear}{pressed},zscale=t=bt709:m=bt709:r=tv,format=yuv420p",)


def _fitted(source: Source, cut: Timeline) -> str:
    """Filters from the clip's aspect ratio and size to the film's: scale, pad, crop, or a blurred copy behind it."""
    measure, film = source.measure, (cut.width, cut.height)
    inside, around = (
        _scaled(measure.width, measure.height, pick(cut.width / measure.width, cut.height / measure.height))
        for pick in (min, max)
    )
    if inside == film or around == film:
        return _scale(film)
    left, top = (cut.width - inside[0]) // 4 * 2, (cut.height - inside[1]) // 4 * 2
    match cut.fit:
        case "pad":
            return f"{_scale(inside)},pad={cut.width}:{cut.height}:{left}:{top}:black"
        case "crop":
            return f"{_scale(around)},crop={cut.width}:{cut.height}"
        case "blur":
            # Blurring at an eighth of the size costs a 64th.
            small = (max(2, cut.width // 16 * 2), max(2, cut.height // 16 * 2))
            wide = (max(small[0], around[0] // 16 * 2 + 2), max(small[1], around[1] // 16 * 2 + 2))
            return (
                f"split[front][back],[back]{_scale(wide)},crop={small[0]}:{small[1]},gblur=sigma=5,{_DIMMED},"
                f"{_scale(film)}[behind],[front]{_scale(inside)}[before],[behind][before]overlay={left}:{top}"
            )


def _scaled(width: int, height: int, factor: float) -> tuple[int, int]:
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)


def _scale(size: tuple[int, int]) -> str:
    return f"scale={size[0]}:{size[1]}:out_color_matrix=bt709:out_range=tv:{_SCALING}"
