"""Encoder for drawn pictures: an MP4 like a take, H.264 High, yuv420p in BT.709, a key frame every two seconds.

Uses PyAV, as draft clips do. The same pictures and sound give the same bytes.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from storyboard.media import probe
from storyboard.model.errors import LocalFault
from storyboard.mp4.samples import BLOCK
from storyboard.system.files import disk_errors

Picture = npt.NDArray[np.uint8]  # (height, width, 3), RGB

_BITEXACT = {"fflags": "+bitexact", "movflags": "+faststart"}
_TAGS = "colorprim=bt709:transfer=bt709:colormatrix=bt709:fullrange=off"
SCALING = (
    Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
)


def version() -> str:
    """The versions of PyAV and FFmpeg. Other versions may write other bytes."""
    return f"PyAV {av.__version__} {av.ffmpeg_version_info}"


def mp4(
    path: Path,
    size: tuple[int, int],
    fps: Fraction,
    pictures: Iterable[Picture],
    sound: tuple[Path, Fraction] | None = None,
) -> int:
    """Write ``pictures`` of ``size`` (width, height) at ``fps`` frames per second; return their number.

    ``sound`` is an MP4 whose AAC sound is copied, and the time in it, in seconds, of the first picture.
    Raise LocalFault.
    """
    options = {
        "preset": "veryfast",
        "crf": "17",
        "profile": "high",
        "threads": "2",
        "flags": "+bitexact+cgop",
        "x264-params": f"{_TAGS}:cpu-independent=1:keyint={round(2 * fps)}:open-gop=0",
    }
    count = 0
    try:
        with disk_errors(path), ExitStack() as files:
            out = files.enter_context(av.open(str(path), "w", format="mp4", options=_BITEXACT))
            video = out.add_stream("libx264", rate=fps, options=options)
            video.width, video.height = size
            video.pix_fmt = "yuv420p"
            source = files.enter_context(_read(sound[0])) if sound else None
            heard = probe.sound_track(source, 0) if source else None
            if heard:
                out.add_stream_from_template(heard)
            reformatter, packets = VideoReformatter(), []
            for count, picture in enumerate(pictures, 1):
                packets += video.encode(_yuv(picture, count - 1, reformatter))
            packets += video.encode(None)
            if source and heard and sound:
                _copy(source.demux(heard), heard, sound[1], Fraction(count, fps), out)
            for packet in packets:
                out.mux(packet)
    except av.error.FFmpegError as error:
        raise LocalFault(f"{path}: {error.strerror}", "run again; free some space where the disk is full") from error
    return count


def _read(path: Path) -> InputContainer:
    return av.open(f"file:{path.absolute()}", "r", format="mp4", metadata_errors="replace")


def _copy(
    packets: "Iterable[Packet[Any]]", sound: AudioStream, begins: Fraction, seconds: Fraction, out: OutputContainer
) -> None:
    """Copy the AAC frames that are heard, and the one before them, without which the first would decode as silence."""
    stream = out.streams.audio[0]
    for packet in packets:
        if packet.pts is None or packet.dts is None or not sound.time_base:
            continue
        at = round((packet.pts * sound.time_base - begins) * sound.rate)
        if -2 * BLOCK < at < seconds * sound.rate:
            packet.time_base, packet.pts, packet.dts = Fraction(1, sound.rate), at, at
            packet.stream = stream
            out.mux(packet)


def _yuv(picture: Picture, number: int, reformatter: VideoReformatter) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame.pts = number
    return reformatter.reformat(
        frame,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=SCALING,
        threads=1,
    )
