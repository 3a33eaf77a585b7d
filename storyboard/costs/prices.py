"""Prices of one provider: what its shots and their HD versions cost, in its credits or in a currency."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from storyboard.model.capabilities import Model
from storyboard.model.cost import CREDITS
from storyboard.model.errors import InputError
from storyboard.model.shot import Shot
from storyboard.model.tariff import ANY, Tariff
from storyboard.model.text import one_line

NOTHING = Fraction(0)


@dataclass(frozen=True, slots=True)
class Prices:
    """``models`` and ``hd`` in credits per clip; one credit costs ``credit`` of ``currency``, None if not configured.

    ``tariffs`` are the prices of models that cost otherwise: by the second, by resolution, in a currency. ``estimate``
    is True for the prices of the provider's package, False for those of the user.
    """

    models: Mapping[str, Fraction] = field(default_factory=dict)
    hd: Fraction = NOTHING
    credit: Fraction | None = None
    currency: str = "USD"
    estimate: bool = False
    tariffs: Mapping[str, Tariff] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """The models that have a price."""
        return frozenset((*self.models, *self.tariffs))

    def tariff(self, model: str) -> Tariff | None:
        """Return the price of a model; None if it has none."""
        return self.tariffs.get(model) or (Tariff(clip={ANY: self.models[model]}) if model in self.models else None)

    def unit(self, model: str) -> str:
        """The unit in which a model is paid, as ledgers say it: "credits", or a currency."""
        tariff = self.tariff(model)
        return tariff.unit if tariff else CREDITS


def free_prices(models: Iterable[str]) -> Prices:
    """Return prices at which every one of ``models`` costs nothing."""
    return Prices(dict.fromkeys(models, NOTHING), credit=NOTHING)


def price_of_shot(prices: Prices, shot: Shot, model: Model, where: str) -> Fraction:
    """Return the price of a shot in the unit of its model. ``where`` is the table of its price in config.toml.

    Raise InputError for a model without a price, or without one for the shot's resolution.
    """
    tariff, name = prices.tariff(shot.model), one_line(shot.model, 60)
    if tariff is None:
        raise InputError(f"no price is known for the model {name!r}", f"set {where} in config.toml")
    resolution = model.quality(shot.resolution or "").name
    price = tariff.cost(resolution, model.length(shot.seconds), len(shot.images))
    if price is None:
        known = ", ".join(tariff.resolutions)
        raise InputError(
            f"no price is known for {name} at {resolution}, only at {known}", f"add it to {where} in config.toml"
        )
    return price


def money(credits: Fraction, price: Fraction | None, currency: str, *, inside: bool = False, of: str = "") -> str:
    """Credits and money as text: "360 credits, 1.80 USD"; without the money where ``price`` is None.

    With ``inside``, for use within a sentence: "360 credits (1.80 USD)". ``of`` names the provider.
    """
    said = f"{amount(credits)} credit{'' if credits == 1 else 's'}{f' of {of}' if of else ''}"
    if price is None:
        return said
    return f"{said} ({in_currency(price, currency)})" if inside else f"{said}, {in_currency(price, currency)}"


def in_currency(price: Fraction, currency: str) -> str:
    """An amount of a currency as text: "1.80 USD"."""
    return f"{float(price):.2f} {currency}"


def amount(credits: Fraction) -> str:
    """A number of credits without an exponent: "1250000", "0.5"."""
    return f"{float(credits):.12g}"
