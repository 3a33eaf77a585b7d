"""Decoders for the frames and the sound of a clip, from any position, by the clip's index.

No container is opened: opening one takes as long as decoding a second of the clip.
"""

import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.model.errors import BadMedia
from storyboard.model.text import one_line
from storyboard.mp4 import h264
from storyboard.mp4.samples import BLOCK, AudioTrack, SampleTable, VideoTrack
from storyboard.system.files import disk_errors

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from storyboard.mp4.aac import Samples


def pictures(path: Path, frames: VideoTrack, first: int, last: int) -> "Generator[VideoFrame]":
    """Decode frames [first, last), and the frames that they depend on. The ``pts`` of each is its frame number.

    Frames come in the decoder's order of output. Raise LocalFault, BadMedia.
    """
    import av

    begin = max(start for start in frames.starts if start <= first)
    end = max(at for at, number in enumerate(frames.shown) if number < last) + 1
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = h264.config([frames.sets])
    decoder.thread_count = 1
    try:
        with closing(_stored(path, frames.stored, begin, end)) as samples:
            for at, sample in enumerate(samples, begin):
                packet = av.Packet(sample)
                packet.pts = frames.shown[at]
                yield from decoder.decode(packet)
        yield from decoder.decode(None)
    except av.error.FFmpegError as error:
        raise BadMedia(f"damaged: {one_line(error.strerror or '', 200)}") from error


def sound(path: Path, sound: AudioTrack, start: Fraction) -> "Generator[tuple[int, Samples]]":
    """Decode the sound from ``start`` on, in seconds from the beginning of block 0: pairs of a position and samples.

    Positions count samples from ``start``; the first may be negative. Raise LocalFault, BadMedia.
    """
    begin = round(start * sound.hertz)
    # A block decodes completely only after the one before it.
    first = max(0, begin // BLOCK - 1)
    with closing(_stored(path, sound.stored, first, len(sound.stored.sizes))) as samples:
        for number, piece in enumerate(blocks(samples, sound.config), first):
            unheard = max(0, sound.priming - number * BLOCK) if number > first or not first else BLOCK
            if unheard < BLOCK:
                yield number * BLOCK + unheard - begin, piece[:, unheard:]


def blocks(frames: Iterable[bytes], config: bytes) -> "Iterator[Samples]":
    """Decode AAC frames, one block of samples per frame. ``config`` is their AudioSpecificConfig.

    A frame without sound (some encoders begin with one that holds their name) or with damage is a block of silence.
    Raise BadMedia where a frame has another length.
    """
    import av
    import numpy

    decoder = av.CodecContext.create("aac", "r")
    decoder.extradata = config
    decoder.thread_count = 1
    channels = 0
    for one in frames:
        try:
            made = [frame.to_ndarray() for frame in decoder.decode(av.Packet(one))]
        except av.error.FFmpegError:
            made = []
        channels = channels or (made[0].shape[0] if made else (config[1] >> 3 & 15))
        made = made or [numpy.zeros((channels, BLOCK))]
        if [block.shape[1] for block in made] != [BLOCK]:
            raise BadMedia("its sound is damaged: some of it does not decode")
        yield numpy.asarray(made[0], numpy.float32)


def _stored(path: Path, stored: SampleTable, first: int, last: int) -> Generator[bytes]:
    with disk_errors(path), path.open("rb") as file:
        for at in range(first, last):
            yield os.pread(file.fileno(), stored.sizes[at], stored.offsets[at])
