"""storyboard provider: what a declared service is, and whether its replies are read as they should be."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import json_option
from storyboard.model.errors import InputError
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from storyboard.workflow.check_declaration import CheckedStep


@click.group
def command() -> None:
    """Check the declarations of video services."""


@command.command("check")
@click.argument("name")
@click.option(
    "--replies",
    "recording",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Read these recorded replies (JSON) instead of emulated ones.",
)
@json_option
def check(name: str, recording: Path | None, as_json: bool) -> None:
    """Replay a job against the declaration of a service, and say what is read at each step.

    Without --replies the emulator plays the service: no key, no network, no charge.
    """
    from storyboard.providers.declared.interpreter import Declared, declared_provider
    from storyboard.workflow.check_declaration import rehearse, replay, step_document
    from storyboard.workflow.declared_service import declaration_of

    provider = declared_provider(declaration_of(name))
    assert isinstance(provider, Declared)
    steps = replay(provider, recording) if recording else rehearse(provider)
    if as_json:
        click.echo(to_json({"steps": [step_document(step) for step in steps]}))
    else:
        for step in steps:
            click.echo(safe_text(_line(step)))
    bad = [step for step in steps if not step.good]
    if bad:
        raise InputError(
            f"{len(bad)} of {len(steps)} replies give no result; the first: {bad[0].name}",
            "compare the reply with the pointers and states of the declaration",
        )


def _line(step: "CheckedStep") -> str:
    """A step: the request, and below it what its reply says; of a recording, the reply alone."""
    mark, told = f"{'ok ' if step.good else 'bad'} {step.name:<8}", f"{step.status}: {one_line(step.said, 300)}"
    return f"{mark} {step.asked}\n{'':<13}{told}" if step.asked else f"{mark} {told}"
