"""storyboard collect: download what is owed, also without a valid storyboard. Pays nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import file_argument, json_option, locate_storyboard
from storyboard.model.errors import InputError, StoryboardError
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from storyboard.model import events
    from storyboard.model.submission import Submission
    from storyboard.model.take import Outcome


@click.command
@file_argument
@click.option("--all", "every", is_flag=True, help="Download what any storyboard owes here, also one that is gone.")
@json_option
def command(file: str | None, every: bool, as_json: bool) -> int:
    """Download the clips of accepted jobs that are not downloaded yet. FILE need not be valid."""
    from storyboard.cli.exit_status import worst_status
    from storyboard.config.settings import settings
    from storyboard.workflow.collect import collect

    if every and file:
        raise InputError("--all is about every storyboard, FILE about one", "use one of them")
    ended = collect(settings(), None if every else _path(file), _report)
    if as_json:
        click.echo(to_json({"owed": [_document(submission, outcome) for submission, outcome in ended]}))
    elif not ended:
        click.echo("nothing to download: every job is downloaded or has ended", err=True)
    else:
        for submission, outcome in ended:
            click.echo(safe_text(_line(submission, outcome)))
    return worst_status(outcome for _, outcome in ended if isinstance(outcome, StoryboardError))


def _path(file: str | None) -> Path:
    """The storyboard that is meant; it may be gone."""
    try:
        return locate_storyboard(file)
    except InputError:
        if file is None or Path(file).exists():
            raise
        return Path(file).absolute()


def _report(event: "events.Event") -> None:
    from storyboard.cli.events_text import line
    from storyboard.model import events

    if isinstance(event, events.Warned) and (said := line(event)):
        click.echo(said, err=True)


def _line(submission: "Submission", outcome: "Outcome") -> str:
    from storyboard.generation.owed import owed_event

    ended = owed_event(submission, outcome)
    said = one_line(ended.why, 600) if isinstance(outcome, StoryboardError) else outcome.digest
    return f"{ended.end:<8} {ended.scene:<16} {said}"


def _document(submission: "Submission", outcome: "Outcome") -> dict[str, object]:
    from storyboard.generation.owed import owed_event

    ended = owed_event(submission, outcome)
    return {
        "scene": submission.scene,
        "storyboard": submission.storyboard,
        "job": submission.job,
        "original": ended.is_original,
        "end": ended.end,
        "why": ended.why,
        "sha256": None if isinstance(outcome, StoryboardError) else outcome.digest,
    }
