"""Charges: what was spent, or may have been."""

from collections.abc import Mapping

from storyboard.costs.budget import Budget, Span
from storyboard.costs.report import Charge
from storyboard.model.cost import Cost
from storyboard.model.submission import rfc3339
from storyboard.state.ledger import rows
from storyboard.state.ledger.database import Database

# What belongs to a run, a storyboard, a month ("2026-11").
_SPENT: Mapping[Span, str] = {
    "run": "run = ?1",
    "storyboard": "storyboard = ?1",
    "month": "at >= CAST(strftime('%s', ?1 || '-01') AS REAL)"
    " AND at < CAST(strftime('%s', ?1 || '-01', '+1 month') AS REAL)",
}


class Charges:
    """The view ``charges`` of the tables ``jobs`` and ``upgrades``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def total(self, span: Span, of: str) -> Cost:
        """What was spent, or perhaps: by the run ``of``, on the storyboard, in the month ("2026-11", UTC)."""
        # Amounts are exact fractions, kept as text; SQLite counts equal ones, and there are few prices.
        with self._database.sqlite_errors():
            found = self._database.connection.execute(
                f"SELECT credits, provider, unit, count(*) FROM charges WHERE {_SPENT[span]} GROUP BY 1, 2, 3", (of,)
            )
            return Cost.total(rows.cost(amount, provider, unit) * count for amount, provider, unit, count in found)

    def all(self, storyboard: str | None = None) -> list[Charge]:
        """All charges of one storyboard (its file's absolute path), or of all, oldest first."""
        where, values = ("1", ()) if storyboard is None else ("storyboard = ?", (storyboard,))
        with self._database.sqlite_errors():
            found = self._database.query(f"SELECT * FROM charges WHERE {where} ORDER BY at, id, hd", values)
            return [rows.charge(row) for row in found]

    def enforce(self, budget: Budget, cost: Cost, storyboard: str, run: str, now: float) -> None:
        """Raise OverBudget if ``cost``, which this transaction has just recorded, goes over the budget.

        The exception undoes the transaction. ``now`` is seconds since 1970.
        """
        spans: Mapping[Span, str] = {"run": run, "storyboard": storyboard, "month": rfc3339(now)[:7]}
        if found := budget.over(cost, lambda span: self.total(span, spans[span]) - cost):
            raise budget.refusal(found)
