"""Prices of today from the tariffs of a declaration: one amount for the usual clip of each model."""

from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.providers.declared.declaration import Declaration, DeclaredModel


def declared_prices(declaration: Declaration, *, estimate: bool) -> Prices:
    """Return the price of the usual clip of each model: its usual length and resolution, without images.

    Amounts in money become credits by what a credit costs; where no credit has a price, one unit of the currency is
    one. Without a price for every model there is none, and the user writes them into config.toml.
    """
    money = {each.tariff.unit for each in declaration.models.values() if each.tariff} - {"credits"}
    credits = any(each.tariff and each.tariff.unit == "credits" for each in declaration.models.values())
    credit = declaration.credit or (Fraction(1) if money and not credits else None)
    currency = declaration.currency if declaration.credit or not money else min(money)
    found = {name: _usual_cost(each, credit, currency) for name, each in declaration.models.items()}
    known = {name: cost for name, cost in found.items() if cost is not None}
    if len(known) < len(found):
        known = {}
    return Prices(models=known, credit=credit, currency=currency, estimate=estimate)


def _usual_cost(declared: DeclaredModel, credit: Fraction | None, currency: str) -> Fraction | None:
    model, tariff = declared.model, declared.tariff
    if tariff is None:
        return None
    cost = tariff.cost(model.resolutions[0].name, Fraction(model.seconds))
    if cost is None or tariff.unit == "credits":
        return cost
    return cost / credit if credit and tariff.unit == currency else None
