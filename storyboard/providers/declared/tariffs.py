"""The prices of a declared service: the tariff of each of its models, and what a credit is worth."""

from storyboard.costs.prices import Prices
from storyboard.providers.declared.declaration import Declaration


def declared_prices(declaration: Declaration, *, estimate: bool) -> Prices:
    """Return the prices of a declaration; ``estimate``: they are those of a shipped one, with the date of their facts.

    Without a price for every model there is none, and the user writes them into config.toml.
    """
    tariffs = {name: each.tariff for name, each in declaration.models.items() if each.tariff}
    known = tariffs if len(tariffs) == len(declaration.models) else {}
    return Prices(credit=declaration.credit, currency=declaration.currency, estimate=estimate, tariffs=known)
