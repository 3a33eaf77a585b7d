"""storyboard render: generate and cut the film. The only verb that pays."""

import json
import shlex
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import (
    again,
    agreed_options,
    file_argument,
    locate_storyboard,
    model_option,
    pairs,
    picked_option,
    realm_of,
    reencode_option,
    var_option,
)
from storyboard.cli.owed_table import mention_owed
from storyboard.model.errors import InputError, Interrupted
from storyboard.model.text import safe_text

if TYPE_CHECKING:
    from storyboard.config.settings import Settings
    from storyboard.model import events
    from storyboard.planning.steps import Plan
    from storyboard.workflow.workspace import Workspace

Report = Callable[["events.Event"], None]


@click.command
@file_argument
@click.option("--draft", is_flag=True, help="Use draft takes (generated locally, free).")
@click.option("--yes", is_flag=True, help="Approve the cost without a prompt.")
@click.option(
    "--max-cost", type=float, metavar="N", help="Stop before the first request if the run costs over N credits."
)
@click.option("--scene", "only", multiple=True, metavar="ID", help="Generate only this scene. May be repeated.")
@picked_option
@model_option
@agreed_options
@click.option("--at-once", type=click.IntRange(1, 1000), help="Maximum number of jobs in progress (default 8).")
@var_option
@click.option("--plan", "saved", type=click.Path(path_type=Path), help="Execute exactly this saved plan, or stop.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Path of the film.")
@reencode_option
@click.option("--no-cut", is_flag=True, help="Generate the takes, but do not cut the film.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line.")
@click.option("-q", "--quiet", is_flag=True, help="Print only errors and the path of the film.")
@click.option("-v", "--verbose", is_flag=True, help="Print one timestamped line per event.")
def command(
    file: str | None,
    draft: bool,
    yes: bool,
    max_cost: float | None,
    only: tuple[str, ...],
    picked: bool,
    model: str,
    rebuy: tuple[str, ...],
    retry: tuple[str, ...],
    at_once: int | None,
    given: tuple[str, ...],
    saved: Path | None,
    out: Path | None,
    reencode: bool,
    no_cut: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say what it costs, make what is missing, and cut the film."""
    from storyboard.cli.next_steps import done_event
    from storyboard.config.settings import settings
    from storyboard.workflow.facts import Agreed
    from storyboard.workflow.render import render
    from storyboard.workflow.render_options import RenderOptions
    from storyboard.workflow.workspace import claimed_workspace

    found, where = _narrowed(settings(), max_cost, at_once), locate_storyboard(file)
    with reporting(found, as_json=as_json, quiet=quiet, verbose=verbose) as report:
        options = RenderOptions(
            approve=lambda workspace, plan: agree(workspace, plan, found.at_once, yes=yes, silent=quiet or as_json),
            on_event=report,
            only=only,
            picked=picked,
            at_once=found.at_once,
            saved_plan=None if saved is None else _promised(saved),
            out=out,
            cut=not no_cut,
            reencode=reencode,
            checksum=as_json,
            agreed=Agreed(rebuy, retry),
        )
        flags = again(draft=draft, given=given, only=only, picked=picked, out=out, max_cost=max_cost)
        opened = claimed_workspace(where, found, realm_of(draft), given=pairs(given), model=model)
        with mention_owed(where), opened as workspace:
            flags += again(reencode=reencode, model=model)
            done = done_event(render(workspace, options), flags, _previews(workspace.shown, draft, given, only))
        report(done)
    return done.exit if as_json else say(done, quiet=quiet)


def _narrowed(settings: "Settings", max_cost: float | None, at_once: int | None) -> "Settings":
    """The settings, with what --max-cost says of the run's budget, and --at-once of its jobs."""
    budget = settings.budget if max_cost is None else settings.budget.with_cap(max_cost)
    return replace(settings, budget=budget, at_once=at_once or settings.at_once)


def _previews(shown: str, draft: bool, given: tuple[str, ...], only: tuple[str, ...]) -> tuple[str, ...]:
    """The commands that show the scenes that were asked for, where the film cannot be cut yet."""
    file, flags = shlex.quote(shown), again(draft=draft, given=given)
    return tuple(f"storyboard preview {file} {shlex.quote(scene)}{flags}" for scene in only)


def reporting(settings: "Settings", *, as_json: bool, quiet: bool, verbose: bool) -> AbstractContextManager[Report]:
    """Return what is given the events of a render, and shows them as the user wants."""
    from storyboard.cli import display, events_json, events_text

    if as_json:
        return nullcontext(events_json.as_json(lambda text: _tell(text, err=False)))
    if quiet:
        return nullcontext(events_text.warnings_only(_tell))
    if verbose:
        return nullcontext(events_text.with_time(_tell))
    return display.progress(settings.prices.describe, _tell)


def _tell(text: str, *, err: bool = True) -> None:
    # A closed stream does not end the render: what is paid for must still be downloaded.
    with suppress(OSError):
        click.echo(text, err=err)


def _promised(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"the plan {path} cannot be read: {error.strerror}", "create one with `storyboard plan -o`"
        ) from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not a saved plan", "create one with `storyboard plan -o`") from None
    if not isinstance(document, dict) or not isinstance(document.get("steps"), list):
        raise InputError(f"{path} is not a saved plan", "create one with `storyboard plan -o`")
    return document


def agree(workspace: "Workspace", plan: "Plan", at_once: int, *, yes: bool, silent: bool) -> None:
    """Show the plan; ask before anything is paid. Raise Problems, InputError, RunRefused, Interrupted."""
    from storyboard.cli.owed_table import owed_lines
    from storyboard.cli.plan_table import columns, fit_rows, plan_lines
    from storyboard.workflow import preflight
    from storyboard.workflow.collect import owed_jobs
    from storyboard.workflow.facts import describe_uploads, generation_seconds, timed_scenes

    asking = plan.count("make") + plan.count("collect") > 0
    if asking:
        preflight.check(workspace, plan)
    if asking and not silent:
        uploads, warnings = describe_uploads(workspace), preflight.warnings(workspace, plan)
        storyboard = replace(workspace.storyboard, scenes=timed_scenes(workspace, plan))
        seconds = generation_seconds(workspace, plan, at_once)
        lines = plan_lines(storyboard, plan, workspace.prices, uploads, warnings, seconds)
        for line in fit_rows([*lines, *owed_lines(owed_jobs(workspace, plan))], columns(sys.stderr)):
            _tell(safe_text(line))
    if yes or not plan.at_most:
        return
    price = workspace.prices.describe_range(plan.credits, plan.at_most)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"confirmation required: this render costs {price}", "use --yes to approve")
    if not click.confirm(f"Pay {price}?", err=True):
        raise Interrupted("nothing was submitted or paid")


def say(done: "events.Done", *, quiet: bool) -> int:
    """Print the end of a render: the film to stdout, the credits and the next steps to stderr. Return its status."""
    from storyboard.cli.events_text import ending, near

    for line in ending(done) if not quiet else done.notes:
        _tell(line)
    if done.film:
        _tell(near(done.film), err=False)
    return done.exit
