"""The API's side of the wire: what is sent, what is never sent, and what becomes of broken answers."""

import asyncio
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import zlib
from collections.abc import AsyncIterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from scripted import KEY, Quick, Service, call, envelope, hang, raw, says, service, wired

from storyboard.http.client import Endpoint
from storyboard.http.connections import Limits
from storyboard.http.exchange import Meaning
from storyboard.http.policy import AnswerKind, Call, Verdict
from storyboard.http.rate_limit import Pace
from storyboard.model.errors import InputError, RunRefused, SceneFailed, Stalled, StoryboardError, SubmissionUnknown
from storyboard.providers.apikley.answers import ENVIRONMENT
from storyboard.providers.apikley.veo import Envelope


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


async def test_what_a_submission_looks_like(here: Service) -> None:
    """A default User-Agent is turned away by the service's front; a session that keeps cookies can be told apart."""
    here.play(envelope(200, {"taskId": "abcd"}, Set_Cookie="JSESSIONID=1"))
    async with wired(here.url + "/base/") as wire:
        for _ in range(2):
            answer = await call(wire, Call.SUBMIT, "POST", "/x", params={"a": "1 2"}, json={"prompt": "ß \ud800"})
    assert (answer.code, answer.msg, answer.data) == (200, "success", {"taskId": "abcd"})
    sent = here.heard[1]
    assert (sent.method, sent.path, sent.query) == ("POST", "/base/x", {"a": "1 2"})
    assert sent.json == {"prompt": "ß \ud800"}
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert sent.headers["User-Agent"].startswith("storyboard/")
    assert sent.headers["Accept-Encoding"] == "identity"
    assert sent.headers["Connection"] == "close"
    assert "Cookie" not in sent.headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("kind", list(Call)[:3])
async def test_a_redirect_is_never_followed(here: Service, status: int, kind: Call) -> None:
    """A 307 sends the body a second time, which is a second charge; any redirect takes the key elsewhere."""
    here.play(says(status, b"", {"Location": here.url + "/elsewhere"}))
    async with wired(here.url) as wire:
        with pytest.raises((SubmissionUnknown, RunRefused)) as raised:
            await call(wire, kind, "POST", "/x", json={})
    assert [heard.path for heard in here.heard] == ["/x"]
    assert raised.value.code == status


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BROKEN = {
    "nothing": raw(b""),
    "reset": raw(b"", abort=True),
    "half a status line": raw(b"HTTP/1."),
    "no HTTP": raw(b"\x00\x01\x02\x03\r\n\r\n"),
    "half the head": raw(HEAD),
    "half the body": raw(HEAD + b"Content-Length: 100\r\n\r\n" + b'{"code": 200, "data": {"taskId": "abcd"'),
    "half a chunk": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n50\r\n{"),
    "no chunk": raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "a head without end": raw(HEAD + b"X: " + b"a" * 100_000),
    "odd gzip": raw(HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
    "silence": hang,
}


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_submission_whose_answer_is_lost_is_unknown(here: Service, broken: str) -> None:
    """It may have been charged: a second request would pay twice."""
    here.play(BROKEN[broken])
    async with wired(here.url, limits=Limits(submit=0.3)) as wire:
        with pytest.raises(SubmissionUnknown) as raised:
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert len(here.heard) == 1
    assert "127.0.0.1" in raised.value.message


@pytest.mark.parametrize("broken", [name for name in BROKEN if name != "silence"])
async def test_a_poll_that_breaks_is_asked_again(here: Service, broken: str) -> None:
    """One bad minute of the network would end a film."""
    here.play(*[BROKEN[broken]] * 3, envelope(200, {"taskId": "abcd"}))
    async with wired(here.url) as wire:
        answer = await call(wire, Call.POLL, "GET", "/x")
    assert answer.verdict is Verdict.ACCEPT
    assert len(here.heard) == 4


class Elsewhere:
    """A service that answers while the client does nothing: it has a thread of its own."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.asked, self.go, self.answered = threading.Event(), threading.Event(), threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        link, _ = self._listening.accept()
        with self._listening, link:
            while b"{}" not in link.recv(65536):
                pass
            self.asked.set()
            self.go.wait(30)
            content = json.dumps({"code": 200, "msg": "x" * 50_000, "data": {"taskId": "abcd"}}).encode()
            link.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(content) + content)
            self.answered.set()
            link.recv(1)


@pytest.mark.parametrize("kind", ["blocked", "suspended"])
async def test_an_answer_in_the_socket_is_read_before_the_time_is_up(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop that another scene blocked for a minute, or a laptop that slept, would lose a job that is paid for."""
    loop, there, clock = asyncio.get_running_loop(), Elsewhere(), Quick()
    async with wired(there.url, clock, limits=Limits(submit=60)) as wire:
        task = asyncio.ensure_future(call(wire, Call.SUBMIT, "POST", "/x", json={}))
        assert await asyncio.to_thread(there.asked.wait, 10)
        there.go.set()
        assert there.answered.wait(10)  # on purpose in the loop: nothing is read meanwhile
        before = loop.time
        monkeypatch.setattr(loop, "time", lambda: before() + 70)
        clock.ahead += 3600 if kind == "suspended" else 0
        assert (await task).data == {"taskId": "abcd"}


_SUBMIT = """
import asyncio, sys
from scripted import call, wired
from storyboard.http.connections import Limits
from storyboard.http.policy import Call

async def main():
    async with wired(sys.argv[1], limits=Limits(submit=0.5)) as wire:
        print((await call(wire, Call.SUBMIT, "POST", "/x", json={})).data)

asyncio.run(main())
"""


@pytest.mark.ci
def test_a_process_that_was_stopped_reads_its_answer() -> None:
    """Ctrl-Z, a debugger, a frozen container: the answer came meanwhile, and its job is paid for."""
    there = Elsewhere()
    child = subprocess.Popen(
        [sys.executable, "-c", _SUBMIT, there.url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert there.asked.wait(30)
    child.send_signal(signal.SIGSTOP)
    there.go.set()
    assert there.answered.wait(10)
    time.sleep(0.8)  # The child's own timeout runs out in real time while it is stopped: it cannot tell anybody.
    child.send_signal(signal.SIGCONT)
    assert child.communicate(timeout=30)[0] == "{'taskId': 'abcd'}\n"


async def test_nothing_sent_is_sent_again_and_then_the_run_is_refused() -> None:
    """A laptop that just woke up has no network for some seconds; without any, the author must hear of it."""
    clock = Quick()
    async with wired("http://127.0.0.1:1", clock) as wire:
        with pytest.raises(RunRefused) as raised:
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert clock.pauses == [1, 2, 4, 8, 16, pytest.approx(14, abs=0.1)]  # the last for the breaker
    assert raised.value.code is None
    assert "127.0.0.1" in raised.value.message


async def test_a_name_that_does_not_resolve_counts_as_not_sent() -> None:
    """A typing error in the address must not end as 'it may have been charged'."""

    class Nowhere(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            raise OSError(None, "Name or service not known")

        async def close(self) -> None: ...

    async with wired("https://does-not-exist.invalid", resolver=Nowhere()) as wire:
        with pytest.raises(RunRefused, match=r"does-not-exist\.invalid"):
            await call(wire, Call.SUBMIT, "POST", "/x", json={})


async def test_a_server_without_tls_counts_as_not_sent(here: Service) -> None:
    """No byte of the request leaves before TLS stands."""
    here.play(envelope())
    async with wired(here.url.replace("http:", "https:")) as wire:
        with pytest.raises(RunRefused):
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert not here.heard


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_connection_that_does_not_come_about_counts_as_not_sent(scheme: str) -> None:
    """A firewall that swallows packets is no reason to call a submission unknown."""
    with ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        port = deaf.getsockname()[1]
        for _ in range(4 if scheme == "http" else 0):  # a full queue: the next connection is not even answered
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))
        async with wired(f"{scheme}://127.0.0.1:{port}", limits=Limits(connect=0.05)) as wire:
            with pytest.raises(RunRefused, match="cannot be reached"):
                await call(wire, Call.SUBMIT, "POST", "/x", json={})


async def test_a_huge_answer_is_not_read_to_its_end(here: Service) -> None:
    """A hundred megabytes of JSON would fill the memory of a build machine."""
    here.play(says(200, b" " * (3 << 20)))
    async with wired(here.url) as wire:
        with pytest.raises(SubmissionUnknown):
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
        with pytest.raises(SceneFailed, match="larger than the limit"):
            await call(wire, Call.UPLOAD, "POST", "/x", json={})


@pytest.mark.ci
async def test_a_gzip_bomb_is_stopped_at_the_cap(here: Service) -> None:
    """Half a megabyte becomes half a gigabyte in a plain read()."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    here.play(says(200, bomb, {"Content-Encoding": "gzip"}))
    before = _peak()
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed, match="larger than the limit"):
            await call(wire, Call.UPLOAD, "POST", "/x", json={})
    assert _peak() - before < 64 << 20


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise AssertionError("this machine does not tell its memory")


async def test_an_answer_that_was_packed_unasked_is_read_all_the_same(here: Service) -> None:
    """Some fronts compress whatever is asked for."""
    body = gzip.compress(json.dumps({"code": 200, "data": 7}).encode())
    here.play(says(200, body, {"Content-Encoding": "gzip"}))
    async with wired(here.url) as wire:
        assert (await call(wire, Call.BALANCE, "GET", "/x")).data == 7


async def test_an_answer_that_drips_is_given_up(here: Service) -> None:
    """A byte a second keeps a read timeout happy for ever; the scene would hang."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.02)  # The timeout is aiohttp's own, on real time: it must end while bytes come.
        return response

    here.play(drip)
    async with wired(here.url, limits=Limits(submit=0.2)) as wire:
        with pytest.raises(SubmissionUnknown):
            await call(wire, Call.SUBMIT, "POST", "/x", json={})


async def test_retry_after_is_obeyed(here: Service) -> None:
    """Coming back early spends the tries for nothing, and annoys the service."""
    here.play(
        envelope(429, Retry_After="40"),
        says(429, b"", {"Retry-After": "Tue, 14 Nov 2023 22:14:14 GMT"}),
        envelope(429, Retry_After="rubbish"),
        envelope(200),
    )
    clock = Quick()
    async with wired(here.url, clock) as wire:
        await call(wire, Call.POLL, "GET", "/x")
    assert clock.pauses == [pytest.approx(44), pytest.approx(11, rel=0.01), 20]


async def test_different_reasons_have_their_own_patience(here: Service) -> None:
    """A restart after four refused connections must not find its tries spent on something else."""
    here.play(*[envelope(429)] * 8, *[envelope(521)] * 5, envelope(200))
    async with wired(here.url) as wire:
        await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert len(here.heard) == 14


async def test_a_code_as_text_is_a_code(here: Service) -> None:
    """Siblings of this API write numbers as text."""
    here.play(envelope("200", 1))
    async with wired(here.url) as wire:
        assert (await call(wire, Call.BALANCE, "GET", "/x")).data == 1


async def test_the_data_can_outweigh_the_codes(here: Service) -> None:
    """A refusal that names a job may be charged; the caller who knows the data says so."""
    here.play(envelope(400, {"taskId": "abcd"}, "no"))

    def told(answer: Envelope) -> Meaning:
        return Meaning(AnswerKind.RECEIPT, "job abcd")

    async with wired(here.url) as wire:
        with pytest.raises(SubmissionUnknown, match="job abcd"):
            await call(wire, Call.SUBMIT, "POST", "/x", json={}, told=told)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("http://api.example", "k"),
        ("http://localhost.example.com", "k"),
        ("http://10.0.0.1", "k"),
        ("ftp://localhost", "k"),
        ("https://", "k"),
        ("", "k"),
        ("https://user:pw@api.example", "k"),
        ("https://api.example/?a=b", "k"),
        ("https://api.example/#a", "k"),
        ("https://api.example:99999", "k"),
        ("https://" + "a" * 70 + ".example", "k"),
        ("https://api .example", "k"),
        ("https://[::1", "k"),
        ("https://api.example", ""),
        ("https://api.example", "a b"),
        ("https://api.example", "a\r\nX-Evil: 1"),
        ("https://api.example", "clé"),
    ],
)
def test_an_address_or_key_that_cannot_be_right(url: str, key: str) -> None:
    """The key would travel in the open, or write a header of its own."""
    with pytest.raises(InputError) as raised:
        Endpoint(url, key, ENVIRONMENT)
    assert raised.value.hint
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["https://api.example", "http://127.0.0.1:8000/base", "http://localhost", "http://[::1]:1"]
)
def test_addresses_that_are_fine(url: str) -> None:
    """Nobody could use the service."""
    assert Endpoint(url, "k", ENVIRONMENT).local is url.startswith("http:")


async def test_the_key_is_in_no_error_and_no_repr(here: Service) -> None:
    """A key in a CI log is a key on the market; the service's own words may echo it."""
    steps = [
        *(
            envelope(code, None, f"bad key {KEY}", status=status)
            for code in (400, 401, 422, 500)
            for status in (200, 500)
        ),
        *BROKEN.values(),
        says(401, f"<html>{KEY}</html>".encode()),
    ]
    texts = []
    for step in steps:
        here.play(step)
        async with wired(here.url, limits=Limits(submit=0.2)) as wire:
            with pytest.raises(StoryboardError) as raised:
                await call(wire, Call.SUBMIT, "POST", "/x", json={})
            texts += [repr(wire), repr(wire.api), str(wire.api)]
        error: BaseException | None = raised.value
        texts += ["".join(traceback.format_exception(raised.value)), raised.value.hint]
        while error:
            texts += [repr(error), str(error), repr(error.args)]
            error = error.__context__
    assert not [text for text in texts if KEY in text]


async def test_the_secret_of_a_callback_is_in_no_error(here: Service) -> None:
    """The service may repeat the address that it refuses; the message goes to a log and into the ledger."""
    secret = "s3cret-" * 5
    here.play(envelope(422, None, f"callBackUrl https://x.example.org/cb/{secret} or %2Fcb%2F{secret} is not allowed"))
    async with wired(here.url) as wire:
        with pytest.raises(StoryboardError) as raised:
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert "https://x.example.org/cb/[secret]" in raised.value.message
    assert "s3cret" not in raised.value.message


async def test_submissions_leave_evenly(here: Service) -> None:
    """Twenty at once are refused by a limit of twenty in ten seconds as soon as a second program is at work."""
    clock = Quick()
    moments: list[float] = []

    async def note(request: web.Request) -> web.StreamResponse:
        moments.append(clock.now)
        return await envelope(200)(request)

    here.play(note)
    pace = Pace(0.5, clock)
    turns = [await pace.turn() for _ in range(6)]
    assert [later - earlier for earlier, later in pairwise(turns)] == [pytest.approx(0.5, abs=0.05)] * 5
    async with wired(here.url, clock) as wire:
        await asyncio.gather(*(call(wire, Call.SUBMIT, "POST", "/x", json={}) for _ in range(6)))
    assert len(moments) == 6
    assert clock.pauses == [pytest.approx(0.5, abs=0.05)] * 10


async def test_a_slower_pace_and_its_easing(here: Service) -> None:
    """A pace that does not slow down keeps the run in refusals; one that never eases makes a night of an hour."""
    clock = Quick()
    pace = Pace(0.5, clock)
    for _ in range(5):
        pace.slow_down(await pace.turn())
    assert pace.factor == 8
    await pace.turn()
    assert clock.pauses[-1] == pytest.approx(4, abs=0.05)
    for _ in range(100):
        pace.after_accepted()
    await pace.turn()
    assert clock.pauses[-1] == pytest.approx(0.5, abs=0.05)


async def test_a_429_halves_the_pace_and_acceptances_give_it_back(here: Service) -> None:
    """Keeping the pace that was refused fills the whole run with refusals."""
    here.play(envelope(429), envelope(200))
    async with wired(here.url) as wire:
        await call(wire, Call.SUBMIT, "POST", "/x", json={})
        assert wire.pace.factor == pytest.approx(1.9)
        for _ in range(20):
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
        assert wire.pace.factor == 1


async def test_one_burst_of_429_slows_down_once(here: Service) -> None:
    """Eight refusals of the same moment would slow the run 256 times."""
    here.play(*[envelope(429)] * 8, envelope(200))
    async with wired(here.url, period=0) as wire:
        await asyncio.gather(*(call(wire, Call.SUBMIT, "POST", "/x", json={}) for _ in range(8)))
        assert wire.pace.factor <= 2


async def test_a_poll_waits_for_no_turn(here: Service) -> None:
    """Polls behind a queue of submissions would collect nothing."""
    here.play(envelope(200))
    clock = Quick()
    async with wired(here.url, clock, period=60) as wire:
        await call(wire, Call.SUBMIT, "POST", "/x", json={})
        await call(wire, Call.POLL, "GET", "/x")
    assert not clock.pauses


async def test_a_stalled_poll_says_that_nothing_is_paid_twice(here: Service) -> None:
    """Without that sentence people start again from nothing."""
    here.play(envelope(500))
    async with wired(here.url) as wire:
        with pytest.raises(Stalled) as raised:
            await call(wire, Call.POLL, "GET", "/x")
    assert "nothing is paid twice" in raised.value.hint
