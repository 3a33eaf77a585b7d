"""Checks of the optional abilities of a provider, on replies and callbacks that say nothing."""

from datetime import UTC, datetime
from fractions import Fraction

from storyboard.http.exchange import Reply, Request
from storyboard.http.policy import Call
from storyboard.model.errors import InputError
from storyboard.providers.base import (
    Address,
    AskNext,
    BalanceReader,
    CallbackReader,
    Canceller,
    Configurable,
    Dispatch,
    ImageUploader,
    JobFinder,
    Pending,
    PromptEcho,
    Provider,
    Ready,
    Upscaler,
)
from storyboard.testing.assertions import call_twice, describe, is_text, require, require_job_name, require_web_address
from storyboard.testing.hostile_values import ACCEPTING, FEW_STATUSES, HOSTILE, NOTHING, WRONG, replies
from storyboard.testing.reading_checks import decide_no_result, require_kind
from storyboard.testing.request_checks import JOBS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def read_upscale(provider: Provider, reply: Reply) -> object:
    """Return what ``read_upscale`` finds, its type checked; None without the ability."""
    if not isinstance(provider, Upscaler):
        return None
    found = call_twice("read_upscale", provider.read_upscale, reply)
    if decide_no_result(provider, Call.HD, reply, found) is None:
        require_kind("read_upscale", found, Pending, Ready)
    return found


def read_upload(provider: Provider, reply: Reply) -> object:
    """Return what ``read_upload`` finds, its type checked; None without the ability."""
    if not isinstance(provider, ImageUploader):
        return None
    found = call_twice("read_upload", provider.read_upload, reply, NOW)
    if decide_no_result(provider, Call.UPLOAD, reply, found) is None:
        require_kind("read_upload", found, Address)
    if isinstance(found, Address):
        if all(model.images == "upload" for model in provider.capabilities.models):
            require(is_text(found.url), f"read_upload takes {describe(found.url)} for the name of an image")
        else:
            require_web_address("read_upload", found.url)
        aware = found.expires is None or found.expires.tzinfo is not None
        require(aware, f"read_upload: the end {describe(found.expires)} of an address has no time zone")
    return found


def read_echo(provider: Provider, reply: Reply, job: str) -> object:
    """Return what ``read_echo`` finds, its type checked; None without the ability."""
    if not isinstance(provider, PromptEcho):
        return None
    found = call_twice("read_echo", provider.read_echo, job, reply)
    if decide_no_result(provider, Call.POLL, reply, found) is None and found is not None:
        require_kind("read_echo", found, str)
    return found


def read_balance(provider: Provider, reply: Reply) -> object:
    """Return what ``read_balance`` finds, its type checked; None without the ability."""
    if not isinstance(provider, BalanceReader):
        return None
    found = call_twice("read_balance", provider.read_balance, reply)
    if decide_no_result(provider, Call.BALANCE, reply, found) is None and found is not None:
        require_kind("read_balance", found, Fraction)
    return found


def read_callback(provider: Provider, body: object) -> tuple[str, ...]:
    """Return the jobs of a callback, each checked to be a safe name."""
    if not isinstance(provider, CallbackReader):
        return ()
    names = call_twice("jobs_in_callback", provider.jobs_in_callback, body)
    require(isinstance(names, tuple), f"jobs_in_callback must return a tuple of names, not {describe(names)}")
    for name in names:
        require_job_name("jobs_in_callback", name)
    return names


def check_upscale(provider: Provider) -> None:
    """No better version is invented."""
    for reply in replies(WRONG, FEW_STATUSES):
        read_upscale(provider, reply)
    for reply in replies(NOTHING):
        found = read_upscale(provider, reply)
        require(not isinstance(found, Ready), f"read_upscale invents {describe(found)} ({describe(reply.body)})")


def check_upload(provider: Provider) -> None:
    """No address is invented: a submission with a wrong one is paid for and fails."""
    for reply in replies(WRONG, FEW_STATUSES):
        read_upload(provider, reply)
    for reply in replies(NOTHING):
        found = read_upload(provider, reply)
        require(not isinstance(found, Address), f"read_upload invents {describe(found)} ({describe(reply.body)})")


def check_echo(provider: Provider) -> None:
    """No prompt is invented: by it a lost submission is told from another one."""
    for reply in replies(WRONG, FEW_STATUSES):
        read_echo(provider, reply, JOBS[0])
    for reply in replies(NOTHING):
        found = read_echo(provider, reply, JOBS[0])
        require(not isinstance(found, str), f"read_echo invents {describe(found)} ({describe(reply.body)})")


def check_search(provider: Provider) -> None:
    """The request is a POLL; no job is invented, and a failure never says that there is none: it would pay twice."""
    if not isinstance(provider, JobFinder):
        return
    dispatch = Dispatch("0e984725-c51c-4bf4-9960-e1c80e27aba0")
    asked = call_twice("search", provider.search, dispatch)
    require(isinstance(asked, Request) and asked.call is Call.POLL, f"search must be a POLL, not {describe(asked)}")
    for reply in replies((*NOTHING, *WRONG)):
        found = call_twice("read_search", provider.read_search, dispatch, reply)
        if isinstance(found, AskNext) or decide_no_result(provider, Call.POLL, reply, found) is not None:
            continue
        absent = reply.status >= 500 or reply.status in (401, 403, 408, 429)
        require(found is not None or not absent, f"read_search says that there is no job, by status {reply.status}")
        require(found is None or reply.body not in NOTHING, f"read_search invents {describe(found)}")
        if found is not None:
            require_job_name("read_search", found)


def check_cancel(provider: Provider) -> None:
    """The request is a CANCEL that names its job; a refusal never tells that the job has ended."""
    if not isinstance(provider, Canceller):
        return
    first, second = (call_twice("cancel", provider.cancel, job) for job in JOBS)
    require(isinstance(first, Request) and first.call is Call.CANCEL, f"cancel must be a CANCEL, not {describe(first)}")
    require(first != second, "cancel leaves out the job: it would end another one")
    for reply in replies((*NOTHING, *WRONG), FEW_STATUSES):
        found = call_twice("read_cancel", provider.read_cancel, reply)
        if decide_no_result(provider, Call.CANCEL, reply, found) is None:
            require(isinstance(found, bool), f"read_cancel must return True or False, not {describe(found)}")
            ended = found is True and reply.status not in ACCEPTING
            require(not ended, f"read_cancel says that the job has ended, by status {reply.status}")


def check_balance(provider: Provider) -> None:
    """Whatever stands in a reply: nothing is raised, and a balance is a Fraction."""
    for reply in replies((*NOTHING, *WRONG), FEW_STATUSES):
        read_balance(provider, reply)


def check_callbacks(provider: Provider) -> None:
    """Anybody can call: what comes out can be a job's name, or nothing does."""
    for body in WRONG:
        read_callback(provider, body)
    for body in NOTHING:
        names = read_callback(provider, body)
        require(names == (), f"jobs_in_callback invents {describe(names)}: the body was {describe(body)}")


def check_profile(provider: Provider) -> None:
    """A profile makes another provider of the same name; one that cannot be right is an InputError."""
    if not isinstance(provider, Configurable):
        return
    same = provider.with_profile({})
    require(same.name == provider.name, f"with_profile changes the name to {describe(same.name)}: a part of every key")
    for value in HOSTILE:
        _require_refusal(provider, {"storyboard-contract": value})


def _require_refusal(provider: Configurable, profile: dict[str, object]) -> None:
    try:
        provider.with_profile(profile)
    except InputError:
        return
    except Exception as error:  # Others wrote the provider: whatever it raises fails the check.
        raise AssertionError(f"with_profile must raise InputError, not {type(error).__name__}") from error
    raise AssertionError("with_profile takes a name that it does not know: a misspelt one would be ignored")
