"""Rate limit: submissions are sent evenly, and more slowly for a while after the service's limit is reached."""

import asyncio

from storyboard.system.clock import Clock

_SLOWEST = 8.0
_EASING = 0.1


class Pace:
    """One turn every ``period`` seconds (scaled by the clock) times ``factor``.

    A 429 doubles the factor, each acceptance takes a tenth of a period back. Kie's limit is 20 in 10 s
    (api-facts.md 6.1); evenly, because a burst of twenty may fall into one of the service's windows.
    """

    def __init__(self, period: float, clock: Clock) -> None:
        self._period = period
        self._queue = asyncio.Lock()
        self._clock = clock
        self._last = -float("inf")
        self._slowed = clock.monotonic()
        self.factor = 1.0

    async def turn(self) -> float:
        """Wait for a turn, in order of arrival; return its time, for ``slow_down``."""
        async with self._queue:
            early = self._last + self._period * self.factor - self._clock.scaled_time()
            if early > 0:
                await self._clock.pause(early)
            self._last = self._clock.scaled_time()
        return self._clock.monotonic()

    def slow_down(self, since: float) -> None:
        """Slow down: a submission sent at ``since`` reached the service's limit. A burst counts once."""
        if since > self._slowed:
            self.factor = min(self.factor * 2, _SLOWEST)
            self._slowed = self._clock.monotonic()

    def after_accepted(self) -> None:
        self.factor = max(self.factor - _EASING, 1.0)
