"""Parse the author's files into a Storyboard or into problems with their places. All I/O goes through ``Files``."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from storyboard.model.errors import Problems
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Storyboard
from storyboard.parsing.includes import gather
from storyboard.parsing.project_files import Files
from storyboard.parsing.rules import Rules

_NOTHING: Mapping[str, str] = {}


def read_storyboard(
    file: str,
    files: Files,
    catalogue: Catalogue,
    given: Mapping[str, str] = _NOTHING,
    *,
    shown: str | None = None,
    model: str = "",
) -> Storyboard:
    """The storyboard in ``file``, with defaults filled in and checked against ``catalogue``.

    ``file`` is a path relative to the project folder, ``shown`` its name in messages. ``given`` are variables set on
    the command line: plain data, never templates. ``model`` generates every scene in place of the one that is written,
    in its usual resolution ("": as it is written). Raise Problems with all problems, warnings included, ordered by
    file, line and column; InputError where ``file`` itself cannot be read, or ``model`` is none.
    """
    story, problems = _read(file, files, catalogue, given, shown or file, model)
    if story is None or any(problem.severity == "error" for problem in problems):
        raise Problems(problems)
    return replace(story, warnings=problems)


def check_storyboard(
    file: str,
    files: Files,
    catalogue: Catalogue,
    given: Mapping[str, str] = _NOTHING,
    *,
    shown: str | None = None,
) -> tuple[Problem, ...]:
    """All problems of the storyboard in ``file``, ordered by file, line and column.

    Raise InputError where ``file`` itself cannot be read.
    """
    return _read(file, files, catalogue, given, shown or file)[1]


def _read(
    file: str, files: Files, catalogue: Catalogue, given: Mapping[str, str], shown: str, model: str = ""
) -> tuple[Storyboard | None, tuple[Problem, ...]]:
    path = PurePosixPath(file)
    with _uncollected():
        return _ranked(path, shown, files, catalogue, given, model)


def _ranked(
    path: PurePosixPath, shown: str, files: Files, catalogue: Catalogue, given: Mapping[str, str], model: str
) -> tuple[Storyboard | None, tuple[Problem, ...]]:
    found = gather(path, shown, files)
    story, problems = None, list(found.problems)
    if found.top:
        rules = Rules(path.stem.removesuffix(".storyboard"), found.top, found.scenes, files, catalogue, given, model)
        story = rules.whole()
        problems += rules.findings.problems
    order = {page: at for at, page in enumerate(found.pages)}
    ranked = sorted(
        dict.fromkeys(problems), key=lambda each: (order[each.place.file], each.place.line, each.place.column)
    )
    return story, tuple(ranked)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Turn off the cyclic garbage collector: parsing makes no cycles, and the search takes a third of the time."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
