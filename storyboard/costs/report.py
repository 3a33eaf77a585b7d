"""Cost report: what was spent by scene, by run, by month and by model; as JSON or CSV."""

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from storyboard.costs.price_book import PriceBook
from storyboard.model.cost import CREDITS, Cost, is_currency
from storyboard.model.shot import USUAL_PROVIDER
from storyboard.model.submission import State
from storyboard.model.text import json_number, one_line


@dataclass(frozen=True, slots=True)
class Charge:
    """One actual or possible charge: for a submission, or (``hd``) for an HD version added to its take.

    ``storyboard`` is the file's absolute path, ``credits`` as reported by the provider, else as expected, ``at`` the
    time of the request (RFC 3339 in UTC), ``state`` the state of the submission. ``unit`` is that of ``credits``:
    "credits" of the ``provider``, or a currency.
    """

    storyboard: str
    scene: str
    run: str
    model: str
    state: State
    hd: bool
    credits: Fraction
    at: str
    provider: str = USUAL_PROVIDER
    unit: str = CREDITS

    @property
    def cost(self) -> Cost:
        """What was charged."""
        return Cost.of_provider(self.credits, self.provider, self.unit)


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a group of charges: ``of`` is what they have in common, such as {"month": "2026-11"}.

    ``submissions`` counts all submissions, including the ``unknown`` (unconfirmed), the ``failed`` and the ``refused``
    (which cost nothing).
    """

    of: Mapping[str, str]
    cost: Cost
    submissions: int
    unknown: int
    failed: int
    refused: int


@dataclass(frozen=True, slots=True)
class Account:
    """The sums of the same charges in four groupings, and in total."""

    scenes: tuple[Sum, ...]
    runs: tuple[Sum, ...]
    months: tuple[Sum, ...]
    models: tuple[Sum, ...]
    total: Sum


def add_up(charges: Sequence[Charge], at_work: Collection[str], default: str = USUAL_PROVIDER) -> Account:
    """The sums of ``charges``, given oldest first. ``at_work`` are the runs in progress.

    A submission without an answer counts as unknown, unless its run is in progress. Models of other providers than the
    ``default`` one are named with their provider, such as "fal/minimax/h3".
    """
    began: dict[str, str] = {}
    for charge in charges:
        began.setdefault(charge.run, charge.at)

    def by(of: Callable[[Charge], Mapping[str, str]]) -> tuple[Sum, ...]:
        groups: dict[tuple[str, ...], list[Charge]] = {}
        for charge in charges:
            groups.setdefault(tuple(of(charge).values()), []).append(charge)
        return tuple(_sum(of(group[0]), group, at_work) for group in groups.values())

    return Account(
        scenes=by(lambda charge: {"storyboard": charge.storyboard, "scene": charge.scene}),
        runs=by(lambda charge: {"run": charge.run, "began": began[charge.run], "storyboard": charge.storyboard}),
        months=by(lambda charge: {"month": charge.at[:7]}),
        models=by(lambda charge: {"model": _model(charge, default)}),
        total=_sum({}, charges, at_work),
    )


def _model(charge: Charge, default: str) -> str:
    return charge.model if charge.provider == default else f"{charge.provider}/{charge.model}"


def _sum(of: Mapping[str, str], charges: Sequence[Charge], at_work: Collection[str]) -> Sum:
    sent = [charge for charge in charges if not charge.hd]
    lost = (charge.state == "unknown" or (charge.state == "intent" and charge.run not in at_work) for charge in sent)
    return Sum(
        of=of,
        cost=Cost.total(charge.cost for charge in charges),
        submissions=len(sent),
        unknown=sum(lost),
        failed=sum(charge.state == "failed" for charge in sent),
        refused=sum(charge.state == "refused" for charge in sent),
    )


def costs_document(account: Account, storyboard: str | None, prices: PriceBook) -> dict[str, object]:
    """The account as JSON (costs.schema.json). ``storyboard`` is the file that it covers, None for all."""
    groups = {name: [_document(found, prices) for found in sums] for name, sums in _groups(account).items()}
    total = _document(account.total, prices)
    return {"storyboard": storyboard, "currency": prices.currency, **groups, "total": total}


def table(account: Account, prices: PriceBook) -> str:
    """The account as CSV with a header: one row per sum, with the grouping in ``by``; the last row is the total.

    Where several units were paid in, each has a column of its own, after ``credits`` of the default provider. A cell
    that a spreadsheet would read as a formula gets a leading apostrophe.
    """
    names, units = ["storyboard", "scene", "run", "began", "month", "model"], other_units(account, prices)
    counts = ["submissions", "unknown", "failed", "refused"]
    out = io.StringIO()
    columns = ["by", *names, "credits", "money", "currency", *counts, *map(_column, units)]
    writer = csv.DictWriter(out, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for by, sums in {**_groups(account), "total": (account.total,)}.items():
        for found in sums:
            of = {name: _harmless(value) for name, value in found.of.items()}
            figures = {name: value for name, value in _document(found, prices).items() if name in (*counts, "credits")}
            others = {_column(unit): json_number(found.cost.amount(unit)) for unit in units}
            worth = {"money": _money(found, prices), "currency": _harmless(prices.currency)}
            writer.writerow({"by": by.removesuffix("s"), **of, **figures, **worth, **others})
    return out.getvalue()


def _column(unit: str) -> str:
    return unit if is_currency(unit) else _harmless(f"{unit} credits")


def other_units(account: Account, prices: PriceBook) -> tuple[str, ...]:
    """The units in which something was paid, but for credits of the default provider."""
    return tuple(unit for unit in account.total.cost.units if unit != prices.default)


def _groups(account: Account) -> dict[str, tuple[Sum, ...]]:
    return {"scenes": account.scenes, "runs": account.runs, "months": account.months, "models": account.models}


def _document(found: Sum, prices: PriceBook) -> dict[str, object]:
    return {
        **found.of,
        **prices.document(found.cost),
        "money": _money(found, prices),
        "submissions": found.submissions,
        "unknown": found.unknown,
        "failed": found.failed,
        "refused": found.refused,
    }


def _money(found: Sum, prices: PriceBook) -> int | float | None:
    """The whole sum in the user's currency; None if the worth of a part is not known."""
    money = prices.money(found.cost)
    return None if money is None else json_number(money)


def _harmless(text: str) -> str:
    # Spreadsheets skip leading white space before they look for a formula.
    said = one_line(text, 4096)
    return f"'{said}" if said.lstrip().startswith(("=", "+", "-", "@")) else said
