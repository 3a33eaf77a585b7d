"""The dialogue of a run that may pay (render, preview, retake): its plan and question, its events, its end."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from storyboard.model.errors import InputError, Interrupted
from storyboard.model.text import safe_text

if TYPE_CHECKING:
    from storyboard.config.settings import Settings
    from storyboard.costs.price_book import PriceBook
    from storyboard.model import events
    from storyboard.planning.steps import Plan
    from storyboard.workflow.workspace import Workspace

Report = Callable[["events.Event"], None]


def run_settings(settings: "Settings", max_cost: str | None, at_once: int | None = None) -> "Settings":
    """Return the settings, with what --max-cost says of the run's budget, and --at-once of its jobs."""
    budget = settings.budget if max_cost is None else settings.budget.with_cap(max_cost)
    return replace(settings, budget=budget, at_once=at_once or settings.at_once)


def reporting(settings: "Settings", *, as_json: bool, quiet: bool, verbose: bool) -> AbstractContextManager[Report]:
    """Return what is given the events of a render, and shows them as the user wants."""
    from storyboard.cli import display, events_json, events_text

    if as_json:
        return nullcontext(events_json.as_json(lambda text: _tell(text, err=False), settings.prices))
    if quiet:
        return nullcontext(events_text.warnings_only(_tell))
    if verbose:
        return nullcontext(events_text.with_time(_tell))
    return display.progress(settings.prices.describe, _tell)


def _tell(text: str, *, err: bool = True) -> None:
    # A closed stream does not end the render: what is paid for must still be downloaded.
    with suppress(OSError):
        click.echo(text, err=err)


def agree(workspace: "Workspace", plan: "Plan", at_once: int, *, yes: bool, silent: bool) -> None:
    """Show the plan; ask before anything is paid. Raise Problems, InputError, RunRefused, Interrupted."""
    from storyboard.cli.owed_table import owed_lines
    from storyboard.cli.plan_table import columns, fit_rows, plan_lines
    from storyboard.workflow import preflight
    from storyboard.workflow.facts import describe_uploads, generation_seconds, timed_scenes
    from storyboard.workflow.owed_jobs import owed_jobs
    from storyboard.workflow.vendor_change import check_vendor_change

    asking = plan.count("make") + plan.count("collect") > 0
    if asking:
        preflight.check(workspace, plan)
    if asking and not silent:
        uploads, warnings = describe_uploads(workspace, plan), preflight.warnings(workspace, plan)
        storyboard = replace(workspace.storyboard, scenes=timed_scenes(workspace, plan))
        seconds = generation_seconds(workspace, plan, at_once)
        lines = plan_lines(storyboard, plan, workspace.prices, uploads, warnings, seconds)
        for line in fit_rows([*lines, *owed_lines(owed_jobs(workspace, plan))], columns(sys.stderr)):
            _tell(safe_text(line))
    if yes:
        check_vendor_change(workspace, plan)
    if yes or not plan.at_most:
        return
    price = workspace.prices.describe_range(plan.cost, plan.at_most)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(f"confirmation required: this render costs {price}", "use --yes to approve")
    if not click.confirm(f"Pay {price}?", err=True):
        raise Interrupted("nothing was submitted or paid")


def say(done: "events.Done", prices: "PriceBook", *, quiet: bool) -> int:
    """Print the end of a render: the film to stdout, the credits and the next steps to stderr. Return its status."""
    from storyboard.cli.events_text import ending, near

    for line in ending(done, prices) if not quiet else done.notes:
        _tell(line)
    if done.film:
        _tell(near(done.film), err=False)
    return done.exit
