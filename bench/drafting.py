"""Drafting: how much CPU the emulator needs for one clip of a draft, and a render for all of one film.

The film is examples/keeper: 7 clips of 192 frames, titles and a cut, by a whole process with nothing cached. It is held
against ffmpeg, which encodes as many frames of 1280x720 with x264 ultrafast: those of one of its own clips, decoded
before, over and over.
"""

import shutil
import tempfile
import time
from pathlib import Path
from threading import Event

from bench.process import ROOT, STORYBOARD, Cost, cost, least
from bench.row import Row
from bench.service import author
from storyboard.media import ffmpeg

CLIPS = 3
FRAMES, SCENES = 192, 7
RUNS = 3


def rows() -> list[Row]:
    """One clip, and a film."""
    return [*_clip(), *_film()]


def _film() -> list[Row]:
    """The CPU of a first draft and of one with a changed word: of several, the one with the least."""
    firsts, seconds = [], []
    with tempfile.TemporaryDirectory() as name:
        for number in range(RUNS):
            folder = Path(name, str(number))
            shutil.copytree(ROOT / "examples" / "keeper", folder / "keeper", ignore=shutil.ignore_patterns("out", ".*"))
            firsts.append(_draft(folder))
            file = folder / "keeper" / "keeper.yaml"
            file.write_text(file.read_text().replace("a brass lantern", "an iron lantern"))
            seconds.append(_draft(folder))
        take = next(Path(name, "0", "home", "drafts", "takes").glob("??/*.mp4"))
        encoding = _encoding(take, Path(name, "frames.yuv"))
    first, second = (min(cost.cpu for cost in costs) for costs in (firsts, seconds))
    return [
        Row("first draft of examples/keeper, CPU", first, "s"),
        Row("the same, wall", min(cost.wall for cost in firsts), "s"),
        Row("the same / ffmpeg encoding as many frames with x264 ultrafast, CPU", first / encoding, "x", 2.0),
        Row("one word of one scene changed / first draft, CPU", second / first, "x", 0.25),
    ]


def _draft(folder: Path) -> Cost:
    file = folder / "keeper" / "keeper.yaml"
    return cost([*STORYBOARD, "render", file, "--draft", "--quiet"], author("http://127.0.0.1:1", folder / "home"))


def _encoding(clip: Path, frames: Path) -> float:
    """The CPU seconds in which ffmpeg encodes as many frames as the film's clips have."""
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p"]
    ffmpeg.run(["-i", str(clip), *raw, "-s", "1280x720", "-frames:v", str(FRAMES), str(frames)], seconds=60)
    loop = [*raw, "-s", "1280x720", "-r", "24", "-stream_loop", str(SCENES - 1), "-i", frames]
    x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mp4", "-y"]
    return least([ffmpeg.binary(), "-nostdin", "-v", "error", *loop, *x264, frames.with_suffix(".mp4")], tries=RUNS).cpu


def _clip() -> list[Row]:
    """The mean of a few clips in this process, after one more that loads what is loaded once."""
    from storyboard.emulator.api.orders import GenerationOrder
    from storyboard.emulator.drafts.animatic import film
    from storyboard.emulator.drafts.brief import Brief

    def draw(number: int, folder: Path) -> float:
        prompt = (
            f"An old lighthouse keeper climbs a spiral staircase, lantern in hand, at dawn, for the {number}th time."
        )
        order = GenerationOrder(
            prompt, (), "veo3_fast", "TEXT_2_VIDEO", "16:9", 10_000 + number, True, "", "", "3/8 stairs", {}
        )
        before = time.process_time()
        film(folder / f"{number}.mp4", Brief(order), Event())
        return time.process_time() - before

    with tempfile.TemporaryDirectory() as name:
        first, *others = (draw(number, Path(name)) for number in range(1 + CLIPS))
    return [
        Row("draft clip of 8 s at 1280x720, CPU", sum(others) / CLIPS, "s", 1.5),
        Row("first draft clip of a process, CPU", first, "s"),
    ]
