"""The table for plain HTTP, which a provider without one of its own begins with: whole, and safe with money."""

import pytest

from storyboard.http.messages import PLAIN_CALLS, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, AnswerKind, Call, Rule, Verdict, read_table
from storyboard.providers.apikley.answers import ENVIRONMENT

TEXTS = Texts(plain_texts(ENVIRONMENT))


def test_every_row_is_whole_and_has_its_sentence() -> None:
    """A code without either would be a KeyError in the middle of a paid run."""
    assert all(set(row) == set(Call) for row in PLAIN_HTTP.codes.values())
    assert set(TEXTS.says) == set(PLAIN_HTTP.codes)
    assert {signal for _, signal in PLAIN_CALLS} <= set(PLAIN_HTTP.codes)


def test_a_submission_is_sent_again_only_where_nothing_can_have_been_accepted() -> None:
    """One signal too many here pays twice."""
    again = {signal for signal, row in PLAIN_HTTP.codes.items() if row[Call.SUBMIT].limit}
    assert again == {429, 521, 523, AnswerKind.BUSY, AnswerKind.NOT_SENT}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (400, Verdict.FAILED),
        (401, Verdict.STOP),
        (402, Verdict.STOP),
        (403, Verdict.STOP),
        (422, Verdict.FAILED),
        (500, Verdict.UNKNOWN),
        (503, Verdict.UNKNOWN),
        (505, Verdict.UNKNOWN),
        (599, Verdict.UNKNOWN),
    ],
)
def test_what_a_status_means_for_a_submission(status: int, verdict: Verdict) -> None:
    """A service that speaks by its HTTP status alone needs no table of its own."""
    assert PLAIN_HTTP.weigh(Call.SUBMIT, status).rule == Rule(verdict)


def test_no_status_ends_a_job_that_is_paid_for() -> None:
    """A gateway's page would close a job whose clip is on its way, and the next run would pay again."""
    for signal, row in PLAIN_HTTP.codes.items():
        assert row[Call.POLL].verdict is not Verdict.FAILED or signal is AnswerKind.OVER


def test_a_service_adds_rows_of_its_own() -> None:
    """Its own code would be read as a number that nobody knows."""
    rows = read_table("signal submit poll hd download upload balance\n460 mend later later later mend glance")
    own = PLAIN_HTTP.with_rows(rows, {}, frozenset({460}))
    decision = own.weigh(Call.SUBMIT, 200, 460)
    assert own.counts_as_host_failure(decision)
    assert decision.rule.limit
    assert PLAIN_HTTP.weigh(Call.SUBMIT, 200, 460).rule.limit is None
