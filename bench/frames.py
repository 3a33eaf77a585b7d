"""Pictures of clips: the last frame of one, and a thumbnail of each of a hundred, as the contact sheet has them.

The clips are those of ``clips``, in groups of 24 and 48 frames. The last frame is the median over some of them, each
asked twice; the thumbnails are made by two threads, as `storyboard sheet` does. PyAV, left to itself, is timed beside
them in the same run.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from bench import clips
from bench.row import Row
from storyboard.media import frames

RATE = 24
CLIPS, MANY = 3, 100
BOX = (320, 180)


def rows() -> list[Row]:
    """The last frame for both lengths of groups; then a hundred thumbnails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for group in (24, 48):
            (folder / str(group)).mkdir()
            clips.many(folder / str(group), MANY, group=group)
        hundred, long = (clips.named(folder / str(group), MANY) for group in (24, 48))
        short, long = hundred[:CLIPS], long[:CLIPS]
        thumbnails = _seconds(lambda: _thumbnails(hundred, _ours))
        with_pyav = _seconds(lambda: _thumbnails(hundred, _pyav))
        return [
            Row("last frame of a clip, groups of 24", _each(short, frames.last_frame), "s", 0.15),
            Row("last frame of a clip, groups of 48", _each(long, frames.last_frame), "s", 0.15),
            Row("the same by decoding all of it with PyAV", _each(short, _decoded), "s"),
            Row("100 thumbnails", thumbnails, "s", 5),
            Row("PyAV, key frames only / ours", with_pyav / thumbnails, "x"),
        ]


def _each(files: list[Path], look: Callable[[Path], object]) -> float:
    return median(_seconds(partial(look, clip)) for clip in files * 2)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _thumbnails(files: list[Path], one: Callable[[Path], object]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, files))


def _ours(clip: Path) -> object:
    return frames.thumbnail(clip, 0, clips.SECONDS * RATE, BOX)


def _pyav(clip: Path) -> object:
    import av

    with av.open(str(clip)) as opened:
        video = opened.streams.video[0]
        video.codec_context.skip_frame = "NONKEY"
        opened.seek(int(clips.SECONDS / 2 / video.time_base), stream=video)
        return next(opened.decode(video)).reformat(*BOX, "rgb24").to_image()


def _decoded(clip: Path) -> object:
    import av

    with av.open(str(clip)) as opened:
        for frame in opened.decode(video=0):
            last = frame
        return last.to_image()
