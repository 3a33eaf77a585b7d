"""Deciding a submission that nobody knows the end of: adopt its job, have it asked for again, or give it up."""

from storyboard.config.credentials import api_key
from storyboard.generation.provider_calls import echoed_prompt
from storyboard.model.errors import InputError
from storyboard.model.submission import Submission
from storyboard.model.text import one_line
from storyboard.state.ledger.submissions import KnownJob
from storyboard.system import signals
from storyboard.system.claims import is_locked
from storyboard.system.clock import Clock
from storyboard.workflow.desk import Desk


def submission_to_settle(at: Desk, scene: str) -> Submission:
    """What there is to decide about a scene: its present submission, else one of before. Raises InputError."""
    forgotten = [entry for entry in at.forgotten(at.plan()) if entry.scene == scene]
    if scene not in at.wanted and not forgotten:
        known = ", ".join(at.wanted)
        raise InputError(f"there is no scene {one_line(scene, 60)!r} that a provider makes", f"scenes: {known}")
    entry = at.ledger.submissions.of_key(at.wanted[scene].key) if scene in at.wanted else None
    if entry is None or entry.state in ("refused", "failed") or (entry.state == "taken" and _held(at, entry)):
        if not forgotten:
            raise InputError(f"there is nothing to decide about {scene}", "storyboard status says how scenes stand")
        entry = forgotten[-1]
    if entry.state in ("intent", "open") and is_locked(at.runs / entry.run):
        raise InputError(f"a render is asking for {scene} just now", "wait for it, or stop it")
    return entry


def _held(at: Desk, entry: Submission) -> bool:
    """Whether a take of it is in the store: where none is, the service may not have it any more either."""
    return any(at.store.holds(take.digest, take.bytes) for take in at.ledger.takes.of_key(entry.key).values())


def adopt(at: Desk, entry: Submission, job: str, now: float) -> None:
    """Take ``job`` for the one that was submitted, once the provider says that it has our prompt. Raises InputError."""
    from storyboard.http.client import Client, Endpoint

    async def ask() -> str | None:
        settings = at.settings
        api = Endpoint(settings.base_url, api_key(settings), settings.environment)
        async with Client(api, Clock(settings.time_scale), at.provider.answers) as wire:
            return await echoed_prompt(at.provider, wire, job)

    if entry.state in ("open", "taken"):
        raise InputError(f"{entry.scene} has the job {entry.job} already", "render collects it")
    said = signals.run(ask)
    if said is None:
        raise InputError(
            f"the provider does not say what the job {one_line(job, 80)} was asked for", "look at its number"
        )
    if not entry.asks(said):
        raise InputError(
            f"the job {one_line(job, 80)} was asked for something else: {one_line(said, 200)}", "look at its number"
        )
    try:
        at.ledger.submissions.record_accepted(entry, job, now)
    except KnownJob:
        raise InputError(f"the job {one_line(job, 80)} belongs to another shot", "look at its number") from None


def request_again(at: Desk, entry: Submission, now: float) -> None:
    """Close it, so that the next render asks anew. Raises InputError where a callback has named its job since."""
    if at.ledger.inbox.jobs_named_by_callbacks(entry.nonce):
        raise InputError(f"a callback has named the job of {entry.scene}: it is paid for", "render collects it")
    at.ledger.submissions.record_failed(entry, "asked for again, as the author decided", entry.code, now)


def abandon(at: Desk, entry: Submission, now: float) -> None:
    """Give it up: neither waited for nor asked for again."""
    at.ledger.submissions.record_abandoned(entry, "its submission was given up", now)
