"""Prices: what a shot and its HD version cost, in credits and in money."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from storyboard.model.errors import InputError


@dataclass(frozen=True, slots=True)
class Prices:
    """``models`` and ``hd`` in credits per clip; one credit costs ``credit`` of ``currency``, None if not configured.

    ``estimate`` is True for the prices of the provider's package, False for those of the user.
    """

    models: Mapping[str, Fraction] = field(default_factory=dict)
    hd: Fraction = Fraction(0)
    credit: Fraction | None = None
    currency: str = "USD"
    estimate: bool = False

    def shot(self, model: str) -> Fraction:
        """Credits for one clip. Raise InputError for a model without a price."""
        if model not in self.models:
            raise InputError(
                f"no price is known for the model {model!r}", f"add {model} to [prices.models] in config.toml"
            )
        return self.models[model]

    def money(self, credits: Fraction) -> Fraction | None:
        """The price of ``credits`` in ``currency``; None if the price of a credit is not configured."""
        return None if self.credit is None else credits * self.credit

    def describe(self, credits: Fraction, *, inside: bool = False) -> str:
        """Credits and money as text, as the function ``money`` formats them."""
        return money(credits, self.money(credits), self.currency, inside=inside)

    def describe_range(self, credits: Fraction, at_most: Fraction) -> str:
        """What is expected to be paid, and in the worst case: "60 credits, at most 310 credits"."""
        expected = self.describe(credits)
        return expected if at_most == credits else f"{expected}; at most {self.describe(at_most)}"


def free_prices(models: Iterable[str]) -> Prices:
    """Return prices at which every one of ``models`` costs nothing."""
    return Prices({model: Fraction(0) for model in models}, credit=Fraction(0))


def money(credits: Fraction, price: Fraction | None, currency: str, *, inside: bool = False) -> str:
    """Credits and money as text: "360 credits, 1.80 USD"; without the money where ``price`` is None.

    With ``inside``, for use within a sentence: "360 credits (1.80 USD)".
    """
    said = f"{amount(credits)} credit{'' if credits == 1 else 's'}"
    if price is None:
        return said
    return f"{said} ({float(price):.2f} {currency})" if inside else f"{said}, {float(price):.2f} {currency}"


def amount(credits: Fraction) -> str:
    """A number of credits without an exponent: "1250000", "0.5"."""
    return f"{float(credits):.12g}"


def parse_prices(table: Mapping[str, object], usual: Prices) -> Prices:
    """The user's prices from [prices] of config.toml: ``models`` (a table), ``hd``, ``credit``, ``currency``.

    Missing values are those of ``usual``, the provider's prices. Raise InputError.
    """
    known = {"models", "hd", "credit", "currency"}
    for name in table:
        if name not in known:
            raise InputError(f"config.toml: unknown key {name!r} in [prices]", f"known: {', '.join(sorted(known))}")
    models = table.get("models", {})
    if not isinstance(models, Mapping):
        raise InputError("config.toml: [prices.models] must be a table", "veo3_fast = 60")
    return Prices(
        models={**usual.models, **{name: _number(f"models.{name}", value) for name, value in models.items()}},
        hd=_number("hd", table["hd"]) if "hd" in table else usual.hd,
        credit=_number("credit", table["credit"]) if "credit" in table else usual.credit,
        currency=str(table.get("currency", usual.currency)),
        estimate=False,
    )


def _number(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        raise InputError(f"config.toml: [prices] {name} must be a number, not {value!r}", "credits, for example 60")
    return Fraction(str(value))
