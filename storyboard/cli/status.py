"""storyboard status: what is running, paid, or waiting for a decision; and what it has cost."""

import sys
from collections import Counter
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
from storyboard.cli.owed_table import mention_owed, owed_lines
from storyboard.model.errors import InputError
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storyboard.costs.price_book import PriceBook
    from storyboard.model.submission import Submission
    from storyboard.workflow.status_report import SceneStatus, StatusReport


@click.command
@file_argument
@draft_option
@var_option
@click.option(
    "--costs", is_flag=True, help="Show charges by scene, run, month and model; without FILE, of all storyboards."
)
@json_option
@click.option("--paths", is_flag=True, help="Print the path of the film, and of each scene's take.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the charges as CSV.")
def command(
    file: str | None, draft: bool, given: tuple[str, ...], costs: bool, as_json: bool, paths: bool, as_csv: bool
) -> int:
    """Show the state of each scene, the decisions to make, and the charges."""
    if as_csv and (as_json or not costs):
        raise InputError("--csv prints the account, and nothing else", "storyboard status --costs --csv")
    if costs:
        return _costs(file, draft=draft, as_json=as_json, as_csv=as_csv)
    from storyboard.cli.plan_table import columns, fit_rows
    from storyboard.config.settings import settings
    from storyboard.workflow.status_report import read_status
    from storyboard.workflow.workspace import open_workspace

    where = locate_storyboard(file)
    with (
        mention_owed(where),
        open_workspace(where, settings(), realm_of(draft), given=pairs(given), looking=True) as workspace,
    ):
        report = read_status(workspace)
        if as_json:
            click.echo(to_json(_document(report)))
        elif paths:
            for line in _path_lines(report):
                click.echo(safe_text(line))
        else:
            for line in fit_rows(_lines(report), columns(sys.stdout)):
                click.echo(safe_text(line))
    return 4 if report.needs_decision else 0


def _costs(file: str | None, *, draft: bool, as_json: bool, as_csv: bool) -> int:
    """Print the costs; the storyboard need not be valid."""
    from storyboard.cli.costs_table import costs_lines
    from storyboard.config.settings import settings
    from storyboard.costs.report import costs_document, table
    from storyboard.workflow.costs_report import read_costs

    found, where = settings(), str(locate_storyboard(file).resolve()) if file else None
    account, prices = read_costs(found, realm_of(draft), where), found.prices
    if as_json:
        click.echo(to_json(costs_document(account, where, prices)))
    elif as_csv:
        click.echo(table(account, prices), nl=False)
    else:
        for line in costs_lines(account, prices):
            click.echo(line)
    return 0


def _lines(report: "StatusReport") -> "Iterator[str]":
    counts = Counter(status.scene for status in report.scenes)
    for status in report.scenes:
        if status.state == "done" and not status.picked:
            continue
        said = one_line(status.why, 200) if status.seconds is None else f"{float(status.seconds):.1f} s"
        which = f"take {status.take} of {counts[status.scene]}: " if counts[status.scene] > 1 else ""
        yield f"{status.state:<8} {status.scene:<16} {which}{said}"
        for remark in status.remarks:
            yield f"{'remark':<8} {status.scene:<16} {which}{one_line(remark.says, 500)}"
        if status.state == "unknown" and status.submission:
            yield _sent(status.submission, report.prices)
    for own in report.own_scenes:
        yield f"{'own':<8} {own.scene:<16} {one_line(own.source, 200)}"
    for submission in report.orphaned:
        yield f"{'unknown':<8} {submission.scene:<16} as it was asked for before; settle it, or let it be"
        yield _sent(submission, report.prices)
    yield from owed_lines(report.owed)
    yield ""
    where = "on this storyboard, in rehearsals" if report.is_rehearsal else "on this storyboard"
    yield f"{'spent':<8} {report.prices.describe(report.spent)} {where}"
    if report.spent_on_failed:
        said = report.prices.describe(report.spent_on_failed)
        yield f"{'':<8} {said} of it for jobs that failed, which the provider may have given back"
    for problem in report.warnings:
        yield f"{'note':<8} {problem.message}: {problem.hint}"


def _path_lines(report: "StatusReport") -> "Iterator[str]":
    """The film and the file of each scene, as far as they exist: one a line, never broken, to be copied."""
    if report.film.is_file():
        yield f"{'film':<8} {'':<16} {report.film}"
    for status in report.scenes:
        if status.path:
            kind = "take" if status.picked else f"take {status.take}"
            yield f"{kind:<8} {status.scene:<16} {status.path}"
    for own in report.own_scenes:
        if own.path:
            yield f"{'own':<8} {own.scene:<16} {own.path}"


def _sent(submission: "Submission", prices: "PriceBook") -> str:
    """When a lost submission was sent, and what it may have cost."""
    from storyboard.model.submission import rfc3339

    price = prices.describe(submission.price)
    return f"{'':<8} {'':<16} sent {rfc3339(submission.asked)}; if it was accepted it cost {price}"


def _document(report: "StatusReport") -> dict[str, object]:
    return {
        "storyboard": report.storyboard,
        "film": str(report.film) if report.film.is_file() else None,
        "scenes": [_scene_document(status, report.prices) for status in report.scenes],
        "forgotten": [_orphan_document(submission, report.prices) for submission in report.orphaned],
        "owed": [job.document() for job in report.owed],
        "problems": [problem.document() for problem in report.warnings],
        **_spent(report),
    }


def _spent(report: "StatusReport") -> dict[str, object]:
    told = report.prices.document(report.spent)
    return {"spent": told.pop("credits"), **told}


def _scene_document(status: "SceneStatus", prices: "PriceBook") -> dict[str, object]:
    from storyboard.model.submission import rfc3339

    submission = status.submission
    return {
        "scene": status.scene,
        "take": status.take,
        "picked": status.picked,
        "state": status.state,
        "why": status.why,
        "job": submission.job if submission else None,
        "asked": rfc3339(submission.asked) if submission else None,
        **(prices.document(submission.cost) if submission else {"credits": None}),
        "path": str(status.path) if status.path else None,
        "remarks": [remark.document() for remark in status.remarks],
    }


def _orphan_document(submission: "Submission", prices: "PriceBook") -> dict[str, object]:
    from storyboard.model.submission import rfc3339

    return {
        "scene": submission.scene,
        "asked": rfc3339(submission.asked),
        **prices.document(submission.cost),
        "prompt": submission.recipe["prompt"],
    }
