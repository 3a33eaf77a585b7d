"""The breaker as a small machine: when it opens, for how long, and that it closes by nothing but a good answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from storyboard.http.breaker import Breaker
from storyboard.http.policy import MILD, AnswerKind, Call
from storyboard.providers.apikley.answers import TABLE

MATRIX = TABLE.codes
judge, sign, ill = TABLE.weigh, TABLE.decide, TABLE.counts_as_host_failure


def after(*failed: bool, breaker: Breaker | None = None) -> Breaker:
    """What a breaker is at second 100 after these answers."""
    breaker = breaker or Breaker()
    for one in failed:
        breaker = breaker.after_answer(one, 100.0)
    return breaker


def test_five_failures_in_a_row_open_it_and_four_do_not() -> None:
    """Opened too early, one bad second stops a film; too late, a dead service gets every scene thrown at it."""
    assert not after(*[True] * 4).open
    assert not after(*[True] * 4, False, *[True] * 4).open
    opened = after(*[True] * 5)
    assert opened.open
    assert opened.wait(100) == 30
    assert opened.wait(125) == 5
    assert opened.wait(200) == 0


def test_half_of_the_last_twenty_open_it() -> None:
    """A service that fails every second time never fails five times in a row."""
    assert not after(*[True, False] * 9, True).open
    assert after(*[True, False] * 9, True, False).open
    assert not after(*[True, False, False] * 20).open


def test_it_stays_open_twice_as_long_each_time_and_five_minutes_at_most() -> None:
    """A service that is down for an hour must not be asked every half minute."""
    breaker, found = after(*[True] * 5), []
    for _ in range(8):
        found.append(breaker.wait(100))
        breaker = breaker.after_answer(True, 100, probe=True)
    assert found == [30, 60, 120, 240, 300, 300, 300, 300]
    for _ in range(5000):
        breaker = breaker.after_answer(True, 100, probe=True)
    assert breaker.wait(100) == 300


def test_only_the_probe_closes_it() -> None:
    """An answer to a question from before it fell ill says nothing of how it is now."""
    opened = after(*[True] * 5)
    assert opened.after_answer(False, 101) == opened
    assert opened.after_answer(True, 101) == opened
    assert opened.after_retry(True, 101) == opened
    assert opened.after_answer(False, 131, probe=True) == Breaker()


def test_a_hundred_tokens_are_twenty_retries_or_ten_after_silence() -> None:
    """Retries of answers that are no failures, such as 429, must find an end for the whole run too."""
    for slow, retries in ((False, 20), (True, 10)):
        breaker = Breaker()
        for _ in range(retries):
            breaker = breaker.after_retry(slow, 100)
        assert not breaker.open
        assert breaker.after_retry(slow, 100).wait(100) == 30
        assert not after(*[False] * 10, breaker=breaker).after_retry(slow, 100).open


class Machine(RuleBasedStateMachine):
    """The rules of B4, written down a second time over the plain history of what happened since it was last well."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = 0.0
        self.history: list[bool] = []
        self.tokens = 100
        self.until: float | None = None
        self.length = 0.0

    def open(self) -> None:
        self.length = min(max(self.length * 2, 30.0), 300.0)
        self.until = self.now + self.length

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(failed=st.booleans())
    def an_answer(self, failed: bool) -> None:
        self.breaker = self.breaker.after_answer(failed, self.now)
        if self.until is not None:
            return
        self.history.append(failed)
        self.tokens += not failed and self.tokens < 100
        twenty = self.history[-20:]
        if self.history[-5:] == [True] * 5 or (len(twenty) == 20 and sum(twenty) >= 10):
            self.open()

    @rule(slow=st.booleans())
    def a_retry(self, slow: bool) -> None:
        self.breaker = self.breaker.after_retry(slow, self.now)
        if self.until is None:
            cost = 10 if slow else 5
            if self.tokens < cost:
                self.open()
            else:
                self.tokens -= cost

    @precondition(lambda self: self.until is not None)
    @rule(failed=st.booleans())
    def the_probe(self, failed: bool) -> None:
        self.breaker = self.breaker.after_answer(failed, self.now, probe=True)
        if failed:
            self.open()
        else:
            self.until, self.length, self.history, self.tokens = None, 0.0, [], 100

    @invariant()
    def agrees(self) -> None:
        assert self.breaker.open is (self.until is not None)
        assert self.breaker.wait(self.now) == (0 if self.until is None else max(self.until - self.now, 0))
        assert 0 <= self.breaker.tokens <= 100
        assert 0 <= self.breaker.wait(self.now) <= 300 + 1e-6  # `until` is rounded to what a float of seconds holds
        assert len(self.breaker.last) <= 20


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=100, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("call", list(Call))
def test_what_a_scene_is_refused_for_is_no_failure_of_the_host(call: Call) -> None:
    """Five prompts turned down would stop the sixth, which is fine."""
    assert not ill(judge(call, 200, 200))
    for code in (400, 401, 402, 404, 413, 422, 429, 451, 501, 505):
        assert not ill(judge(call, 200, code))
        assert not ill(judge(call, code))


@pytest.mark.parametrize("call", [call for call in Call if call is not Call.HD])
def test_what_is_the_hosts_own_trouble(call: Call) -> None:
    """Thirty scenes asked of a service that is down are thirty submissions nobody knows the end of."""
    for code in (408, 455, 500, 502, 503, 504, 520, 521, 522, 523, 524, 599):
        assert ill(judge(call, code)) or sign(call, code).rule.verdict in MILD
    for one in (AnswerKind.NOT_SENT, AnswerKind.CUT):
        assert ill(sign(call, one))
    assert not ill(sign(call, AnswerKind.SHORT))


def test_an_hd_version_at_work_is_no_trouble() -> None:
    """The service says "processing" as 500: waiting for HD would look like an outage."""
    assert not ill(judge(Call.HD, 200, 500))
    assert ill(sign(Call.HD, AnswerKind.CUT))


@given(st.sampled_from(Call), st.sampled_from(sorted(MATRIX, key=str)))
def test_what_is_accepted_is_never_a_failure(call: Call, signal: int | AnswerKind) -> None:
    """A success that counts as a failure keeps the breaker open for ever."""
    judged = sign(call, signal)
    if judged.rule.limit is None and judged.rule.verdict in MILD:
        assert not ill(judged)
