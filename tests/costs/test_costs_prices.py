"""Prices: an author who has his own table is never shown ours."""

from fractions import Fraction

import pytest

from storyboard.costs.prices import parse_prices
from storyboard.model.errors import InputError
from storyboard.providers.apikley.veo import PRICES


def test_the_built_in_table_is_an_estimate() -> None:
    """Nobody may take our guess for a tariff."""
    assert PRICES.estimate
    assert PRICES.money(PRICES.shot("veo3")) == Fraction(5, 4)


def test_the_users_own_table_replaces_it() -> None:
    """Exact decimals: 0.1 is a tenth."""
    own = parse_prices({"models": {"veo3_fast": 12.5, "omni": 3}, "hd": 1, "credit": 0.1, "currency": "EUR"}, PRICES)
    assert (own.shot("veo3_fast"), own.shot("omni"), own.shot("veo3"), own.hd) == (Fraction(25, 2), 3, 250, 1)
    assert (own.money(Fraction(3)), own.currency, own.estimate) == (Fraction(3, 10), "EUR", False)


def test_a_price_that_nobody_knows_is_an_error_before_anything_is_paid() -> None:
    with pytest.raises(InputError, match="no price is known for the model 'omni'"):
        PRICES.shot("omni")


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
