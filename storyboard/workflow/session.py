"""One run with its hands: opens the wire, the uploads and, for a draft, the emulator; listens to Ctrl-C."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress

from storyboard.config.credentials import api_key
from storyboard.generation.callbacks import CallbackWaiters, Listener
from storyboard.generation.provider_calls import credit_balance
from storyboard.generation.runner import Hands, Run
from storyboard.http.client import Client, Endpoint
from storyboard.model import events
from storyboard.model.errors import Busy, InputError, Interrupted, SceneFailed, StoryboardError
from storyboard.model.take import Outcome
from storyboard.planning.steps import Plan
from storyboard.system import signals
from storyboard.system.claims import exclusive_lock, is_locked
from storyboard.system.clock import Clock
from storyboard.system.files import discard
from storyboard.workflow.desk import Desk
from storyboard.workflow.prepare import BackgroundPreparation

# Pauses of a draft: its clips are made on this machine, and nobody minds being asked often.
DRAFT_SCALE = 0.01

# Seconds between two looks at the inbox that another process writes: scaled, from the one to the other.
INBOX_MOST = 1.0
INBOX_LEAST = 0.05

Report = Callable[[events.Event], None]
Ended = tuple[Mapping[str, Outcome], StoryboardError | None]


def session(at: Desk, plan: Plan, at_once: int, preparing: BackgroundPreparation, report: Report) -> Ended:
    """What became of each scene, and what stopped the run, if anything did. Raises Interrupted at the second Ctrl-C."""
    try:
        return signals.run(lambda: _session(at, plan, at_once, preparing, report))
    except KeyboardInterrupt:
        raise Interrupted("interrupted", "what was paid for is in the ledger: run again to collect it") from None


async def _session(at: Desk, plan: Plan, at_once: int, preparing: BackgroundPreparation, report: Report) -> Ended:
    async with AsyncExitStack() as stack:
        stack.callback(preparing.stop)
        api, clock = await _service(at, stack, report)
        wire = await stack.enter_async_context(
            Client(api, clock, at.provider.answers, notice=lambda why: report(events.Warned("", why)))
        )
        hands = Hands(
            provider=at.provider,
            wire=wire,
            ledger=at.ledger,
            store=at.store,
            uploads=at.uploads(wire),
            read=lambda image: at.project.bytes_of(image.path),
            clock=clock,
            calls=await _calls(at, clock, stack, report),
            report=report,
            runs=at.runs,
            prepare=preparing.take,
        )
        run = Run(secrets.token_hex(8), at.known_as, hands, at_once, at.prices.hd, at.budget)
        living = at.runs / run.name
        stack.callback(discard, living)
        stack.enter_context(exclusive_lock(living, "this run is at work already"))
        at.store.sweep(lambda name: is_locked(at.runs / name))
        if plan.credits and not at.draft:
            await _look_at_balance(at, plan, wire, report)
        with _listening(run, report):
            return await run.carry_out(plan), run.stopped


async def _service(at: Desk, stack: AsyncExitStack, report: Report) -> tuple[Endpoint, Clock]:
    if not at.draft:
        return Endpoint(at.settings.base_url, api_key(at.settings), at.settings.environment), Clock(
            at.settings.time_scale
        )
    from storyboard.emulator import Emulator
    from storyboard.emulator.api.behaviour import Behaviour

    def warned(label: str, sentence: str) -> None:
        report(events.Warned(label.partition(" ")[2], sentence))

    emulator = await stack.enter_async_context(Emulator(Behaviour(), warned=warned))
    return Endpoint(emulator.url, "draft", at.provider.environment), Clock(DRAFT_SCALE)


async def _calls(at: Desk, clock: Clock, stack: AsyncExitStack, report: Report) -> CallbackWaiters:
    """Callbacks for the length of a run, where the user wants them and somebody of this home can listen."""
    where = at.settings.callbacks
    if at.draft or where.url is None:
        return CallbackWaiters(clock, None)
    calls = CallbackWaiters(clock, where.url)

    def warned(why: str) -> None:
        report(events.Warned("", why))

    listener = Listener(where, at.ledger, at.provider, clock, calls.notify, warned)
    try:
        await stack.enter_async_context(listener)
    except Busy:
        looking = asyncio.create_task(_inbox(at, calls, listener, clock))
        stack.push_async_callback(_ended, looking)
    except InputError as error:
        warned(f"{error.message}; the render goes on without callbacks")
        return CallbackWaiters(clock, None)
    return calls


async def _inbox(at: Desk, calls: CallbackWaiters, listener: Listener, clock: Clock) -> None:
    """Look at what another process hears; once it has gone, listen."""
    last = max((number for number, _, _ in at.ledger.inbox.callbacks_after(0)), default=0)
    while True:
        for number, nonce, job in at.ledger.inbox.callbacks_after(last):
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


async def _look_at_balance(at: Desk, plan: Plan, wire: Client, report: Report) -> None:
    """Say so before anything is paid where the account will not do. Whether it does is the service's to decide."""
    try:
        balance = await credit_balance(at.provider, wire)
    except SceneFailed:
        return
    if balance is not None and balance < plan.credits:
        have, need = float(balance), float(plan.credits)
        report(events.Warned("", f"the account has {have:g} credits, and this render needs about {need:g}"))


@contextmanager
def _listening(run: Run, report: Report) -> Iterator[None]:
    """Ctrl-C once: nothing more is asked for. Twice, or told to end: leave within 5 seconds."""
    task = asyncio.current_task()
    assert task is not None

    def heed(times: int) -> None:
        if times > 1:
            task.cancel()
            return
        jobs = run.in_flight
        run.stop(Interrupted("interrupted", "run again to collect what was paid for"))
        report(events.Warned("", f"stopping: {jobs} scenes are at work; Ctrl-C again leaves them for the next run"))

    with signals.interrupt_handler(heed):
        yield
