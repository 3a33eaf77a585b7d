"""Prices: an author who has his own table is never shown ours."""

from fractions import Fraction

import pytest

from storyboard.costs.price_book import PriceBook
from storyboard.costs.price_tables import parse_prices
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError
from storyboard.model.shot import shot_of_recipe
from storyboard.providers.apikley.veo import CAPABILITIES, PRICES


def test_the_built_in_table_is_an_estimate() -> None:
    """Nobody may take our guess for a tariff."""
    assert PRICES.estimate
    book = PriceBook("apikley", {"apikley": PRICES})
    assert book.money(Cost.of(PRICES.models["veo3"], "apikley")) == Fraction(5, 4)


def test_the_users_own_table_replaces_it() -> None:
    """Exact decimals: 0.1 is a tenth."""
    own = parse_prices({"models": {"veo3_fast": 12.5, "omni": 3}, "hd": 1, "credit": 0.1, "currency": "EUR"}, PRICES)
    assert (dict(own.models), own.hd) == ({"veo3_fast": Fraction(25, 2), "omni": 3, "veo3": 250}, 1)
    assert (own.credit, own.currency, own.estimate) == (Fraction(1, 10), "EUR", False)


def test_a_price_that_nobody_knows_is_an_error_before_anything_is_paid() -> None:
    shot, book = shot_of_recipe({"prompt": "A gull", "model": "omni"}), PriceBook("apikley", {"apikley": PRICES})
    with pytest.raises(InputError, match="no price is known for the model 'omni'") as caught:
        book.shot(shot, CAPABILITIES.model("omni"))
    assert caught.value.hint == "add omni to [prices.models] in config.toml"


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"credits": 1}, "unknown key 'credits'"),
        ({"models": 3}, "must be a table"),
        ({"hd": "5"}, "hd must be a number"),
        ({"hd": True}, "hd must be a number"),
        ({"credit": -1}, "credit must be a number"),
        ({"models": {"veo3": float("nan")}}, "models.veo3 must be a number"),
    ],
)
def test_a_wrong_table_is_an_error(table: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_prices(table, PRICES)
