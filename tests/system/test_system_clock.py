"""The clock: no pause is negative or endless, and a suspend or a clock that is set ends a pause and expires nothing."""

import asyncio
import math

import pytest
from turns import give_way

from storyboard.system.clock import Clock


class Virtual(Clock):
    """The clock itself over a time of our own. ``_n`` is the seconds that the wall clock is moved in the n-th sleep."""

    def __init__(self, scale: float = 1.0, **happens: float) -> None:
        super().__init__(scale)
        self.now = 1000.0
        self.shift = 0.0
        self.happens = {int(name[1:]): seconds for name, seconds in happens.items()}
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now + self.shift

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        end, shift = self.now + seconds, self.happens.get(len(self.slept), 0.0)
        await give_way()
        self.now = max(self.now, end)
        self.shift += shift


@pytest.mark.parametrize("seconds", [math.nan, -1.0, -math.inf, 0.0, -1e300, -0.0])
async def test_what_is_no_duration_is_no_pause(seconds: float) -> None:
    """asyncio raises on NaN, and a negative pause in a loop is a loop without any."""
    clock = Virtual()
    await clock.pause(seconds)
    assert clock.slept == [0]


@pytest.mark.parametrize("seconds", [math.inf, 1e300, 1e9])
async def test_no_pause_is_longer_than_a_day(seconds: float) -> None:
    """A header of a broken gateway must not hang a run for a year."""
    clock = Virtual()
    await clock.pause(seconds)
    assert clock.now - 1000 == 86_400
    assert min(clock.slept) >= 0


@pytest.mark.parametrize(("scale", "slept"), [(1.0, 12.0), (0.5, 6.0), (0.0, 0.0), (2.0, 24.0)])
async def test_a_pause_is_scaled(scale: float, slept: float) -> None:
    """A rehearsal would take as long as the real thing."""
    clock = Virtual(scale)
    before = clock.scaled_time()
    await clock.pause(12)
    assert clock.now - 1000 == slept
    assert clock.scaled_time() - before == pytest.approx(12 if scale else 0)


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 3_600.0, -3_600.0, 31.0, -31.0])
async def test_a_jump_of_the_wall_clock_ends_a_pause(jump: float) -> None:
    """After a night of suspend the clip is there: five more minutes of waiting would be for nothing."""
    clock = Virtual(_2=jump)
    jumps = clock.jumps()
    await clock.pause(300)
    assert clock.slept == [5, 5]
    assert clock.jumps() == jumps + 1
    await clock.pause(300)
    assert sum(clock.slept) == 310
    assert clock.jumps() == jumps + 1


@pytest.mark.parametrize("jump", [29.0, -29.0])
async def test_a_clock_that_is_put_right_by_a_little_is_no_jump(jump: float) -> None:
    """Every correction by the time service would throw away the connections."""
    clock = Virtual(**{f"_{n}": jump for n in range(1, 70)})
    await clock.pause(300)
    assert sum(clock.slept) == 300
    assert clock.jumps() == 0


async def test_everybody_who_waits_hears_of_the_same_jump() -> None:
    """The first to look would keep it to itself, and the other jobs would be asked for late."""
    clock = Virtual(_1=86_400.0)
    await asyncio.gather(*(clock.pause(300) for _ in range(4)))
    assert clock.jumps() == 1
    assert clock.slept == [5] * 4


async def test_the_real_clock_keeps_time() -> None:
    """Its two clocks would part, or a pause of nothing would never come back."""
    clock = Clock()
    await clock.pause(0)
    await clock.pause(math.nan)
    assert clock.jumps() == 0
    assert clock.monotonic() <= clock.monotonic()
    assert 1 <= clock.between(1, 2) <= 2
