"""One run of the runner: opens the client, the uploads and, for a draft, the emulator; handles Ctrl-C."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from typing import Any

from storyboard.config.credentials import service_endpoint
from storyboard.generation.callbacks import CallbackWaiters, Listener
from storyboard.generation.cancel import cancel_jobs, cancellable_jobs
from storyboard.generation.owed import collect_owed
from storyboard.generation.planned_again import outdated_notes
from storyboard.generation.provider_calls import credit_balance
from storyboard.generation.run_state import RunState, stop_run
from storyboard.generation.runner import LocalExecutor, Runner
from storyboard.generation.services import RunServices
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
from storyboard.system import signals
from storyboard.system.claims import exclusive_lock, is_locked
from storyboard.system.clock import Clock
from storyboard.system.files import discard
from storyboard.workflow.facts import NOTHING_AGREED, Agreed, upload_destination
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
    realm = workspace.realm
    async with AsyncExitStack() as stack:
        stack.callback(preparing.stop)
        api, clock, own_faults = await _service(workspace, stack, report)
        client = await stack.enter_async_context(
            Client(
                api,
                clock,
                workspace.provider.answers,
                notice=lambda why: report(events.Warned("", why)),
                period=workspace.provider.timing.period,
            )
        )
        services = await _services(workspace, stack, client, clock, api.key, preparing, report, agreed)
        state = RunState(
            secrets.token_hex(8), workspace.storyboard_id, at_once, workspace.prices.hd, workspace.settings.budget
        )
        claim = realm.runs / state.name
        stack.callback(discard, claim)
        stack.enter_context(exclusive_lock(claim, "this run is already in progress"))
        realm.store.sweep(lambda name: is_locked(realm.runs / name))
        if plan.credits:
            await _look_at_balance(workspace, plan, client, report)
        with _listening(services, state, may_cancel):
            async with asyncio.TaskGroup() as group:
                group.create_task(collect_owed(services, state, owed))
                outcomes = await Runner(LocalExecutor(services, state)).carry_out(plan)
            for note in outdated_notes(state, plan):
                report(note)
            return Ended(_with_own_faults(outcomes, own_faults()), state.stopped_by, frozenset(state.planned_again))


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


async def _services(
    workspace: Workspace,
    stack: AsyncExitStack,
    client: Client,
    clock: Clock,
    key: str,
    preparing: BackgroundPreparation,
    report: Report,
    agreed: Agreed,
) -> RunServices:
    """All that the run uses; what has to be closed is closed by ``stack``."""
    realm = workspace.realm
    return RunServices(
        provider=workspace.provider,
        client=client,
        ledger=realm.ledger,
        store=realm.store,
        frames=realm.frames,
        uploads=_uploads(workspace, client),
        own_uploads=own_uploads(workspace.provider, client),
        clock=clock,
        callbacks=await _calls(workspace, clock, stack, report, key),
        runs=realm.runs,
        read_image=lambda image: workspace.source_files.bytes_of(image.path),
        verify=measure_only if workspace.realm.kind == "draft" else examine,
        likeness=likeness,
        take_frames=images_png,
        fit_image=fit_image,
        originals=workspace.settings.originals,
        prepare=preparing.take,
        plan_again=lambda: plan_again(workspace, agreed),
        on_event=report,
    )


async def _service(workspace: Workspace, stack: AsyncExitStack, report: Report) -> tuple[Endpoint, Clock, OwnFaults]:
    """The API of this realm, the clock of its pauses, and the faults of ours that ended jobs of a draft, by scene.

    Starts the emulator of a draft.
    """
    settings, environment = workspace.settings, workspace.provider.environment
    clock = Clock(settings.time_scale)
    if workspace.realm.kind != "draft":
        return service_endpoint(settings), clock, dict
    from storyboard.emulator import Emulator
    from storyboard.emulator.api.behaviour import Behaviour

    def warned(label: str, sentence: str) -> None:
        report(events.Warned(_scene_of(label), sentence))

    emulator = await stack.enter_async_context(Emulator(Behaviour(), warned=warned))

    def own_faults() -> Mapping[str, StoryboardError]:
        return {_scene_of(label): fault for label, fault in emulator.own_faults.items()}

    return Endpoint(emulator.url, "draft", environment, workspace.provider.hosts), clock, own_faults


def _scene_of(heading: str) -> str:
    """The scene of a draft's label, whose heading is such as "3/8 lamp"."""
    return heading.partition(" ")[2]


def _uploads(workspace: Workspace, client: Client) -> Uploads | None:
    """The uploads of local images, if a destination is configured. Addresses at an emulator are not remembered."""
    if (destination := upload_destination(workspace)) is None:
        return None
    memory = NoMemory() if workspace.realm.kind == "draft" else workspace.realm.ledger.upload_addresses
    return Uploads(destination, workspace.provider, client, memory)


async def _calls(
    workspace: Workspace, clock: Clock, stack: AsyncExitStack, report: Report, key: str
) -> CallbackWaiters:
    """Callbacks during a run, if they are configured: received here, or read from another process's inbox."""
    where = workspace.settings.callbacks
    if where.url is None:
        return CallbackWaiters(clock, None)
    calls = CallbackWaiters(clock, where.url)

    def warned(why: str) -> None:
        report(events.Warned("", why))

    ledger, provider = workspace.realm.ledger, workspace.provider
    listener = Listener(where, ledger, provider, clock, calls.notify, warned, api_key=key)
    try:
        await stack.enter_async_context(listener)
    except Busy:
        looking = asyncio.create_task(_inbox(workspace, calls, listener, clock))
        stack.push_async_callback(_ended, looking)
    except InputError as error:
        warned(f"{error.message}; the render goes on without callbacks")
        return CallbackWaiters(clock, None)
    return calls


async def _inbox(workspace: Workspace, calls: CallbackWaiters, listener: Listener, clock: Clock) -> None:
    """Read the callbacks that another process receives; when that has ended, receive them here."""
    last = max((number for number, _, _ in workspace.realm.ledger.inbox.callbacks_after(0)), default=0)
    while True:
        for number, nonce, job in workspace.realm.ledger.inbox.callbacks_after(last):
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


async def _look_at_balance(workspace: Workspace, plan: Plan, wire: Client, report: Report) -> None:
    """Warn before anything is paid if the account has too few credits. The service decides."""
    try:
        balance = await credit_balance(workspace.provider, wire)
    except SceneFailed:
        return
    if balance is not None and balance < plan.credits:
        have, need = float(balance), float(plan.credits)
        report(events.Warned("", f"the account has {have:g} credits, and this render needs about {need:g}"))


async def _cancel_and_leave(
    services: RunServices, state: RunState, may_cancel: Callable[[int], bool], task: asyncio.Task[Any]
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
def _listening(services: RunServices, state: RunState, may_cancel: Callable[[int], bool]) -> Iterator[None]:
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
        stop_run(services, state, Interrupted("interrupted", "run again to collect what was paid for"))
        said = f"stopping: {jobs} scenes are in progress; Ctrl-C again leaves them for the next run"
        services.on_event(events.Warned("", said))

    with signals.interrupt_handler(heed):
        yield
