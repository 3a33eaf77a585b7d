"""Download the uncropped original of a clip that the provider cropped: its address expires with the clip's."""

import asyncio

from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import SceneFailed
from storyboard.model.take import ORIGINAL, Take
from storyboard.planning.steps import Collect, Make
from storyboard.providers.base import Ready
from storyboard.system.files import discard


async def collect_original(
    services: RunServices, state: RunState, step: Make | Collect, key: str, job: str | None, ready: Ready
) -> None:
    """Put the original of a take into the store, verified as a take is. A failure is a warning. Raise LocalFault.

    ``key`` is that of the shot, ``job`` the one that generated it.
    """
    if not services.originals or not ready.original or _has_original(services, key):
        return
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
    except SceneFailed as error:
        services.on_event(events.Warned(step.scene, f"its uncropped original was not downloaded: {error.message}"))
    finally:
        discard(path)


def _has_original(services: RunServices, key: str) -> bool:
    known = services.ledger.takes.original_of(key)
    return known is not None and services.store.holds(known.digest, known.bytes)
