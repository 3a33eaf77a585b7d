"""storyboard plan: what would be generated, why, and at what price. Pays nothing, needs no key."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import (
    again,
    agreed_options,
    draft_option,
    file_argument,
    json_option,
    locate_storyboard,
    model_option,
    pairs,
    picked_option,
    realm_of,
    var_option,
)
from storyboard.cli.owed_table import mention_owed
from storyboard.model.errors import Problems
from storyboard.model.text import safe_text, to_json

if TYPE_CHECKING:
    from storyboard.planning.steps import Plan
    from storyboard.workflow.workspace import Workspace


@click.command
@file_argument
@draft_option
@var_option
@picked_option
@model_option
@agreed_options
@json_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the plan for `render --plan`.")
@click.option("--all", "unfolded", is_flag=True, help="List unchanged scenes, too, rather than count them.")
@click.option("--diff", is_flag=True, help="Show the words that changed in each prompt.")
def command(
    file: str | None,
    draft: bool,
    given: tuple[str, ...],
    picked: bool,
    model: str,
    rebuy: tuple[str, ...],
    retry: tuple[str, ...],
    as_json: bool,
    output: Path | None,
    unfolded: bool,
    diff: bool,
) -> None:
    """Show for each scene what a render would do, why, and the cost."""
    from storyboard.config.settings import settings
    from storyboard.system.files import replace
    from storyboard.workflow import preflight
    from storyboard.workflow.facts import Agreed, current_plan
    from storyboard.workflow.workspace import open_workspace

    where = locate_storyboard(file)
    with (
        _told(file, as_json=as_json),
        mention_owed(where),
        open_workspace(where, settings(), realm_of(draft), given=pairs(given), looking=True, model=model) as workspace,
    ):
        whole = current_plan(workspace, Agreed(rebuy, retry))
        plan = whole.picked_only() if picked else whole
        document = preflight.document(workspace, plan)
        text = to_json(document)
        if output:
            replace(output, (text + "\n").encode())
            flags = again(draft=draft, given=given, picked=picked, rebuy=rebuy, retry=retry, model=model)
            typed = f"storyboard render {shlex.quote(workspace.shown)} --plan {shlex.quote(str(output))}{flags}"
            click.echo(f"saved in {output}: `{typed}` executes exactly this plan, or stops", err=True)
        if as_json:
            click.echo(text)
        else:
            _print(workspace, plan, unfolded=unfolded, diff=diff)
        obstacles = preflight.blockers(workspace, plan)
        if obstacles:
            raise Problems(obstacles, planned=True)


def _print(workspace: "Workspace", plan: "Plan", *, unfolded: bool, diff: bool) -> None:
    from storyboard.cli.owed_table import owed_lines
    from storyboard.cli.plan_table import columns, fit_rows, plan_lines
    from storyboard.workflow import preflight
    from storyboard.workflow.facts import describe_uploads, former_prompts, generation_seconds, timed_scenes
    from storyboard.workflow.owed_jobs import owed_jobs

    lines = plan_lines(
        replace_fields(workspace.storyboard, scenes=timed_scenes(workspace, plan)),
        plan,
        workspace.prices,
        describe_uploads(workspace, plan),
        (*workspace.storyboard.warnings, *preflight.warnings(workspace, plan)),
        generation_seconds(workspace, plan, workspace.settings.at_once),
        unfolded=unfolded,
        before=former_prompts(workspace) if diff else {},
        ladder=None if workspace.realm.kind == "draft" else preflight.ladder(workspace, plan),
    )
    for line in fit_rows([*lines, *owed_lines(owed_jobs(workspace, plan))], columns(sys.stdout)):
        click.echo(safe_text(line))


@contextmanager
def _told(file: str | None, *, as_json: bool) -> Iterator[None]:
    """With --json, print a storyboard with errors as a document without steps, with all its problems."""
    try:
        yield
    except Problems as error:
        if as_json and not error.planned:
            totals = {**dict.fromkeys(("make", "collect", "keep", "blocked", "credits", "money"), 0), "currency": "USD"}
            document = {"storyboard": file or "", "provider": "", "steps": [], "totals": {**totals, "estimate": True}}
            problems = [problem.document() for problem in error.problems]
            click.echo(to_json({**document, "uploads": [], "problems": problems, "owed": []}))
        raise
