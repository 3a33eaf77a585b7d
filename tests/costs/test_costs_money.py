"""Money of several units: tariffs of other services, what they are worth, and how they are told."""

import csv
import io
from fractions import Fraction
from typing import Any

import pytest

from storyboard.cli.costs_table import costs_lines
from storyboard.costs.budget import parse_budget
from storyboard.costs.price_book import PriceBook, price_document
from storyboard.costs.price_tables import read_price_book, read_tariff
from storyboard.costs.prices import Prices
from storyboard.costs.report import Charge, add_up, costs_document, table
from storyboard.model.capabilities import Model, Quality
from storyboard.model.cost import NO_COST, Cost, is_currency
from storyboard.model.errors import InputError
from storyboard.model.shot import Shot
from storyboard.providers.apikley.veo import PRICES

MODEL = Model("minimax/h3", ("16:9",), 6, (Quality("768p", (1366, 768)), Quality("2k", (2560, 1440))), None, 5000)
SHOT = Shot("A gull", "minimax/h3", "16:9", None, None, (), None, True, None, 1, "fal")
H3 = {"minimax/h3": {"second": {"768p": 0.06, "2k": 0.13}, "image": 0.01, "currency": "USD"}}


def book(**tables: Any) -> PriceBook:
    """The prices of a config.toml with these tables; of kie and comfy nothing is known."""
    terms = {"fal": {"prices": H3}, **tables.pop("providers", {})}
    published = {"apikley": PRICES, "kie": Prices(models={"seedance": Fraction(35)}), "comfy": Prices()}
    return read_price_book(tables.get("prices"), tables.get("rates", {}), "apikley", published, terms)


def cost(**amounts: float | str) -> Cost:
    return Cost.total(Cost.of(Fraction(str(amount)), unit) for unit, amount in amounts.items())


def test_a_sum_keeps_its_units_apart() -> None:
    """60 credits and 1 dollar are not 61 of anything."""
    mixed = cost(apikley=60, USD=1)
    assert mixed + cost(USD=-1) == cost(apikley=60)
    assert mixed * 2 - mixed == mixed
    assert not mixed - mixed
    assert (mixed - cost(apikley=90)).not_below_zero == cost(USD=1)
    assert mixed.overlap(cost(apikley=50, EUR=3)) == cost(apikley=50)
    assert (mixed.exceeds(cost(apikley=100)), mixed.exceeds(cost(apikley=60, USD=2))) == (True, False)
    assert (cost(kie=3).credits, NO_COST.credits) == (3, 0)
    for several in (mixed, cost(USD=1), cost(apikley=1, kie=1)):
        with pytest.raises(InputError, match="not a number of credits"):
            assert several.credits
    assert [is_currency(unit) for unit in ("USD", "usd", "apikley", "")] == [True, False, False, False]


def test_a_tariff_by_the_second_and_the_resolution() -> None:
    """Six seconds by default; as the scene chose; each image on top."""
    prices = book()
    assert prices.shot(SHOT, MODEL) == cost(USD="0.36")
    longer = Shot(**{**vars_of(SHOT), "seconds": Fraction(10), "resolution": "2k"})
    assert prices.shot(longer, MODEL) == cost(USD="1.3")
    assert (prices.unit(SHOT), prices.upgrade(SHOT)) == ("USD", NO_COST)
    with pytest.raises(InputError, match="no price is known for minimax/h3 at 4k, only at 768p, 2k") as caught:
        prices.shot(SHOT, Model(**{**vars_of(MODEL), "resolutions": (Quality("4k", (3840, 2160)),)}))
    assert caught.value.hint == 'add it to [providers.fal.prices."minimax/h3"] in config.toml'
    with pytest.raises(InputError, match="no price is known for the model 'minimax/h3'") as caught:
        prices.shot(Shot(**{**vars_of(SHOT), "provider": "comfy"}), MODEL)
    assert caught.value.hint == 'set [providers.comfy.prices."minimax/h3"] in config.toml'


def vars_of(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        ({}, "0 credits, 0.00 USD"),
        ({"apikley": 60}, "60 credits, 0.30 USD"),
        ({"apikley": 60, "USD": 1.12}, "60 credits (0.30 USD) + 1.12 USD = 1.42 USD"),
        ({"USD": 1.12}, "1.12 USD"),
        ({"EUR": 1}, "1.00 EUR (1.16 USD)"),
        ({"EUR": 1, "USD": 1}, "1.00 EUR (1.16 USD) + 1.00 USD = 2.16 USD"),
        ({"kie": 12}, "12 credits of kie"),
        ({"mine": 12}, "12 credits of mine, 0.14 USD"),
        ({"apikley": 60, "kie": 12}, "60 credits of apikley (0.30 USD), and 12 credits of kie"),
        ({"apikley": 60, "kie": 1, "GBP": 3, "USD": 1}, "60 credits of apikley (0.30 USD) + 1.00 USD = 1.30 USD,"
         " and 1 credit of kie + 3.00 GBP"),
    ],
)  # fmt: skip
def test_how_a_cost_is_told(amounts: dict[str, float], told: str) -> None:
    """The default provider alone as ever; several by name, then the sum; what has no rate apart."""
    prices = book(rates={"EUR": 1.16}, providers={"mine": {"credit": 0.01, "currency": "EUR"}})
    assert prices.describe(cost(**amounts)) == told
    known = all(unit not in ("kie", "GBP") for unit in amounts)
    assert (prices.money(cost(**amounts)) is not None) == known
    assert prices.units_without_rate(cost(**amounts)) == tuple(unit for unit in ("GBP", "kie") if unit in amounts)


def test_what_is_told_where_nothing_is_converted() -> None:
    prices = book()
    assert [prices.bare(each) for each in (NO_COST, cost(apikley=1), cost(kie=12, USD=1))] == [
        "0 credits", "1 credit", "12 credits of kie + 1.00 USD",
    ]  # fmt: skip
    assert prices.describe_range(cost(apikley=60), cost(apikley=60, USD=1)).startswith("60 credits, 0.30 USD; at most")
    assert (prices.is_estimate(cost(apikley=1)), prices.is_estimate(cost(kie=1))) == (True, False)
    assert [prices.document(each) for each in (cost(apikley=1), cost(USD=1))] == [
        {"credits": 1}, {"credits": 0, "costs": {"USD": 1}},
    ]  # fmt: skip
    assert [price_document(each, prices) for each in (None, cost(USD=1))] == [
        {"price": None}, {"price": 0, "costs": {"USD": 1}},
    ]  # fmt: skip


def test_which_of_two_costs_is_less() -> None:
    """By one unit, or by what both are worth; what cannot be compared is not less."""
    prices = book()
    assert prices.is_less(cost(kie=1), cost(kie=2))
    assert prices.is_less(cost(apikley=60), cost(USD=1))
    assert not prices.is_less(cost(USD=1), cost(apikley=60))
    assert not prices.is_less(cost(kie=1), cost(USD=100))
    assert not prices.is_less(NO_COST, NO_COST)


def test_drafts_are_free_whatever_generates_them() -> None:
    import dataclasses

    free = dataclasses.replace(book(), is_free=True)
    assert (free.shot(SHOT, MODEL), free.upgrade(SHOT), free.unit(SHOT)) == (NO_COST, NO_COST, "credits")
    assert free.describe(NO_COST) == "0 credits, 0.00 USD"


def test_old_keys_mean_the_default_provider() -> None:
    """And its own table says more: a model by the second, another price of its HD version."""
    found = book(
        prices={"credit": 0.006, "currency": "EUR", "models": {"veo3": 240}},
        rates={"USD": 0.9},
        providers={"apikley": {"prices": {"hd": 8, "veo3_fast": {"second": 7}}}, "kie": {"credit": 0.01}},
    )
    assert (found.currency, found.own.credit, found.own.hd, found.own.models) == (
        "EUR",
        Fraction(6, 1000),
        8,
        {"veo3": 240},
    )
    assert found.own.tariffs["veo3_fast"].second == {"": 7}
    assert found.describe(cost(kie=1, USD=1)) == "1 credit of kie (0.01 EUR) + 1.00 USD (0.90 EUR) = 0.91 EUR"


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"rates": 3}, r"\[rates\] must be a table"),
        ({"rates": {"eur": 1}}, r"a key of \[rates\] must be a currency of three capital letters, not 'eur'"),
        ({"rates": {"USD": 1}}, r"\[rates\] USD is your own currency"),
        ({"rates": {"EUR": 0}}, r"\[rates\] EUR must be larger than 0"),
        ({"rates": {"EUR": "1"}}, r"\[rates\] EUR must be a number"),
        ({"providers": {"apikley": {"currency": "EUR"}}}, r"\[providers.apikley\] has a currency, and no credit"),
        ({"providers": {"kie": {"credit": "1"}}}, r"\[providers.kie\] credit must be a number"),
        ({"providers": {"kie": {"credit": 1, "currency": "euro"}}}, r"\[providers.kie\] currency must be a currency"),
        ({"providers": {"kie": {"prices": 3}}}, r"\[providers.kie.prices\] must be a table"),
        ({"providers": {"kie": {"prices": {"hd": "8"}}}}, r"\[providers.kie.prices\] hd must be a number"),
    ],
)
def test_a_wrong_table_names_its_key(tables: dict[str, Any], said: str) -> None:
    """A price that is misread is paid for."""
    with pytest.raises(InputError, match=said) as caught:
        book(**tables)
    assert "config.toml" in caught.value.message


@pytest.mark.parametrize(
    ("tariff", "said", "hint"),
    [
        (35, "must be a table", "such as clip = 35"),
        ({"secnd": 1}, "unknown key 'secnd'", "did you mean 'second'?"),
        ({"image": 1}, "has no price", "such as clip = 35"),
        ({"second": {}}, "second has no resolution", "such as {768p"),
        ({"second": {"768p": True}}, "second.768p must be a number", "for example 60"),
        ({"clip": -1}, "clip must be a number", "for example 60"),
        ({"clip": 1, "currency": 3}, "currency must be a currency", "USD"),
    ],
)
def test_a_wrong_tariff_names_its_key(tariff: object, said: str, hint: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_tariff(tariff, "[providers.fal.prices.h3]")
    assert "[providers.fal.prices.h3" in caught.value.message
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("limit", "told"),
    [("5 USD", "5.00 USD"), ("5USD", "5.00 USD"), (" 4.5 eur ", "4.50 EUR"), (600, "600 credits (3.00 USD)")],
)
def test_a_limit_is_credits_or_money(limit: object, told: str) -> None:
    budget = parse_budget({"per_run": limit}, "/c.toml", book(rates={"EUR": 1.16}))
    (over,) = budget.over(cost(apikley=10_000), lambda span: NO_COST)
    assert budget.describe(over).startswith(f"per_run allows {told}; in this run 0")


@pytest.mark.parametrize("limit", ["5", "USD", "5 dollars", "-5 USD", "0 USD", "5 GBP", "5 USD or so"])
def test_a_limit_that_is_none_is_an_error(limit: str) -> None:
    with pytest.raises(InputError, match="per_run"):
        parse_budget({"per_run": limit}, "/c.toml", book())


def test_a_limit_in_credits_does_not_hold_back_what_is_paid_otherwise() -> None:
    """It says nothing of dollars; one in money counts both."""
    prices = book()
    spent = {"run": cost(apikley=600), "storyboard": NO_COST, "month": NO_COST}
    credits = parse_budget({"per_run": 600}, "/c.toml", prices)
    assert credits.over(cost(USD=5), spent.__getitem__) == ()
    assert len(credits.over(cost(USD=5, apikley=1), spent.__getitem__)) == 1
    assert len(parse_budget({"per_run": "4 USD"}, "/c.toml", prices).over(cost(USD="1.01"), spent.__getitem__)) == 1
    assert parse_budget({"per_run": "4 USD"}, "/c.toml", prices).over(NO_COST, spent.__getitem__) == ()
    (capped,) = credits.with_cap("1 USD").over(cost(kie=1), lambda span: NO_COST)
    assert credits.refusal((capped,)).hint == "set credit and currency in [providers.kie] in config.toml"
    (capped,) = credits.with_cap("1USD").over(cost(GBP=1), lambda span: NO_COST)
    assert credits.refusal((capped,)).hint == "set GBP in [rates] in config.toml"


def test_an_account_of_several_units() -> None:
    """A column for each unit in CSV, a sum by unit in JSON, and all of it in the table."""
    at, run = "2026-11-28T00:00:00Z", ("/film.yaml", "gull", "r1")
    charges = [
        Charge(*run, "veo3_fast", "taken", False, Fraction(60), at),
        Charge(*run, "minimax/h3", "taken", False, Fraction("0.36"), at, "fal", "USD"),
        Charge(*run, "seedance", "taken", False, Fraction(35), at, "kie"),
    ]
    account, prices = add_up(charges, (), "apikley"), book()
    document = costs_document(account, None, prices)
    assert document["total"] == {
        "credits": 60, "costs": {"USD": 0.36, "apikley": 60, "kie": 35}, "money": None,
        "submissions": 3, "unknown": 0, "failed": 0, "refused": 0,
    }  # fmt: skip
    assert [found.of["model"] for found in account.models] == ["veo3_fast", "fal/minimax/h3", "kie/seedance"]
    *_, total = csv.DictReader(io.StringIO(table(account, prices)))
    assert (total["credits"], total["USD"], total["kie credits"], total["money"]) == ("60", "0.36", "35", "")
    assert [*costs_lines(account, prices)][-1].endswith("= 0.66 USD, and 35 credits of kie")
