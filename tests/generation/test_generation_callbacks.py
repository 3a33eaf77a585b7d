"""The listener stands where a tunnel leads the whole internet to: it hears the provider, and gives nothing away."""

import asyncio
import hmac
import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import aiohttp
import pytest

from storyboard.generation.callbacks import Listener, ListenerLimits
from storyboard.model.callback_settings import CallbackSettings
from storyboard.model.errors import Busy, InputError
from storyboard.model.shot import Shot
from storyboard.model.submission import Submission
from storyboard.providers.apikley.veo import Apikley
from storyboard.state.ledger import Ledger
from storyboard.system.clock import Clock

NOW = 1_700_000_000


class Noon(Clock):
    """It is always the same time."""

    def wall(self) -> float:
        return NOW


class Post:
    """A listener with one submission that waits for a callback. ``rung`` is what it has told."""

    def __init__(self, folder: Path, key: str = "", bounds: ListenerLimits | None = None) -> None:
        self.ledger = Ledger(folder / "ledger.db")
        shot = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")
        self.entry: Submission = self.ledger.submissions.record_intent(
            shot, "gull", "/film.yaml", "run1", Fraction(60), 1.0
        )
        self.rung: list[tuple[str, str]] = []
        self.told: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.where = CallbackSettings(None, "127.0.0.1", free.getsockname()[1], key)
        self.listener = self.another(bounds)

    def another(self, bounds: ListenerLimits | None = None) -> Listener:
        def rung(nonce: str, job: str) -> None:
            self.rung.append((nonce, job))

        return Listener(
            self.where, self.ledger, Apikley(), Noon(), rung, self.told.append, bounds, api_key="CANARY-callback-key"
        )

    @property
    def url(self) -> str:
        return f"http://{self.where.listens}/cb/{self.entry.nonce}"

    async def call(self, body: object, url: str = "", method: str = "POST", **headers: str) -> int:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = aiohttp.request(method, url or self.url, data=content, headers=headers)
        async with asked as answer:
            return answer.status

    async def bytes_of(self, request: bytes) -> bytes:
        """The answer to a request as it stands, to its last byte."""
        reader, writer = await asyncio.open_connection(self.where.host, self.where.port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith(b"Date:"))


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    made = Post(tmp_path)
    async with made.listener:
        yield made
    made.ledger.close()


def body(job: str = "job-1") -> dict[str, object]:
    return {"code": 200, "msg": "", "data": {"taskId": job, "info": {"resultUrls": "[http://192.0.2.1/x.mp4]"}}}


async def test_a_callback_is_written_down_before_it_is_answered(post: Post) -> None:
    """Also where a tunnel puts a path of its own before ours; and a second time it is answered all the same."""
    assert await post.call(body()) == 200
    assert await post.call(body(), post.url.replace("/cb/", "/hooks/here/cb/")) == 200
    assert Ledger(post.ledger.path).inbox.jobs_named_by_callbacks(post.entry.nonce) == ("job-1",)
    assert post.rung == [(post.entry.nonce, "job-1")] * 2
    assert post.ledger.submissions.all() == [post.entry]


async def test_a_key_for_a_name_is_written_down_as_a_placeholder(post: Post) -> None:
    """The inbox lies in the ledger; the job is found all the same, because its own name is masked alike."""
    assert await post.call(body("job-CANARY-callback-key")) == 200
    assert post.ledger.inbox.jobs_named_by_callbacks(post.entry.nonce) == ("job-[key]",)
    assert post.rung == [(post.entry.nonce, "job-[key]")]


@pytest.mark.parametrize(
    "said",
    [
        {"data": {"taskId": "job-1"}},
        {"data": {"task_id": "job-1"}},
        {"taskId": "job-1", "data": None},
        {"data": '{"taskId": "job-1"}'},
    ],
)
async def test_the_name_is_found_wherever_services_put_it(post: Post, said: object) -> None:
    assert await post.call(said) == 200
    assert post.ledger.inbox.jobs_named_by_callbacks(post.entry.nonce) == ("job-1",)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON",
        b"[" * 60_000,
        b'{"data": {"taskId": ["job-1"]}}',
        b'{"data": {"taskId": "a b\\u001b[2J"}}',
        b"\xff",
    ],
)
async def test_a_body_that_names_no_job_changes_nothing(post: Post, content: bytes) -> None:
    assert await post.call(content) == 404
    assert post.ledger.inbox.callbacks_after(0) == []


async def test_nobody_learns_whether_a_path_exists(post: Post) -> None:
    """Every answer that is not a yes is the same, to the byte."""
    good = json.dumps(body()).encode()

    def request(method: str, path: str, content: bytes) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        return head.encode() + content

    nonce = post.entry.nonce
    asked = [
        request("POST", f"/cb/{nonce[:-1]}{'a' if nonce[-1] != 'a' else 'b'}", good),
        request("POST", "/cb/" + "x" * len(nonce), good),
        request("POST", "/cb/short", good),
        request("POST", "/", good),
        request("POST", f"/{nonce}", good),
        request("GET", f"/cb/{nonce}", b""),
        request("PUT", f"/cb/{nonce}", good),
        request("OPTIONS", f"/cb/{nonce}", b""),
        request("POST", f"/cb/{nonce}", b"{}"),
        request("POST", f"/cb/{nonce}/", good),
    ]
    answers = {await post.bytes_of(one) for one in asked}
    assert len(answers) == 1
    assert answers.pop().startswith(b"HTTP/1.1 404 ")
    assert post.ledger.inbox.callbacks_after(0) == []


async def test_a_page_on_the_web_learns_nothing(post: Post) -> None:
    """Whatever name led it here, and wherever it comes from: no answer says that its scripts may read it."""
    answers = set()
    for host in ("evil.example", "127.0.0.1", post.where.listens, ""):
        for method in ("GET", "POST", "OPTIONS"):
            head = f"{method} /cb/{'x' * 32} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://evil.example\r\n\r\n"
            answers.add(await post.bytes_of(head.encode()))
    (answer,) = answers
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"access-control" not in answer.lower()


async def test_a_body_of_10_megabytes_is_not_read(post: Post) -> None:
    """Neither kept in memory nor answered with a yes; the next caller is served."""
    with suppress(aiohttp.ClientError, OSError):
        assert await post.call(b'{"data": {"taskId": "job-1"}, "x": "' + b"x" * 10_000_000 + b'"}') == 404
    assert post.ledger.inbox.callbacks_after(0) == []
    assert await post.call(body()) == 200


async def test_slow_callers_do_not_keep_a_real_one_out(post: Post) -> None:
    """200 connections that never finish their request: a new one always gets in, and no more than 64 stay."""
    slow = [await asyncio.open_connection(post.where.host, post.where.port) for _ in range(200)]
    for _, writer in slow:
        writer.write(b"POST /cb/x HTTP/1.1\r\nHost: ")
    assert await post.call(body()) == 200
    # Before anybody's time is up: it is their number that is bounded.
    assert len(post.listener._open) <= 64
    closed = 0
    for reader, writer in slow[: 200 - 64]:
        with suppress(ConnectionError):
            assert await reader.read() == b""
        closed += 1
        writer.close()
    assert closed == 136
    for _, writer in slow:
        writer.close()


@pytest.mark.parametrize("half", [b"", b"POST /cb", b"POST /cb/x HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{"])
async def test_a_request_that_does_not_end_is_ended(tmp_path: Path, half: bytes) -> None:
    """aiohttp alone would keep it open without end."""
    post = Post(tmp_path, bounds=ListenerLimits(seconds=0.05))
    async with post.listener:
        reader, writer = await asyncio.open_connection(post.where.host, post.where.port)
        writer.write(half)
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
    assert post.listener._open == {}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /cb/x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /cb/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET http://[ HTTP/1.1\r\n\r\n",
        b"POST /cb/%ff%00 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
        b"A" * 20_000 + b"\r\n\r\n",
    ],
)
async def test_garbage_is_turned_away_without_a_word(
    post: Post, garbage: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The render's own screen is no place for what strangers send."""
    with suppress(ConnectionError):
        assert b" 200 " not in await post.bytes_of(garbage)
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []
    assert capfd.readouterr() == ("", "")
    assert await post.call(body()) == 200


async def test_a_callback_in_the_socket_is_read_before_the_time_is_up(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, suspended, or with a blocked loop: it arrived in time, and the provider may not call again."""
    loop, content = asyncio.get_running_loop(), json.dumps({**body(), "more": "x" * 50_000}).encode()
    with socket.create_connection((post.where.host, post.where.port)) as link:
        assert await post.call(body("job-0")) == 200  # Our first connection was accepted before this one.
        head = f"POST /cb/{post.entry.nonce} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n"
        link.sendall(head.encode() + content)
        before = loop.time
        monkeypatch.setattr(loop, "time", lambda: before() + 70)
        assert (await asyncio.to_thread(link.recv, 99)).startswith(b"HTTP/1.1 200 ")
    assert post.rung == [(post.entry.nonce, "job-0"), (post.entry.nonce, "job-1")]


def headers(job: str = "job-1", key: str = "s3cret", stamp: str = str(NOW)) -> dict[str, str]:
    signature = b64encode(hmac.digest(key.encode(), f"{job}.{stamp}".encode(), "sha256")).decode()
    return {"X-Webhook-Timestamp": stamp, "X-Webhook-Signature": signature}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (headers(), 200),
        (headers(stamp=str(NOW - 299)), 200),
        (headers(stamp=str(NOW + 299)), 200),
        (headers(stamp=str(NOW - 301)), 401),
        (headers(stamp=str(NOW + 301)), 401),
        (headers(stamp="soon"), 401),
        (headers(stamp="9" * 13), 401),
        (headers(key="other"), 401),
        (headers(job="job-2"), 401),
        ({"X-Webhook-Timestamp": str(NOW)}, 401),
        ({"X-Webhook-Signature": headers()["X-Webhook-Signature"]}, 401),
        ({}, 401),
    ],
)
async def test_with_a_key_only_what_is_signed_counts(tmp_path: Path, sent: dict[str, str], status: int) -> None:
    """Right, old, early, wrong, missing; and a stranger is told the same whether the path exists or not."""
    post = Post(tmp_path, key="s3cret")
    async with post.listener:
        assert await post.call(body(), **sent) == status
        elsewhere = post.url.replace(post.entry.nonce, "x" * 32)
        assert await post.call(body(), elsewhere, **sent) == (404 if status == 200 else 401)
    assert post.ledger.inbox.jobs_named_by_callbacks(post.entry.nonce) == (("job-1",) if status == 200 else ())
    assert "s3cret" not in repr(post.where)


async def test_the_name_that_is_signed_is_the_one_that_counts(tmp_path: Path) -> None:
    """A valid signature with another name beside it must not vouch for that one."""
    post = Post(tmp_path, key="s3cret")
    async with post.listener:
        assert await post.call({"data": {"taskId": "job-2"}, "taskId": "job-1"}, **headers("job-1")) == 200
    assert post.ledger.inbox.jobs_named_by_callbacks(post.entry.nonce) == ("job-1",)


async def test_what_cannot_be_written_down_is_not_confirmed(post: Post) -> None:
    """A yes would end the sender's tries, and the job's name would be lost."""
    import sqlite3

    def refuse(action: int, *_: object) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT else sqlite3.SQLITE_OK

    post.ledger.database.connection.set_authorizer(refuse)
    assert await post.call(body()) == 503
    assert await post.call(body()) == 503
    assert post.rung == []
    (told,) = post.told
    assert post.entry.nonce not in told


async def test_one_listener_a_port(post: Post, tmp_path: Path) -> None:
    """Another process of the same home is busy there; a stranger's port is not to be had."""
    with pytest.raises(Busy):
        async with post.another():
            raise AssertionError
    stranger = Post(tmp_path / "another")
    with socket.create_server(("127.0.0.1", stranger.where.port)), pytest.raises(InputError) as caught:
        async with stranger.listener:
            raise AssertionError
    assert "STORYBOARD_CALLBACK_LISTEN" in caught.value.hint
    stranger.where = CallbackSettings(None, "no.such.host.invalid", 8790, "")
    with pytest.raises(InputError):
        async with stranger.another():
            raise AssertionError
