"""Time and chance, behind one door, so that a test can pass its own."""

import asyncio
import random
import time


class Clock:
    """The real clock. ``scale`` multiplies every pause between two tries, never a timeout (seconds throughout)."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale

    def monotonic(self) -> float:
        """Seconds that never run backwards; deadlines count on it."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since 1970-01-01 UTC; for showing and keeping, never for deciding."""
        return time.time()

    def between(self, low: float, high: float) -> float:
        """A random number of seconds, for jitter."""
        return random.uniform(low, high)

    async def pause(self, seconds: float) -> None:
        """Wait between two tries: ``seconds`` times the scale."""
        await asyncio.sleep(seconds * self.scale)
