"""Pictures of clips: the last frame of one, and a thumbnail of each of a hundred, as the contact sheet has them.

The clips are 8 s of 1280x720 at 24 frames a second, with noise as in a real picture, in groups of 24 and 48 frames. The
last frame is the median over the clips, each asked twice; the thumbnails are made by two threads, as `storyboard sheet`
does. PyAV, left to itself, is timed beside them in the same run.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

from bench.row import Row
from storyboard.media import ffmpeg, frames

SECONDS, RATE = 8, 24
CLIPS, MANY = 3, 100
BOX = (320, 180)


def rows() -> list[Row]:
    """The last frame for both lengths of groups; then a hundred thumbnails."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short, long = ([_clip(folder, group, number) for number in range(CLIPS)] for group in (24, 48))
        hundred = [Path(shutil.copy(short[at % CLIPS], folder / f"copy{at}.mp4")) for at in range(MANY)]
        thumbnails = _seconds(lambda: _thumbnails(hundred, _ours))
        with_pyav = _seconds(lambda: _thumbnails(hundred, _pyav))
        return [
            Row("last frame of a clip, groups of 24", _each(short, frames.last_frame), "s", 0.15),
            Row("last frame of a clip, groups of 48", _each(long, frames.last_frame), "s", 0.15),
            Row("the same by decoding all of it with PyAV", _each(short, _decoded), "s"),
            Row("100 thumbnails", thumbnails, "s", 5),
            Row("PyAV, key frames only / ours", with_pyav / thumbnails, "x"),
        ]


def _each(clips: list[Path], look: Callable[[Path], object]) -> float:
    return median(_seconds(partial(look, clip)) for clip in clips * 2)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _thumbnails(clips: list[Path], one: Callable[[Path], object]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, clips))


def _ours(clip: Path) -> object:
    return frames.thumbnail(clip, 0, SECONDS * RATE, BOX)


def _pyav(clip: Path) -> object:
    import av

    with av.open(str(clip)) as opened:
        video = opened.streams.video[0]
        video.codec_context.skip_frame = "NONKEY"
        opened.seek(int(SECONDS / 2 / video.time_base), stream=video)
        return next(opened.decode(video)).reformat(*BOX, "rgb24").to_image()


def _decoded(clip: Path) -> object:
    import av

    with av.open(str(clip)) as opened:
        for frame in opened.decode(video=0):
            last = frame
        return last.to_image()


def _clip(folder: Path, group: int, number: int) -> Path:
    path = folder / f"{group}-{number}.mp4"
    picture = f"gradients=s=1280x720:r={RATE}:d={SECONDS}:seed={number}:speed=0.02,noise=alls=8:allf=t,format=yuv420p"
    x264 = ["-c:v", "libx264", "-preset", "superfast", "-b:v", "5M", "-g", str(group), "-sc_threshold", "0"]
    ffmpeg.run(["-f", "lavfi", "-i", picture, *x264, "-colorspace", "bt709", "-y", str(path)], seconds=300)
    return path
