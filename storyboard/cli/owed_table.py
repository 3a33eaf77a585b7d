"""What is owed, as lines: jobs that are paid for and that no scene needs now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.model.errors import Problems, StoryboardError
from storyboard.model.text import one_line, safe_text

if TYPE_CHECKING:
    from storyboard.workflow.collect import OwedJob


def owed_lines(owed: "Sequence[OwedJob]") -> Iterator[str]:
    """Yield a line for each job, and how they are downloaded."""
    for job in owed:
        yield f"{'owed':<8} {job.submission.scene:<16} {one_line(job.sentence, 300)}"
    if owed:
        yield f"{'':<8} {'':<16} paid for, but no scene needs it now: render and `storyboard collect` download it"


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
    from storyboard.config.settings import settings
    from storyboard.workflow.collect import read_owed

    for line in owed_lines(read_owed(settings(), file)):
        click.echo(safe_text(line), err=True)
