"""storyboard takes: the takes of scenes side by side, as a table and as a contact sheet. Pays nothing, no network."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import (
    draft_option,
    json_option,
    locate_storyboard,
    pairs,
    proofs_option,
    realm_of,
    var_option,
)
from storyboard.model.text import format_seconds, one_line, safe_text, to_json

if TYPE_CHECKING:
    from storyboard.costs.price_book import PriceBook
    from storyboard.model.cost import Cost
    from storyboard.workflow.takes_report import TakeRow

# Of a line of figures, in 60 columns: take, whether the film uses it, seed, length, size, loudness, credits.
_ROW = "{:<8} {:<4} {:>10} {:>7} {:>9} {:>10} {:>6}"
_HEAD = _ROW.format("", "", "seed", "length", "size", "loudness", "price")


@click.command
@click.argument("file")
@click.argument("scene", required=False)
@draft_option
@var_option
@proofs_option
@json_option
def command(file: str, scene: str | None, draft: bool, given: tuple[str, ...], model: str, as_json: bool) -> None:
    """List the takes of SCENE, or of all scenes, and write a sheet with their frames side by side."""
    from storyboard.cli.events_text import near
    from storyboard.cli.plan_table import columns
    from storyboard.config.settings import settings
    from storyboard.workflow.takes_report import read_takes, takes_document
    from storyboard.workflow.takes_sheet import takes_sheet
    from storyboard.workflow.workspace import open_workspace

    where, realm = locate_storyboard(file), realm_of(draft)
    with open_workspace(where, settings(), realm, given=pairs(given), looking=True, model=model) as workspace:
        rows = read_takes(workspace, scene)
        sheets = takes_sheet(workspace, rows, scene)
        if as_json:
            click.echo(to_json(takes_document(workspace, rows, sheets)))
            return
        prices = workspace.prices
    for line in _table(rows, columns(sys.stdout), prices):
        click.echo(safe_text(line))
    for path in sheets:
        click.echo(safe_text(f"{'sheet':<8} {near(str(path))}"))


def _table(rows: "Sequence[TakeRow]", width: int | None, prices: "PriceBook") -> Iterator[str]:
    """The takes by scene: a line of figures for each, below it what there is to say of it, and its path.

    Lines are fitted to ``width``, but a path is never broken: a terminal wraps it, and it can still be copied.
    """
    from storyboard.cli.plan_table import fit_rows

    for number, row in enumerate(rows):
        if number == 0 or rows[number - 1].scene != row.scene:
            yield from ["", row.scene] if number else [row.scene]
            yield _HEAD
        yield _figures(row, prices)
        said = [remark.says for remark in row.remarks] if row.take else [f"{row.state}: {row.why}"]
        yield from fit_rows((f"{'':<8} {one_line(sentence, 300)}" for sentence in said), width)
        if row.path:
            yield f"{'':<8} {row.path}"


def _figures(row: "TakeRow", prices: "PriceBook") -> str:
    measure = row.take.measure if row.take else None
    cells = (
        f"take {row.number}",
        "used" if row.picked else "",
        "–" if row.seed is None else str(row.seed),
        f"{format_seconds(measure.seconds)} s" if measure else "–",
        f"{measure.width}x{measure.height}" if measure else "–",
        _sound(row),
        "–" if row.cost is None else _price(row.cost, prices),
    )
    return _ROW.format(*cells).rstrip()


def _price(cost: "Cost", prices: "PriceBook") -> str:
    """Credits as a number; of another provider, or a currency, with their name."""
    from storyboard.costs.prices import amount

    return amount(cost.amount(prices.default)) if prices.is_plain(cost) else prices.bare(cost)


def _sound(row: "TakeRow") -> str:
    if row.take is None:
        return "–"
    if not row.take.measure.sound:
        return "no sound"
    return "silent" if row.lufs is None else f"{row.lufs:.1f} LUFS"
