"""Download the takes that a lock pins by the jobs that it names: bought elsewhere, they are not bought again."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

from storyboard.generation.download import Expected, download_take
from storyboard.generation.polling import wait_until_ready
from storyboard.generation.provider_calls import job_status, upscale_status
from storyboard.generation.run_state import RunState
from storyboard.generation.schedule import PollLimit, between_polls
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import RebuyNeeded, SceneFailed, Stalled
from storyboard.model.submission import Submission
from storyboard.model.take import Take
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Make
from storyboard.providers.base import Pending, Ready
from storyboard.state.ledger.submissions import KnownJob


async def fetch_pinned(services: RunServices, state: RunState, step: Collect) -> Submission:
    """Return the job that the lock names as this ledger's submission, once its takes are in the store.

    Raise RebuyNeeded if one cannot be downloaded or is another clip, RunRefused, LocalFault.
    """
    for take in step.pinned:
        is_upgrade = services.model(step.shot).upgrades(take.resolution)
        with lost_take(step, step.upgrade_otherwise if is_upgrade else step.otherwise):
            if not services.store.holds(take.digest, take.bytes):
                await _fetch(services, state, step, take)
            elif take.resolution not in services.ledger.takes.of_key(step.shot.key):
                services.ledger.takes.record_take(step.shot.key, take, services.clock.wall())
    now = services.clock.wall()
    try:
        found = services.ledger.found_jobs.record(
            step.shot, step.scene, state.storyboard_id, state.name, step.pinned, now
        )
    except KnownJob:
        raise SceneFailed(f"its job {one_line(step.job or '', 80)} belongs to another shot", "run again") from None
    owed = (found.key, found.job or "")
    if owed in state.originals_owed:  # The ledger did not know the job when its original was asked for.
        services.ledger.takes.record_original_owed(*owed, now)
    return found


@contextmanager
def lost_take(step: Make | Collect, otherwise: str) -> Iterator[None]:
    """Turn the failure to download a take that was in the store, or that a lock pins, into a decision of the user.

    ``otherwise`` says what buys it again; "" where it was not bought before.
    """
    try:
        yield
    except SceneFailed as error:
        if not otherwise:
            raise
        said = f"its take was bought, is not here, and could not be downloaded: {error.message}"
        raise RebuyNeeded(said, f"run again to try once more, unpaid; {otherwise}") from error


async def _fetch(services: RunServices, state: RunState, step: Collect, take: Take) -> None:
    """Download one take by its job, and record it. Raise SceneFailed."""
    if not (job := take.job or step.job):
        raise SceneFailed("the lock names no job to download it by")
    status = upscale_status if services.model(step.shot).upgrades(take.resolution) else job_status

    async def ready() -> Ready:
        return await _ready(services, state, job, lambda: status(services.provider, services.client, job))

    services.on_event(events.Waiting(step.scene, step.shot.take, job))
    expected = Expected(step.shot.key, job, take.resolution, take.digest)
    await download_take(services, state, step, expected, await ready(), ready)


async def _ready(
    services: RunServices, state: RunState, job: str, ask: Callable[[], Awaitable[Pending | Ready]]
) -> Ready:
    # The job ended before it was pinned: a service that does not know it now has forgotten it, or never knew it.
    timing = services.provider.timing
    limit, interval = PollLimit(timing.deadline, visible_after=0), partial(between_polls, timing.pause)
    found = await wait_until_ready(services, state, ask, limit, interval, services.clock.pause)
    if isinstance(found, str):
        raise Stalled(f"job {one_line(job, 80)}: {found}")
    return found
