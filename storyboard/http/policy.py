"""What each answer of a service means for each call: types, arithmetic, and a table for plain HTTP."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum


class Call(Enum):
    """The kinds of calls. Only SUBMIT costs money, so only SUBMIT can end as UNKNOWN."""

    SUBMIT = "submit"
    POLL = "poll"
    HD = "hd"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    BALANCE = "balance"
    CANCEL = "cancel"


class Verdict(Enum):
    """What an answer means, from the mildest to the most severe: of two verdicts, the later one here counts."""

    ACCEPT = "the answer is good: read it"
    WAIT = "not yet: ask again later"
    UNSEEN = "the service does not show this job (yet)"
    ABSENT = "the service does not offer this"
    EXPIRED = "the clip's address no longer serves the clip"
    BAD = "what came is not the clip"
    STALLED = "no answer in time; the job stays open"
    FAILED = "this scene will not come"
    STOP = "the run is refused"
    UNKNOWN = "it may have been accepted and charged"


class AnswerKind(Enum):
    """Kinds of answers that are no number."""

    NOT_SENT = "not-sent"  # refused, no DNS, no TLS, no connection in time: certainly nothing arrived
    CUT = "cut"  # reset, closed, silent or too slow after the request may have left
    SHORT = "short"  # fewer bytes than promised
    UNREADABLE = "unreadable"  # not JSON, or without a code
    TOO_BIG = "too-big"  # more bytes than an answer or a clip may have
    PAGE = "page"  # an HTML or JSON page where a clip was expected
    UNTRUSTED = "untrusted"  # the host's TLS certificate is not trusted: nothing was sent
    FORBIDDEN = "forbidden"  # an address that is not dialled: not public, not https
    BUSY = "busy"  # 503 that says when to come back
    FOREIGN = "foreign"  # the answer is about another job
    RECEIPT = "receipt"  # a refusal that carries a job's name all the same
    NO_RECEIPT = "no-receipt"  # an acceptance without a usable name
    UNSEEN = "unseen"  # no record of this job
    OVER = "over"  # the service says that this job has failed
    OTHER = "other"  # a number that is not in the matrix


Signal = int | AnswerKind


@dataclass(frozen=True, slots=True)
class RetryLimit:
    """How long to retry: at least ``retries`` times and until the pauses add up to ``lasting`` seconds.

    The pause before retry n is random between ``low`` and min(``cap``, ``base`` * 2^(n-1)) seconds (full jitter).
    """

    retries: int
    base: float
    cap: float
    low: float = 0.0
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Send again within ``limit`` (None: not at all); then it is ``verdict``."""

    verdict: Verdict
    limit: RetryLimit | None = None


_QUICK = {"base": 1.0, "cap": 30.0}
_SLOW = {"base": 5.0, "cap": 120.0}
_MAINTENANCE = {"low": 30.0, "base": 60.0, "cap": 300.0}

# The words of the table.
RULES = {verdict.name.lower(): Rule(verdict) for verdict in Verdict} | {
    "connect": Rule(Verdict.STOP, RetryLimit(5, **_QUICK)),
    "limit": Rule(Verdict.FAILED, RetryLimit(8, **_SLOW)),
    "mend": Rule(Verdict.STOP, RetryLimit(0, **_MAINTENANCE, lasting=900)),
    "ask": Rule(Verdict.STALLED, RetryLimit(5, **_QUICK, lasting=600)),
    "ended": Rule(Verdict.FAILED, RetryLimit(5, **_QUICK, lasting=600)),
    "slower": Rule(Verdict.STALLED, RetryLimit(8, **_SLOW)),
    "later": Rule(Verdict.STALLED, RetryLimit(0, **_MAINTENANCE, lasting=1800)),
    "fetch": Rule(Verdict.STALLED, RetryLimit(8, **_QUICK)),
    "refetch": Rule(Verdict.BAD, RetryLimit(3, **_QUICK)),
    "put": Rule(Verdict.FAILED, RetryLimit(5, **_QUICK)),
    "glance": Rule(Verdict.ABSENT, RetryLimit(2, **_QUICK)),
}

# A submission is sent again only if certainly nothing was accepted; a job that is paid for is over only if the service
# itself says so, not a gateway. Source: reliability.md B3 (the verdicts).
_PLAIN = """
signal      submit   poll    hd      download  upload  balance
200         accept   accept  accept  accept    accept  accept
301         stop     stop    stop    stalled   stop    absent
302         unknown  stop    stop    stalled   stop    absent
303         unknown  stop    stop    stalled   stop    absent
307         unknown  stop    stop    stalled   stop    absent
308         unknown  stop    stop    stalled   stop    absent
400         failed   ask     failed  expired   failed  absent
401         stop     stop    stop    expired   stop    stop
402         stop     wait    stop    expired   stop    absent
403         stop     stop    stop    expired   stop    stop
404         stop     unseen  failed  expired   stop    absent
405         stop     stop    failed  expired   stop    absent
408         unknown  ask     wait    fetch     put     glance
410         stop     unseen  failed  expired   stop    absent
413         failed   stop    failed  expired   failed  absent
414         failed   stop    failed  expired   failed  absent
422         failed   ask     failed  expired   failed  absent
429         limit    slower  slower  slower    limit   glance
431         failed   stop    failed  expired   failed  absent
451         failed   ask     failed  expired   failed  absent
500         unknown  ask     wait    fetch     put     glance
501         failed   ask     failed  fetch     failed  absent
502         unknown  ask     wait    fetch     put     glance
503         unknown  ask     wait    fetch     put     glance
504         unknown  ask     wait    fetch     put     glance
520         unknown  ask     wait    fetch     put     glance
521         connect  ask     wait    fetch     put     glance
522         unknown  ask     wait    fetch     put     glance
523         connect  ask     wait    fetch     put     glance
524         unknown  ask     wait    fetch     put     glance
other       unknown  ask     wait    fetch     failed  absent
not-sent    connect  ask     ask     fetch     connect connect
cut         unknown  ask     ask     fetch     put     glance
short       unknown  ask     ask     refetch   put     glance
unreadable  unknown  ask     ask     refetch   put     glance
too-big     unknown  ask     ask     bad       failed  absent
page        unknown  ask     ask     expired   put     glance
untrusted   stop     stop    stop    stalled   stop    stop
forbidden   stop     stop    stop    stalled   stop    stop
busy        connect  ask     wait    fetch     put     glance
foreign     unknown  ask     ask     stalled   put     absent
receipt     unknown  ask     wait    stalled   put     absent
no-receipt  unknown  ask     wait    stalled   put     absent
unseen      unknown  unseen  wait    expired   put     absent
over        failed   failed  failed  expired   failed  absent
"""


def _signal(word: str) -> Signal:
    return int(word) if word.isdigit() else AnswerKind(word)


def read_table(text: str) -> "Rows":
    """Parse a table written as text: a header of calls, then rows of a signal and the word of a rule for each.

    Without a column of its own, CANCEL goes by that of BALANCE: like it, it is asked for in passing.
    Raise KeyError or ValueError for a word that does not exist.
    """
    head, *rows = (line.split() for line in text.strip().splitlines())
    calls = [Call(word) for word in head[1:]]
    found = {_signal(row[0]): dict(zip(calls, (RULES[word] for word in row[1:]), strict=True)) for row in rows}
    passing = {Call.CANCEL: Call.BALANCE} if Call.BALANCE in calls else {}
    return {signal: {**{call: row[like] for call, like in passing.items()}, **row} for signal, row in found.items()}


Rows = Mapping[Signal, Mapping[Call, Rule]]

_GRAVITY = {verdict: grade for grade, verdict in enumerate(Verdict)}
MILD = (Verdict.ACCEPT, Verdict.WAIT, Verdict.UNSEEN, Verdict.ABSENT)

# Failures of the host, not of one request. Not 429: the host answers. Not SHORT: a clip without a length is downloaded
# twice. Not 501 and 505, which concern one request.
_FAILING: frozenset[Signal] = frozenset(
    {
        408,
        AnswerKind.NOT_SENT,
        AnswerKind.CUT,
        AnswerKind.UNREADABLE,
        AnswerKind.BUSY,
        AnswerKind.NO_RECEIPT,
    }
)
_ONE_REQUEST = (501, 505)


@dataclass(frozen=True, slots=True)
class Decision:
    """``signal`` is what decided, ``rule`` what follows from it."""

    signal: Signal
    rule: Rule


@dataclass(frozen=True, slots=True)
class RetryTable:
    """The meaning of one service's answers.

    ``codes`` has a row for each number, whether it is an HTTP status or a code in the body, and for each AnswerKind;
    ``statuses`` has the rows of HTTP statuses that alone, without a code, mean something else; ``failing`` are the
    signals that say that the host itself is in trouble, beside every number from 500 on but 501 and 505.
    """

    codes: Rows
    statuses: Rows = field(default_factory=dict)
    failing: frozenset[Signal] = _FAILING

    def with_rows(self, codes: Rows, statuses: Rows, failing: frozenset[int]) -> "RetryTable":
        """Return this table with a service's own rows in place of those of the same signals."""
        return RetryTable({**self.codes, **codes}, {**self.statuses, **statuses}, self.failing | failing)

    def decide(self, call: Call, signal: Signal) -> Decision:
        """Return what one kind of answer, or one code, means for a call."""
        if signal not in self.codes:
            return Decision(signal, self.codes[AnswerKind.OTHER][call])
        return Decision(signal, self.codes[signal][call])

    def weigh(self, call: Call, status: int, code: int | None = None, *, after: float | None = None) -> Decision:
        """Return the more severe meaning of HTTP ``status`` and body's ``code``; the body's if both are equal.

        ``code`` is None where the body has none; ``after`` is what Retry-After said, in seconds. Any 2xx status counts
        as 200, but a body without a code makes it UNREADABLE.
        """
        if 200 <= status < 300:
            return self.decide(call, AnswerKind.UNREADABLE if code is None else code)
        if status == 503 and after is not None:
            outer = self.decide(call, AnswerKind.BUSY)
        elif status in self.statuses:
            outer = Decision(status, self.statuses[status][call])
        else:
            outer = self.decide(call, status)
        if code is None:
            return outer
        inner = self.decide(call, AnswerKind.BUSY if code == 503 and after is not None else code)
        return inner if _gravity(inner.rule) >= _gravity(outer.rule) else outer

    def counts_as_host_failure(self, decision: Decision) -> bool:
        """Whether an answer, or its absence, is a failure of its host; the breaker counts these.

        A readable answer is none: "still in progress" may come as status 500.
        """
        if decision.rule.verdict in MILD and decision.rule.limit is None:
            return False
        signal = decision.signal
        return signal in self.failing or (isinstance(signal, int) and signal >= 500 and signal not in _ONE_REQUEST)


PLAIN_HTTP = RetryTable(read_table(_PLAIN))


def _gravity(rule: Rule) -> tuple[int, int, float]:
    """An end is more severe than a pause, and a pause than a readable answer; of two pauses the longer counts."""
    if rule.limit:
        return (1, _GRAVITY[rule.verdict], rule.limit.cap)
    return (0 if rule.verdict in MILD else 2, _GRAVITY[rule.verdict], 0)


# No rule retries for ever, not even if every pause is zero.
_CEILING = 100


def pause(
    limit: RetryLimit, tries: int, paused: float, after: float | None, between: Callable[[float, float], float]
) -> float | None:
    """Return the seconds to wait before the next attempt, None if the limit is reached.

    ``tries`` counts those that met this rule (from 1), ``paused`` the seconds waited so far on its account; ``after``
    is the service's own Retry-After, used instead of the jitter, with up to a tenth on top. ``between`` is random.
    """
    if tries >= _CEILING or (tries > limit.retries and paused >= limit.lasting):
        return None
    if after is None:
        return between(limit.low, min(limit.cap, limit.base * 2 ** min(tries - 1, 16)))
    return max(after + between(0.0, after / 10), 1.0 if limit.lasting else 0.0)


def retry_after(header: str | None, now: float) -> float | None:
    """Return the seconds of a Retry-After header, 0 to 300; None if it cannot be parsed.

    ``now`` is seconds since 1970, for a header that is a date (RFC 9110 section 10.2.3).
    """
    if header is None:
        return None
    text = header.strip()
    if re.fullmatch(r"[0-9]{1,18}", text):
        return min(float(text), 300.0)
    try:
        date = parsedate_to_datetime(text)
        then = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(then - now, 0.0), 300.0)
