"""Checks of what a provider reads in a reply that says nothing: no job, no result, no end of a job."""

from storyboard.http.exchange import Meaning, Rejection, Reply
from storyboard.http.policy import MILD, AnswerKind, Call, Decision, Verdict
from storyboard.providers.base import AskNext, JobFailed, Pending, Provider, Ready
from storyboard.testing.assertions import (
    call_twice,
    describe,
    is_amount,
    is_int,
    require,
    require_job_name,
    require_web_address,
)
from storyboard.testing.hostile_values import ACCEPTING, FEW_STATUSES, NOTHING, WRONG, replies
from storyboard.testing.request_checks import JOBS


def decide_no_result(provider: Provider, call: Call, reply: Reply, found: object) -> Decision | None:
    """Return what follows from a Meaning or a Rejection, as the client decides it; None for anything else."""
    if not isinstance(found, Meaning | Rejection):
        return None
    require(isinstance(found.words, str), f"the words of {describe(found)} must be text")
    if isinstance(found, Meaning):
        right = isinstance(found.signal, AnswerKind) or is_int(found.signal)
        require(right, f"{describe(found)}: the signal must be a whole number or an AnswerKind")
    else:
        require(found.code is None or is_int(found.code), f"{describe(found)}: the code must be a whole number or None")
    decision = _decision(provider, call, reply, found)
    accepted = decision.rule.verdict is Verdict.ACCEPT
    require(not accepted, f"{describe(found)} is no result, and yet the retry table accepts it (HTTP {reply.status})")
    return decision


def _decision(provider: Provider, call: Call, reply: Reply, found: Meaning | Rejection) -> Decision:
    table = provider.answers.table
    try:
        if isinstance(found, Meaning):
            return table.decide(call, found.signal)
        return table.weigh(call, reply.status, found.code, after=reply.retry_after)
    except KeyError:
        raise AssertionError(f"the retry table has no rule for {describe(found)} and {call}") from None


def read_job(provider: Provider, reply: Reply) -> str | Decision:
    """Return what ``read_submission`` finds: a job's name, or what follows from there being none."""
    found = call_twice("read_submission", provider.read_submission, reply)
    decision = decide_no_result(provider, Call.SUBMIT, reply, found)
    if decision is None:
        require_job_name("read_submission", found)
        return str(found)
    require(decision.rule.verdict not in MILD, f"{describe(found)} leaves a submission without an end: {decision.rule}")
    return decision


def require_job_or_unknown(provider: Provider, reply: Reply, why: str) -> None:
    """Money: a reply that may be an acceptance names a job, or is UNKNOWN and not sent again."""
    found = read_job(provider, reply)
    if isinstance(found, Decision):
        safe = found.rule.verdict is Verdict.UNKNOWN and found.rule.limit is None
        sentence = f"{why}: it may have been charged, so it must be UNKNOWN, not {found.rule.verdict.name}"
        require(safe, f"{sentence}{'' if found.rule.limit is None else ' and sent again'} ({describe(reply.body)})")


def check_submission_of_nothing(provider: Provider) -> None:
    """No job is invented; what says nothing under HTTP 2xx may have been an acceptance."""
    for reply in replies(NOTHING):
        found = read_job(provider, reply)
        invented = f"read_submission invents the job {describe(found)}: the reply was {describe(reply.body)}"
        require(isinstance(found, Decision), invented)
        if reply.status in ACCEPTING:
            require_job_or_unknown(provider, reply, f"HTTP {reply.status} with a body that says nothing")


def check_hostile_submission(provider: Provider) -> None:
    """Whatever stands in a reply: nothing is raised, and a job's name is safe."""
    for reply in replies(WRONG, FEW_STATUSES):
        read_job(provider, reply)


def read_standing(provider: Provider, job: str, reply: Reply) -> object:
    """Return what ``read_status`` finds, its type checked."""

    def read(reply: Reply) -> object:
        return provider.read_status(job, reply)

    found = call_twice("read_status", read, reply)
    if isinstance(found, AskNext):  # Nothing is said yet: the next reply is read with what this one said.
        require(found.request.call is Call.POLL, f"read_status asks next for a {found.request.call}, not a POLL")
        call_twice("the reading of a further reply", found.read, reply)
        return found
    if decide_no_result(provider, Call.POLL, reply, found) is None:
        require_kind("read_status", found, Pending, Ready, JobFailed)
    return found


def require_kind(what: str, found: object, *kinds: type) -> None:
    """A result is one of ``kinds``, and what is in it is usable."""
    names = ", ".join(kind.__name__ for kind in kinds)
    require(isinstance(found, kinds), f"{what} must return {names}, Meaning or Rejection, not {describe(found)}")
    if isinstance(found, Ready):
        if found.content:
            require(isinstance(found.content, bytes), f"{what}: the content of a clip must be bytes")
        else:
            require_web_address(what, found.url)
        require(isinstance(found.original, str), f"{what}: {describe(found.original)} is no address")
        if found.original:
            require_web_address(what, found.original)
        require(isinstance(found.fallback, bool), f"{what}: fallback must be true or false")
        require(found.seed is None or is_int(found.seed), f"{what}: {describe(found.seed)} is no seed")
        require(found.credits is None or is_amount(found.credits), f"{what}: {describe(found.credits)} is no cost")
    if isinstance(found, JobFailed):
        right = isinstance(found.signal, AnswerKind) or is_int(found.signal)
        require(right, f"{what}: the signal of a JobFailed must be a number or an AnswerKind, not {describe(found)}")
        require(isinstance(found.words, str), f"{what}: the words of a JobFailed must be text, not {describe(found)}")


def check_status_of_nothing(provider: Provider) -> None:
    """Only the service itself, in a record of the job, says that it is done or over."""
    for reply in replies(NOTHING):
        found = read_standing(provider, JOBS[0], reply)
        invented = isinstance(found, Ready | JobFailed)
        require(not invented, f"read_status invents {describe(found)}: the reply was {describe(reply.body)}")


def check_hostile_status(provider: Provider) -> None:
    """Whatever stands in a reply: nothing is raised, and an address is one."""
    for reply in replies(WRONG, FEW_STATUSES):
        read_standing(provider, JOBS[0], reply)
