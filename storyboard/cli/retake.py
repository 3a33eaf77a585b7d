"""storyboard retake: more takes of a scene, by the same plan and question as render. Pays for the new takes."""

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import again, locate_storyboard, pairs, realm_of, var_option
from storyboard.cli.owed_table import mention_owed
from storyboard.cli.render import agree, reporting, say

if TYPE_CHECKING:
    from storyboard.workflow.retake import Retake


@click.command
@click.argument("file")
@click.argument("scene")
@click.option("--takes", "more", type=click.IntRange(1), default=1, metavar="N", help="How many more (default 1).")
@click.option("--draft", is_flag=True, help="Use draft takes (generated locally, free).")
@click.option("--yes", is_flag=True, help="Approve the cost without a prompt.")
@click.option(
    "--max-cost", type=float, metavar="N", help="Stop before the first request if the run costs over N credits."
)
@click.option("--at-once", type=click.IntRange(1, 1000), help="Maximum number of jobs in progress (default 8).")
@var_option
@click.option("--no-cut", is_flag=True, help="Generate the takes, but do not cut the film.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors and the path of the film.")
@click.option("-v", "--verbose", is_flag=True, help="Print one timestamped line per event.")
def command(
    file: str,
    scene: str,
    more: int,
    draft: bool,
    yes: bool,
    max_cost: float | None,
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

    found, where, silent = settings(), locate_storyboard(file), quiet or as_json
    if max_cost is not None:
        found = replace(found, budget=found.budget.with_cap(max_cost))
    many, same = at_once or found.at_once, again(draft=draft, given=given)
    with reporting(found, as_json=as_json, quiet=quiet, verbose=verbose) as report:
        options = RenderOptions(
            approve=lambda workspace, plan: agree(workspace, plan, many, yes=yes, silent=silent),
            on_event=report,
            at_once=many,
            cut=not no_cut,
            checksum=as_json,
        )
        more_takes = claimed_retake(where, scene, more, found, realm_of(draft), pairs(given))
        with mention_owed(where), more_takes as retake:
            result = render_retake(retake, options, _silent if silent else _tell_edit)
            done = done_event(result, f"{same} --scene {shlex.quote(scene)}")
        report(done)
    if not as_json:
        say(done, quiet=quiet)
    if not silent:
        typed = f"storyboard takes {shlex.quote(retake.workspace.shown)} {shlex.quote(scene)}{same}"
        click.echo(f"{'compare':<8} {typed}", err=True)
    return done.exit


def _silent(retake: "Retake") -> None:
    pass


def _tell_edit(retake: "Retake") -> None:
    edit = retake.files.edit
    click.echo(f"{'edited':<8} {edit.name}:{edit.line}: takes: {retake.after} (it was {retake.before})", err=True)
