"""Single frames of a clip as images: a frame by number, the last frame, thumbnails.

If the clip's index can be read, decoding starts at the nearest key frame, and nothing else of the file is read: a
thumbnail then takes one sample. Other clips (another codec, rotated, not MP4) are read through the demuxer.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from storyboard.media import probe
from storyboard.model.errors import BadMedia
from storyboard.model.text import one_line
from storyboard.mp4 import h264, reader
from storyboard.mp4.samples import PictureFormat, VideoTrack
from storyboard.system.files import disk_errors

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

Size = tuple[int, int]

_HD = 720
# Above this number of frames, decode on all cores: starting the threads takes as long as decoding some frames.
_FEW = 12


def frame(path: Path, number: int) -> Image.Image:
    """Frame ``number``, from 0 in display order, in the size in which a player shows it.

    Raise BadMedia, also where there is no such frame; LocalFault.
    """
    found = _understood(path)
    if found is None:
        with _demuxed(path) as (clip, video):
            return _picture(_numbered(clip.decode(video), number), None, _shape(video))
    if number >= len(found.shown):
        raise _missing(number)
    return _picture(_decoded(path, found, number), found.look)


def last_frame(path: Path) -> Image.Image:
    """The last frame in display order, exactly. Raise BadMedia, LocalFault."""
    found = _understood(path)
    if found:
        return _picture(_decoded(path, found, len(found.shown) - 1), found.look)
    with _demuxed(path) as (clip, video):
        for begin in _nearer_the_end(video):
            clip.seek(begin, stream=video)
            if last := deque(clip.decode(video), maxlen=1):
                return _picture(last[0], None, _shape(video))
        raise BadMedia("there is no frame in it")


def thumbnail(path: Path, first: int, last: int, box: Size) -> Image.Image:
    """The key frame nearest to the middle of frames [first, last), scaled to fit into ``box`` (width, height).

    If there is no key frame among them, the middle frame. Raise BadMedia, LocalFault.
    """
    middle = (first + last - 1) // 2
    found = _understood(path)
    if found:
        if middle >= len(found.shown):
            raise _missing(middle)
        starts = [start for start in found.starts if first <= start < last]
        number = min(starts, key=lambda start: abs(start - middle), default=middle)
        return _picture(_decoded(path, found, number), found.look, box=box)
    with _demuxed(path) as (clip, video):
        return _picture(_numbered(clip.decode(video), middle), None, _shape(video), box)


def _understood(path: Path) -> VideoTrack | None:
    found = reader.read(path).frames if probe.demuxer(path) == "mp4" else None
    return found if isinstance(found, VideoTrack) else None


def _missing(number: int) -> BadMedia:
    return BadMedia(f"it has no frame {number}")


def _decoded(path: Path, frames: VideoTrack, number: int) -> "VideoFrame":
    """Decode from the last key frame up to frame ``number``, leaving out frames that are not used as references."""
    start, behind = max(start for start in frames.starts if start <= number), frames.shown.index(number) + 1
    with disk_errors(path), path.open("rb") as file, _damage():
        samples, before = [], 0
        for at in range(start, behind):
            sample = os.pread(file.fileno(), frames.stored.sizes[at], frames.stored.offsets[at])
            if at == behind - 1 or h264.is_reference(sample):
                samples.append(sample)
                before += frames.shown[at] < number
        return _numbered(_out(_decoder(frames, len(samples)), iter(samples)), before)


def _decoder(frames: VideoTrack, count: int) -> "VideoCodecContext":
    from av.codec.context import CodecContext

    codec: VideoCodecContext = CodecContext.create("h264", "r")
    codec.extradata = h264.config([frames.sets])
    codec.thread_count = 0 if count > _FEW else 1
    return codec


def _out(codec: "VideoCodecContext", samples: "Iterator[bytes]") -> "Iterator[VideoFrame]":
    from av.packet import Packet

    for sample in samples:
        yield from codec.decode(Packet(sample))
    yield from codec.decode(None)


def _numbered(decoded: "Iterator[VideoFrame]", number: int) -> "VideoFrame":
    found = next(islice(decoded, number, None), None)
    if found is None:
        raise _missing(number)
    return found


@contextmanager
def _damage() -> Iterator[None]:
    """Turn errors of libav into BadMedia."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise BadMedia(f"damaged: {one_line(error.strerror or '', 200)}") from error


@contextmanager
def _demuxed(path: Path) -> "Iterator[tuple[InputContainer, VideoStream]]":
    with probe.open_clip(path, probe.demuxer(path)) as clip:
        video = probe.picture(clip)
        video.thread_type = "AUTO"
        yield clip, video


def _nearer_the_end(video: "VideoStream") -> Sequence[int]:
    """Positions to seek to, in ticks: the end by the file's header, then, if that finds no frame, the beginning."""
    return [(video.start_time or 0) + video.duration, 0] if video.duration else [0]


def _shape(video: "VideoStream") -> Fraction:
    return video.sample_aspect_ratio or Fraction(1)


def _picture(
    seen: "VideoFrame", look: PictureFormat | None, shape: Fraction = Fraction(1), box: Size | None = None
) -> Image.Image:
    """Convert to RGB as a player shows it: square pixels, upright, scaled to fit ``box``, colours by their tags.

    ``look`` is the format in the index, if it can be read; ``shape`` is the aspect ratio of a pixel. Untagged colours
    are read as BT.709 from 720 lines up, as BT.601 below.
    """
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    matrix, full = look.colour[2:] if look else (seen.colorspace, seen.color_range == ColorRange.JPEG)
    width, height = max(1, round(seen.width * shape)), seen.height
    turned = seen.rotation % 360
    if box:
        width, height = _inside((width, height), box if turned % 180 == 0 else box[::-1])
    hd = min(seen.width, seen.height) >= _HD
    usual = Colorspace.ITU709 if hd else Colorspace.ITU601
    coloured = {1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 9: Colorspace.BT2020}
    method = Interpolation.AREA if box else Interpolation.BICUBIC
    made = seen.reformat(
        width,
        height,
        "rgb24",
        src_colorspace=coloured.get(matrix, usual),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        interpolation=method | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT,
    )
    image = Image.fromarray(made.to_ndarray())
    return image.rotate(turned, expand=True) if turned else image


def _inside(size: Size, box: Size) -> Size:
    factor = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
