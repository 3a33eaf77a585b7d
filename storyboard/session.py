"""One run with its hands: opens the wire, the uploads and, for a draft, the emulator; listens to Ctrl-C."""

import asyncio
import os
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager

from storyboard import events
from storyboard.clock import Clock
from storyboard.config import api_key
from storyboard.desk import Desk
from storyboard.disk import claim, claimed
from storyboard.errors import Interrupted, SceneFailed, StoryboardError
from storyboard.plan import Plan
from storyboard.run import Hands, Run
from storyboard.take import Outcome
from storyboard.wire import Api, Wire

# Pauses of a draft: its clips are made on this machine, and nobody minds being asked often.
DRAFT_SCALE = 0.01

Report = Callable[[events.Event], None]
Ended = tuple[Mapping[str, Outcome], StoryboardError | None]


def session(at: Desk, plan: Plan, at_once: int, report: Report) -> Ended:
    """What became of each scene, and what stopped the run, if anything did. Raises Interrupted at the second Ctrl-C."""
    try:
        return asyncio.run(_session(at, plan, at_once, report))
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise Interrupted("interrupted", "what was paid for is in the ledger: run again to collect it") from None


async def _session(at: Desk, plan: Plan, at_once: int, report: Report) -> Ended:
    async with AsyncExitStack() as stack:
        api, clock = await _service(at, stack, report)
        wire = await stack.enter_async_context(Wire(api, clock, notice=lambda why: report(events.Warned("", why))))
        hands = Hands(
            provider=at.provider,
            wire=wire,
            ledger=at.ledger,
            store=at.store,
            uploads=at.uploads(wire),
            read=lambda image: at.project.bytes_of(image.path),
            clock=clock,
            report=report,
            runs=at.runs,
            prepare=at.prepare,
        )
        run = Run(secrets.token_hex(8), at.known_as, hands, at_once, at.prices.hd, at.budget)
        living = at.runs / run.name
        stack.callback(living.unlink, missing_ok=True)
        stack.enter_context(claim(living, "this run is at work already"))
        at.store.sweep(lambda name: claimed(at.runs / name))
        if plan.credits and not at.draft:
            await _look_at_balance(at, plan, wire, report)
        with _listening(run, report):
            return await run.carry_out(plan), run.stopped


async def _service(at: Desk, stack: AsyncExitStack, report: Report) -> tuple[Api, Clock]:
    if not at.draft:
        return Api(at.settings.base_url, api_key(at.settings)), Clock(at.settings.time_scale)
    from storyboard.emulator import Behaviour, Emulator

    def warned(label: str, sentence: str) -> None:
        report(events.Warned(label.partition(" ")[2], sentence))

    emulator = await stack.enter_async_context(Emulator(Behaviour(), warned=warned))
    return Api(emulator.url, "draft"), Clock(DRAFT_SCALE)


async def _look_at_balance(at: Desk, plan: Plan, wire: Wire, report: Report) -> None:
    """Say so before anything is paid where the account will not do. Whether it does is the service's to decide."""
    try:
        balance = await at.provider.balance(wire)
    except SceneFailed:
        return
    if balance is not None and balance < plan.credits:
        have, need = float(balance), float(plan.credits)
        report(events.Warned("", f"the account has {have:g} credits, and this render needs about {need:g}"))


@contextmanager
def _listening(run: Run, report: Report) -> Iterator[None]:
    """Ctrl-C once: nothing more is asked for. Twice, or told to end: leave within 5 seconds. Thrice: at once."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    pressed = 0

    def interrupt() -> None:
        nonlocal pressed
        pressed += 1
        if pressed == 1:
            jobs = run.in_flight
            run.stop(Interrupted("interrupted", "run again to collect what was paid for"))
            report(events.Warned("", f"stopping: {jobs} scenes are at work; Ctrl-C again leaves them for the next run"))
        elif pressed == 2:
            task.cancel()
        else:
            os._exit(130)

    def leave() -> None:
        nonlocal pressed
        pressed = max(pressed, 1)
        interrupt()

    handlers = {signal.SIGINT: interrupt, signal.SIGTERM: leave, signal.SIGHUP: leave}
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
