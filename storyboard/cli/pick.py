"""storyboard pick: choose the take of a scene that the film uses, in the YAML file. Pays nothing."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import again, draft_option, locate_storyboard, pairs, realm_of, var_option

if TYPE_CHECKING:
    from storyboard.workflow.pick import Pick


@click.command
@click.argument("file")
@click.argument("scene")
@click.argument("number", metavar="N", type=int)
@draft_option
@var_option
def command(file: str, scene: str, number: int, draft: bool, given: tuple[str, ...]) -> None:
    """Use take N of SCENE in the film: set 'pick' in the file that holds the scene."""
    from storyboard.config.settings import settings
    from storyboard.workflow.pick import pick_take

    made = pick_take(locate_storyboard(file), scene, number, settings(), realm_of(draft), pairs(given))
    for line in _lines(made, again(draft=draft, given=given)):
        click.echo(line, err=True)


def _lines(made: "Pick", flags: str) -> "Iterator[str]":
    edit, step = made.edit, made.step
    place = f"{edit.name}:{edit.line}"
    if edit.before == edit.after:
        yield f"{'picked':<8} {made.scene}: take {made.number} of {made.takes}, as {place} says already"
    else:
        was = f" (it was {made.before})" if made.before != made.number else ""
        yield f"{'picked':<8} {made.scene}: take {made.number} of {made.takes}{was}, in {place}"
    if step.name != "keep":
        yield f"{step.name:<8} take {made.number}: {step.why}: {made.prices.describe(step.cost)}"
    for other in made.dependents:
        yield f"{other.name:<8} {other.scene}: {other.why}: {made.prices.describe(other.cost)}"
    yield f"{'then':<8} {_next(made, flags)}"


def _next(made: "Pick", flags: str) -> str:
    """The command that shows the picked take in the film."""
    film = shlex.quote(made.storyboard)
    missing = [scene for scene, step in made.plan.film_steps.items() if step.name != "keep"]
    if not missing:
        return f"storyboard cut {film}{flags}"
    only = f" --scene {shlex.quote(made.scene)}" if missing == [made.scene] else ""
    return f"storyboard render {film}{flags}{only} --picked"
