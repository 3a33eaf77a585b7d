"""Single frames of a clip as images: a frame by number, the last frame, thumbnails.

If the clip's index can be read, decoding starts at the nearest key frame, and nothing else of the file is read: a
thumbnail then takes one sample. Other clips (another codec, rotated, not MP4, wide colours) go through ffmpeg.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from storyboard.media import ffmpeg, filters, probe
from storyboard.media.bt709 import Colour, Tags
from storyboard.model.errors import BadMedia
from storyboard.model.text import one_line
from storyboard.mp4 import h264, reader
from storyboard.mp4.samples import VideoTrack
from storyboard.system.files import disk_errors

if TYPE_CHECKING:
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

Size = tuple[int, int]

# Time limit of ffmpeg for one frame, in seconds: it may have to decode from a key frame that lies far before.
_PATIENCE = 120.0
# Above this number of frames, decode on all cores: starting the threads takes as long as decoding some frames.
_FEW = 12


def frame(path: Path, number: int) -> Image.Image:
    """Frame ``number``, from 0 in display order, in the size in which a player shows it.

    Raise BadMedia, also where there is no such frame; LocalFault.
    """
    found = _understood(path)
    if found is None:
        return _converted(path, number)
    if number >= len(found.shown):
        raise _missing(number)
    return _picture(_decoded(path, found, number), found)


def last_frame(path: Path) -> Image.Image:
    """The last frame in display order, exactly. Raise BadMedia, LocalFault."""
    found = _understood(path)
    return frame(path, (len(found.shown) if found else probe.measure(path).frames) - 1)


def frame_png(path: Path, number: int) -> tuple[bytes, Size]:
    """Frame ``number`` as a PNG image, and its size: RGB by the colours of the clip, the same bytes each time.

    Raise BadMedia, LocalFault.
    """
    picture, content = frame(path, number), BytesIO()
    picture.save(content, "PNG")
    return content.getvalue(), picture.size


def thumbnail(path: Path, first: int, last: int, box: Size) -> Image.Image:
    """The key frame nearest to the middle of frames [first, last), scaled to fit into ``box`` (width, height).

    If there is no key frame among them, the middle frame. Raise BadMedia, LocalFault.
    """
    middle = (first + last - 1) // 2
    found = _understood(path)
    if found is None:
        return _converted(path, middle, box)
    if middle >= len(found.shown):
        raise _missing(middle)
    starts = [start for start in found.starts if first <= start < last]
    number = min(starts, key=lambda start: abs(start - middle), default=middle)
    return _picture(_decoded(path, found, number), found, box)


def _understood(path: Path) -> VideoTrack | None:
    """The frames, if they can be decoded by the index, and their colours need no more than a scaler."""
    found = reader.read(path).frames if probe.demuxer(path) == "mp4" else None
    return found if isinstance(found, VideoTrack) and _colour(found).simple else None


def _colour(frames: VideoTrack) -> Colour:
    return Colour.of(Tags(*frames.look.colour), min(frames.look.width, frames.look.height))


def _converted(path: Path, number: int, box: Size | None = None) -> Image.Image:
    """A frame that ffmpeg brings to BT.709, as it does for a film, in the size in which it is shown or in ``box``.

    Where the times of a clip are damaged, an earlier frame that decodes.
    """
    source = probe.source(path)
    measure = source.measure
    if number >= measure.frames:
        raise _missing(number)
    size = _inside((measure.width, measure.height), box) if box else (measure.width, measure.height)
    back = 1
    while not (content := _rgb(path, source, number, size)):
        if not number:
            raise _missing(number)
        number, back = max(0, number - back), 2 * back
    return Image.frombytes("RGB", size, content)


def _rgb(path: Path, source: probe.Source, number: int, size: Size) -> bytes:
    """The pixels of a frame; none where ffmpeg finds none at its time. Raise BadMedia, LocalFault."""
    start = number / source.measure.fps
    seek = filters.seek(source, start)
    shape = filters.FrameShape(size[0] + size[0] % 2, size[1] + size[1] % 2, source.measure.fps)
    wanted = f"{filters.picture_filter(source, shape, 'pad', start)},{filters.to_rgb(size)}"
    arguments = ["-threads", "2", "-protocol_whitelist", "file", "-f", source.format, *filters.KEPT]
    arguments += [*(("-ss", f"{float(seek):.6f}") if seek else ()), "-i", f"file:{os.path.abspath(path)}"]
    arguments += ["-map", f"0:{source.video}", "-vf", wanted, "-frames:v", "1", "-f", "rawvideo", "pipe:1"]
    try:
        return b"".join(ffmpeg.pieces(arguments, size[0] * size[1] * 3, seconds=_PATIENCE))
    except ffmpeg.FfmpegFailed as failure:
        if failure.blameless:
            raise
        raise BadMedia(f"damaged: {failure.said or failure.message}") from failure


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


def _picture(seen: "VideoFrame", frames: VideoTrack, box: Size | None = None) -> Image.Image:
    """Convert a frame to RGB by its colours, scaled to fit ``box``."""
    from av.video.reformatter import ColorRange, Colorspace, Interpolation

    colour, size = _colour(frames), (seen.width, seen.height)
    matrices = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020}
    method = Interpolation.AREA if box else Interpolation.BICUBIC
    made = seen.reformat(
        *(_inside(size, box) if box else size),
        "rgb24",
        src_colorspace=matrices.get(colour.matrix, Colorspace.ITU601),
        src_color_range=ColorRange.JPEG if colour.full else ColorRange.MPEG,
        interpolation=method | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.BITEXACT,
    )
    return Image.fromarray(made.to_ndarray())


def _inside(size: Size, box: Size) -> Size:
    factor = min(box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
