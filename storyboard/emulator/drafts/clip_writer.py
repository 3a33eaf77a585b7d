"""Clip writer: an MP4 like the provider's: H.264 yuv420p in BT.709, AAC 48 kHz stereo, sample tables in front.

Uses PyAV, not moviepy's writer, which sends every frame as RGB through a pipe to a second process (50 % more CPU,
measured) and drops the colour tags. The same frames and sound give the same bytes.
"""

import io
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.reformatter import ColorRange, Colorspace

from storyboard.emulator.drafts.brief import RATE
from storyboard.graphics.transitions import Plane

SAMPLE_RATE = 48_000  # samples per second and channel

Samples = npt.NDArray[np.float32]  # (samples, 2), -1 to 1

_BLOCK = 1024  # samples in one AAC frame
_BITEXACT = {"fflags": "+bitexact"}  # writes no version and no date into the file
_X264 = {
    "preset": "ultrafast",
    "qp": "26",  # A constant quantizer needs no first look at each frame: a quarter less time for as good a picture.
    # A trim to a half second is copied, and a thumbnail from the middle is never the frame of another clip.
    "g": str(RATE // 2),
    "threads": "1",
    "flags": "+bitexact",
    "x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709:fullrange=off",
}
_AAC = {
    "aac_coder": "fast",
    "b": "128000",
    "threads": "1",
    "flags": "+bitexact",
    # The quiet sound of a draft has hardly anything above 4 kHz, and none of what these tools are for: half the time.
    "cutoff": "4000",
    "aac_tns": "0",
    "aac_pns": "0",
    "aac_is": "0",
    "aac_ms": "0",
}


def aac(samples: Samples) -> bytes:
    """The samples as an MPEG-4 audio file, for ``mp4``."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options=_BITEXACT) as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE, options=_AAC, layout="stereo")
        planes = np.ascontiguousarray(samples.T, dtype=np.float32)
        for start in range(0, planes.shape[1], _BLOCK):
            block = np.ascontiguousarray(planes[:, start : start + _BLOCK])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def mp4(path: Path, size: tuple[int, int], pictures: Iterable[Plane], sound: bytes | None) -> None:
    """Write a clip of ``size`` (width, height in pixels) to ``path``. Raise OSError and av.FFmpegError.

    ``pictures`` are the contents of YuvPictures of that size; ``sound`` is an MPEG-4 audio file, None for none.
    """
    with _writing(path) as container, ExitStack() as stack:
        video = container.add_stream("libx264", rate=RATE, options=_X264)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        if sound is not None:
            recording = stack.enter_context(av.open(io.BytesIO(sound), "r", format="mp4"))
            _copy(recording.demux(audio=0), container.add_stream_from_template(recording.streams.audio[0]), container)
        for number, picture in enumerate(pictures):
            container.mux(video.encode(_frame(picture, size, number)))
        container.mux(video.encode(None))


def without_sound(source: Path, path: Path) -> None:
    """Copy a clip without its sound."""
    with av.open(str(source), "r", format="mp4") as clip, _writing(path) as container:
        _copy(clip.demux(video=0), container.add_stream_from_template(clip.streams.video[0]), container)


def with_one_picture(source: Path, path: Path, *, black: bool) -> None:
    """Copy the sound of a clip under one picture: black, or the clip's own middle frame."""
    with av.open(str(source), "r", format="mp4") as clip:
        frames = [np.asarray(frame.to_ndarray(), np.uint8).reshape(-1) for frame in clip.decode(video=0)]
        size = clip.streams.video[0].width, clip.streams.video[0].height
    picture = frames[len(frames) // 2]
    if black:
        picture[: size[0] * size[1]], picture[size[0] * size[1] :] = 16, 128
    mp4(path, size, repeat(picture, len(frames)), source.read_bytes())


def _copy(packets: "Iterable[Packet[Any]]", stream: Stream, container: OutputContainer) -> None:
    for packet in packets:
        if packet.dts is not None:  # The last packet of a demuxer is empty.
            packet.stream = stream
            container.mux(packet)


def _frame(picture: Plane, size: tuple[int, int], number: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_numpy_buffer(picture.reshape(size[1] * 3 // 2, size[0]), format="yuv420p")
    frame.pts, frame.colorspace, frame.color_range = number, Colorspace.ITU709, ColorRange.MPEG
    return frame


def _writing(path: Path) -> OutputContainer:
    return av.open(str(path), "w", format="mp4", options={**_BITEXACT, "movflags": "+faststart"})
