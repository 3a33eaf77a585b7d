"""storyboard status: what is running, paid, or waiting for a decision; and what it has cost."""

import sys
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import (
    draft_option,
    file_argument,
    json_option,
    locate_storyboard,
    pairs,
    realm_of,
    var_option,
)
from storyboard.model.errors import InputError
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from storyboard.model.submission import Submission
    from storyboard.planning.steps import Plan
    from storyboard.workflow.workspace import Workspace


@click.command
@file_argument
@draft_option
@var_option
@click.option("--costs", is_flag=True, help="The account by scene, run, month and model; of all, without FILE.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print the account as CSV.")
def command(file: str | None, draft: bool, given: tuple[str, ...], costs: bool, as_json: bool, as_csv: bool) -> int:
    """Say how each scene stands, what waits for a decision, and what was spent."""
    if as_csv and (as_json or not costs):
        raise InputError("--csv prints the account, and nothing else", "storyboard status --costs --csv")
    if costs:
        return _costs(file, draft=draft, as_json=as_json, as_csv=as_csv)
    from storyboard.cli.plan_table import columns, fit_rows
    from storyboard.config.settings import settings
    from storyboard.planning.steps import Blocked
    from storyboard.workflow.facts import current_plan, orphaned_submissions
    from storyboard.workflow.workspace import open_workspace

    with open_workspace(locate_storyboard(file), settings(), realm_of(draft), given=pairs(given)) as workspace:
        plan, entries = current_plan(workspace), workspace.realm.ledger.submissions.all(workspace.storyboard_id)
        if as_json:
            click.echo(to_json(_document(workspace, plan, entries)))
        else:
            for line in fit_rows(_lines(workspace, plan, entries), columns(sys.stdout)):
                click.echo(safe_text(line))
        return (
            4
            if orphaned_submissions(workspace, plan)
            or any(isinstance(step, Blocked) and not step.decided for step in plan.steps)
            else 0
        )


def _costs(file: str | None, *, draft: bool, as_json: bool, as_csv: bool) -> int:
    """Print the costs; the storyboard need not be valid."""
    from storyboard.cli.costs_table import costs_lines
    from storyboard.config.settings import settings
    from storyboard.costs.report import add_up, costs_document, table
    from storyboard.state.ledger import Ledger
    from storyboard.system.claims import is_locked

    found, where = settings(), str(locate_storyboard(file).resolve()) if file else None
    realm, prices = found.realm_folder(realm_of(draft)), found.prices
    with closing(Ledger(realm / "ledger.db")) as ledger:
        charges = ledger.charges.all(where)
    if draft:
        charges = [replace(charge, credits=Fraction(0)) for charge in charges]
    at_work = {run for run in {charge.run for charge in charges} if is_locked(realm / "runs" / run)}
    summed = add_up(charges, at_work)
    if as_json:
        click.echo(to_json(costs_document(summed, where, prices)))
    elif as_csv:
        click.echo(table(summed, prices), nl=False)
    else:
        for line in costs_lines(summed, prices):
            click.echo(line)
    return 0


_STANDS = {"keep": "done", "collect": "paid", "make": "missing", "blocked": "unknown"}


def _lines(workspace: "Workspace", plan: "Plan", entries: "list[Submission]") -> list[str]:
    from storyboard.model.storyboard import Generated, described_source
    from storyboard.model.submission import rfc3339
    from storyboard.planning.steps import Blocked, Keep
    from storyboard.workflow.facts import orphaned_submissions, spent_credits
    from storyboard.workflow.preflight import warnings

    latest = {entry.key: entry for entry in entries}
    lines = []
    for step in plan.steps:
        entry = latest.get(step.shot.key)
        said = f"{float(step.take.measure.seconds):.1f} s" if isinstance(step, Keep) else one_line(step.why, 200)
        lines.append(f"{_STANDS[step.name]:<8} {step.scene:<16} {said}")
        if isinstance(step, Blocked) and entry:
            price = workspace.prices.describe(entry.credits)
            lines.append(f"{'':<8} {'':<16} sent {rfc3339(entry.asked)}; if it was accepted it cost {price}")
    for scene in workspace.storyboard.scenes:
        if not isinstance(scene.source, Generated):
            lines.append(f"{'own':<8} {scene.id:<16} {one_line(described_source(scene.source), 200)}")
    for entry in orphaned_submissions(workspace, plan):
        price = workspace.prices.describe(entry.credits)
        lines.append(f"{'unknown':<8} {entry.scene:<16} as it was asked for before; settle it, or let it be")
        lines.append(f"{'':<8} {'':<16} sent {rfc3339(entry.asked)}; if it was accepted it cost {price}")
    spent = spent_credits(workspace)
    lines += ["", f"{'spent':<8} {workspace.prices.describe(spent)} on this storyboard"]
    if failed := sum((entry.cost for entry in entries if entry.state == "failed"), Fraction(0)):
        said = workspace.prices.describe(failed)
        lines.append(f"{'':<8} {said} of it for jobs that failed, which the provider may have given back")
    lines += [f"{'note':<8} {problem.message}: {problem.hint}" for problem in warnings(workspace, plan)]
    return lines


def _document(workspace: "Workspace", plan: "Plan", entries: "list[Submission]") -> dict[str, object]:
    from storyboard.model.submission import rfc3339
    from storyboard.model.text import json_number
    from storyboard.workflow.facts import orphaned_submissions, spent_credits
    from storyboard.workflow.preflight import warnings

    latest = {entry.key: entry for entry in entries}
    scenes = []
    for step in plan.steps:
        entry = latest.get(step.shot.key)
        scenes.append(
            {
                "scene": step.scene,
                "state": _STANDS[step.name],
                "why": step.why,
                "job": entry.job if entry else None,
                "asked": rfc3339(entry.asked) if entry else None,
                "credits": json_number(entry.cost) if entry else None,
            }
        )
    forgotten = [
        {
            "scene": entry.scene,
            "asked": rfc3339(entry.asked),
            "credits": json_number(entry.cost),
            "prompt": entry.recipe["prompt"],
        }
        for entry in orphaned_submissions(workspace, plan)
    ]
    problems = [problem.document() for problem in warnings(workspace, plan)]
    told = {"storyboard": workspace.shown, "scenes": scenes, "forgotten": forgotten, "problems": problems}
    return {**told, "spent": json_number(spent_credits(workspace))}
