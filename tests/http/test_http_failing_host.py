"""A host that is ill, met by a real run's many calls: who still asks, who is told, and how it goes on afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from scripted import Quick, Service, Step, call, clip, envelope, raw, says, service, wired
from turns import give_way

from storyboard.http.client import Client
from storyboard.http.connections import Limits
from storyboard.http.policy import Call, Verdict
from storyboard.model.errors import Interrupted, NotAsked, RunRefused, SceneFailed, Stalled, SubmissionUnknown


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


class Patient:
    """A service that is ill until ``well`` requests have come; it knows when each came."""

    def __init__(self, clock: Quick, well: int, ill: Step | None = None) -> None:
        self.clock = clock
        self.well = well
        self.ill: Step = ill or says(503, b"")
        self.moments: list[float] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.moments.append(self.clock.now)
        if len(self.moments) > self.well:
            return await envelope(200, 7)(request)
        return await self.ill(request)


async def polls(wire: Client, count: int) -> list[object]:
    return list(
        await asyncio.gather(*(call(wire, Call.POLL, "GET", "/x") for _ in range(count)), return_exceptions=True)
    )


CUT = raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")


@pytest.mark.parametrize("ill", [says(503, b""), CUT, envelope(500)])
async def test_eight_calls_meet_a_host_that_is_ill(here: Service, ill: object) -> None:
    """Eight scenes that each try on their own keep a service down; and every one of them must come back with it."""
    clock, told = Quick(), list[str]()
    host = Patient(clock, well=11, ill=ill)
    here.play(host)
    async with wired(here.url, clock, notice=told.append) as wire:
        answers = await polls(wire, 8)
        assert [getattr(answer, "verdict", answer) for answer in answers] == [Verdict.ACCEPT] * 8
        together, probes, after = host.moments[:8], host.moments[8:12], host.moments[12:]
        assert max(together) < 1
        # One request each time that it is asked how it is: after 30, 60, 120 and 240 s. The last one is answered.
        assert [round(moment) for moment in probes] == [30, 90, 210, 450]
        assert len(after) == 7
        assert min(after) >= probes[-1]
        assert len(told) == 4
        assert told[0].startswith("127.0.0.1 gave no valid response (job status); retrying in ")
        # It is well: from here on eight ask at once again, and nobody waits.
        clock.pauses.clear()
        await polls(wire, 8)
        assert not clock.pauses


async def test_the_wait_is_told_as_it_is(here: Service) -> None:
    """An author who reads nothing for five minutes takes the run for hung and kills it."""
    clock, told = Quick(scale=1), list[str]()
    here.play(Patient(clock, well=6))
    async with wired(here.url, clock, notice=told.append) as wire:
        await polls(wire, 1)
    assert [sentence.partition("retrying in ")[2] for sentence in told] == ["30 s", "60 s"]


async def test_a_host_that_stays_ill_ends_every_call_with_its_own_error(here: Service) -> None:
    """Waiting behind a breaker must not outlast the patience that each call has."""
    clock = Quick()
    host = Patient(clock, well=10**6)
    here.play(host)
    async with wired(here.url, clock) as wire:
        answers = await polls(wire, 8)
    assert [type(answer) for answer in answers] == [Stalled] * 8
    assert len(host.moments) == 8 + 5
    assert clock.now < 20 * 60


async def test_a_host_that_is_not_there_stops_the_run_in_minutes() -> None:
    """A network that is gone: eight submissions, none of them unknown, none of them waiting for ever."""
    clock = Quick()
    async with wired("http://127.0.0.1:1", clock, period=0) as wire:
        answers = await asyncio.gather(
            *(call(wire, Call.SUBMIT, "POST", "/x", json={}) for _ in range(8)), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [RunRefused] * 8
    assert clock.now < 20 * 60


async def test_submissions_that_are_lost_are_soon_no_more(here: Service) -> None:
    """Each of them may have been paid for: a service that loses thirty in a minute would lose a whole film."""
    clock = Quick()
    host = Patient(clock, well=6, ill=raw(b"", abort=True))
    here.play(host)
    async with wired(here.url, clock) as wire:
        for _ in range(6):
            with pytest.raises(SubmissionUnknown):
                await call(wire, Call.SUBMIT, "POST", "/x", json={})
        assert host.moments[5] - host.moments[4] >= 30
        assert (await call(wire, Call.SUBMIT, "POST", "/x", json={})).data == 7
        assert host.moments[6] - host.moments[5] >= 59
        # Each kind of call has its own breaker: what is paid for is collected all the while.
    assert len(host.moments) == 7


async def test_submissions_that_wait_do_not_stop_the_polls(here: Service) -> None:
    """Jobs that are paid for would not be collected while the service takes no new ones."""
    clock = Quick()

    async def only_polls(request: web.Request) -> web.StreamResponse:
        return await (raw(b"", abort=True) if request.method == "POST" else envelope(200, 7))(request)

    here.play(only_polls)
    async with wired(here.url, clock) as wire:
        for _ in range(5):
            with pytest.raises(SubmissionUnknown):
                await call(wire, Call.SUBMIT, "POST", "/x", json={})
        clock.pauses.clear()
        assert (await call(wire, Call.POLL, "GET", "/x")).data == 7
        assert not clock.pauses


async def test_refusals_of_scenes_open_nothing(here: Service) -> None:
    """Ten prompts that are turned down would make the eleventh, which is fine, wait."""
    clock = Quick()
    here.play(envelope(400, None, "flagged"))
    async with wired(here.url, clock, period=0) as wire:
        for _ in range(30):
            with pytest.raises(SceneFailed):
                await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert not clock.pauses
    assert len(here.heard) == 30


async def test_retries_have_a_budget(here: Service) -> None:
    """A limit that is met again and again by every scene: 429 is no failure, and yet it must not be asked all night."""
    clock, told = Quick(), list[str]()
    here.play(envelope(429))
    async with wired(here.url, clock, period=0, notice=told.append) as wire:
        submissions = [call(wire, Call.SUBMIT, "POST", "/x", json={}) for _ in range(8)]
        answers = await asyncio.gather(*submissions, return_exceptions=True)
    assert [type(answer) for answer in answers] == [SceneFailed] * 8
    assert len(here.heard) == 8 * 9
    assert told


async def test_a_clip_host_that_is_ill_is_left_alone_and_another_is_not(here: Service, tmp_path: Path) -> None:
    """One bad mirror would hold up the clips that lie elsewhere."""
    clock, content = Quick(), b"\x00\x00\x00\x18ftypisom" + bytes(1000)

    async def by_host(request: web.Request) -> web.StreamResponse:
        return await (says(503, b"") if "localhost" in request.host else clip(content))(request)

    here.play(by_host)
    async with wired(here.url, clock) as wire:
        with pytest.raises(Stalled):
            await wire.fetch(here.url.replace("127.0.0.1", "localhost") + "/a.mp4", tmp_path / "a")
        assert max(clock.pauses) > 200
        clock.pauses.clear()
        await wire.fetch(here.url + "/a.mp4", tmp_path / "b")
    assert not clock.pauses


class Stopping(Quick):
    """A clock in whose n-th pause the author presses Ctrl-C."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at
        self.wire: Client | None = None

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == self.at:
            assert self.wire
            self.wire.stop(Interrupted("interrupted"))
        if len(self.pauses) >= self.at:
            await asyncio.Event().wait()
        self.now += seconds


@pytest.mark.parametrize(("ill", "at"), [(envelope(429), 1), (envelope(521), 3), (envelope(521), 6)])
@pytest.mark.parametrize("kind", [Call.SUBMIT, Call.UPLOAD])
async def test_a_run_that_is_stopped_hangs_in_no_wait_and_sends_no_more(
    here: Service, ill: Step, at: int, kind: Call
) -> None:
    """After Ctrl-C a submission that was refused for now would be sent once more, and paid for."""
    clock = Stopping(at)
    here.play(ill)
    async with wired(here.url, clock) as wire:
        clock.wire = wire
        with pytest.raises(NotAsked, match="interrupted"):
            await call(wire, kind, "POST", "/x", json={})
        asked = len(here.heard)
        with pytest.raises(NotAsked):
            await call(wire, kind, "POST", "/x", json={})
        here.play(envelope(200, 7))
        assert (await call(wire, Call.POLL, "GET", "/x")).data == 7
    assert asked == min(at, 5)


async def test_a_submission_that_waits_for_its_turn_is_not_sent_after_a_stop(here: Service) -> None:
    """Eight submissions may wait for the pace of half a second: none of them has left."""
    clock = Stopping(1)
    here.play(envelope(200))
    async with wired(here.url, clock) as wire:
        clock.wire = wire
        submissions = [call(wire, Call.SUBMIT, "POST", "/x", json={}) for _ in range(8)]
        answers = await asyncio.gather(*submissions, return_exceptions=True)
    assert len(here.heard) <= 1
    assert sum(isinstance(answer, NotAsked) for answer in answers) == 8 - len(here.heard)


async def test_who_waits_behind_a_silent_probe_is_free_after_a_stop(here: Service) -> None:
    """Left waiting until the second Ctrl-C, submissions that never left would count as perhaps paid for."""
    clock, asked = Quick(), asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    here.play(*[CUT] * 5, silent)
    async with wired(here.url, clock, limits=Limits(submit=30)) as wire:
        for _ in range(5):
            with pytest.raises(SubmissionUnknown):
                await call(wire, Call.SUBMIT, "POST", "/x", json={})
        tasks = [asyncio.create_task(call(wire, Call.SUBMIT, "POST", "/x", json={})) for _ in range(4)]
        await asked.wait()
        wire.stop(Interrupted("interrupted"))
        for task in tasks[1:]:
            with pytest.raises(NotAsked):
                await task
        assert not tasks[0].done()
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
    assert len(here.heard) == 6


async def test_a_probe_that_is_cancelled_leaves_the_way_free(here: Service) -> None:
    """The next who waits would wait for an answer that nobody listens for any more."""
    clock = Quick()
    here.play(says(503, b""))
    async with wired(here.url, clock, limits=Limits(answer=30)) as wire:
        await polls(wire, 8)
        asked = len(here.heard)

        async def deaf(request: web.Request) -> web.StreamResponse:
            task.cancel()
            await give_way()
            return await envelope(200, 7)(request)

        here.play(deaf, envelope(200, 7))
        task = asyncio.create_task(call(wire, Call.POLL, "GET", "/x"))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await call(wire, Call.POLL, "GET", "/x")).data == 7
    assert asked > 8


def connection(moments: list[object]) -> Step:
    """An answer that notes which connection it was asked over."""

    async def step(request: web.Request) -> web.StreamResponse:
        assert request.transport
        moments.append(request.transport.get_extra_info("peername"))
        return await envelope(200, 7)(request)

    return step


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0, 3_600.0])
async def test_after_a_jump_no_old_connection_is_used(here: Service, jump: float) -> None:
    """A connection that slept through the night hangs the first poll until its timeout."""
    clock, peers = Quick(), list[object]()
    here.play(connection(peers))
    async with wired(here.url, clock) as wire:
        await call(wire, Call.POLL, "GET", "/x")
        await call(wire, Call.POLL, "GET", "/x")
        clock.ahead += jump
        await call(wire, Call.POLL, "GET", "/x")
        await call(wire, Call.POLL, "GET", "/x")
    assert peers[0] == peers[1]
    assert peers[2] == peers[3]
    assert peers[0] != peers[2]


async def test_a_jump_spends_no_patience(here: Service) -> None:
    """A laptop that is closed again and again would stall its jobs though nobody waited for them."""

    class Closed(Quick):
        async def pause(self, seconds: float) -> None:
            await super().pause(seconds)
            if len(self.pauses) <= 30:
                self.now -= seconds
                self.ahead += 3_600

    clock = Closed()
    here.play(*[envelope(422)] * 40, envelope(200, 7))
    async with wired(here.url, clock) as wire:
        assert (await call(wire, Call.POLL, "GET", "/x")).data == 7
    assert len(here.heard) == 41


@pytest.mark.parametrize(
    "header",
    [
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "NaN",
        "-5",
        "1e300",
        "9" * 400,
        "soon",
        "",
        "0",
    ],
)
async def test_no_retry_after_makes_a_pause_that_is_not_one(here: Service, header: str) -> None:
    """A date in the past is a negative pause, and NaN a ValueError in the middle of a paid run."""
    clock = Quick()
    here.play(says(429, b"", {"Retry-After": header}), envelope(200, 7))
    async with wired(here.url, clock) as wire:
        assert (await call(wire, Call.POLL, "GET", "/x")).data == 7
    assert len(clock.pauses) == 1
    assert 0 <= clock.pauses[0] <= 330
