"""Settle an unconfirmed submission: adopt its job, submit the shot again, or give it up."""

from collections.abc import Iterator

from storyboard.config.credentials import service_endpoint
from storyboard.generation.provider_calls import echoed_prompt
from storyboard.model.errors import InputError
from storyboard.model.submission import ASKED_AGAIN, Submission
from storyboard.model.text import one_line
from storyboard.state.ledger.submissions import KnownJob
from storyboard.system import signals
from storyboard.system.clock import Clock
from storyboard.workflow.facts import current_plan, orphaned_submissions
from storyboard.workflow.owed_jobs import owed_jobs
from storyboard.workflow.workspace import Workspace


def submission_to_settle(workspace: Workspace, scene: str, number: int | None = None) -> Submission:
    """Return the submission of a scene that needs a decision: the present or an earlier one. Raise InputError.

    ``number`` is that of the take; None for the first one that needs a decision. An earlier submission is one whose
    answer was lost, or whose job is owed and never ends.
    """
    plan = current_plan(workspace)
    owed = [job.submission for job in owed_jobs(workspace, plan) if not job.is_original]
    forgotten = [entry for entry in (*owed, *orphaned_submissions(workspace, plan)) if entry.scene == scene]
    if scene not in workspace.wanted and not forgotten:
        known = ", ".join(workspace.wanted)
        raise InputError(f"there is no scene {one_line(scene, 60)!r} that a provider makes", f"scenes: {known}")
    present = (entry for entry in _present(workspace, scene, number) if not _is_settled(workspace, entry))
    entry = next(present, forgotten[-1] if forgotten else None)
    if entry is None:
        raise InputError(f"there is nothing to decide about {scene}", "storyboard status says how scenes stand")
    if entry.state in ("intent", "open") and workspace.realm_of(entry).is_running(entry.run):
        raise InputError(f"a render is asking for {scene} just now", "wait for it, or stop it")
    return entry


def _present(workspace: Workspace, scene: str, number: int | None) -> Iterator[Submission]:
    """The submissions of a scene's takes, or of one, the unconfirmed ones first. Raise InputError for no take."""
    keys = workspace.wanted[scene].keys if scene in workspace.wanted else {}
    if number is not None and keys and number not in keys:
        raise InputError(f"{scene} has no take {number}", f"takes: {', '.join(map(str, keys))}")
    asked = keys.values() if number is None else [keys[number]] if keys else []
    found = [entry for key in asked if (entry := workspace.submission(key))]
    yield from sorted(found, key=lambda entry: entry.state not in ("intent", "unknown"))


def _is_settled(workspace: Workspace, entry: Submission) -> bool:
    """Whether nothing is to be decided about a submission: it failed, or its take is here."""
    return entry.state in ("refused", "failed") or (entry.state == "taken" and _held(workspace, entry))


def _held(workspace: Workspace, entry: Submission) -> bool:
    """Whether a take of it is in the store: if not, the service may no longer have it either."""
    realm = workspace.realm_of(entry)
    return any(realm.store.holds(take.digest, take.bytes) for take in realm.ledger.takes.of_key(entry.key).values())


def adopt(workspace: Workspace, entry: Submission, job: str, now: float) -> None:
    """Record ``job`` as the submitted one, once the provider confirms the prompt. Raise InputError."""
    from storyboard.http.client import Client

    settings, provider = workspace.settings.for_provider(entry.provider), workspace.provider_of(entry)
    api = service_endpoint(settings)
    job = api.own_key().mask.mask(job)

    async def ask() -> str | None:
        async with Client(api, Clock(settings.time_scale), provider.answers) as wire:
            return await echoed_prompt(provider, wire, job)

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
        workspace.realm_of(entry).ledger.submissions.record_accepted(entry, job, now)
    except KnownJob:
        raise InputError(f"the job {one_line(job, 80)} belongs to another shot", "look at its number") from None


def request_again(workspace: Workspace, entry: Submission, now: float) -> None:
    """Close it, so that the next render submits again. Raise InputError if a callback has named its job since."""
    ledger = workspace.realm_of(entry).ledger
    if ledger.inbox.jobs_named_by_callbacks(entry.nonce):
        raise InputError(f"a callback has named the job of {entry.scene}: it is paid for", "render collects it")
    ledger.submissions.record_failed(entry, ASKED_AGAIN, entry.code, now)


def abandon(workspace: Workspace, entry: Submission, now: float) -> None:
    """Give it up: it is neither waited for nor submitted again."""
    workspace.realm_of(entry).ledger.submissions.record_abandoned(entry, "its submission was given up", now)
