"""The cost report as a table for a terminal."""

from collections.abc import Iterator

from storyboard.costs.price_book import PriceBook
from storyboard.costs.prices import amount
from storyboard.costs.report import Account, Sum
from storyboard.model.cost import Cost
from storyboard.model.text import one_line


def costs_lines(account: Account, prices: PriceBook) -> Iterator[str]:
    """The account as lines of text, in columns: credits of the default provider, all in money, other units beside."""
    several = len({found.of["storyboard"] for found in account.scenes}) > 1
    groups = {
        "scene": [(_scene(found, several), found) for found in account.scenes],
        "run": [(f"{found.of['began']}  {found.of['run']}", found) for found in account.runs],
        "month": [(found.of["month"], found) for found in account.months],
        "model": [(one_line(found.of["model"], 40), found) for found in account.models],
    }
    width = max([len(label) for rows in groups.values() for label, _ in rows], default=0) + 1
    for name, rows in groups.items():
        if rows:
            yield f"{name:<{width}} {'credits':>10} {one_line(prices.currency, 8):>9} {'submissions':>12}"
        yield from (f"{label:<{width}} {_figures(found, prices)}" for label, found in rows)
        yield from [""] if rows else []
    yield f"{'total':<{width}} {_figures(account.total, prices)}"
    if not prices.is_plain(account.total.cost):
        yield f"{'':<{width}} {prices.describe(account.total.cost)}"


def _scene(found: Sum, several: bool) -> str:
    scene = one_line(found.of["scene"], 64)
    return f"{one_line(found.of['storyboard'], 400)}  {scene}" if several else scene


def _figures(found: Sum, prices: PriceBook) -> str:
    price, own = prices.money(found.cost), Cost.of(found.cost.amount(prices.default), prices.default)
    money = "" if price is None else f"{float(price):.2f}"
    counts = {"unknown": found.unknown, "failed": found.failed, "refused": found.refused}
    others = prices.bare(found.cost - own) if found.cost != own else ""
    notes = ", ".join([*([others] if others else []), *(f"{count} {name}" for name, count in counts.items() if count)])
    return f"{amount(found.cost.amount(prices.default)):>10} {money:>9} {found.submissions:>12}  {notes}".rstrip()
