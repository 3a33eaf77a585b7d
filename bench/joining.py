"""What a cut costs: by copying (the splice) and by encoding (the plain way), beside cat, ffmpeg and moviepy.

The splice's clips are like those that are bought: 8 s, 1280x720, 24 frames a second, 7 Mbit/s, sound, a key frame
every 2 s.
"Prepared" is with indexes kept and the joints of the sound made before, as a render does, "cold" without. A figure is
the median of the ratios of runs that follow each other directly (cat, splice, cat, splice ...); ffmpeg's copy is `-f
concat -c copy +faststart`, wrong by 21 ms of sound for each joint. `cat` leaves its file in memory; the
splice returns when the film is on the disk, so it is also held against a `cat` whose file is synced. (A virtual
machine pays for memory at its first use: a run by itself can take seconds longer, in any of them.)

The plain way's clips have 2 s; it, moviepy and ffmpeg's concat filter encode with the same settings (x264 veryfast, crf
17; AAC). Each is a process of its own: ratios can be compared between machines, seconds cannot.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import clips
from bench.process import Cost, cost
from bench.row import Row
from bench.ways import SECONDS
from storyboard.media import ffmpeg

FEW, MANY = 10, 30
WHOLE = 100
PAIRS = 9


def rows() -> list[Row]:
    """Every way of joining."""
    return [*_copying(), *_encoding()]


def _copying() -> list[Row]:
    from statistics import median  # The jobs below are processes of this file, and do without it.

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips.many(folder, WHOLE)
        ways: dict[str, Callable[[], Cost]] = {
            "cat": lambda: cost(["sh", "-c", f"cat {folder}/[0-9]*.mp4 > {folder}/cat.film"]),
            "prepared": lambda: _cost("splice", folder, WHOLE),
            "cold": lambda: _cold(folder, WHOLE),
            "synced": lambda: cost(
                ["sh", "-c", f"cat {folder}/[0-9]*.mp4 > {folder}/cat.film; sync {folder}/cat.film"]
            ),
            "copied": lambda: _cost("copied", folder, WHOLE),
            "kernel": lambda: _cost("kernel", folder, WHOLE),
            "ffmpeg": lambda: _cost("copy", folder, WHOLE),
        }
        for count in (FEW, WHOLE):
            _cost("prepare", folder, count)
        runs = [{way: cleared(folder, run) for way, run in ways.items()} for _ in range(PAIRS)]
        memory = {
            "prepared": _cost("splice", folder, WHOLE, watch=True).own,
            "cold": _cold(folder, WHOLE, watch=True).own,
            "ffmpeg": _cost("copy", folder, WHOLE, watch=True).memory,
        }
        ours = median(_cost("splice", folder, FEW).wall for _ in range(PAIRS))
        theirs = _cost("moviepy", folder, FEW).wall
        ffmpeg.run(["-f", "lavfi", "-i", "anoisesrc=d=61:a=0.1:c=pink", "-ac", "2", f"{folder}/music.wav"], seconds=60)
        few, whole = (_cost("music", folder, count, watch=True) for count in (FEW, WHOLE))

    def ratio(one: str, other: str, what: Callable[[Cost], float] = lambda cost: cost.wall) -> float:
        return median(what(run[one]) / what(run[other]) for run in runs)

    return [
        Row("cat of 100 clips, wall", median(run["cat"].wall for run in runs), "s"),
        Row("splice 100 clips, prepared / cat, wall", ratio("prepared", "cat"), "x", 1.3),
        Row("the same / cat, and a sync of its file", ratio("prepared", "synced"), "x"),
        Row("splice 100 clips, cold / cat, wall", ratio("cold", "cat"), "x", 2.0),
        Row("the same / cat, and a sync of its file", ratio("cold", "synced"), "x"),
        Row("splice 100 clips, cold / ffmpeg's copy, wall", ratio("cold", "ffmpeg"), "x", 1.0),
        Row("splice 100 clips, prepared / cat, CPU", ratio("prepared", "cat", lambda cost: cost.cpu), "x"),
        Row("splice 100 clips, prepared, memory", memory["prepared"], "MiB", 60),
        Row("splice 100 clips, cold, memory", memory["cold"], "MiB"),
        Row("ffmpeg's copy of 100 clips, memory", memory["ffmpeg"], "MiB"),
        Row("our writer alone / cat, wall", ratio("copied", "cat"), "x"),
        Row("copy_file_range alone / cat, wall", ratio("kernel", "cat"), "x"),
        Row("splice 10 clips, prepared, wall", ours, "s"),
        Row("splice 10 clips / moviepy concatenate, wall", ours / theirs, "x", 1 / 200),
        Row("music under 10 clips, cold, CPU for each minute of film", few.cpu / (FEW * 8 / 60), "s"),
        Row("music under 100 clips, cold, CPU for each minute of film", whole.cpu / (WHOLE * 8 / 60), "s"),
        Row("music under 100 clips, cold, memory", whole.own, "MiB"),
        Row("music under 100 clips / 10 clips, memory", whole.own / few.own, "x", 1.3),
    ]


def cleared(folder: Path, run: Callable[[], Cost]) -> Cost:
    """A run that does not pay for what an earlier one has left to be written."""
    for film in folder.glob("*.film"):
        film.unlink()
    subprocess.run(["sync"], check=True)
    return run()


def _cold(folder: Path, count: int, *, watch: bool = False) -> Cost:
    shutil.rmtree(folder / f"cold{count}", ignore_errors=True)
    return _cost("cold", folder, count, watch=watch)


def _encoding() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips.many(folder, MANY, seconds=SECONDS)
        ours, again = (_cost("join", folder, FEW, watch=True) for _ in range(2))
        many = _cost("join", folder, MANY, watch=True)
        moviepy, concat = (_cost(job, folder, FEW, watch=True) for job in ("moviepy", "concat"))
        moviepy_many = _cost("moviepy_opened", folder, MANY, watch=True)
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


def _cost(job: str, folder: Path, count: int, *, watch: bool = False) -> Cost:
    program = "from bench.ways import main; main()"  # as the script does that starts the program
    return cost([sys.executable, "-c", program, job, folder, str(count)], watch=watch)
