"""Pace: submissions leave one after the other, evenly, and slower for a while once the service has had enough."""

import asyncio

from storyboard.system.clock import Clock

_SLOWEST = 8.0
_EASING = 0.1


class Pace:
    """One turn every ``period`` seconds (times the clock's scale, for a pace is a pause), ``factor`` times as seldom.

    A 429 doubles the factor, each acceptance takes a tenth of a period back. Kie's limit is 20 in 10 s
    (api-facts.md 6.1); evenly, because twenty at once meet a limit that counts in another rhythm.
    """

    def __init__(self, period: float, clock: Clock) -> None:
        self._period = period
        self._queue = asyncio.Lock()
        self._clock = clock
        self._last = -float("inf")
        self._slowed = clock.monotonic()
        self.factor = 1.0

    async def turn(self) -> float:
        """Wait for a turn, first come first served; the moment it came, for ``limited``."""
        async with self._queue:
            early = self._last + self._period * self.factor - self._clock.scaled_time()
            if early > 0:
                await self._clock.pause(early)
            self._last = self._clock.scaled_time()
        return self._clock.monotonic()

    def slow_down(self, since: float) -> None:
        """A submission that left at ``since`` met the service's limit; one burst of them slows down once."""
        if since > self._slowed:
            self.factor = min(self.factor * 2, _SLOWEST)
            self._slowed = self._clock.monotonic()

    def after_accepted(self) -> None:
        self.factor = max(self.factor - _EASING, 1.0)
