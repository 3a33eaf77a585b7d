"""The retry matrix: what each answer of the service means for each call. Data, and the arithmetic of patience."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from enum import Enum


class Call(Enum):
    """What was asked. Only SUBMIT costs money, so only SUBMIT can end as UNKNOWN."""

    SUBMIT = "submit"
    POLL = "poll"
    HD = "hd"
    DOWNLOAD = "download"
    UPLOAD = "upload"
    BALANCE = "balance"


class Verdict(Enum):
    """What an answer means, from the mildest to the gravest: of two verdicts the later one here wins."""

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


class Sign(Enum):
    """What an answer, or its absence, can say beside a number."""

    NOT_SENT = "not-sent"  # refused, no DNS, no TLS, no connection in time: certainly nothing arrived
    CUT = "cut"  # reset, closed, silent or too slow after the request may have left
    SHORT = "short"  # fewer bytes than promised
    UNREADABLE = "unreadable"  # not JSON, or without a code
    TOO_BIG = "too-big"  # more bytes than an answer or a clip may have
    PAGE = "page"  # an HTML or JSON page where a clip was expected
    FORBIDDEN = "forbidden"  # an address that is not dialled: not public, not https
    BUSY = "busy"  # 503 that says when to come back
    FOREIGN = "foreign"  # the answer is about another job
    RECEIPT = "receipt"  # a refusal that carries a job's name all the same
    NO_RECEIPT = "no-receipt"  # an acceptance without a usable name
    UNSEEN = "unseen"  # no record of this job
    OVER = "over"  # the service says that this job has failed
    OTHER = "other"  # a number that is not in the matrix


Signal = int | Sign


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on: at least ``retries`` more times and until the pauses sum up to ``lasting`` seconds.

    The pause before retry n is random between ``low`` and min(``cap``, ``base`` * 2^(n-1)) seconds (full jitter).
    """

    retries: int
    base: float
    cap: float
    low: float = 0.0
    lasting: float = 0.0


@dataclass(frozen=True, slots=True)
class Rule:
    """Send again while ``patience`` lasts (None: not at all); then it is ``verdict``."""

    verdict: Verdict
    patience: Patience | None = None


_QUICK = {"base": 1.0, "cap": 30.0}
_SLOW = {"base": 5.0, "cap": 120.0}
_MAINTENANCE = {"low": 30.0, "base": 60.0, "cap": 300.0}

# The words of the matrix.
RULES = {verdict.name.lower(): Rule(verdict) for verdict in Verdict} | {
    "connect": Rule(Verdict.STOP, Patience(5, **_QUICK)),
    "limit": Rule(Verdict.FAILED, Patience(8, **_SLOW)),
    "mend": Rule(Verdict.STOP, Patience(0, **_MAINTENANCE, lasting=900)),
    "ask": Rule(Verdict.STALLED, Patience(5, **_QUICK, lasting=600)),
    "slower": Rule(Verdict.STALLED, Patience(8, **_SLOW)),
    "later": Rule(Verdict.STALLED, Patience(0, **_MAINTENANCE, lasting=1800)),
    "fetch": Rule(Verdict.STALLED, Patience(8, **_QUICK)),
    "refetch": Rule(Verdict.BAD, Patience(3, **_QUICK)),
    "put": Rule(Verdict.FAILED, Patience(5, **_QUICK)),
    "glance": Rule(Verdict.ABSENT, Patience(2, **_QUICK)),
}

# Numbers are read both as HTTP status and as `code` of the body: the graver of the two verdicts wins. A submission is
# sent again only where it is certain that nothing was accepted. Sources: the API document (200-505), api-facts.md 1.4
# and 4.1 (408, 433, 451; 1080p "processing" comes as 400, 422 or 500), reliability.md B3 (the verdicts).
_MATRIX = """
signal      submit   poll    hd      download  upload  balance
200         accept   accept  accept  accept    accept  accept
301         stop     stop    stop    stalled   stop    absent
302         unknown  stop    stop    stalled   stop    absent
303         unknown  stop    stop    stalled   stop    absent
307         unknown  stop    stop    stalled   stop    absent
308         unknown  stop    stop    stalled   stop    absent
400         failed   stalled wait    expired   failed  absent
401         stop     stop    stop    expired   stop    stop
402         stop     wait    stop    expired   stop    absent
403         stop     stop    stop    expired   stop    stop
404         stop     unseen  wait    expired   stop    absent
405         stop     stop    failed  expired   stop    absent
408         unknown  ask     wait    fetch     put     glance
410         stop     unseen  failed  expired   stop    absent
413         failed   stop    failed  expired   failed  absent
414         failed   stop    failed  expired   failed  absent
422         failed   ask     wait    expired   failed  absent
429         limit    slower  slower  slower    limit   glance
431         failed   stop    failed  expired   failed  absent
433         stop     wait    stop    expired   stop    absent
451         failed   stalled failed  expired   failed  absent
455         mend     later   later   later     mend    glance
500         unknown  ask     wait    fetch     put     glance
501         failed   failed  failed  fetch     failed  absent
502         unknown  ask     wait    fetch     put     glance
503         unknown  ask     wait    fetch     put     glance
504         unknown  ask     wait    fetch     put     glance
505         failed   stop    failed  fetch     stop    absent
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
forbidden   stop     stop    stop    stalled   stop    stop
busy        connect  ask     wait    fetch     put     glance
foreign     unknown  ask     ask     stalled   put     absent
receipt     unknown  ask     wait    stalled   put     absent
no-receipt  unknown  ask     wait    stalled   put     absent
unseen      unknown  unseen  wait    expired   put     absent
over        failed   failed  failed  expired   failed  absent
"""

# Where an HTTP status alone says something else than the same number in the body. A job that is paid for is over only
# when the service itself says so, not when a gateway on the way does; and only the status tells a missing endpoint.
_STATUS_ALONE = """
signal      submit   poll    hd      download  upload  balance
400         failed   ask     wait    expired   failed  absent
404         stop     unseen  failed  expired   stop    absent
451         failed   ask     failed  expired   failed  absent
501         failed   ask     failed  fetch     failed  absent
"""


def _signal(word: str) -> Signal:
    return int(word) if word.isdigit() else Sign(word)


def _read(table: str) -> dict[Signal, dict[Call, Rule]]:
    head, *rows = (line.split() for line in table.strip().splitlines())
    calls = [Call(word) for word in head[1:]]
    return {_signal(row[0]): dict(zip(calls, (RULES[word] for word in row[1:]), strict=True)) for row in rows}


MATRIX = _read(_MATRIX)
STATUS_ALONE = _read(_STATUS_ALONE)

_GRAVITY = {verdict: grade for grade, verdict in enumerate(Verdict)}
MILD = (Verdict.ACCEPT, Verdict.WAIT, Verdict.UNSEEN, Verdict.ABSENT)


@dataclass(frozen=True, slots=True)
class Judgement:
    """``signal`` is what decided, ``rule`` what follows from it."""

    signal: Signal
    rule: Rule


def sign(call: Call, signal: Signal) -> Judgement:
    """What one sign, or one code, means for this call."""
    if signal not in MATRIX:
        return Judgement(signal, MATRIX[Sign.OTHER][call])
    return Judgement(signal, MATRIX[signal][call])


def judge(call: Call, status: int, code: int | None = None, *, after: float | None = None) -> Judgement:
    """The graver of what the HTTP ``status`` and the body's ``code`` mean; the body's where both weigh the same.

    ``code`` is None where the body has none; ``after`` is what Retry-After said, in seconds. Any 2xx status counts as
    200, but a body without a code makes it UNREADABLE where a code is due.
    """
    if 200 <= status < 300:
        return sign(call, Sign.UNREADABLE if code is None else code)
    if status == 503 and after is not None:
        outer = sign(call, Sign.BUSY)
    elif status in STATUS_ALONE:
        outer = Judgement(status, STATUS_ALONE[status][call])
    else:
        outer = sign(call, status)
    if code is None:
        return outer
    inner = sign(call, Sign.BUSY if code == 503 and after is not None else code)
    return inner if _gravity(inner.rule) >= _gravity(outer.rule) else outer


# The host, and not what was asked of it, is in trouble. Not 429: who is told to slow down is answered. Not SHORT: a
# clip without a length is fetched twice. Not 501 and 505, which are about one scene.
_ILL = {408, 455, Sign.NOT_SENT, Sign.CUT, Sign.UNREADABLE, Sign.BUSY, Sign.NO_RECEIPT}


def ill(judged: Judgement) -> bool:
    """True where an answer, or its absence, says that its host is in trouble; the breaker counts these.

    An answer that can be read as one is none: an HD version "at work" comes as 500 (api-facts.md 4.1).
    """
    if judged.rule.verdict in MILD and judged.rule.patience is None:
        return False
    signal = judged.signal
    return signal in _ILL or (isinstance(signal, int) and signal >= 500 and signal not in (501, 505))


def _gravity(rule: Rule) -> tuple[int, int, float]:
    """An end is graver than a pause, and a pause than an answer that can be read; of two pauses the longer counts."""
    if rule.patience:
        return (1, _GRAVITY[rule.verdict], rule.patience.cap)
    return (0 if rule.verdict in MILD else 2, _GRAVITY[rule.verdict], 0)


# No rule goes on for ever, not even where every pause comes out as nothing.
_CEILING = 100


def pause(
    patience: Patience, tries: int, paused: float, after: float | None, between: Callable[[float, float], float]
) -> float | None:
    """Seconds to wait before the next try, or None when patience is at its end.

    ``tries`` counts those that met this rule (from 1), ``paused`` the seconds waited so far on its account; ``after``
    is the service's own Retry-After, which wins over the jitter, with up to a tenth on top. ``between`` is chance.
    """
    if tries >= _CEILING or (tries > patience.retries and paused >= patience.lasting):
        return None
    if after is None:
        return between(patience.low, min(patience.cap, patience.base * 2 ** min(tries - 1, 16)))
    return max(after + between(0.0, after / 10), 1.0 if patience.lasting else 0.0)


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, 0 to 300; None where it says nothing that can be understood.

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
