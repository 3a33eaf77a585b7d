"""Poll a job until its clip, or its upgrade, is ready; or until the limit of polling is reached."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from storyboard.generation.provider_calls import job_status, upscale_status
from storyboard.generation.run_state import RunState
from storyboard.generation.schedule import HD_DEADLINE, HD_PAUSE, JITTER, PollLimit, between_polls
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import AddressExpired, RunRefused, SceneFailed, Stalled, UpgradeRefused
from storyboard.model.submission import Submission
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Make
from storyboard.providers.base import Pending, Ready


async def wait_until_ready(
    services: RunServices,
    state: RunState,
    ask: Callable[[], Awaitable[Pending | Ready]],
    limit: PollLimit,
    interval: Callable[[float], float],
    pause: Callable[[float], Awaitable[None]],
) -> Ready | str:
    """Poll until the answer is ready; return why not, in words, once the limit is reached.

    ``interval`` gives the seconds to the next poll for a job polled for so many seconds; ``pause`` waits that long.
    The time that a job lies in a queue does not count, but where there is no patience at all.
    Raise LocalFault if this machine failed meanwhile, and what ``ask`` raises.
    """
    clock = services.clock
    began = last = clock.monotonic()
    while True:
        state.may_download()
        found = await ask()
        if isinstance(found, Ready):
            return found
        now = clock.monotonic()
        if found.queued and limit.deadline:
            began += now - last
        age, last = now - began, now
        seconds = interval(age) * clock.between(*JITTER)
        if why := limit.over(age, seconds, seen=found.seen, done=found.done):
            return why
        await pause(seconds)


async def clip_ready(
    services: RunServices,
    state: RunState,
    step: Make | Collect,
    submission: Submission,
    deadline: float | None = None,
) -> Ready:
    """Wait until the clip of a job is ready, for ``deadline`` seconds, by default as long as the provider says.

    Raise Stalled at the limit (the job stays open), SceneFailed if it failed.
    """
    assert submission.job is not None
    job, records, timing = submission.job, services.ledger.submissions, services.provider.timing
    place = None

    async def ask() -> Pending | Ready:
        nonlocal place
        try:
            found = await job_status(services.provider, services.client, job)
        except (Stalled, AddressExpired):
            raise
        except SceneFailed as error:
            records.record_failed(submission, error.message, error.code, services.clock.wall())
            raise
        if isinstance(found, Pending) and found.place != place:
            place = found.place
            services.on_event(events.Waiting(step.scene, step.shot.take, job, place))
        return found

    services.on_event(events.Waiting(step.scene, step.shot.take, job))
    limit, interval = PollLimit(timing.deadline if deadline is None else deadline), partial(between_polls, timing.pause)
    found = await wait_until_ready(
        services, state, ask, limit, interval, lambda seconds: services.callbacks.pause(submission, seconds)
    )
    if isinstance(found, str):
        raise Stalled(f"job {one_line(job, 80)}: {found}", still_open(services))
    if services.provider.prices.unit(submission.model) != submission.unit:
        # The user pays in another unit than the one in which the provider reports.
        found = replace(found, credits=None)
    if found.credits is not None and found.credits != submission.credits:
        # Recorded before the next submission checks the budget, not only when the clip has been downloaded.
        records.record_charge(submission, found.credits, services.clock.wall())
    if found.others:
        more = "another clip" if found.others == 1 else f"{found.others} more clips"
        said = f"the job made {more}, and only the first is used"
        services.on_event(events.Warned(step.scene, said))
    return found


async def upgrade_ready(
    services: RunServices,
    state: RunState,
    step: Make | Collect,
    submission: Submission,
    *,
    again: bool = False,
    deadline: float = HD_DEADLINE,
) -> Ready:
    """Wait until the upgrade of a finished job is ready, for ``deadline`` seconds.

    ``again``: it was ready before, so it was charged. Raise Stalled at the limit, SceneFailed, RunRefused;
    UpgradeRefused if the provider makes none. A refusal that comes before anything else was answered takes the booking
    back: then nothing was charged.
    """
    assert submission.job is not None
    job, records, began = submission.job, services.ledger.submissions, False

    async def ask() -> Pending | Ready:
        nonlocal began
        try:
            found = await upscale_status(services.provider, services.client, job)
        except (Stalled, AddressExpired):
            raise
        except SceneFailed as error:
            if again or step.resolution in services.ledger.takes.of_key(submission.key):
                raise
            if not began:
                records.forget_upgrade(submission)
            raise UpgradeRefused(error.message, error.hint, error.code) from error
        except RunRefused:
            if not began and not again and submission.hd is None:
                records.forget_upgrade(submission)
            raise
        began = True
        return found

    limit = PollLimit(deadline)
    found = await wait_until_ready(services, state, ask, limit, lambda age: HD_PAUSE, services.clock.pause)
    if isinstance(found, str):
        raise Stalled(found, way_back(services, step))
    return found


def still_open(services: RunServices) -> str:
    """Say what to do about an accepted job whose clip does not come.

    It is closed by the provider's word alone, never by our failing to download its clip.
    """
    paid, twice = ("it is paid for", ", which may be charged twice")
    if services.is_rehearsal:
        paid, twice = ("it was accepted in a rehearsal", "")
    again = f"`storyboard settle FILE SCENE --again` submits the scene again{twice}"
    return f"{paid}: run again to download it (free); if the service has lost it, {again}"


def way_back(services: RunServices, step: Make | Collect) -> str:
    """Say what to do if an upgrade fails."""
    base = services.model(step.shot).base(step.resolution)
    return f"its {base} take is safe: run again, or say resolution: {base}"
