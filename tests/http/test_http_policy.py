"""The retry matrix as data: whole, safe with money, and with a sentence for each signal."""

from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyboard.cli.exit_status import error_status
from storyboard.http.policy import RULES, AnswerKind, Call, RetryLimit, Verdict, pause, retry_after
from storyboard.model.errors import AddressExpired, BadMedia, RunRefused, SceneFailed, Stalled, SubmissionUnknown
from storyboard.providers.apikley.answers import TABLE, TEXTS

MATRIX, STATUS_ALONE, SAYS = TABLE.codes, TABLE.statuses, TEXTS.says
judge, sign, refusal, says = TABLE.weigh, TABLE.decide, TEXTS.refusal, TEXTS.of

DOCUMENT = (200, 400, 401, 402, 404, 422, 429, 455, 500, 501, 505)
BESIDE = (403, 408, 413, 414, 431, 433, 451, 502, 503, 504, 520, 521, 522, 523, 524)


def highest(low: float, high: float) -> float:
    return high


@pytest.mark.parametrize("code", DOCUMENT + BESIDE)
def test_every_code_has_a_row_for_every_call(code: int) -> None:
    """A code without a row would fall to the default, which nobody has thought about."""
    assert set(MATRIX[code]) == set(Call)


def test_every_sign_has_a_row() -> None:
    """A transport fault without a row would be a KeyError in the middle of a paid run."""
    assert set(AnswerKind) <= set(MATRIX)
    assert all(set(row) == set(Call) for row in (*MATRIX.values(), *STATUS_ALONE.values()))


def test_the_matrix_has_no_word_that_nobody_uses() -> None:
    """Dead words in the table mislead its next reader."""
    used = {rule for table in (MATRIX, STATUS_ALONE) for row in table.values() for rule in row.values()}
    assert used == set(RULES.values())


def test_a_submission_is_sent_again_only_where_nothing_can_have_been_accepted() -> None:
    """One signal too many here pays twice."""
    again = {signal for signal, row in MATRIX.items() if row[Call.SUBMIT].limit}
    assert again == {429, 455, 521, 523, AnswerKind.BUSY, AnswerKind.NOT_SENT}


def test_what_may_have_been_charged_is_unknown() -> None:
    """Called refused, it would be bought again by the next run."""
    unknown = {signal for signal, row in MATRIX.items() if row[Call.SUBMIT].verdict is Verdict.UNKNOWN}
    assert {
        500,
        502,
        503,
        504,
        520,
        522,
        524,
        408,
        307,
        308,
        AnswerKind.CUT,
        AnswerKind.UNREADABLE,
        AnswerKind.TOO_BIG,
    } <= unknown
    assert {AnswerKind.RECEIPT, AnswerKind.NO_RECEIPT, AnswerKind.OTHER} <= unknown


def test_only_a_submission_can_be_unknown() -> None:
    """An unknown poll would put a decision before the author where there is none to make."""
    for call, row in product(set(Call) - {Call.SUBMIT}, MATRIX.values()):
        assert row[call].verdict is not Verdict.UNKNOWN


@pytest.mark.parametrize("call", [Call.POLL, Call.HD])
def test_a_gateway_cannot_end_a_job_that_is_paid_for(call: Call) -> None:
    """A proxy's 400 would close a job whose clip is on its way, and the next run would pay again."""
    for status in (400, 422, 500, 502, 503):
        assert judge(call, status).rule.verdict is not Verdict.FAILED
    said_by_the_record = judge(Call.POLL, 400, 400).rule
    assert said_by_the_record.verdict is Verdict.FAILED
    assert said_by_the_record.limit
    assert said_by_the_record.limit.lasting == 600


@pytest.mark.parametrize("signal", sorted(MATRIX, key=str))
def test_every_signal_has_a_sentence_that_says_what_to_do(signal: int | AnswerKind) -> None:
    """An author who is told nothing but a number can do nothing."""
    for call in Call:
        what, todo = says(call, signal)
        assert what
        assert todo
        assert what[0].islower()
        assert not what.endswith(".")


def test_nothing_is_said_of_signals_that_do_not_exist() -> None:
    """A sentence without a row is dead, and hides a row that was forgotten."""
    assert set(SAYS) == set(MATRIX)


def test_the_graver_of_status_and_code_wins() -> None:
    """HTTP 200 with code 402 is no success, and HTTP 500 with code 429 must not be sent again."""
    assert judge(Call.SUBMIT, 200, 402).rule.verdict is Verdict.STOP
    assert judge(Call.SUBMIT, 402, 200).rule.verdict is Verdict.STOP
    assert judge(Call.SUBMIT, 500, 429) == sign(Call.SUBMIT, 500)
    assert judge(Call.SUBMIT, 429, 500) == sign(Call.SUBMIT, 500)
    assert judge(Call.SUBMIT, 429, 455).signal == 455
    assert judge(Call.POLL, 404, 500).signal == 500


def test_the_order_of_status_and_code_changes_nothing() -> None:
    """The verdict on the same pair of facts would depend on which side said which."""
    for call, one, two in product(Call, MATRIX, MATRIX):
        if isinstance(one, int) and isinstance(two, int) and not {one, two} & set(STATUS_ALONE):
            assert judge(call, one, two).rule == judge(call, two, one).rule


@given(st.sampled_from(Call), st.integers(100, 999), st.none() | st.integers(-10, 10_000))
def test_no_pair_of_numbers_is_without_a_verdict(call: Call, status: int, code: int | None) -> None:
    """A code that the service invents tomorrow must end in words, and for a submission never in a second one."""
    rule = judge(call, status, code).rule
    assert rule in RULES.values()
    if call is Call.SUBMIT and {status, code} - set(MATRIX) - {None} and not 200 <= status < 300:
        assert rule.limit is None


def test_unknown_numbers_are_told_as_such() -> None:
    """'599' alone says nothing to anybody."""
    assert judge(Call.SUBMIT, 599).rule.verdict is Verdict.UNKNOWN
    assert judge(Call.SUBMIT, 200, 599).rule.verdict is Verdict.UNKNOWN
    assert "(599)" in refusal(Call.SUBMIT, 599, Verdict.UNKNOWN).message


def test_an_answer_without_a_code_is_unreadable() -> None:
    """A login page with status 200 would pass for an accepted submission."""
    assert judge(Call.SUBMIT, 200).signal is AnswerKind.UNREADABLE
    assert judge(Call.SUBMIT, 204).rule.verdict is Verdict.UNKNOWN
    assert judge(Call.SUBMIT, 201, 200).rule.verdict is Verdict.ACCEPT


def test_503_is_sent_again_only_where_it_says_when() -> None:
    """A 503 from behind the queue may have been accepted."""
    assert judge(Call.SUBMIT, 503).rule.verdict is Verdict.UNKNOWN
    assert judge(Call.SUBMIT, 503, after=3.0).rule == RULES["connect"]
    assert judge(Call.SUBMIT, 503, 500, after=3.0).rule.verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("verdict", "kind", "status"),
    [
        (Verdict.UNKNOWN, SubmissionUnknown, 4),
        (Verdict.STOP, RunRefused, 5),
        (Verdict.STALLED, Stalled, 3),
        (Verdict.EXPIRED, AddressExpired, 3),
        (Verdict.BAD, BadMedia, 3),
        (Verdict.FAILED, SceneFailed, 3),
    ],
)
def test_each_verdict_is_one_error(
    verdict: Verdict, kind: type[SceneFailed | RunRefused | SubmissionUnknown], status: int
) -> None:
    """The exit status, and whether the job stays open, hang on the type."""
    error = refusal(Call.POLL, 500, verdict, "Internal Error")
    assert type(error) is kind
    assert error_status(error) == status
    assert isinstance(error, kind)
    assert error.code == 500
    assert "Internal Error" in error.message
    assert error.hint


def test_known_words_of_the_service_become_advice() -> None:
    """'public error prominent people upload' is no help to an author."""
    assert "real people" in refusal(Call.POLL, 400, Verdict.FAILED, "public error prominent people upload").hint
    assert "rephrase" in refusal(Call.POLL, 400, Verdict.FAILED, "Your prompt was flagged by Website").hint
    assert "opens without a login" in refusal(Call.POLL, 400, Verdict.FAILED, "Failed to fetch the image.").hint
    assert refusal(Call.SUBMIT, 422, Verdict.FAILED, "hmm").hint == SAYS[422][1]


def test_text_of_the_service_stays_on_its_line() -> None:
    """A message could write a workflow command into a CI log."""
    error = refusal(Call.SUBMIT, 400, Verdict.FAILED, "x\n::error::owned\x1b[2J")
    assert "\n" not in error.message
    assert "\x1b" not in error.message


def test_pauses_grow_to_a_cap_and_patience_ends() -> None:
    """Without a cap a night of 429 would wait for days; without an end, for ever."""
    limit = RULES["limit"].limit
    assert limit
    found = [pause(limit, tries, 0, None, highest) for tries in range(1, 11)]
    assert found == [5, 10, 20, 40, 80, 120, 120, 120, None, None]


def test_maintenance_pauses_for_half_a_minute_at_least() -> None:
    """A service that is being mended is not helped by a request a second."""
    limit = RULES["mend"].limit
    assert limit
    assert pause(limit, 1, 0, None, lambda low, high: low) == 30
    assert pause(limit, 9, 899, None, highest) == 300
    assert pause(limit, 9, 900, None, highest) is None


def test_no_rule_goes_on_for_ever() -> None:
    """A service that says 'come back in 0 seconds' for ever would be asked for ever."""
    for rule in RULES.values():
        if rule.limit:
            assert pause(rule.limit, 100, 0, 0.0, lambda low, high: low) is None


def test_the_services_own_pause_wins_over_chance() -> None:
    """Coming back too early spends one of the eight tries for nothing."""
    assert pause(RetryLimit(8, 5, 120), 1, 0, 60.0, highest) == pytest.approx(66)
    assert pause(RetryLimit(8, 5, 120, lasting=600), 1, 0, 0.0, highest) == 1
    assert pause(RetryLimit(8, 5, 120), 1, 0, 0.0, highest) == 0


@given(st.integers(1, 10**6), st.floats(0, 1e9), st.none() | st.floats(0, 300))
def test_a_pause_is_never_negative_nor_endless(tries: int, paused: float, after: float | None) -> None:
    """A negative pause raises in asyncio; an endless one hangs the run."""
    for rule in RULES.values():
        if rule.limit:
            found = pause(rule.limit, tries, paused, after, highest)
            assert found is None or 0 <= found <= 330


NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("0", 0),
        (" 17 ", 17),
        ("300", 300),
        ("999999999999999999", 300),
        ("9" * 5000, None),
        ("-5", None),
        ("1.5", None),
        ("1e3", None),
        ("NaN", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        (format_datetime(datetime.fromtimestamp(NOW + 90, UTC), usegmt=True), 90),
        (format_datetime(datetime.fromtimestamp(NOW - 90, UTC), usegmt=True), 0),
        (format_datetime(datetime.fromtimestamp(NOW + 9000, UTC), usegmt=True), 300),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60),
        ("Wed, 99 Foo 99999 99:99:99 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_read_where_it_makes_sense(header: str | None, seconds: float | None) -> None:
    """A date in the year 99999 must not stop a run, and a past one must not make a negative pause."""
    assert retry_after(header, NOW) == seconds


@given(st.text(max_size=60))
def test_retry_after_takes_any_text(header: str) -> None:
    """A header is whatever a gateway writes."""
    found = retry_after(header, NOW)
    assert found is None or 0 <= found <= 300
