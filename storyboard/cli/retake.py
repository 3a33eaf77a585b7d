"""storyboard retake: more takes of a scene, by the same plan and question as render. Pays for the new takes."""

import shlex
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import (
    again,
    approval_options,
    at_once_option,
    draft_option,
    locate_storyboard,
    pairs,
    realm_of,
    run_options,
    var_option,
)
from storyboard.cli.owed_table import mention_owed
from storyboard.cli.run_dialog import agree, reporting, run_settings, say

if TYPE_CHECKING:
    from storyboard.workflow.retake import Retake


@click.command
@click.argument("file")
@click.argument("scene")
@click.option("--takes", "more", type=click.IntRange(1), default=1, metavar="N", help="How many more (default 1).")
@draft_option
@approval_options
@at_once_option
@var_option
@run_options
def command(
    file: str,
    scene: str,
    more: int,
    draft: bool,
    yes: bool,
    max_cost: str | None,
    at_once: int | None,
    given: tuple[str, ...],
    no_cut: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say what more takes of SCENE cost, set 'takes' in the file that holds the scene, and generate them."""
    from storyboard.cli.next_steps import done_event
    from storyboard.config.settings import settings
    from storyboard.workflow.render_options import RenderOptions
    from storyboard.workflow.retake import claimed_retake, render_retake

    found, where, silent = run_settings(settings(), max_cost, at_once), locate_storyboard(file), quiet or as_json
    same = again(draft=draft, given=given)
    with reporting(found, as_json=as_json, quiet=quiet, verbose=verbose) as report:
        options = RenderOptions(
            approve=lambda workspace, plan: agree(workspace, plan, found.at_once, yes=yes, silent=silent),
            on_event=report,
            at_once=found.at_once,
            cut=not no_cut,
            checksum=as_json,
        )
        more_takes = claimed_retake(where, scene, more, found, realm_of(draft), pairs(given))
        with mention_owed(where), more_takes as retake:
            result = render_retake(retake, options, _silent if silent else _tell_edit)
            done = done_event(result, f"{same} --scene {shlex.quote(scene)}")
        report(done)
    if not as_json:
        say(done, found.prices, quiet=quiet)
    if not silent:
        typed = f"storyboard takes {shlex.quote(retake.workspace.shown)} {shlex.quote(scene)}{same}"
        click.echo(f"{'compare':<8} {typed}", err=True)
    return done.exit


def _silent(retake: "Retake") -> None:
    pass


def _tell_edit(retake: "Retake") -> None:
    edit = retake.files.edit
    click.echo(f"{'edited':<8} {edit.name}:{edit.line}: takes: {retake.after} (it was {retake.before})", err=True)
