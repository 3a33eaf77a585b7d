"""Ways of joining clips: each is a process of its own, and brings nothing of the bench but the clips' names."""

import os
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from bench import clips
from storyboard.timeline.model import Clip, MusicSpan, Timeline

if TYPE_CHECKING:
    from moviepy import VideoClip

    from storyboard.film.pieces import FilmPlan
    from storyboard.mp4.samples import ClipIndex

SECONDS = 2


def join(folder: Path, count: int) -> None:
    """The plain way. What it renders stays in the folder, so that the second time finds it."""
    from storyboard.film.reencode import join

    frames = SECONDS * 24
    shots = tuple(Clip(str(n), str(n), Fraction(0), Fraction(SECONDS), n * frames, frames) for n in range(count))
    paths = {str(n): path for n, path in enumerate(clips.named(folder, count))}
    join(Timeline(shots, 1280, 720, 24, "pad"), paths, folder / "join.film", folder / f"segments{count}")


def prepare(folder: Path, count: int) -> None:
    """What a render makes for the splice while the clips come."""
    from storyboard.film import splice as hand

    plan, known, paths = _planned(folder, count, None)
    hand.prepare(plan, known, paths, _scratch(folder, "prepared", count), lambda done: None)


def splice(folder: Path, count: int) -> None:
    """By copying, once it is prepared."""
    _splice(folder, count, "prepared")


def cold(folder: Path, count: int) -> None:
    """By copying. What it makes stays in the folder ``cold``: it is to be removed before the next."""
    _splice(folder, count, "cold")


def music(folder: Path, count: int) -> None:
    """By copying the pictures and mixing all of the sound: a bed of a minute, over and over, under the whole film."""
    _splice(folder, count, "music", MusicSpan("m", 0, count * 192, Fraction(-12), 24, duck=False, loop=True))


def _scratch(folder: Path, name: str, count: int) -> Path:
    return folder / f"{name}{count}"


def _splice(folder: Path, count: int, name: str, *underlays: MusicSpan) -> None:
    from storyboard.film import splice as hand

    scratch = _scratch(folder, name, count)
    plan, known, paths = _planned(folder, count, scratch, *underlays)
    hand.splice(plan, known, {**paths, "m": folder / "music.wav"}, folder / "splice.film", scratch)


def _planned(
    folder: Path, count: int, scratch: Path | None, *underlays: MusicSpan
) -> "tuple[FilmPlan, dict[str, ClipIndex], dict[str, Path]]":
    from storyboard.film import splice as hand
    from storyboard.film.film_plan import plan_film as laid_out

    paths = {str(n): path for n, path in enumerate(clips.named(folder, count))}
    shots = tuple(Clip(name, name, Fraction(0), Fraction(8), n * 192, 192) for n, name in enumerate(paths))
    known = hand.indexes(paths, scratch)
    plan = laid_out(Timeline(shots, 1280, 720, 24, "pad", underlays=underlays), known)
    assert not isinstance(plan, str), plan
    return plan, known, paths


def trimmed(folder: Path, count: int) -> None:
    """Every fifth clip is seen from 0.5 s to 7.5 s: cold."""
    from storyboard.film import splice as hand
    from storyboard.film.film_plan import plan_film

    paths, shots, at = {str(n): path for n, path in enumerate(clips.named(folder, count))}, [], 0
    for name in paths:
        first, last = (12, 180) if int(name) % 5 == 0 else (0, 192)
        shots.append(Clip(name, name, Fraction(first, 24), Fraction(last, 24), at, last - first))
        at += last - first
    known = hand.indexes(paths)
    plan = plan_film(Timeline(tuple(shots), 1280, 720, 24, "pad"), known)
    assert not isinstance(plan, str), plan
    hand.splice(plan, known, paths, folder / "trimmed.film", folder / "trimmed")


def moviepy_trimmed(folder: Path, count: int) -> None:
    """The same with moviepy, as its documentation shows it."""
    from moviepy import VideoFileClip, concatenate_videoclips

    opened = [VideoFileClip(str(path)) for path in clips.named(folder, count)]
    shown = [clip.subclipped(0.5, 7.5) if n % 5 == 0 else clip for n, clip in enumerate(opened)]
    encoded_by_moviepy(concatenate_videoclips(shown, method="chain"), folder)


def copied(folder: Path, count: int) -> None:
    """The bytes alone, as the splice writes them; synced."""
    from storyboard.film.copy import Range
    from storyboard.film.copy import copy_ranges as written

    out = folder / "copied.film"
    out.touch()
    written([Range(path, 0, path.stat().st_size) for path in clips.named(folder, count)], out, lambda done: None)


def kernel(folder: Path, count: int) -> None:
    """The bytes alone, left to the kernel; not synced."""
    with (folder / "kernel.film").open("wb") as film:
        for path in clips.named(folder, count):
            with path.open("rb") as clip:
                while os.copy_file_range(clip.fileno(), film.fileno(), 1 << 30):
                    pass


def copy(folder: Path, count: int) -> None:
    """By ffmpeg's own way of copying."""
    from storyboard.media import ffmpeg

    listing = folder / "clips.ffconcat"
    listing.write_text("".join(f"file '{path}'\n" for path in clips.named(folder, count)))
    arguments = ["-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy", "-movflags", "+faststart"]
    ffmpeg.run([*arguments, "-f", "mp4", "-y", str(folder / "copy.film")], seconds=600)


def moviepy(folder: Path, count: int) -> None:
    """As its documentation shows it."""
    from moviepy import VideoFileClip, concatenate_videoclips

    film = concatenate_videoclips([VideoFileClip(str(path)) for path in clips.named(folder, count)], method="chain")
    encoded_by_moviepy(film, folder)


def encoded_by_moviepy(film: "VideoClip", folder: Path) -> None:
    """Write it with our encoder settings, and the sound rate kept."""
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

    concatenate_videoclips([VideoFileClip(str(path)) for path in clips.named(folder, count)], method="chain").get_frame(
        0
    )
    time.sleep(1)  # Measured from outside, every so often: all those processes must be seen while they are open.


def concat(folder: Path, count: int) -> None:
    """One ffmpeg with every clip as an input."""
    from storyboard.media import ffmpeg

    inputs = [word for path in clips.named(folder, count) for word in ("-i", str(path))]
    graph = "".join(f"[{n}:v][{n}:a]" for n in range(count)) + f"concat=n={count}:v=1:a=1[v][a]"
    output = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-c:a", "aac", "-b:a", "192k"]
    arguments = ["-filter_complex", graph, "-map", "[v]", "-map", "[a]", *output, "-y", str(folder / "concat-film.mp4")]
    ffmpeg.run([*inputs, *arguments], seconds=600)


def main() -> None:
    """The way, the folder and the number of clips are named on the command line."""
    jobs = {
        "join": join,
        "moviepy": moviepy,
        "moviepy_opened": moviepy_opened,
        "trimmed": trimmed,
        "moviepy_trimmed": moviepy_trimmed,
        "concat": concat,
        "prepare": prepare,
        "splice": splice,
        "cold": cold,
        "music": music,
        "copy": copy,
        "copied": copied,
        "kernel": kernel,
    }
    jobs[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
    os._exit(0)  # as the program leaves (storyboard/cli/main.py)
