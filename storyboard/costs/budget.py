"""Budget: spending limits per run, per storyboard and per month, and the messages where one is exceeded."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from storyboard.costs.prices import Prices
from storyboard.model.errors import InputError, OverBudget

# The scope of a limit: one execution of a plan, all costs of a storyboard file ever, or a calendar month in UTC.
Span = Literal["run", "storyboard", "month"]
_TOLD: Mapping[Span, str] = {"run": "in this run", "storyboard": "on this storyboard", "month": "this month"}
_KEYS: Mapping[str, Span] = {"per_run": "run", "per_storyboard": "storyboard", "per_month": "month"}


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``credits`` in a ``span``. ``name`` is its name in messages; ``raised`` says how to raise it."""

    span: Span
    credits: Fraction
    name: str
    raised: str


@dataclass(frozen=True, slots=True)
class Over:
    """A limit that ``cost`` more credits would exceed, where ``spent`` credits count against it already."""

    limit: Limit
    cost: Fraction
    spent: Fraction

    @property
    def remaining(self) -> Fraction:
        """The credits left of the limit, at least 0."""
        return max(self.limit.credits - self.spent, Fraction(0))


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits that all apply at once; () is no limit. ``prices`` converts credits to money in messages."""

    limits: tuple[Limit, ...] = ()
    prices: Prices = field(default_factory=Prices)

    def with_cap(self, credits: float) -> "Budget":
        """This budget plus a limit of ``credits`` for the run (--max-cost). Raise InputError for an invalid number."""
        cap = Limit("run", _number("--max-cost", credits), "--max-cost", "set a larger --max-cost")
        return replace(self, limits=(*self.limits, cap))

    def over(self, cost: Fraction, spent: Callable[[Span], Fraction]) -> tuple[Over, ...]:
        """The limits that ``cost`` more credits would exceed; none for a cost of 0. ``spent``: credits so far."""
        if not cost:
            return ()
        found = (Over(limit, cost, spent(limit.span)) for limit in self.limits)
        return tuple(over for over in found if over.spent + cost > over.limit.credits)

    def describe(self, over: Over) -> str:
        """A sentence with the numbers of an exceeded limit: allowed, spent, left, and the cost."""
        allowed, left = self._said(over.limit.credits), self._said(over.remaining)
        return (
            f"{over.limit.name} allows {allowed}; {_TOLD[over.limit.span]}"
            f" {self._said(over.spent)} spent, {left} left, and this costs {self._said(over.cost)}"
        )

    def refusal(self, found: tuple[Over, ...]) -> OverBudget:
        """The error for exceeded limits, with what to do."""
        return OverBudget(f"over budget: {'; '.join(map(self.describe, found))}", ways_out(found))

    def _said(self, credits: Fraction) -> str:
        return self.prices.describe(credits, inside=True)


NO_LIMIT = Budget()


def ways_out(found: tuple[Over, ...]) -> str:
    """What to do about exceeded limits."""
    raised = " and ".join(dict.fromkeys(over.limit.raised for over in found))
    return f"buy fewer takes at once, such as with render --scene, or {raised}"


def parse_budget(table: Mapping[str, object], file: str, prices: Prices) -> Budget:
    """The user's limits in credits, from [budget] of config.toml (``file`` is its path). Raise InputError."""
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
