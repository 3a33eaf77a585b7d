"""The price book: what shots of every provider cost, what that is in the user's currency, and how it is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from storyboard.costs.prices import NOTHING, Prices, in_currency, money, price_of_shot
from storyboard.model.capabilities import Model
from storyboard.model.cost import CREDITS, Cost, is_currency
from storyboard.model.errors import InputError
from storyboard.model.shot import Shot
from storyboard.model.text import json_number, one_line


@dataclass(frozen=True, slots=True)
class PriceBook:
    """The prices of each provider by its name; ``default`` names the default provider.

    ``currency`` is the user's own; ``rates`` say how much of it one of another currency is. ``is_free``: drafts cost
    nothing.
    """

    default: str
    providers: Mapping[str, Prices] = field(default_factory=dict)
    currency: str = "USD"
    rates: Mapping[str, Fraction] = field(default_factory=dict)
    is_free: bool = False

    @property
    def own(self) -> Prices:
        """The prices of the default provider."""
        return self.prices_of(self.default)

    def prices_of(self, provider: str) -> Prices:
        """Return the prices of a provider; none for one that is not known."""
        return self.providers.get(provider, Prices())

    def shot(self, shot: Shot, model: Model) -> Cost:
        """Return the price of a shot, without an upgrade; ``model`` is the one that generates it.

        Raise InputError for a model without a price, or without one for the shot's resolution.
        """
        if self.is_free:
            return Cost()
        prices, name = self.prices_of(shot.provider), one_line(shot.model, 60)
        where = f'[providers.{shot.provider}.prices."{name}"]'
        if shot.provider == self.default and shot.model not in prices.names:
            raise InputError(
                f"no price is known for the model {name!r}", f"add {name} to [prices.models] in config.toml"
            )
        return Cost.of_provider(price_of_shot(prices, shot, model, where), shot.provider, prices.unit(shot.model))

    def upgrade(self, shot: Shot) -> Cost:
        """Return the price of the upgrade of a shot's take, of a model that has one."""
        return Cost() if self.is_free else Cost.of(self.prices_of(shot.provider).hd, shot.provider)

    def unit(self, shot: Shot) -> str:
        """Return the unit in which a shot is paid, as the ledger says it: "credits", or a currency."""
        return CREDITS if self.is_free else self.prices_of(shot.provider).unit(shot.model)

    def money(self, cost: Cost) -> Fraction | None:
        """Return the whole of a cost in the user's currency; None if the worth of a part is not known."""
        worths = [self.worth(unit, amount) for unit, amount in cost.parts or ((self.default, NOTHING),)]
        known = [worth for worth in worths if worth is not None]
        return sum(known, NOTHING) if len(known) == len(worths) else None

    def worth(self, unit: str, amount: Fraction) -> Fraction | None:
        """Return what an amount of a unit is in the user's currency; None if that is not known."""
        if unit == self.currency:
            return amount
        if is_currency(unit):
            return amount * self.rates[unit] if unit in self.rates else None
        prices = self.prices_of(unit)
        if self.is_free or prices.credit is None:
            return NOTHING if self.is_free else None
        # Its currency may be any text: one that is not the user's is worth something only by a rate.
        rate = Fraction(1) if prices.currency == self.currency else self.rates.get(prices.currency)
        return None if rate is None else amount * prices.credit * rate

    def units_without_rate(self, cost: Cost) -> tuple[str, ...]:
        """Return the units in a cost whose worth in the user's currency is not known."""
        return tuple(unit for unit, amount in cost.parts if self.worth(unit, amount) is None)

    def is_less(self, cost: Cost, than: Cost) -> bool:
        """Whether a cost is certainly less than another one."""
        units = {*cost.units, *than.units}
        if len(units) < 2:
            return any(cost.amount(unit) < than.amount(unit) for unit in units)
        money, others = self.money(cost), self.money(than)
        return money is not None and others is not None and money < others

    def is_estimate(self, cost: Cost) -> bool:
        """Whether a cost is told by prices of a provider's package, rather than by the user's."""
        names = [unit for unit in cost.units if not is_currency(unit)] or [self.default]
        return any(self.prices_of(name).estimate for name in names)

    def is_plain(self, cost: Cost) -> bool:
        """Whether a cost is nothing but credits of the default provider."""
        return {*cost.units} <= {self.default}

    def describe(self, cost: Cost, *, inside: bool = False) -> str:
        """Return a cost as text: "360 credits, 1.80 USD", or "360 credits (1.80 USD)" ``inside`` a sentence.

        Of several units: "60 credits (0.30 USD) + 1.12 USD = 1.42 USD"; what has no rate is told apart.
        """
        if self.is_plain(cost):
            return money(cost.amount(self.default), self.money(cost), self.currency, inside=inside)
        parts = _in_order(self, cost)
        told = [_part(self, *part, cost, inside=inside or len(parts) > 1) for part in parts]
        worths = [self.worth(*part) for part in parts]
        rated = [text for text, worth in zip(told, worths, strict=True) if worth is not None]
        apart = [text for text, worth in zip(told, worths, strict=True) if worth is None]
        whole = " + ".join(rated)
        if len(rated) > 1:
            known = sum((worth for worth in worths if worth is not None), NOTHING)
            whole += f" = {in_currency(known, self.currency)}"
        return ", and ".join(filter(None, (whole, " + ".join(apart))))

    def describe_range(self, cost: Cost, at_most: Cost) -> str:
        """Return what is expected to be paid, and in the worst case: "60 credits; at most 310 credits"."""
        expected = self.describe(cost)
        return expected if at_most == cost else f"{expected}; at most {self.describe(at_most)}"

    def bare(self, cost: Cost) -> str:
        """Return a cost as text without what it is in money: "60 credits", "12 credits of kie + 1.12 EUR"."""
        parts = _in_order(self, cost) or [(self.default, NOTHING)]
        return " + ".join(
            in_currency(amount, unit) if is_currency(unit) else money(amount, None, "", of=_name(self, unit, cost))
            for unit, amount in parts
        )

    def document(self, cost: Cost) -> dict[str, object]:
        """Return a cost as JSON: ``credits`` of the default provider, and ``costs`` by unit if there is any other."""
        credits = json_number(cost.amount(self.default))
        if self.is_plain(cost):
            return {"credits": credits}
        return {"credits": credits, "costs": costs_by_unit(cost)}


def _part(book: PriceBook, unit: str, amount: Fraction, cost: Cost, *, inside: bool) -> str:
    worth = book.worth(unit, amount)
    if not is_currency(unit):
        return money(amount, worth, book.currency, inside=inside, of=_name(book, unit, cost))
    told = in_currency(amount, unit)
    return told if worth is None or unit == book.currency else f"{told} ({in_currency(worth, book.currency)})"


def _name(book: PriceBook, provider: str, cost: Cost) -> str:
    """The provider as its credits are told; "" where no others are told than those of the default provider."""
    providers = [unit for unit in cost.units if not is_currency(unit)]
    return "" if providers in ([], [book.default]) else one_line(provider, 40)


def _in_order(book: PriceBook, cost: Cost) -> list[tuple[str, Fraction]]:
    """The parts: credits of the default provider, of others, currencies, the user's own last."""
    ranks = {book.default: 0, book.currency: 3}
    return sorted(cost.parts, key=lambda part: (ranks.get(part[0], 1 + is_currency(part[0])), part[0]))


def price_document(cost: Cost | None, prices: PriceBook) -> dict[str, object]:
    """Return the price of a take as JSON: ``price`` in credits of the default provider; ``costs`` if there is more."""
    if cost is None:
        return {"price": None}
    told = prices.document(cost)
    return {"price": told.pop("credits"), **told}


def costs_by_unit(cost: Cost) -> dict[str, object]:
    """Return a cost as JSON: amounts by unit."""
    return {unit: json_number(amount) for unit, amount in cost.parts}
