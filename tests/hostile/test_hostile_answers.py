"""Ten thousand answers of a service gone wrong: each is read or refused in our own words, and costs no traceback."""

from collections import Counter

import pytest
from answers import ASK, answers, attempt, line

COUNT = 1_700  # for each of the six calls: 10,200


@pytest.mark.parametrize(
    "count", [100, pytest.param(500, marks=pytest.mark.ci), pytest.param(COUNT, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("call", ASK)
async def test_no_answer_makes_a_traceback(call: str, count: int) -> None:
    """One odd answer would end a run with forty paid jobs in flight."""
    outcomes: Counter[str] = Counter()
    async with line() as (here, wire):
        for answer in answers(call, count):
            outcomes[await attempt(call, answer, here, wire)] += 1
    assert outcomes["read"] > count / 100
    assert outcomes["refused"] > count / 100


@pytest.mark.slow
@pytest.mark.parametrize("call", ASK)
async def test_no_answer_of_many_makes_a_traceback(call: str) -> None:
    async with line() as (here, wire):
        for answer in answers(call, 20_000, start=COUNT):
            await attempt(call, answer, here, wire)
