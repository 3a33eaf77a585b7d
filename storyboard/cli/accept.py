"""storyboard accept: the takes of scenes stand for what these say now, recorded in the lock file. Pays nothing."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import again, locate_storyboard, pairs, var_option
from storyboard.model.text import safe_text

if TYPE_CHECKING:
    from storyboard.workflow.accept import Acceptance


@click.command
@click.argument("file")
@click.argument("scenes", metavar="SCENE...", nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Accept these takes no longer.")
@var_option
def command(file: str, scenes: tuple[str, ...], undo: bool, given: tuple[str, ...]) -> None:
    """Keep the takes of each SCENE although it has changed, until it changes again."""
    from storyboard.config.settings import settings
    from storyboard.workflow.accept import accept_takes

    made = accept_takes(locate_storyboard(file), dict.fromkeys(scenes), settings(), pairs(given), undo=undo)
    for each in made:
        click.echo(safe_text(_line(each)), err=True)
    for line in _next(file, made, again(given=given)):
        click.echo(safe_text(line), err=True)


def _line(made: "Acceptance") -> str:
    said = {
        "accepted": f"{made.why}: a render does not pay {made.prices.describe(made.cost)} for it",
        "standing": "it was accepted before",
        "unchanged": "its take was generated from what the scene says: nothing to accept",
        "frozen": "it is frozen, and stands without being accepted",
        "undone": "it is accepted no longer",
        "fallback": "its take is a fallback of 'if_refused': it stands until the scene changes",
        "open": "it was not accepted: nothing to undo",
    }[made.verdict]
    verb = made.verdict if made.verdict in ("accepted", "undone") else "as it was"
    return f"{verb:<9} {made.scene}: {said}"


def _next(file: str, made: "tuple[Acceptance, ...]", flags: str) -> "Iterator[str]":
    """What a render would pay for takes of scenes that are accepted no longer; how to take back what was accepted."""
    from storyboard.planning.steps import take_id

    film = shlex.quote(file)
    for each in made:
        if each.verdict == "undone":
            for step in each.steps:
                if step.cost:
                    yield f"{step.name:<9} {take_id(step)}: {step.why}: {each.prices.describe(step.cost)}"
    if accepted := [shlex.quote(each.scene) for each in made if each.verdict == "accepted"]:
        yield f"{'undo':<9} storyboard accept --undo {film}{flags} {' '.join(accepted)}"
