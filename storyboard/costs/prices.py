"""Prices: what a shot and its HD version cost, in credits and in money."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from storyboard.model.errors import InputError

# Credits a clip, whatever its length, as published for the same-shaped public API on 2026-09-11
# (api-facts.md 6.3); Apikley's own tariff is not public, hence an estimate.
_MODELS: Mapping[str, Fraction] = {"veo3": Fraction(250), "veo3_fast": Fraction(60)}


@dataclass(frozen=True, slots=True)
class Prices:
    """``models`` and ``hd`` in credits a clip; one credit costs ``credit`` of ``currency``, None if nobody said.

    ``estimate`` is True for the built-in table, False for the user's own.
    """

    models: Mapping[str, Fraction] = field(default_factory=lambda: _MODELS)
    hd: Fraction = Fraction(5)
    credit: Fraction | None = Fraction(1, 200)
    currency: str = "USD"
    estimate: bool = True

    def shot(self, model: str) -> Fraction:
        """Credits for one clip. Raises InputError for a model without a price."""
        if model not in self.models:
            raise InputError(
                f"no price is known for the model {model!r}", f"add {model} to [prices.models] in config.toml"
            )
        return self.models[model]

    def money(self, credits: Fraction) -> Fraction | None:
        """What ``credits`` cost in ``currency``."""
        return None if self.credit is None else credits * self.credit

    def describe(self, credits: Fraction, *, inside: bool = False) -> str:
        """Credits and money in words, as ``money`` has them."""
        return money(credits, self.money(credits), self.currency, inside=inside)


def money(credits: Fraction, price: Fraction | None, currency: str, *, inside: bool = False) -> str:
    """ "360 credits, 1.80 USD"; without the money where nobody said what a credit costs.

    ``inside`` is for the midst of a sentence: "360 credits (1.80 USD)".
    """
    said = f"{amount(credits)} credit{'' if credits == 1 else 's'}"
    if price is None:
        return said
    return f"{said} ({float(price):.2f} {currency})" if inside else f"{said}, {float(price):.2f} {currency}"


def amount(credits: Fraction) -> str:
    """ "1250000", "0.5": a number of credits without an exponent."""
    return f"{float(credits):.12g}"


FREE = Prices(
    models={"veo3": Fraction(0), "veo3_fast": Fraction(0)}, hd=Fraction(0), credit=Fraction(0), estimate=False
)


def parse_prices(table: Mapping[str, object]) -> Prices:
    """The user's own table ([prices] in config.toml): ``models`` (a table), ``hd``, ``credit``, ``currency``.

    What it leaves out is left as built in. Raises InputError.
    """
    known = {"models", "hd", "credit", "currency"}
    for name in table:
        if name not in known:
            raise InputError(f"config.toml: unknown key {name!r} in [prices]", f"known: {', '.join(sorted(known))}")
    models = table.get("models", {})
    if not isinstance(models, Mapping):
        raise InputError("config.toml: [prices.models] must be a table", "veo3_fast = 60")
    return Prices(
        models={**_MODELS, **{name: _number(f"models.{name}", value) for name, value in models.items()}},
        hd=_number("hd", table.get("hd", 5)),
        credit=_number("credit", table["credit"]) if "credit" in table else Prices().credit,
        currency=str(table.get("currency", "USD")),
        estimate=False,
    )


def _number(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        raise InputError(f"config.toml: [prices] {name} must be a number, not {value!r}", "credits, for example 60")
    return Fraction(str(value))
