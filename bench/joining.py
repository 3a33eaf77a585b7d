"""How the plain way of joining compares with moviepy and with ffmpeg's concat filter, and what memory each takes.

All of them read the same clips (2 s, 1280x720, 24 frames a second, noise as in a real picture) and encode with the same
settings (x264 veryfast, crf 17; AAC), each in a process of its own, one after the other in one run: the ratios can be
compared between machines, the seconds cannot.
"""

import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path

from bench.process import Cost, cost
from bench.row import Row
from storyboard.media import ffmpeg

SECONDS = 2
FEW, MANY = 10, 30


def rows() -> list[Row]:
    """Every way over the same clips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(MANY):
            _clip(folder / f"{number:02d}.mp4", number)
        ours, again = _cost("join", folder, FEW), _cost("join", folder, FEW)
        many = _cost("join", folder, MANY)
        moviepy, concat = _cost("moviepy", folder, FEW), _cost("concat", folder, FEW)
        moviepy_many = _cost("moviepy_opened", folder, MANY)
    return [
        Row("join 10 clips, CPU for each second of film", ours.cpu / (FEW * SECONDS), "s"),
        Row("join 10 clips, wall", ours.wall, "s"),
        Row("moviepy concatenate / join, wall", moviepy.wall / ours.wall, "x"),
        Row("moviepy concatenate / join, CPU", moviepy.cpu / ours.cpu, "x"),
        Row("ffmpeg concat filter / join, wall", concat.wall / ours.wall, "x"),
        Row("ffmpeg concat filter / join, CPU", concat.cpu / ours.cpu, "x"),
        Row("join with every segment there / join, wall", again.wall / ours.wall, "x"),
        Row("join 10 clips, peak memory", ours.memory, "MiB"),
        Row("join 30 clips, peak memory", many.memory, "MiB"),
        Row("join 30 clips / 10 clips, peak memory", many.memory / ours.memory, "x"),
        Row("ffmpeg concat filter 10 clips, peak memory", concat.memory, "MiB"),
        Row("moviepy 10 clips, peak memory", moviepy.memory, "MiB"),
        Row("moviepy 30 clips, opened only, peak memory", moviepy_many.memory, "MiB"),
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
    time.sleep(1)  # Measured from outside, every so often: all those processes must be seen while they are open.


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
    x264 = ["-c:v", "libx264", "-preset", "ultrafast", "-b:v", "7M", "-colorspace", "bt709"]
    output = [*x264, "-c:a", "aac", "-ac", "2", "-y", str(path)]
    ffmpeg.run(["-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *output], seconds=60)


def _cost(job: str, folder: Path, count: int) -> Cost:
    return cost([sys.executable, "-m", "bench.joining", job, folder, str(count)], watch=True)


if __name__ == "__main__":
    jobs = {"join": join, "moviepy": moviepy, "moviepy_opened": moviepy_opened, "concat": concat}
    jobs[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
