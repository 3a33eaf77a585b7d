"""storyboard history: every take that was bought for a scene, with its prompt, its price and why. No network."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import draft_option, json_option, locate_storyboard, pairs, realm_of, var_option
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from storyboard.costs.price_book import PriceBook
    from storyboard.workflow.history import HistoryEntry

# What is said of the state of a submission.
_STATES = {
    "taken": "bought",
    "pinned": "bought elsewhere",
    "open": "accepted, not downloaded yet",
    "intent": "unconfirmed",
    "unknown": "unconfirmed",
    "abandoned": "given up",
}


@click.command
@click.argument("file")
@click.argument("scene")
@draft_option
@var_option
@json_option
def command(file: str, scene: str, draft: bool, given: tuple[str, ...], as_json: bool) -> None:
    """List every take that was bought for SCENE, oldest first, also for former prompts and for a scene that is gone."""
    from storyboard.cli.plan_table import columns, fit_rows
    from storyboard.config.settings import settings
    from storyboard.workflow.history import history_document, read_history

    where, found = locate_storyboard(file), settings()
    entries = read_history(where, scene, found, realm_of(draft), pairs(given), time.time())
    if as_json:
        click.echo(to_json(history_document(where, scene, entries, found.prices)))
        return
    for number, entry in enumerate(entries):
        words = entry.change or (entry.prompt if not number or entry.prompt != entries[number - 1].prompt else "")
        for line in fit_rows(_lines(entry, words, found.prices), columns(sys.stdout)):
            click.echo(safe_text(line))
        if entry.path:
            click.echo(safe_text(f"{'':<8} {entry.path}"))


def _lines(entry: "HistoryEntry", words: str, prices: "PriceBook") -> Iterator[str]:
    """One entry as lines: what it is and cost, how it stands, why it was made, ``words`` of its prompt, remarks."""
    day = "" if entry.asked is None else f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime(entry.asked))} UTC, "
    price = "price unknown" if entry.cost is None else prices.describe(entry.cost)
    model = f"{one_line(entry.model, 40)}, " if entry.model else ""
    yield f"take {entry.number:<3} {day}{model}{price}"
    yield f"{'':<8} {_standing(entry)}"
    if entry.reason:
        yield f"{'':<8} why: {one_line(entry.reason, 300)}"
    if words:
        yield f"{'':<8} {one_line(words, 2_000)}"
    for remark in entry.take.remarks if entry.take else ():
        yield f"{'':<8} {one_line(remark.says, 300)}"


def _standing(entry: "HistoryEntry") -> str:
    if entry.state == "failed":
        return f"failed: {one_line(entry.why, 300)}" if entry.why else "failed"
    said = _STATES[entry.state]
    if entry.state not in ("taken", "pinned"):
        return f"{said}: {one_line(entry.why, 300)}" if entry.why else said
    where = "in the store" if entry.there else "not in the store any more"
    return f"{said}, {where}{', used in the film' if entry.used else ''}"
