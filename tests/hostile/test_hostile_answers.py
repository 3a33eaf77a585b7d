"""Ten thousand answers of a service gone wrong: each is read or refused in our own words, and costs no traceback."""

from collections import Counter

import pytest
from answers import ASK, JOB, answers, attempt, line, response

COUNT = 1_700  # for each of the six calls: 10,200


@pytest.mark.parametrize("call", ASK)
async def test_no_answer_makes_a_traceback(call: str) -> None:
    """One odd answer would end a run with forty paid jobs in flight."""
    outcomes: Counter[str] = Counter()
    async with line() as (here, wire):
        for answer in answers(call, COUNT):
            outcomes[await attempt(call, answer, here, wire)] += 1
    assert outcomes["read"] > COUNT / 100
    assert outcomes["refused"] > COUNT / 100


@pytest.mark.slow
@pytest.mark.parametrize("call", ASK)
async def test_no_answer_of_many_makes_a_traceback(call: str) -> None:
    async with line() as (here, wire):
        for answer in answers(call, 20_000, start=COUNT):
            await attempt(call, answer, here, wire)


@pytest.mark.parametrize("depth", range(900, 1_000, 3))
async def test_no_depth_makes_a_traceback(depth: int) -> None:
    """There is a depth that the parser still takes and whoever writes the value down does not."""
    deep = b"[" * depth + b"]" * depth
    async with line() as (here, wire):
        for field in (b"taskId", b"successFlag", b"errorMessage", b"resultUrls"):
            content = b'{"code": 200, "msg": "", "data": {"taskId": "%b", "%b": %b}}' % (JOB.encode(), field, deep)
            await attempt("poll", response(content), here, wire)
