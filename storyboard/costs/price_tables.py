"""Read prices and rates from config.toml: [prices], [rates], and what [providers.NAME] says of prices."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from storyboard.costs.price_book import PriceBook
from storyboard.costs.prices import Prices
from storyboard.model.cost import CREDITS, is_currency
from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.model.tariff import ANY, Tariff
from storyboard.model.text import one_line

# The keys of [providers.NAME] that are read here.
TERMS = ("prices", "credit", "currency")

_TARIFF = ("clip", "second", "image", "currency")


def read_price_book(
    prices: Mapping[str, object] | None,
    rates: object,
    default: str,
    published: Mapping[str, Prices],
    terms: Mapping[str, Mapping[str, object]],
) -> PriceBook:
    """Return the prices of all providers. Raise InputError naming the key of config.toml.

    ``prices`` and ``rates`` are these tables, ``published`` the prices of each provider's package, ``terms`` what
    [providers.NAME] says by the keys in ``TERMS``.
    """
    usual = published.get(default, Prices())
    own = usual if prices is None else parse_prices(prices, usual)
    book = {**published, default: own}
    for name, each in terms.items():
        book[name] = parse_terms(name, each, book.get(name, Prices()), own.currency)
    return PriceBook(default, book, own.currency, _rates(rates, own.currency))


def parse_prices(table: Mapping[str, object], usual: Prices) -> Prices:
    """The user's prices from [prices] of config.toml: ``models`` (a table), ``hd``, ``credit``, ``currency``.

    Missing values are those of ``usual``, the provider's prices. Raise InputError.
    """
    _refuse_unknown(table, ("models", "hd", "credit", "currency"), "[prices]")
    models = table.get("models", {})
    if not isinstance(models, Mapping):
        raise InputError("config.toml: [prices.models] must be a table", "veo3_fast = 60")
    own = {name: _number(f"[prices] models.{name}", value) for name, value in models.items()}
    return Prices(
        models={**usual.models, **own},
        hd=_number("[prices] hd", table["hd"]) if "hd" in table else usual.hd,
        credit=_number("[prices] credit", table["credit"]) if "credit" in table else usual.credit,
        currency=str(table.get("currency", usual.currency)),
        estimate=False,
        tariffs={name: tariff for name, tariff in usual.tariffs.items() if name not in own},
    )


def parse_terms(name: str, table: Mapping[str, object], usual: Prices, currency: str) -> Prices:
    """The prices of a provider as [providers.NAME] has them: ``prices`` by model, ``credit`` and its ``currency``.

    Missing values are those of ``usual``; ``currency`` is the user's own. Raise InputError.
    """
    where = f"[providers.{one_line(name, 60)}]"
    if "currency" in table and "credit" not in table and usual.credit is not None:
        raise InputError(
            f"config.toml: {where} has a currency, and no credit", "say what a credit costs: credit = 0.005"
        )
    found = usual
    if "credit" in table:
        said = _currency(f"{where} currency", table["currency"]) if "currency" in table else currency
        found = replace(found, credit=_number(f"{where} credit", table["credit"]), currency=said, estimate=False)
    if "prices" not in table:
        return found
    models, tables = table["prices"], f"[providers.{one_line(name, 60)}.prices]"
    if not isinstance(models, Mapping):
        raise InputError(f"config.toml: {tables} must be a table", "such as MODEL = {clip = 35}")
    hd, rest = found.hd, dict(models)
    if not isinstance(models.get("hd", {}), Mapping):
        hd = _number(f"{tables} hd", rest.pop("hd"))
    tariffs = {model: read_tariff(value, f"{tables[:-1]}.{_key(model)}]") for model, value in rest.items()}
    old = {model: price for model, price in found.models.items() if model not in tariffs}
    return replace(found, models=old, hd=hd, tariffs={**found.tariffs, **tariffs}, estimate=False)


def read_tariff(table: object, where: str) -> Tariff:
    """Return the price of a model: ``clip``, ``second``, ``image``, numbers or tables by resolution, and ``currency``.

    ``where`` is its place in config.toml, such as "[providers.fal.prices.h3]". Raise InputError.
    """
    example = 'such as clip = 35, or second = {768p = 0.06}, currency = "USD"'
    if not isinstance(table, Mapping):
        raise InputError(f"config.toml: {where} must be a table", example)
    _refuse_unknown(table, _TARIFF, where)
    if not {*table} & {"clip", "second"}:
        raise InputError(f"config.toml: {where} has no price: neither clip nor second", example)
    amounts = {key: _amounts(f"{where} {key}", table[key]) for key in ("clip", "second", "image") if key in table}
    return Tariff(_currency(f"{where} currency", table["currency"]) if "currency" in table else CREDITS, **amounts)


def _amounts(name: str, value: object) -> Mapping[str, Fraction]:
    if not isinstance(value, Mapping):
        return {ANY: _number(name, value)}
    if not value:
        raise InputError(f"config.toml: {name} has no resolution", "such as {768p = 0.06}")
    return {resolution: _number(f"{name}.{one_line(resolution, 40)}", each) for resolution, each in value.items()}


def _rates(table: object, own: str) -> Mapping[str, Fraction]:
    """What one of each other currency is in the user's own."""
    if not isinstance(table, Mapping):
        raise InputError("config.toml: [rates] must be a table", "such as EUR = 1.16")
    for name in table:
        _currency("a key of [rates]", name)
    if own in table:
        raise InputError(
            f"config.toml: [rates] {own} is your own currency, which needs no rate",
            "[prices] currency says which it is",
        )
    found = {name: _number(f"[rates] {name}", value) for name, value in table.items()}
    for name, rate in found.items():
        if not rate:
            raise InputError(f"config.toml: [rates] {name} must be larger than 0", f"how much of {own} it is worth")
    return found


def _refuse_unknown(table: Iterable[str], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            hint = did_you_mean(name, known) or f"known: {', '.join(sorted(known))}"
            raise InputError(f"config.toml: unknown key {one_line(name, 60)!r} in {where}", hint)


def _currency(name: str, value: object) -> str:
    if not isinstance(value, str) or not is_currency(value):
        raise InputError(f"config.toml: {name} must be a currency of three capital letters, not {value!r:.40}", "USD")
    return value


def _key(name: str) -> str:
    """A key as TOML has it."""
    plain = name.replace("_", "").replace("-", "")
    return name if plain.isascii() and plain.isalnum() else f'"{one_line(name, 60)}"'


def _number(name: str, value: object) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        raise InputError(f"config.toml: {name} must be a number, not {value!r:.40}", "for example 60")
    return Fraction(str(value))
