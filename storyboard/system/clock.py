"""Time and chance, behind one door, so that a test can pass its own."""

import asyncio
import random
import time

# Seconds by which the two clocks part at once when the machine was suspended or somebody has set its clock; how often
# a pause looks for that; and the longest pause, for what a service says may be beyond all reason.
_JUMP = 30.0
_LOOK = 5.0
_LONGEST = 86_400.0


class Clock:
    """The real clock. ``scale`` multiplies every pause between two tries, never a timeout (seconds throughout)."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self._jumps = 0
        self._apart: float | None = None

    def monotonic(self) -> float:
        """Seconds that never run backwards; deadlines count on it."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; for showing and keeping, never for deciding."""
        return time.time()

    def between(self, low: float, high: float) -> float:
        """A random number of seconds, for jitter."""
        return random.uniform(low, high)

    async def sleep(self, seconds: float) -> None:
        """Let this much time pass, unscaled."""
        await asyncio.sleep(seconds)

    def scaled_time(self) -> float:
        """Monotonic seconds as pauses count them: ``pause(s)`` takes ``s`` of these, whatever the scale (above 0)."""
        return self.monotonic() / (self.scale or 1.0)

    def jumps(self) -> int:
        """How often the wall clock has left the monotonic one by more than 30 s: a suspend, or a clock that was set.

        What was agreed with another machine before a jump, a connection above all, may be gone since.
        """
        before, self._apart = self._apart, self.wall() - self.monotonic()
        if before is not None and abs(self._apart - before) > _JUMP:
            self._jumps += 1
        return self._jumps

    async def pause(self, seconds: float) -> None:
        """Wait between two tries: ``seconds`` times the scale, a day at most; not at all for what is no duration.

        A jump of the clock ends it, for then there may be news already.
        """
        wanted = seconds * self.scale
        end = self.monotonic() + (min(wanted, _LONGEST) if wanted > 0 else 0.0)
        jumps = self.jumps()
        await self.sleep(min(max(end - self.monotonic(), 0.0), _LOOK))
        while (left := end - self.monotonic()) > 0 and self.jumps() == jumps:
            await self.sleep(min(left, _LOOK))

    async def pause_or(self, seconds: float, until: asyncio.Event) -> None:
        """Wait as ``pause`` does, or less where ``until`` is set before that."""
        waits = [asyncio.create_task(self.pause(seconds)), asyncio.create_task(until.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
