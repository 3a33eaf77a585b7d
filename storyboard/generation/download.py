"""Download a clip, verify it whole, put it into the store, record it; buy and download its upgrade."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from storyboard.generation.clip_checks import remarks_of_clip, tell_remarks
from storyboard.generation.originals import collect_original
from storyboard.generation.polling import clip_ready, still_open, upgrade_ready, way_back
from storyboard.generation.run_state import RunState
from storyboard.generation.schedule import HD_DEADLINE
from storyboard.generation.services import RunServices
from storyboard.http.clip_download import DownloadedFile, write_clip
from storyboard.model import events
from storyboard.model.cost import CREDITS
from storyboard.model.errors import AddressExpired, BadMedia, LocalFault, SceneFailed, UpgradeRefused
from storyboard.model.submission import Submission
from storyboard.model.take import Take
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Make
from storyboard.providers.base import Ready
from storyboard.system.files import discard

# How often a clip with bad bytes is downloaded again, and how often a new address is asked for.
REFETCHES = 2
NEW_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Expected:
    """The clip to download: of the shot ``key``, by ``job``; only the one with this ``digest``, if there is one."""

    key: str
    job: str | None
    resolution: str
    digest: str | None = None


async def collect_clip(
    services: RunServices, state: RunState, step: Make | Collect, submission: Submission, ready: Ready | None
) -> Take:
    """Return the take of a job, polling first unless it is ``ready``. Raise SceneFailed, LocalFault."""
    ready = ready or await clip_ready(services, state, step, submission)
    expected = Expected(submission.key, submission.job, services.model(step.shot).base(step.resolution))
    return await download_take(
        services, state, step, expected, ready, lambda: clip_ready(services, state, step, submission)
    )


async def collect_upgrade(
    services: RunServices,
    state: RunState,
    step: Make | Collect,
    submission: Submission,
    deadline: float = HD_DEADLINE,
) -> Take:
    """Buy the upgrade of a job whose take is in the store, and return its take; wait ``deadline`` seconds for it.

    Raise UpgradeRefused (then nothing is booked), SceneFailed, OverBudget.
    """
    if submission.hd is None:
        state.may_submit(services.provider.name)
        now, price = services.clock.wall(), state.prices.upgrade(step.shot).credits
        services.ledger.submissions.record_upgrade(
            submission, step.scene, state.storyboard_id, state.name, price, now, state.budget
        )
    try:
        ready = await upgrade_ready(services, state, step, submission, deadline=deadline)
        expected = Expected(submission.key, submission.job, step.resolution)
        return await download_take(
            services,
            state,
            step,
            expected,
            ready,
            lambda: upgrade_ready(services, state, step, submission, again=True),
        )
    except UpgradeRefused:
        raise
    except SceneFailed as error:
        raise SceneFailed(f"{step.resolution}: {error.message}", way_back(services, step), error.code) from error


async def download_take(
    services: RunServices,
    state: RunState,
    step: Make | Collect,
    expected: Expected,
    ready: Ready,
    again: Callable[[], Coroutine[None, None, Ready]],
) -> Take:
    """Download and verify; ask ``again`` for an address that expired, download again what is damaged.

    Raise SceneFailed, BadMedia, Stalled, LocalFault.
    """
    expired = bad = 0
    while True:
        path = services.store.arrival_path(state.name)
        try:
            return await _download(services, state, step, expected, ready, path)
        except AddressExpired as error:
            expired += 1
            if expired > NEW_ADDRESSES:
                said = f"the provider does not serve its clip: {error.message}"
                raise SceneFailed(said, still_open(services), error.code) from error
            await services.clock.pause(services.clock.between(1, 5))
            ready = await again()
        except BadMedia as error:
            bad += 1
            with suppress(LocalFault):
                services.store.set_aside(path)
            if bad > REFETCHES:
                hint = f"kept in {services.store.root / 'damaged'}; run again to download it again"
                raise BadMedia(f"the download is not a complete clip: {error.message}", hint) from error
            ready = await again() if ready.content else ready
        finally:
            discard(path)


async def _arrived(services: RunServices, ready: Ready, path: Path) -> DownloadedFile:
    """The clip of a job in a new file: from its address, or as it came in the reply itself."""
    if ready.content:
        return await asyncio.to_thread(write_clip, ready.content, path)
    return await services.client.fetch(ready.url, path, with_key=ready.with_key)


async def _download(
    services: RunServices,
    state: RunState,
    step: Make | Collect,
    expected: Expected,
    ready: Ready,
    path: Path,
) -> Take:
    async with state.downloads:
        state.may_download()
        downloaded = await _arrived(services, ready, path)
    services.on_event(events.Fetched(step.scene, step.shot.take, downloaded.bytes))
    if expected.digest not in (None, downloaded.sha256):
        raise SceneFailed("the service serves another clip than the one that the lock pins")
    async with state.checks:
        examined = await asyncio.to_thread(services.verify, path)
    reported = (ready.seed, ready.credits, expected.job, ready.fallback)
    unit = services.provider.prices.unit(step.shot.model) if ready.credits is not None else CREDITS
    take = Take(downloaded.sha256, downloaded.bytes, examined.measure, expected.resolution, *reported, unit=unit)
    services.store.put(path, take.digest)
    # Before the take is recorded: killed in between, the next run downloads both again.
    await collect_original(services, state, step, expected.key, expected.job, ready)
    try:
        take = replace(take, remarks=await remarks_of_clip(services, state, step, take, examined))
    finally:
        # In one write, as a rule may buy another take for a remark. Whatever becomes of the checks, the take is there.
        services.ledger.takes.record_take(expected.key, take, services.clock.wall())
    if take.fallback:
        model = one_line(services.model(step.shot).name, 40)
        why = f"the service generated it with a fallback model, not with {model}"
        services.on_event(events.Warned(step.scene, why))
    tell_remarks(services, step, take.remarks)
    return take
