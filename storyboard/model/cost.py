"""Cost: an exact sum of money by unit. Amounts of different units are never added to one number here."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from storyboard.model.errors import InputError

# The unit of an amount, as ledgers and lock files say it beside the provider: its credits, or a currency.
CREDITS = "credits"

_CURRENCY = re.compile(r"[A-Z]{3}")


def is_currency(unit: str) -> bool:
    """Whether a unit is a currency, such as "USD", rather than the name of a provider, whose credits it means."""
    return _CURRENCY.fullmatch(unit) is not None


@dataclass(frozen=True, slots=True)
class Cost:
    """A sum by unit. A unit is a currency such as "USD", or a provider's name, which means its credits.

    ``parts`` are sorted by unit, and none of them is 0: ``Cost.of`` and the operators see to that. ``Cost()`` is
    nothing: it is false.
    """

    parts: tuple[tuple[str, Fraction], ...] = ()

    @classmethod
    def of(cls, amount: Fraction, unit: str) -> "Cost":
        """Return an amount of one unit."""
        return cls(((unit, Fraction(amount)),) if amount else ())

    @classmethod
    def of_provider(cls, amount: Fraction, provider: str, unit: str) -> "Cost":
        """Return an amount as the ledger has it: ``unit`` is "credits", which means the provider's, or a currency."""
        return cls.of(amount, provider if unit == CREDITS else unit)

    @classmethod
    def total(cls, costs: Iterable["Cost"]) -> "Cost":
        """Return the sum of several."""
        sums: dict[str, Fraction] = {}
        for cost in costs:
            for unit, amount in cost.parts:
                sums[unit] = sums.get(unit, Fraction(0)) + amount
        return _sorted(sums)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __add__(self, other: "Cost") -> "Cost":
        return Cost.total((self, other))

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost.total((self, other * -1))

    def __mul__(self, factor: int | Fraction) -> "Cost":
        return _sorted({unit: amount * factor for unit, amount in self.parts})

    def exceeds(self, limit: "Cost") -> bool:
        """Whether there is more of any unit in it than in ``limit``."""
        return any(amount > limit.amount(unit) for unit, amount in self.parts)

    def overlap(self, cost: "Cost") -> "Cost":
        """Return what is in both: of each unit the lesser amount."""
        return _sorted({unit: min(amount, cost.amount(unit)) for unit, amount in self.parts})

    def amount(self, unit: str) -> Fraction:
        """Return how much of it is in one unit."""
        return dict(self.parts).get(unit, Fraction(0))

    @property
    def units(self) -> tuple[str, ...]:
        return tuple(unit for unit, _ in self.parts)

    @property
    def not_below_zero(self) -> "Cost":
        """The parts that are larger than 0."""
        return Cost(tuple(part for part in self.parts if part[1] > 0))

    @property
    def credits(self) -> Fraction:
        """The credits, where it is of one provider alone. Raise InputError if there is anything else in it."""
        if len(self.parts) > 1 or any(map(is_currency, self.units)):
            raise InputError(f"this is not a number of credits, but of {', '.join(self.units)}", "use its cost")
        return self.parts[0][1] if self.parts else Fraction(0)


def _sorted(amounts: Mapping[str, Fraction]) -> Cost:
    return Cost(tuple((unit, amount) for unit, amount in sorted(amounts.items()) if amount))


NO_COST = Cost()
