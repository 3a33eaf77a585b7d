"""How the plain way of joining compares with moviepy and with ffmpeg's concat filter, and what memory each takes.

Run it: .venv/bin/python bench/joining.py. All of them read the same clips (2 s, 1280x720, 24 frames a second, noise as
in a real picture) and encode with the same settings (x264 veryfast, crf 17; AAC), each in a process of its own, one
after the other in one run: the ratios can be compared between machines, the seconds cannot.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from storyboard.media import ffmpeg

Row = tuple[str, float, str]

SECONDS = 2
FEW, MANY = 10, 30


@dataclass(frozen=True)
class Cost:
    """What one process, with its children, took: seconds by the clock, seconds of CPU, most MiB at one time."""

    wall: float
    cpu: float
    memory: float


def main() -> list[Row]:
    """Measure everything; rows of what it is, how much, and in what unit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(MANY):
            _clip(folder / f"{number:02d}.mp4", number)
        ours, again = _cost("join", folder, FEW), _cost("join", folder, FEW)
        many = _cost("join", folder, MANY)
        moviepy, concat = _cost("moviepy", folder, FEW), _cost("concat", folder, FEW)
        moviepy_many = _cost("moviepy_opened", folder, MANY)
    return [
        ("join 10 clips, CPU for each second of film", ours.cpu / (FEW * SECONDS), "s"),
        ("join 10 clips, wall", ours.wall, "s"),
        ("moviepy concatenate / join, wall", moviepy.wall / ours.wall, "x"),
        ("moviepy concatenate / join, CPU", moviepy.cpu / ours.cpu, "x"),
        ("ffmpeg concat filter / join, wall", concat.wall / ours.wall, "x"),
        ("ffmpeg concat filter / join, CPU", concat.cpu / ours.cpu, "x"),
        ("join with every segment there / join, wall", again.wall / ours.wall, "x"),
        ("join 10 clips, peak memory", ours.memory, "MiB"),
        ("join 30 clips, peak memory", many.memory, "MiB"),
        ("join 30 clips / 10 clips, peak memory", many.memory / ours.memory, "x"),
        ("ffmpeg concat filter 10 clips, peak memory", concat.memory, "MiB"),
        ("moviepy 10 clips, peak memory", moviepy.memory, "MiB"),
        ("moviepy 30 clips, opened only, peak memory", moviepy_many.memory, "MiB"),
    ]


def join(folder: Path, count: int) -> None:
    """The plain way. What it renders stays in the folder, so that the second time finds it."""
    from storyboard.cut import Clip, Cut
    from storyboard.media.join import join

    frames = SECONDS * 24
    clips = tuple(Clip(str(n), str(n), Fraction(0), Fraction(SECONDS), n * frames, frames) for n in range(count))
    paths = {str(n): path for n, path in enumerate(_clips(folder, count))}
    join(Cut(clips, 1280, 720, 24, "pad"), paths, folder / "join.film", folder / f"segments{count}")


def moviepy(folder: Path, count: int) -> None:
    """As its documentation shows it, with our encoder settings and the sound rate kept."""
    from moviepy import VideoFileClip, concatenate_videoclips

    film = concatenate_videoclips([VideoFileClip(str(path)) for path in _clips(folder, count)], method="chain")
    film.write_videofile(
        str(folder / "moviepy-film.mp4"),
        preset="veryfast",
        ffmpeg_params=["-crf", "17"],
        audio_fps=48000,
        audio_codec="aac",
        temp_audiofile_path=str(folder),
        logger=None,
    )


def moviepy_opened(folder: Path, count: int) -> None:
    """Before it has rendered anything: all clips open, as concatenating needs them."""
    from moviepy import VideoFileClip, concatenate_videoclips

    concatenate_videoclips([VideoFileClip(str(path)) for path in _clips(folder, count)], method="chain").get_frame(0)
    time.sleep(1)


def concat(folder: Path, count: int) -> None:
    """One ffmpeg with every clip as an input."""
    inputs = [word for path in _clips(folder, count) for word in ("-i", str(path))]
    graph = "".join(f"[{n}:v][{n}:a]" for n in range(count)) + f"concat=n={count}:v=1:a=1[v][a]"
    output = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-c:a", "aac", "-b:a", "192k"]
    arguments = ["-filter_complex", graph, "-map", "[v]", "-map", "[a]", *output, "-y", str(folder / "concat-film.mp4")]
    ffmpeg.run([*inputs, *arguments], seconds=600)


def _clips(folder: Path, count: int) -> list[Path]:
    return sorted(folder.glob("[0-9][0-9].mp4"))[:count]


def _clip(path: Path, number: int) -> None:
    picture = f"gradients=s=1280x720:r=24:d={SECONDS}:seed={number}:speed=0.02,noise=alls=8:allf=t,format=yuv420p"
    sound = f"sine={300 + 20 * number}:r=48000:d={SECONDS}"
    encoder = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-b:v",
        "7M",
        "-colorspace",
        "bt709",
        "-c:a",
        "aac",
        "-ac",
        "2",
    ]
    ffmpeg.run(["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *encoder, "-y", str(path)], seconds=60)


def _cost(job: str, folder: Path, count: int) -> Cost:
    began, before = time.perf_counter(), os.times()
    process = subprocess.Popen([sys.executable, __file__, job, str(folder), str(count)])
    memory = 0.0
    while process.poll() is None:
        memory = max(memory, sum(_resident(pid) for pid in _family(process.pid)))
        time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, job)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(time.perf_counter() - began, cpu, memory)


def _family(pid: int) -> Iterator[int]:
    """The process and all below it, on Linux; elsewhere none is found, and memory reads 0."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = children.read_text().split()
        except OSError:
            continue
        for child in below:
            yield from _family(int(child))


def _resident(pid: int) -> float:
    """MiB of its own: pages shared with others are shared out among them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


if __name__ == "__main__":
    if len(sys.argv) > 1:
        {"join": join, "moviepy": moviepy, "moviepy_opened": moviepy_opened, "concat": concat}[sys.argv[1]](
            Path(sys.argv[2]), int(sys.argv[3])
        )
    else:
        for what, value, unit in main():
            print(f"{what:45} {value:9.2f} {unit}")
