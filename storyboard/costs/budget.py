"""Budget: the most that may be spent by a run, on a storyboard, in a month; and what is said where it is not enough."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from storyboard.costs.prices import Prices
from storyboard.model.errors import InputError, OverBudget

# What a limit counts: one carrying-out of a plan, all that a file's scenes ever cost, or a calendar month in UTC.
Span = Literal["run", "storyboard", "month"]
_TOLD: Mapping[Span, str] = {"run": "in this run", "storyboard": "on this storyboard", "month": "this month"}
_KEYS: Mapping[str, Span] = {"per_run": "run", "per_storyboard": "storyboard", "per_month": "month"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``credits`` in a ``span``. ``name`` is what the user calls it; ``raised`` says how it is made larger."""

    span: Span
    credits: Fraction
    name: str
    raised: str


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that ``cost`` more credits would go over, where ``spent`` are spent of it already."""

    limit: Limit
    cost: Fraction
    spent: Fraction

    @property
    def remaining(self) -> Fraction:
        return max(self.limit.credits - self.spent, Fraction(0))


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits that hold all at once; none of them is no limit. ``prices`` says credits in money."""

    limits: tuple[Limit, ...] = ()
    prices: Prices = field(default_factory=Prices)

    def with_cap(self, credits: float) -> "Budget":
        """This budget, and ``--max-cost`` besides. Raises InputError."""
        cap = Limit("run", _number("--max-cost", credits), "--max-cost", "say a larger --max-cost")
        return replace(self, limits=(*self.limits, cap))

    def over(self, cost: Fraction, spent: Callable[[Span], Fraction]) -> tuple[Over, ...]:
        """The limits that ``cost`` more would go over. ``spent`` gives the credits spent so far; nothing is free."""
        if not cost:
            return ()
        found = (Over(limit, cost, spent(limit.span)) for limit in self.limits)
        return tuple(over for over in found if over.spent + cost > over.limit.credits)

    def describe(self, over: Over) -> str:
        """One limit, in numbers: what it allows, what is spent and left of it, and what would have been paid."""
        allowed, left = self._said(over.limit.credits), self._said(over.remaining)
        return (
            f"{over.limit.name} allows {allowed}; {_TOLD[over.limit.span]}"
            f" {self._said(over.spent)} spent, {left} left, and this costs {self._said(over.cost)}"
        )

    def refusal(self, found: tuple[Over, ...]) -> OverBudget:
        """The error for limits that do not reach, with what to do."""
        return OverBudget(f"over budget: {'; '.join(map(self.describe, found))}", ways_out(found))

    def _said(self, credits: Fraction) -> str:
        return self.prices.describe(credits, inside=True)


NO_LIMIT = Budget()


def ways_out(found: tuple[Over, ...]) -> str:
    """What to do about limits that do not reach."""
    raised = " and ".join(dict.fromkeys(over.limit.raised for over in found))
    return f"make fewer scenes, with --scene, or {raised}"


def parse_budget(table: Mapping[str, object], file: str, prices: Prices) -> Budget:
    """The user's own limits ([budget] in config.toml, which is ``file``), in credits. Raises InputError."""
    for name in table:
        if name not in _KEYS:
            raise InputError(f"config.toml: unknown key {name!r} in [budget]", f"known: {', '.join(_KEYS)}")
    limits = (
        Limit(span, _number(f"config.toml: [budget] {name}", table[name]), name, f"raise {name} in [budget] of {file}")
        for name, span in _KEYS.items()
        if name in table
    )
    return Budget(tuple(limits), prices)


def _number(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
        raise InputError(f"{name} must be a number larger than 0, not {value!r:.40}", "credits, for example 600")
    return Fraction(str(value))
