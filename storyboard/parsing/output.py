"""The output of a storyboard: the film's file, size and rate."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import PurePosixPath
from typing import cast

from storyboard.model.frame_rate import parse_frame_rate
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Captions, Fit, Output
from storyboard.model.text import one_line
from storyboard.parsing.assets import resolve_asset
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.variables import Variables

_MOST_FRAMES = 60


def read_output(entry: MappingNode, name: str, scope: Variables, wrong: Callable[[Problem], None]) -> Output:
    """The output that ``entry`` asks for; ``name`` is the storyboard's. ``wrong`` is called with each problem."""
    fit = cast(Fit, entry.get("fit") or "pad")
    file: PurePosixPath | Problem = PurePosixPath("out") / f"{name}.mp4"
    if word := entry.get("file"):
        file = _film_file(entry, str(word), scope)
    if isinstance(file, Problem):
        wrong(file)
        file = PurePosixPath("out")
    loudness, captions = entry.get("loudness"), cast(Captions, entry.get("captions") or "sidecar")
    level = None if loudness is None else Fraction(str(loudness))
    language = str(entry.get("language") or "")
    return Output(file, _size(entry, wrong), _rate(entry, wrong), fit, level, captions, language)


def _film_file(entry: MappingNode, word: str, scope: Variables) -> PurePosixPath | Problem:
    """The path of the film, with the vars filled in."""
    where = (*entry.path, "file")
    name = scope.render(entry.page, where, word, scope.names)
    if not name.isprintable():
        return entry.page.problem(where, f"'{one_line(name, 100)}' cannot be a path", "a path is one line of text")
    if re.search(r"(?:^|/)\s*\.[^/.]*$", name):
        return entry.page.problem(
            where, f"'{one_line(name, 100)}' has no name before its ending", "give the film a name"
        )
    return resolve_asset(entry.page, where, name)


def _rate(entry: MappingNode, wrong: Callable[[Problem], None]) -> Fraction | None:
    word = entry.get("fps")
    if word is None:
        return None
    rate = parse_frame_rate(str(word))
    if rate is None or not 1 <= rate <= _MOST_FRAMES:
        message = f"{one_line(str(word), 40)} is not a frame rate that a film can have"
        hint = f"write 1 to {_MOST_FRAMES}, 23.976, 29.97 or 59.94, or a fraction such as 30000/1001"
        wrong(entry.problem(("fps",), message, hint))
    return rate


def _size(entry: MappingNode, wrong: Callable[[Problem], None]) -> tuple[int, int] | None:
    word = entry.get("size")
    if word is None:
        return None
    width, height = map(int, str(word).split("x"))
    if width % 2 or height % 2:
        wrong(entry.problem(("size",), "width and height must be even", "video is kept in pairs of pixels"))
    elif not (16 <= width <= 4096 and 16 <= height <= 4096):
        wrong(entry.problem(("size",), "width and height can be 16 to 4096 pixels"))
    return width, height
