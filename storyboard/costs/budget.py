"""Budget: spending limits per run, per storyboard and per month, and the messages where one is exceeded."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from storyboard.costs.price_book import PriceBook
from storyboard.costs.prices import in_currency
from storyboard.model.cost import Cost, is_currency
from storyboard.model.errors import InputError, OverBudget
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line

# The scope of a limit: one execution of a plan, all costs of a storyboard file ever, or a calendar month in UTC.
Span = Literal["run", "storyboard", "month"]
_TOLD: Mapping[Span, str] = {"run": "in this run", "storyboard": "on this storyboard", "month": "this month"}
_KEYS: Mapping[str, Span] = {"per_run": "run", "per_storyboard": "storyboard", "per_month": "month"}
_MONEY = re.compile(r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([^\s0-9.]{1,40})\s*")
_LARGEST = 10**9
_EXAMPLE = 'credits, for example 600, or money, for example "5 USD"'


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` in a ``span``: of all costs in ``currency``; without one, of the default provider's credits.

    ``name`` is its name in messages; ``raised`` says how to raise it.
    """

    span: Span
    most: Fraction
    currency: str
    name: str
    raised: str


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that ``cost`` more would exceed, where ``spent`` counts against it already; both in its unit.

    ``unrated`` are the units whose worth in the limit's currency is not known: then nobody can say.
    """

    limit: Limit
    cost: Fraction
    spent: Fraction
    unrated: tuple[str, ...] = ()

    @property
    def remaining(self) -> Fraction:
        """What is left of the limit, at least 0."""
        return max(self.limit.most - self.spent, Fraction(0))


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits that all apply at once; () is no limit. ``prices`` converts between credits and money."""

    limits: tuple[Limit, ...] = ()
    prices: PriceBook = field(default_factory=lambda: PriceBook(""))

    def with_cap(self, most: float | str) -> "Budget":
        """This budget plus a limit for the run (--max-cost): credits, or money such as "5 USD". Raise InputError."""
        limit = _limit("run", "--max-cost", "--max-cost", _typed(most), "set a larger --max-cost", self.prices)
        return replace(self, limits=(*self.limits, limit))

    def over(self, cost: Cost, spent: Callable[[Span], Cost]) -> tuple[Over, ...]:
        """The limits that ``cost`` more would exceed; none for a cost of nothing. ``spent`` says what is spent by now.

        A limit in money is exceeded as well by what has no rate: nobody knows what it is worth.
        """
        found = (self._over(limit, cost, spent(limit.span)) for limit in self.limits if cost)
        return tuple(over for over in found if over)

    def _over(self, limit: Limit, cost: Cost, spent: Cost) -> Over | None:
        if limit.currency and (unrated := self.prices.units_without_rate(cost + spent)):
            return Over(limit, Fraction(0), Fraction(0), unrated)
        more, before = self._counted(cost, limit), self._counted(spent, limit)
        return Over(limit, more, before) if more and before + more > limit.most else None

    def _counted(self, cost: Cost, limit: Limit) -> Fraction:
        """What counts of a cost against a limit, in the limit's unit; all of it has a rate if that is a currency."""
        if not limit.currency:
            return cost.amount(self.prices.default)
        worth, one = self.prices.money(cost), self.prices.worth(limit.currency, Fraction(1))
        assert worth is not None or not cost
        return (worth or Fraction(0)) / (one or Fraction(1))

    def describe(self, over: Over) -> str:
        """A sentence with the numbers of an exceeded limit: allowed, spent, left, and the cost."""
        allowed = self._said(over.limit.most, over.limit)
        if over.unrated:
            units = ", ".join(one_line(unit, 40) for unit in over.unrated)
            return f"{over.limit.name} allows {allowed}, and config.toml does not say what this is worth: {units}"
        said = [self._said(amount, over.limit) for amount in (over.spent, over.remaining, over.cost)]
        return (
            f"{over.limit.name} allows {allowed}; {_TOLD[over.limit.span]}"
            f" {said[0]} spent, {said[1]} left, and this costs {said[2]}"
        )

    def refusal(self, found: tuple[Over, ...]) -> OverBudget:
        """The error for exceeded limits, with what to do."""
        return OverBudget(f"over budget: {'; '.join(map(self.describe, found))}", ways_out(found))

    def _said(self, amount: Fraction, limit: Limit) -> str:
        if limit.currency:
            return in_currency(amount, limit.currency)
        return self.prices.describe(Cost.of(amount, self.prices.default), inside=True)


NO_LIMIT = Budget()


def ways_out(found: tuple[Over, ...]) -> str:
    """What to do about exceeded limits."""
    missing = dict.fromkeys(_missing_rate(unit) for over in found for unit in over.unrated)
    raised = dict.fromkeys(over.limit.raised for over in found if not over.unrated)
    if missing:
        return f"set {' and '.join(missing)} in config.toml"
    return f"buy fewer takes at once, such as with render --scene, or {' and '.join(raised)}"


def _missing_rate(unit: str) -> str:
    """The key of config.toml that says what a unit is worth."""
    return f"{unit} in [rates]" if is_currency(unit) else f"credit and currency in [providers.{one_line(unit, 40)}]"


def parse_budget(table: Mapping[str, object], file: str, prices: PriceBook) -> Budget:
    """The user's limits, from [budget] of config.toml (``file`` is its path). Raise InputError.

    A number is credits of the default provider, a text such as "5 USD" money over everything.
    """
    for name in table:
        if name not in _KEYS:
            hint = did_you_mean(name, _KEYS) or f"known: {', '.join(_KEYS)}"
            raise InputError(f"config.toml: unknown key {name!r} in [budget]", hint)
    limits = (
        _limit(span, name, f"config.toml: [budget] {name}", table[name], f"raise {name} in [budget] of {file}", prices)
        for name, span in _KEYS.items()
        if name in table
    )
    return Budget(tuple(limits), prices)


def _limit(span: Span, name: str, where: str, value: object, raised: str, prices: PriceBook) -> Limit:
    money = _MONEY.fullmatch(value) if isinstance(value, str) else None
    if money is None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _LARGEST:
            raise InputError(f"{where} must be a number larger than 0, not {value!r:.40}", _EXAMPLE)
        return Limit(span, Fraction(str(value)), "", name, raised)
    most, unit = Fraction(money[1]), money[2]
    currency = unit if unit == prices.currency else unit.upper()
    if not most or not (is_currency(currency) or currency == prices.currency):
        raise InputError(f"{where} must be a number larger than 0, not {value!r:.40}", _EXAMPLE)
    if prices.worth(currency, most) is None:
        own = one_line(prices.currency, 40)
        hint = f"set {currency} in [rates] of config.toml, or use {own}"
        raise InputError(f"{where} is in {currency}, and nothing says what that is in {own}", hint)
    return Limit(span, most, currency, name, raised)


def _typed(most: float | str) -> float | str:
    """A limit as it is typed on a command line: a number where it is one."""
    try:
        return float(most)
    except ValueError:
        return most
