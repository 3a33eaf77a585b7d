"""The clock: time, pauses and random jitter behind one interface, so that tests can replace it."""

import asyncio
import random
import time
from collections.abc import Collection
from typing import Any

# All in seconds: the difference between wall and monotonic clock that counts as a jump (suspend, or a clock that was
# set); how often a pause checks for one; the longest pause, because a service may ask for an absurd one.
_JUMP = 30.0
_LOOK = 5.0
_LONGEST = 86_400.0


# Rounds of the event loop in which all that lies in the sockets is read: an answer of 1 MB takes about twenty.
_ROUNDS = 100


async def wait_for_answers(tasks: Collection[asyncio.Future[Any]], seconds: float) -> None:
    """Wait until all tasks are done, for ``seconds`` at most; then read what lies in the sockets before giving up.

    A process that was stopped, or whose loop was blocked, finds the time over and the answer still unread.
    """
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)
    for _ in range(_ROUNDS):
        if all(task.done() for task in tasks):
            return
        await asyncio.sleep(0)


class Clock:
    """The system clock, in seconds. ``scale`` multiplies the pauses between retries, but no timeout."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self._jumps = 0
        self._apart: float | None = None

    def monotonic(self) -> float:
        """Monotonic seconds, for deadlines."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC, for display and records only, never for decisions."""
        return time.time()

    def between(self, low: float, high: float) -> float:
        """A random number of seconds, for jitter."""
        return random.uniform(low, high)

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``, unscaled."""
        await asyncio.sleep(seconds)

    def scaled_time(self) -> float:
        """Monotonic seconds divided by the scale: ``pause(s)`` takes ``s`` of these at any scale above 0."""
        return self.monotonic() / (self.scale or 1.0)

    def jumps(self) -> int:
        """How often the wall clock has jumped by over 30 s against the monotonic clock (suspend, or a set clock).

        After a jump, open connections may be dead.
        """
        before, self._apart = self._apart, self.wall() - self.monotonic()
        if before is not None and abs(self._apart - before) > _JUMP:
            self._jumps += 1
        return self._jumps

    async def pause(self, seconds: float) -> None:
        """Wait between two attempts: ``seconds`` times the scale, at most a day; no wait for NaN or negative values.

        A jump of the clock ends the pause, because there may be news after a suspend.
        """
        wanted = seconds * self.scale
        end = self.monotonic() + (min(wanted, _LONGEST) if wanted > 0 else 0.0)
        jumps = self.jumps()
        await self.sleep(min(max(end - self.monotonic(), 0.0), _LOOK))
        while (left := end - self.monotonic()) > 0 and self.jumps() == jumps:
            await self.sleep(min(left, _LOOK))

    async def pause_or(self, seconds: float, until: asyncio.Event) -> None:
        """Wait as ``pause`` does, or until ``until`` is set."""
        waits = [asyncio.create_task(self.pause(seconds)), asyncio.create_task(until.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
