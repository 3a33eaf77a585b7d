"""Checks of what a provider reads in the service's own replies: whole, damaged, and about another job."""

from dataclasses import dataclass, replace
from fractions import Fraction

from storyboard.http.exchange import Reply
from storyboard.http.policy import Decision, Verdict
from storyboard.providers.base import Address, JobFailed, Pending, Provider, Ready
from storyboard.testing.ability_checks import read_balance, read_callback, read_echo, read_upload, read_upscale
from storyboard.testing.assertions import describe, require
from storyboard.testing.hostile_values import damaged_copies, with_job
from storyboard.testing.reading_checks import read_job, read_standing, require_job_or_unknown
from storyboard.testing.request_checks import JOBS


@dataclass(frozen=True, slots=True)
class ReplySamples:
    """Replies of the service, recorded or from its documentation. Numbers with a point are Decimals.

    ``job`` is the job's name in ``accepted``, and in replies about the job that repeat it. ``refused`` is a refusal
    that is certainly not charged. The others belong to optional abilities: ``callback`` is the body of a callback about
    ``job``, ``prompt`` the text that ``echoed`` repeats.
    """

    job: str
    accepted: Reply
    refused: Reply
    pending: Reply
    ready: Reply
    failed: Reply
    upscaled: Reply | None = None
    uploaded: Reply | None = None
    echoed: Reply | None = None
    prompt: str = ""
    balance: Reply | None = None
    callback: object = None


def check_accepted(provider: Provider, samples: ReplySamples) -> None:
    """The whole product hangs on this one name."""
    found = read_job(provider, samples.accepted)
    require(found == samples.job, f"read_submission finds {describe(found)} in an acceptance, not {samples.job}")


def check_refused(provider: Provider, samples: ReplySamples) -> None:
    """A plain refusal ends the scene or the run; it leaves no doubt behind."""
    found = read_job(provider, samples.refused)
    if not isinstance(found, Decision):
        raise AssertionError(f"read_submission finds the job {found} in a refusal")
    require(found.rule.verdict is not Verdict.UNKNOWN, "a refusal is UNKNOWN: people would have to settle it by hand")


def check_damaged_acceptance(provider: Provider, samples: ReplySamples) -> None:
    """An acceptance of which a part is missing or wrong may have been charged."""
    for body in damaged_copies(samples.accepted.body):
        require_job_or_unknown(provider, replace(samples.accepted, body=body), "this is a damaged acceptance")


def check_receipt(provider: Provider, samples: ReplySamples) -> None:
    """A refusal that names a job all the same is a RECEIPT: sent again, it would be paid for twice."""
    for status in (400, 402, 429, 500, 503, 521):
        reply = Reply(status, samples.accepted.body, retry_after=1.0)
        require_job_or_unknown(provider, reply, f"HTTP {status} refuses, and yet the reply names a job")


def check_standing(provider: Provider, samples: ReplySamples) -> None:
    """Pending, Ready and JobFailed are told apart."""
    for reply, kind in ((samples.pending, Pending), (samples.ready, Ready), (samples.failed, JobFailed)):
        found = read_standing(provider, samples.job, reply)
        require(isinstance(found, kind), f"read_status must find {kind.__name__}, not {describe(found)}")
    again = read_standing(provider, samples.job, samples.pending)
    require(again == Pending(), f"the job is seen and not done, so it is Pending(), not {describe(again)}")


def check_damaged_status(provider: Provider, samples: ReplySamples) -> None:
    """Whatever part of a record is missing or wrong: nothing is raised, and an address is one."""
    for reply in (samples.pending, samples.ready, samples.failed):
        for body in damaged_copies(reply.body):
            read_standing(provider, samples.job, replace(reply, body=body))


def check_other_job(provider: Provider, samples: ReplySamples) -> None:
    """A record that names another job is not this job's: a wrong clip in the scene, or a paid job given up."""
    for reply in (samples.ready, samples.failed):
        body = with_job(reply.body, samples.job, JOBS[0])
        found = read_standing(provider, samples.job, replace(reply, body=body))
        wrong = body != reply.body and isinstance(found, Ready | JobFailed)
        require(not wrong, f"read_status reads another job's record as {describe(found)}: return Meaning(FOREIGN)")


def check_samples_of_abilities(provider: Provider, samples: ReplySamples) -> None:
    """The replies that belong to optional abilities are understood, and damaged ones raise nothing."""
    if samples.upscaled:
        found = read_upscale(provider, samples.upscaled)
        require(isinstance(found, Ready), f"read_upscale must find Ready, not {describe(found)}")
        for body in damaged_copies(samples.upscaled.body):
            read_upscale(provider, replace(samples.upscaled, body=body))
    if samples.uploaded:
        found = read_upload(provider, samples.uploaded)
        require(isinstance(found, Address), f"read_upload must find an Address, not {describe(found)}")
        for body in damaged_copies(samples.uploaded.body):
            read_upload(provider, replace(samples.uploaded, body=body))
    _check_texts(provider, samples)


def _check_texts(provider: Provider, samples: ReplySamples) -> None:
    if samples.echoed:
        found = read_echo(provider, samples.echoed, samples.job)
        require(found == samples.prompt, f"read_echo must find {describe(samples.prompt)}, not {describe(found)}")
        for body in damaged_copies(samples.echoed.body):
            read_echo(provider, replace(samples.echoed, body=body), samples.job)
    if samples.balance:
        found = read_balance(provider, samples.balance)
        require(isinstance(found, Fraction), f"read_balance must find an amount, not {describe(found)}")
        for body in damaged_copies(samples.balance.body):
            read_balance(provider, replace(samples.balance, body=body))
    if samples.callback is not None:
        names = read_callback(provider, samples.callback)
        require(samples.job in names, f"jobs_in_callback must find {samples.job}, not {describe(names)}")
        for body in damaged_copies(samples.callback):
            read_callback(provider, body)
