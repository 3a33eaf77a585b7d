"""Download the uncropped original of a clip that the provider cropped: its address expires with the clip's."""

import asyncio

from storyboard.generation.provider_calls import job_status
from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import AddressExpired, OriginalGone, SceneFailed, Stalled
from storyboard.model.submission import Submission
from storyboard.model.take import ORIGINAL, Take
from storyboard.planning.steps import Collect, Make
from storyboard.providers.base import Ready
from storyboard.system.files import discard

_DAY = 24 * 60 * 60  # seconds
_GONE = 410  # the HTTP status of an address whose file was deleted


async def collect_original(
    services: RunServices, state: RunState, step: Make | Collect, key: str, job: str | None, ready: Ready
) -> None:
    """Put the original of a take into the store, verified as a take is. Raise LocalFault.

    ``key`` is that of the shot, ``job`` the one that generated it. A failure is a warning, and the ledger records that
    the original is owed.
    """
    if not services.originals or not ready.original or _has_original(services, key):
        return
    try:
        await _download(services, state, key, job, ready)
    except SceneFailed as error:
        if job:
            services.ledger.takes.record_original_owed(key, job, services.clock.wall())
            state.originals_owed.add((key, job))
        said = f"its uncropped original was not downloaded, the next run asks for it again: {error.message}"
        services.on_event(events.Warned(step.scene, said))


async def collect_owed_original(services: RunServices, state: RunState, submission: Submission) -> Take:
    """Return the original of a finished job that an earlier run could not download. Raise RunRefused, LocalFault.

    Raise OriginalGone once the provider does not have it: it is not owed any more; Stalled while it is.
    """
    assert submission.job is not None
    try:
        ready = await _named(services, submission.job)
        return await _download(services, state, submission.key, submission.job, ready)
    except SceneFailed as error:
        is_gone = isinstance(error, OriginalGone) or error.code == _GONE or _is_past(services, submission)
        if not is_gone:
            raise Stalled(f"its uncropped original: {error.message}", error.hint, error.code) from error
        services.ledger.takes.forget_original(submission)
        said = f"its uncropped original is not asked for again, the service has deleted it: {error.message}"
        raise OriginalGone(said, "the take itself is not affected", error.code) from error


async def _named(services: RunServices, job: str) -> Ready:
    """Return the finished job, with the address of its original. Raise OriginalGone, Stalled, RunRefused."""
    try:
        found = await job_status(services.provider, services.client, job)
    except (Stalled, AddressExpired):
        raise
    except SceneFailed as error:
        raise OriginalGone(error.message, error.hint, error.code) from error
    if not isinstance(found, Ready):
        raise Stalled("the service does not name its address now")
    if not found.original:
        raise OriginalGone("the service names no address of it any more")
    return found


def _is_past(services: RunServices, submission: Submission) -> bool:
    """Whether the service keeps the job no longer, as far as is known."""
    days = services.provider.capabilities.job_days
    return days is not None and services.clock.wall() > submission.asked + days * _DAY


async def _download(services: RunServices, state: RunState, key: str, job: str | None, ready: Ready) -> Take:
    """Download, verify and record an original. Raise SceneFailed, LocalFault."""
    path = services.store.arrival_path(state.name)
    try:
        async with state.downloads:
            state.may_download()
            downloaded = await services.client.fetch(ready.original, path)
        async with state.checks:
            examined = await asyncio.to_thread(services.verify, path)
        original = Take(downloaded.sha256, downloaded.bytes, examined.measure, ORIGINAL, ready.seed, None, job)
        services.store.put(path, original.digest)
        services.ledger.takes.record_original(key, original, services.clock.wall())
    finally:
        discard(path)
    return original


def _has_original(services: RunServices, key: str) -> bool:
    known = services.ledger.takes.original_of(key)
    return known is not None and services.store.holds(known.digest, known.bytes)
