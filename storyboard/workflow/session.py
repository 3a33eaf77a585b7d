"""One run of the runner: opens the client, the uploads and, for a draft, the emulator; handles Ctrl-C."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from storyboard.config.credentials import service_endpoint
from storyboard.generation.callbacks import CallbackWaiters, Listener
from storyboard.generation.cancel import cancel_jobs, cancellable_jobs
from storyboard.generation.owed import collect_owed
from storyboard.generation.planned_again import outdated_notes
from storyboard.generation.provider_calls import credit_balance
from storyboard.generation.run_state import RunState, stop_run
from storyboard.generation.runner import LocalExecutor, Runner
from storyboard.generation.services import AllServices, RunServices
from storyboard.generation.uploads import NoMemory, Uploads, own_uploads
from storyboard.graphics.frame_sheet import images_png
from storyboard.graphics.stills import fit_image
from storyboard.http.client import Client, Endpoint
from storyboard.media.sent_image import likeness
from storyboard.media.verify import examine, measure_only
from storyboard.model import events
from storyboard.model.errors import Busy, InputError, Interrupted, SceneFailed, StoryboardError
from storyboard.model.submission import Submission
from storyboard.model.take import Outcome, Take, TakeId
from storyboard.planning.steps import Plan
from storyboard.state.realm import Realm
from storyboard.system import signals
from storyboard.system.claims import exclusive_lock, is_locked
from storyboard.system.clock import Clock
from storyboard.system.files import discard
from storyboard.workflow import preflight
from storyboard.workflow.facts import NOTHING_AGREED, Agreed, upload_destination
from storyboard.workflow.other_realms import bring_in_take
from storyboard.workflow.plan_again import Ended, plan_again
from storyboard.workflow.prepare import BackgroundPreparation
from storyboard.workflow.render_options import never
from storyboard.workflow.workspace import Workspace

# Seconds between two reads of another process's inbox, scaled: at most and at least.
INBOX_MOST = 1.0
INBOX_LEAST = 0.05

# Seconds for the user's answer and the provider's, when a run is left.
_DECIDED_WITHIN = 5

Report = Callable[[events.Event], None]
OwnFaults = Callable[[], Mapping[str, StoryboardError]]


async def session(
    workspace: Workspace,
    plan: Plan,
    at_once: int,
    preparing: BackgroundPreparation,
    report: Report,
    owed: Sequence[Submission] = (),
    may_cancel: Callable[[int], bool] = never,
    agreed: Agreed = NOTHING_AGREED,
) -> Ended:
    """Carry out a plan, to which the user ``agreed`` so; return how the run ended.

    What is ``owed`` is downloaded beside it. ``at_once`` is how many jobs may be in progress. ``may_cancel`` is given
    the number of jobs in progress at the second Ctrl-C. Raise InputError, RunRefused, LocalFault.
    """
    name = secrets.token_hex(8)
    async with AsyncExitStack() as stack:
        stack.callback(preparing.stop)
        service = await _service(workspace, stack, report)
        services = await _all_services(workspace, plan, owed, at_once, service, stack, preparing, report, agreed)
        state = RunState(name, workspace.storyboard_id, workspace.prices, workspace.settings.budget)
        state.clients += [each.client for each in services.every]
        for realm in workspace.all_realms:
            _claim_run(realm, name, stack)
        for each in services.every:
            await _look_at_balance(each, plan, report)
        with _listening(services, state, may_cancel):
            async with asyncio.TaskGroup() as group:
                group.create_task(collect_owed(services, state, owed))
                outcomes = await Runner(LocalExecutor(services, state)).carry_out(plan)
            for note in outdated_notes(state, plan):
                report(note)
            faults = service.own_faults()
            return Ended(_with_own_faults(outcomes, faults), state.end, frozenset(state.planned_again))


def _claim_run(realm: Realm, name: str, stack: AsyncExitStack) -> None:
    """Claim a run in a realm, so that others know that it lives, and remove the incomplete downloads of dead ones."""
    claim = realm.runs / name
    stack.callback(discard, claim)
    stack.enter_context(exclusive_lock(claim, "this run is already in progress"))
    realm.store.sweep(lambda name: is_locked(realm.runs / name))


def _with_own_faults(
    outcomes: Mapping[TakeId, Outcome], faults: Mapping[str, StoryboardError]
) -> Mapping[TakeId, Outcome]:
    """The outcomes with the fault itself in place of the failure that it looked like to the provider's client.

    A fault in the making of an upgrade looks like a service that offers none: a take without it.
    """
    return {
        take: faults.get(str(take), outcome) if isinstance(outcome, SceneFailed | Take) else outcome
        for take, outcome in outcomes.items()
    }


class _Service(NamedTuple):
    """Where the APIs of a realm are: ``endpoint`` by provider, the ``clock`` of all pauses.

    ``own_faults`` returns the faults of ours that ended jobs of a draft, by scene.
    """

    endpoint: Callable[[str], Endpoint]
    clock: Clock
    own_faults: OwnFaults


async def _all_services(
    workspace: Workspace,
    plan: Plan,
    owed: Sequence[Submission],
    at_once: int,
    service: _Service,
    stack: AsyncExitStack,
    preparing: BackgroundPreparation,
    report: Report,
    agreed: Agreed,
) -> AllServices:
    """All that the run uses of each provider that it asks; what has to be closed is closed by ``stack``.

    Raise InputError, RunRefused, LocalFault; not for a provider that only owes something.
    """
    if workspace.realm.kind == "draft":
        return AllServices(await _services(workspace, "", at_once, service, stack, preparing, report, agreed), {})
    found: dict[str, RunServices] = {}
    asked = {*preflight.providers_asked(plan)}
    for name in sorted(asked | {each.provider for each in owed if each.provider in workspace.settings.names}):
        try:
            found[name] = await _services(workspace, name, at_once, service, stack, preparing, report, agreed)
        except StoryboardError:
            if name in asked:
                raise
    if not found:
        usual = workspace.settings.provider
        found[usual] = await _services(workspace, usual, at_once, service, stack, preparing, report, agreed)
    return AllServices(found.get(workspace.settings.provider) or next(iter(found.values())), found)


async def _services(
    workspace: Workspace,
    name: str,
    at_once: int,
    service: _Service,
    stack: AsyncExitStack,
    preparing: BackgroundPreparation,
    report: Report,
    agreed: Agreed,
) -> RunServices:
    """All that the run uses of a provider."""
    provider, own = workspace.provider_named(name), workspace.settings.for_provider(name)
    film, api, clock = workspace.realm, service.endpoint(name), service.clock
    realm = workspace.realms.get(name, film)

    def notice(why: str) -> None:
        report(events.Warned("", why))

    client = await stack.enter_async_context(
        Client(api, clock, provider.answers, notice=notice, period=provider.timing.period)
    )
    is_usual = own.provider == workspace.settings.provider
    return RunServices(
        provider=provider,
        catalogue=workspace.catalogue,
        client=client,
        ledger=realm.ledger,
        store=realm.store,
        film=film,
        uploads=_uploads(workspace, name, client),
        own_uploads=own_uploads(provider, client),
        clock=clock,
        callbacks=await _calls(workspace, realm, clock, stack, report, api.key)
        if is_usual
        else CallbackWaiters(clock, None),
        runs=realm.runs,
        slots=asyncio.Semaphore(at_once if is_usual else own.at_once),
        read_image=lambda image: workspace.source_files.bytes_of(image.path),
        verify=measure_only if film.kind == "draft" else examine,
        likeness=likeness,
        take_frames=images_png,
        fit_image=fit_image,
        originals=workspace.settings.originals,
        bring_in=lambda shot: bring_in_take(workspace, shot, shot.key),
        prepare=preparing.take,
        plan_again=lambda: plan_again(workspace, agreed),
        on_event=report,
        is_rehearsal=realm.kind == "rehearsal",
    )


async def _service(workspace: Workspace, stack: AsyncExitStack, report: Report) -> _Service:
    """Where the APIs of this realm are. Starts the emulator of a draft."""
    settings, environment = workspace.settings, workspace.provider.environment
    clock = Clock(settings.time_scale)
    if workspace.realm.kind != "draft":
        return _Service(lambda name: service_endpoint(settings.for_provider(name)), clock, dict)
    from storyboard.emulator import Emulator
    from storyboard.emulator.api.behaviour import Behaviour

    def warned(label: str, sentence: str) -> None:
        report(events.Warned(_scene_of(label), sentence))

    emulator = await stack.enter_async_context(Emulator(Behaviour(), warned=warned))

    def own_faults() -> Mapping[str, StoryboardError]:
        return {_scene_of(label): fault for label, fault in emulator.own_faults.items()}

    drafts = Endpoint(emulator.url, "draft", environment, workspace.provider.hosts)
    return _Service(lambda name: drafts, clock, own_faults)


def _scene_of(heading: str) -> str:
    """The scene of a draft's label, whose heading is such as "3/8 lamp"."""
    return heading.partition(" ")[2]


def _uploads(workspace: Workspace, name: str, client: Client) -> Uploads | None:
    """The uploads of local images, if a destination is configured. Addresses at an emulator are not remembered."""
    if (destination := upload_destination(workspace, name)) is None:
        return None
    memory = NoMemory() if workspace.realm.kind == "draft" else workspace.realm.ledger.upload_addresses
    return Uploads(destination, workspace.provider_named(name), client, memory)


async def _calls(
    workspace: Workspace, realm: Realm, clock: Clock, stack: AsyncExitStack, report: Report, key: str
) -> CallbackWaiters:
    """Callbacks during a run, if they are configured: received here, or read from another process's inbox."""
    where = workspace.settings.callbacks
    if where.url is None:
        return CallbackWaiters(clock, None)
    calls = CallbackWaiters(clock, where.url)

    def warned(why: str) -> None:
        report(events.Warned("", why))

    listener = Listener(where, realm.ledger, workspace.provider, clock, calls.notify, warned, api_key=key)
    try:
        await stack.enter_async_context(listener)
    except Busy:
        looking = asyncio.create_task(_inbox(realm, calls, listener, clock))
        stack.push_async_callback(_ended, looking)
    except InputError as error:
        warned(f"{error.message}; the render goes on without callbacks")
        return CallbackWaiters(clock, None)
    return calls


async def _inbox(realm: Realm, calls: CallbackWaiters, listener: Listener, clock: Clock) -> None:
    """Read the callbacks that another process receives; when that has ended, receive them here."""
    last = max((number for number, _, _ in realm.ledger.inbox.callbacks_after(0)), default=0)
    while True:
        for number, nonce, job in realm.ledger.inbox.callbacks_after(last):
            calls.notify(nonce, job)
            last = number
        with suppress(Busy, InputError):
            async with listener:
                await asyncio.Event().wait()
        await asyncio.sleep(min(max(INBOX_MOST * clock.scale, INBOX_LEAST), INBOX_MOST))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError, StoryboardError):
        await task


async def _look_at_balance(services: RunServices, plan: Plan, report: Report) -> None:
    """Warn before anything is paid if the account has too few credits. The service decides."""
    credits = plan.cost.amount(services.provider.name)
    if not credits:
        return
    try:
        balance = await credit_balance(services.provider, services.client)
    except SceneFailed:
        return
    if balance is not None and balance < credits:
        have, need = float(balance), float(credits)
        report(events.Warned("", f"the account has {have:g} credits, and this render needs about {need:g}"))


async def _cancel_and_leave(
    services: AllServices, state: RunState, may_cancel: Callable[[int], bool], task: asyncio.Task[Any]
) -> None:
    try:
        async with asyncio.timeout(_DECIDED_WITHIN):
            if await asyncio.to_thread(may_cancel, len(cancellable_jobs(services, state))):
                await cancel_jobs(services, state)
    except TimeoutError:
        pass
    finally:
        task.cancel()


@contextmanager
def _listening(services: AllServices, state: RunState, may_cancel: Callable[[int], bool]) -> Iterator[None]:
    """Handle Ctrl-C: once, submit nothing more; twice, or at SIGTERM, leave within 5 seconds.

    At the second Ctrl-C the user is asked whether to cancel the jobs, where the provider can; not at SIGTERM.
    """
    task = asyncio.current_task()
    assert task is not None
    leaving: list[asyncio.Task[None]] = []

    def heed(times: int) -> None:
        if times > 1 and state.is_interrupted and not leaving and cancellable_jobs(services, state):
            leaving.append(asyncio.create_task(_cancel_and_leave(services, state, may_cancel, task)))
            return
        if times > 1:
            task.cancel()
            return
        jobs = state.in_flight
        stop_run(services.usual, state, Interrupted("interrupted", "run again to download what was submitted"))
        said = f"stopping: {jobs} scenes are in progress; Ctrl-C again leaves them for the next run"
        for each in services.every:
            each.callbacks.wake()
        services.usual.on_event(events.Warned("", said))

    with signals.interrupt_handler(heed):
        yield
