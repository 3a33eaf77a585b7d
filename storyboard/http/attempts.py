"""Retries: a limit per call, and one circuit breaker per host and kind of call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from storyboard.http.breaker import Breaker
from storyboard.http.policy import Call, Decision, RetryTable, Rule, pause
from storyboard.model.errors import NotAsked, StoryboardError
from storyboard.model.text import one_line
from storyboard.system.clock import Clock

T = TypeVar("T")

_ASKED = {
    Call.SUBMIT: "submissions",
    Call.POLL: "job status",
    Call.HD: "upgrade",
    Call.DOWNLOAD: "fetching clips",
    Call.UPLOAD: "uploads",
    Call.BALANCE: "credit balance",
    Call.CANCEL: "cancelling jobs",
}

# What a run that was told to stop asks no more. Jobs and clips it has paid for are still collected.
_ONLY_GOING_ON = (Call.SUBMIT, Call.UPLOAD)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[T]):
    """One attempt: the decision, the value, the service's words, the Retry-After in seconds.

    ``slow``: it ended because no answer came in time.
    """

    decision: Decision
    value: T
    told: str = ""
    after: float | None = None
    slow: bool = False


@dataclass(slots=True)
class _Gate:
    """The gate of all calls of one kind to one host; while its breaker is open, one call at a time."""

    host: str
    call: Call
    breaker: Breaker = field(default_factory=Breaker)
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)


async def _at_once() -> None:
    """Continue at once: only submissions are paced."""


class Attempts:
    """Makes the attempts of calls. ``notice`` is given a sentence when a host is not called for a while."""

    def __init__(self, clock: Clock, notice: Callable[[str], None], table: RetryTable) -> None:
        self._clock = clock
        self._table = table
        self._notice = notice
        self._gates: dict[tuple[str, Call], _Gate] = {}
        self._stopped: StoryboardError | None = None
        self._bell = asyncio.Event()

    def stop(self, why: StoryboardError) -> None:
        """Send nothing more that a stopped run does not need; calls that wait for their turn raise NotAsked."""
        self._stopped = self._stopped or why
        self._bell.set()

    async def make(
        self,
        call: Call,
        host: str,
        once: Callable[[], Awaitable[Attempt[T]]],
        turn: Callable[[], Awaitable[None]] = _at_once,
    ) -> Attempt[T]:
        """Attempt until the answer is no reason to retry, or the limit is reached.

        Waiting for an open breaker is no failure of a call; but after one of its own, the failures of the calls that
        probe the host count against its limit. Raise NotAsked.
        """
        gate = self._gates.setdefault((host, call), _Gate(host, call))
        spent = _Spent(self._clock)
        attempt: Attempt[T] | None = None
        while True:
            await self._unless_stopped(call, turn())
            if not gate.breaker.open:
                attempt = await self._sent(gate, once, probe=False)
            else:
                seen, since = gate.breaker.opened, self._clock.scaled_time()
                async with self._first(gate):
                    if not gate.breaker.open:
                        continue  # with a new turn: those who waited must not leave all at once
                    if attempt and gate.breaker.opened > seen:
                        spent.count(attempt, gate.breaker.opened - seen, self._clock.scaled_time() - since)
                        if spent.next(attempt) is None:
                            return attempt
                    waited = await self._pause(call, gate.breaker.wait(self._clock.scaled_time()))
                    if attempt:
                        spent.count(attempt, 0, waited)
                    attempt = await self._sent(gate, once, probe=True)
            if attempt.decision.rule.limit is None:
                return attempt
            spent.count(attempt, 1, 0.0)
            wait = spent.next(attempt)
            if wait is None:
                return attempt
            self._set(gate, gate.breaker.after_retry(attempt.slow, self._clock.scaled_time()))
            spent.count(attempt, 0, await self._pause(call, wait))

    async def _sent(self, gate: _Gate, once: Callable[[], Awaitable[Attempt[T]]], *, probe: bool) -> Attempt[T]:
        attempt = await once()
        failed = self._table.counts_as_host_failure(attempt.decision)
        self._set(gate, gate.breaker.after_answer(failed, self._clock.scaled_time(), probe=probe))
        return attempt

    def _set(self, gate: _Gate, breaker: Breaker) -> None:
        if breaker.opened > gate.breaker.opened:
            seconds = breaker.wait(self._clock.scaled_time()) * self._clock.scale
            what = f"{one_line(gate.host, 80)} gave no valid response ({_ASKED[gate.call]})"
            self._notice(f"{what}; retrying in {seconds:.3g} s")
        gate.breaker = breaker

    async def _pause(self, call: Call, seconds: float) -> float:
        """Wait; return the seconds that count against the limit: none if the clock jumped meanwhile."""
        jumps = self._clock.jumps()
        await self._unless_stopped(call, self._clock.pause(seconds))
        return seconds if self._clock.jumps() == jumps else 0.0

    @asynccontextmanager
    async def _first(self, gate: _Gate) -> AsyncIterator[None]:
        """One of the calls that wait at an open breaker, in turn."""
        queued = asyncio.ensure_future(gate.queue.acquire())
        try:
            await self._unless_stopped(gate.call, queued)
            yield
        finally:
            if queued.done() and not queued.cancelled():
                gate.queue.release()

    async def _unless_stopped(self, call: Call, waiting: Awaitable[object]) -> None:
        if call not in _ONLY_GOING_ON:
            await waiting
            return
        wait, bell = asyncio.ensure_future(waiting), asyncio.ensure_future(self._bell.wait())
        try:
            await asyncio.wait((wait, bell), return_when=asyncio.FIRST_COMPLETED)
        finally:
            bell.cancel()
            if not wait.done():
                wait.cancel()
        if self._stopped:
            raise NotAsked(self._stopped)
        await wait


class _Spent:
    """What one call has used of each rule's limit: attempts, and seconds of pauses."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_rule: dict[Rule, tuple[int, float]] = {}

    def count(self, attempt: Attempt[T], tries: int, seconds: float) -> None:
        before, paused = self._by_rule.get(attempt.decision.rule, (0, 0.0))
        self._by_rule[attempt.decision.rule] = (before + tries, paused + seconds)

    def next(self, attempt: Attempt[T]) -> float | None:
        """Return the seconds until the next attempt, None if the limit is reached."""
        limit = attempt.decision.rule.limit
        if limit is None:
            return None
        tries, paused = self._by_rule[attempt.decision.rule]
        return pause(limit, tries, paused, attempt.after, self._clock.between)
