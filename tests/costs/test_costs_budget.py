"""Limits in words, and charges added up."""

import csv
import io
from dataclasses import replace
from fractions import Fraction

import pytest

from storyboard.cli.costs_table import costs_lines
from storyboard.cli.exit_status import error_status
from storyboard.costs.budget import NO_LIMIT, Span, parse_budget
from storyboard.costs.price_book import PriceBook
from storyboard.costs.report import Charge, add_up, costs_document, table
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError
from storyboard.model.submission import State
from storyboard.providers.apikley.veo import PRICES

BOOK = PriceBook("apikley", {"apikley": PRICES})
SPENT: dict[Span, Cost] = {
    "run": Cost(),
    "storyboard": Cost.of(Fraction(60), "apikley"),
    "month": Cost.of(Fraction(960), "apikley"),
}


def costs(credits: float) -> Cost:
    return Cost.of(Fraction(credits), "apikley")


def unpriced() -> PriceBook:
    """Nobody said what a credit costs."""
    return PriceBook("apikley", {"apikley": replace(PRICES, credit=None)})


def test_a_limit_is_reached_and_not_gone_over() -> None:
    """The last credit may be spent; half a credit more may not."""
    budget = parse_budget({"per_storyboard": 120, "per_month": 1000.5}, "/c.toml", BOOK)
    assert budget.over(costs(40.5), SPENT.__getitem__) == ()
    (month,) = budget.over(costs(41), SPENT.__getitem__)
    assert (month.limit.name, month.spent, month.remaining) == ("per_month", 960, Fraction(81, 2))
    both = budget.over(costs(61), SPENT.__getitem__)
    error = budget.refusal(both)
    assert error_status(error) == 5
    assert error.message.count("this costs 61 credits (0.30 USD)") == 2
    assert error.hint.endswith("raise per_storyboard in [budget] of /c.toml and raise per_month in [budget] of /c.toml")


def test_what_is_spent_beyond_a_limit_leaves_nothing_and_forbids_nothing_free() -> None:
    """A limit that was made smaller afterwards does not hold back what is paid for already."""
    budget = parse_budget({"per_month": 100}, "/c.toml", unpriced())
    (over,) = budget.over(costs(1), SPENT.__getitem__)
    assert over.remaining == 0
    assert "960 credits spent, 0 credits left, and this costs 1 credit" in budget.describe(over)
    assert budget.over(costs(0), SPENT.__getitem__) == ()
    assert NO_LIMIT.over(costs(10**9), SPENT.__getitem__) == ()


def test_the_flag_narrows_and_never_widens() -> None:
    """--max-cost and per_run hold both: a script's flag does not lift the limit that its user has set."""
    budget = parse_budget({"per_run": 100}, "/c.toml", BOOK).with_cap(500)
    assert [over.limit.name for over in budget.over(costs(101), SPENT.__getitem__)] == ["per_run"]
    assert [over.limit.name for over in budget.with_cap(50).over(costs(51), SPENT.__getitem__)] == ["--max-cost"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ({"per_day": 1}, "unknown key 'per_day' in \\[budget\\]"),
        ({"per_run": 0}, "per_run must be a number larger than 0, not 0"),
        ({"per_run": True}, "per_run must be"),
        ({"per_month": "60"}, "per_month must be"),
        ({"per_month": float("nan")}, "per_month must be"),
        ({"per_storyboard": -5}, "per_storyboard must be"),
    ],
)
def test_a_wrong_limit_is_an_error(text: dict[str, object], said: str) -> None:
    """A limit that is misread would be no limit."""
    with pytest.raises(InputError, match=said):
        parse_budget(text, "/c.toml", BOOK)


def charge(
    scene: str, run: str, state: State, credits: int = 60, *, at: str = "2026-11-30T23:59:59Z", hd: bool = False,
    storyboard: str = "/films/film.yaml", model: str = "veo3_fast",
) -> Charge:  # fmt: skip
    return Charge(storyboard, scene, run, model, state, hd, Fraction(credits), at)


CHARGES = [
    charge("gull", "r1", "taken"),
    charge("gull", "r1", "taken", 5, hd=True),
    charge("tern", "r1", "failed"),
    charge("tern", "r2", "unknown", at="2026-12-01T00:00:00Z"),
    charge("heron", "r2", "refused", 0, at="2026-12-01T00:00:01Z"),
    charge("lamp", "r3", "intent", 250, at="2026-12-02T00:00:00Z", model="veo3", storyboard="/films/other.yaml"),
]


def test_charges_are_added_up_four_ways() -> None:
    """Each way comes to the same total; an HD version is no submission; a lost answer is one that is lost."""
    summed = add_up(CHARGES, at_work={"r3"})
    ways = (summed.scenes, summed.runs, summed.months, summed.models)
    for sums in ways:
        assert Cost.total(found.cost for found in sums) == summed.total.cost == costs(435)
        assert sum(found.submissions for found in sums) == summed.total.submissions == 5
    assert (summed.total.unknown, summed.total.failed, summed.total.refused) == (1, 1, 1)
    assert add_up(CHARGES, at_work=()).total.unknown == 2
    assert [(found.of["scene"], found.cost.credits) for found in summed.scenes] == [
        ("gull", 65), ("tern", 120), ("heron", 0), ("lamp", 250),
    ]  # fmt: skip
    assert [(found.of["month"], found.cost.credits) for found in summed.months] == [("2026-11", 125), ("2026-12", 310)]
    assert [(found.of["run"], found.of["began"]) for found in summed.runs] == [
        ("r1", "2026-11-30T23:59:59Z"), ("r2", "2026-12-01T00:00:00Z"), ("r3", "2026-12-02T00:00:00Z"),
    ]  # fmt: skip


def test_an_account_without_money() -> None:
    """Where nobody said what a credit costs, no amount of money is made up."""
    summed, prices = add_up(CHARGES, ()), unpriced()
    assert costs_document(summed, None, prices)["total"] == {
        "credits": 435, "money": None, "submissions": 5, "unknown": 2, "failed": 1, "refused": 1,
    }  # fmt: skip
    assert list(csv.DictReader(io.StringIO(table(summed, prices))))[-1]["money"] == ""
    assert list(costs_lines(summed, prices))[-1].split() == [
        "total",
        "435",
        "5",
        "2",
        "unknown,",
        "1",
        "failed,",
        "1",
        "refused",
    ]


def test_an_empty_account() -> None:
    """Nothing was spent: a total of nothing, not an error."""
    summed = add_up([], ())
    assert [line.split() for line in costs_lines(summed, BOOK)] == [["total", "0", "0.00", "0"]]
    (total,) = csv.DictReader(io.StringIO(table(summed, BOOK)))
    assert (total["by"], total["credits"]) == ("total", "0")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", " =", "\t=", "\r@"])
def test_no_cell_is_a_formula(start: str) -> None:
    """A spreadsheet that opens the account carries nothing out, whatever a file or a model is called."""
    evil = f'{start}cmd|"/c calc"!A1'
    text = table(add_up([charge(evil, evil, "taken", storyboard=evil, model=evil)], ()), replace(BOOK, currency=evil))
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert "\r" not in text
    assert not any("\t" in line for line in costs_lines(add_up([charge(evil, "r", "taken", model=evil)], ()), BOOK))
