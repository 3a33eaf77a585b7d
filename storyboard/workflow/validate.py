"""Validate a storyboard: every problem with its place, warnings about its titles and its clips among them."""

import time
from collections.abc import Mapping
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.model.errors import Problems
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Storyboard
from storyboard.parsing.read import read_storyboard
from storyboard.workflow.clip_remarks import clip_remarks
from storyboard.workflow.model_ends import day_of, ending_models
from storyboard.workflow.offers import configured_catalogue
from storyboard.workflow.preflight import missing_glyphs
from storyboard.workflow.source_files import Project

_NOTHING: Mapping[str, str] = {}


def load_storyboard(
    file: Path, settings: Settings, given: Mapping[str, str] = _NOTHING, *, shown: str | None = None
) -> Storyboard:
    """Read the storyboard in ``file`` and check it against the configured providers.

    ``given`` are variables by name; ``shown`` is the file's name in messages. Raise Problems, InputError.
    """
    catalogue = configured_catalogue(settings)
    return read_storyboard(file.name, Project(file.parent), catalogue, given, shown=shown or file.name)


def validate_storyboard(
    file: Path, settings: Settings, given: Mapping[str, str] = _NOTHING, *, shown: str | None = None
) -> tuple[Storyboard | None, tuple[Problem, ...]]:
    """Return the storyboard, None if it has errors, and all its problems. Raise InputError if it cannot be read."""
    try:
        storyboard = load_storyboard(file, settings, given, shown=shown)
    except Problems as error:
        return None, error.problems
    ends = ending_models(storyboard, configured_catalogue(settings), day_of(time.time()))
    told = (*storyboard.warnings, *ends, *missing_glyphs(storyboard), *clip_remarks(storyboard, Project(file.parent)))
    return storyboard, told
