"""Collect: download what is owed, clips of jobs that no scene needs now, and originals."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path

from storyboard.config.credentials import service_endpoint
from storyboard.config.settings import Settings
from storyboard.generation.callbacks import CallbackWaiters
from storyboard.generation.owed import collect_owed
from storyboard.generation.run_state import RunState
from storyboard.generation.services import AllServices, RunServices
from storyboard.generation.uploads import own_uploads
from storyboard.graphics.frame_sheet import images_png
from storyboard.graphics.stills import fit_image
from storyboard.http.client import Client
from storyboard.media.sent_image import likeness
from storyboard.media.verify import examine
from storyboard.model import events
from storyboard.model.errors import InputError
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.storyboard import LocalImage
from storyboard.model.submission import Submission
from storyboard.model.take import Outcome
from storyboard.planning.steps import Plan
from storyboard.state.realm import Realm, claim_storyboard, open_realm
from storyboard.system import signals
from storyboard.system.claims import exclusive_lock, is_locked
from storyboard.system.clock import Clock
from storyboard.system.files import discard
from storyboard.workflow.offers import provider_of
from storyboard.workflow.owed_jobs import storyboard_id, used_realms
from storyboard.workflow.render_options import EventHandler


def collect(settings: Settings, storyboard: Path | None, on_event: EventHandler) -> list[tuple[Submission, Outcome]]:
    """Download what a storyboard owes, or all that is owed here; it need not be valid, nor be there any more.

    Raise InputError, RunRefused, LocalFault, and Busy while a render of the storyboard is in progress.
    """
    found: list[tuple[Submission, Outcome]] = []
    known: list[Submission] = []
    with ExitStack() as stack:
        kinds = used_realms(settings)
        if kinds and storyboard and storyboard.parent.is_dir():
            stack.enter_context(claim_storyboard(storyboard))
        realms = [stack.enter_context(open_realm(kind, settings.realm_folder(kind), time.time())) for kind in kinds]
        for realm in realms:
            known += realm.ledger.submissions.all(storyboard_id(storyboard))
        _refuse_unknown(storyboard, known)
        for realm in realms:
            owed = realm.owed_jobs(storyboard_id(storyboard), originals=settings.originals)
            found += _collected(settings, realm, owed, on_event) if owed else []
    return found


def _collected(
    settings: Settings, realm: Realm, owed: list[Submission], on_event: EventHandler
) -> list[tuple[Submission, Outcome]]:
    return signals.run(lambda: _collect(settings, realm, owed, on_event))


def _refuse_unknown(storyboard: Path | None, submissions: Sequence[Submission]) -> None:
    """Raise InputError for the name of a storyboard that is not there and never was."""
    if storyboard and not storyboard.exists() and not submissions:
        hint = "correct the name, or use --all for what any storyboard owes"
        raise InputError(f"there is no file {storyboard}, and nothing was submitted for it", hint)


async def _collect(
    settings: Settings, realm: Realm, owed: list[Submission], on_event: EventHandler
) -> list[tuple[Submission, Outcome]]:
    state = RunState(secrets.token_hex(8), "", settings.prices)
    names = sorted({each.provider for each in owed} & {*settings.names}) or [settings.provider]
    with _claimed(realm, state.name):
        async with AsyncExitStack() as stack:
            found = {name: await _services(settings.for_provider(name), realm, stack, on_event) for name in names}
            services = AllServices(found.get(settings.provider) or found[names[0]], found)
            state.clients += [each.client for each in services.every]
            return await collect_owed(services, state, owed)


async def _services(settings: Settings, realm: Realm, stack: AsyncExitStack, on_event: EventHandler) -> RunServices:
    """What is used of one provider to download clips. Raise InputError, RunRefused."""
    provider, clock = provider_of(settings, realm.kind), Clock(settings.time_scale)

    def notice(why: str) -> None:
        on_event(events.Warned("", why))

    client = await stack.enter_async_context(Client(service_endpoint(settings), clock, provider.answers, notice=notice))
    return RunServices(
        provider=provider,
        catalogue=Catalogue.of(provider.name, provider.capabilities),
        client=client,
        ledger=realm.ledger,
        store=realm.store,
        film=realm,
        uploads=None,
        own_uploads=own_uploads(provider, client),
        clock=clock,
        callbacks=CallbackWaiters(clock, None),
        runs=realm.runs,
        slots=asyncio.Semaphore(1),
        read_image=_no_image,
        verify=examine,
        likeness=likeness,
        take_frames=images_png,
        fit_image=fit_image,
        bring_in=lambda shot: None,
        prepare=lambda scene, take: None,
        plan_again=lambda: Plan(()),
        on_event=on_event,
        originals=settings.originals,
        is_rehearsal=realm.kind == "rehearsal",
    )


@contextmanager
def _claimed(realm: Realm, run: str) -> Iterator[None]:
    """Claim a run, so that its partial downloads are not swept; sweep those of dead ones."""
    with ExitStack() as stack:
        stack.callback(discard, realm.runs / run)
        stack.enter_context(exclusive_lock(realm.runs / run, "this run is already in progress"))
        realm.store.sweep(lambda name: is_locked(realm.runs / name))
        yield


def _no_image(image: LocalImage) -> bytes:
    raise InputError(f"{image.path} is not needed to download a clip")
