"""What is owed, as lines: clips of jobs that no scene needs now, and uncropped originals of takes."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.model.errors import Problems, StoryboardError
from storyboard.model.text import one_line, safe_text

if TYPE_CHECKING:
    from storyboard.workflow.owed_jobs import OwedJob


def owed_lines(owed: "Sequence[OwedJob]") -> Iterator[str]:
    """Yield a line for each job, and how they are downloaded."""
    for job in owed:
        yield f"{'owed':<8} {job.submission.scene:<16} {one_line(job.sentence, 300)}"
    if owed:
        yield f"{'':<8} {'':<16} {_reason(owed)}: render and `storyboard collect` download it"


def _reason(owed: "Sequence[OwedJob]") -> str:
    """Why these are not collected for a scene, as far as it is the same for all."""
    if all(job.is_original or job.is_upgrade for job in owed):
        return "not downloaded with its take"
    paid = "accepted in a rehearsal (nothing was paid)" if owed[0].is_rehearsal else "paid for"
    also = "; or an original that was not downloaded with its take" if any(job.is_original for job in owed) else ""
    return f"{paid}, but no scene needs it now{also}"


@contextmanager
def mention_owed(file: Path) -> Iterator[None]:
    """Where the storyboard has errors, say on stderr what it owes: jobs go on whatever the file says."""
    try:
        yield
    except Problems as error:
        if not error.planned:
            with suppress(StoryboardError):
                _tell(file)
        raise


def _tell(file: Path) -> None:
    from storyboard.cli.plan_table import columns, fit_rows
    from storyboard.config.settings import settings
    from storyboard.workflow.owed_jobs import read_owed

    for line in fit_rows(owed_lines(read_owed(settings(), file)), columns(sys.stderr)):
        click.echo(safe_text(line), err=True)
