"""Trimming where clips have one or two key frames: what it costs, and how near the re-encoded head is to its clip.

The clips are like those that are bought: 8 s, 1280x720, 24 frames a second, 7 Mbit/s, a key frame at the beginning, and
in every other one at frame 96. Each is seen from 0.5 s to 7.5 s. The noise of a frame is its mean squared error over
Y, U and V, against the same frame of the clip: 6.5 is 40 dB.

The film has 100 clips, of which every fifth is trimmed. moviepy would open a hundred decoders at once; it is given ten
clips, two of them trimmed, and its time counts ten times. Each is a process of its own.
"""

import math
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from bench import clips
from bench.process import cost
from bench.row import Row
from storyboard.film import splice
from storyboard.film.film_plan import plan_film
from storyboard.film.pieces import FilmPlan, RenderedPiece
from storyboard.timeline.model import Clip, Timeline

FIRST, LAST, RATE = 12, 180, 24


SCENES, FEW = 100, 10


def rows() -> list[Row]:
    """Quality, then time."""
    return [*_quality(), *_times()]


def _times() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        clips.sparse(Path(name), SCENES)
        ours, theirs = (_cost(way, name, count) for way, count in (("trimmed", SCENES), ("moviepy_trimmed", FEW)))
    return [
        Row("a film of 100 clips, 20 of them trimmed, wall", ours, "s"),
        Row("the same / moviepy, wall", ours / (theirs * SCENES / FEW), "x", 1 / 20),
    ]


def _cost(way: str, folder: str, count: int) -> float:
    return cost([sys.executable, "-c", "from bench.ways import main; main()", way, folder, str(count)]).wall


def _quality() -> list[Row]:
    """The worst and the mean noise of all re-encoded frames, and how many there are."""
    noises: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        clips.sparse(Path(name))
        for path in clips.named(Path(name), clips.KINDS):
            noises += _noises(path, Path(name))
    frames = clips.KINDS * (LAST - FIRST)
    mean = sum(noises) / len(noises)
    return [
        Row(f"trims of clips with few key frames, frames re-encoded of {frames}", float(len(noises)), ""),
        Row("the noisiest of them, mean squared error", max(noises), "", 6.5),
        Row("the noisiest of them, PSNR", _decibels(max(noises)), "dB"),
        Row("all of them, PSNR", _decibels(mean), "dB"),
    ]


def _decibels(noise: float) -> float:
    return 10 * math.log10(255**2 / noise)


def _noises(path: Path, folder: Path) -> Iterator[float]:
    """The mean squared error of each frame that the cut re-encodes."""
    clip = Clip("a", "a", Fraction(FIRST, RATE), Fraction(LAST, RATE), 0, LAST - FIRST)
    known = splice.indexes({"a": path})
    plan = plan_film(Timeline((clip,), 1280, 720, Fraction(RATE), "pad"), known)
    assert isinstance(plan, FilmPlan)
    film = splice.splice(plan, known, {"a": path}, folder / "film.mp4", folder / "scratch").path
    rendered = [isinstance(piece, RenderedPiece) for piece in plan.pictures for _ in range(piece.length)]
    for number, (one, other) in enumerate(zip(_pictures(film, 0), _pictures(path, FIRST), strict=False)):
        if rendered[number]:
            yield float(((one - other) ** 2).mean())


def _pictures(path: Path, first: int) -> Iterator[Any]:
    import av

    with av.open(str(path), format="mp4") as file:
        for number, frame in enumerate(file.decode(video=0)):
            if number >= first:
                yield frame.to_ndarray().astype("float32")
