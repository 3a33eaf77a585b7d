"""Ten thousand callbacks gone wrong: none changes what the ledger knows, and only a known path's is written down."""

import asyncio
import hmac
import json
import socket
from base64 import b64encode
from collections import Counter
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest
from mutants import WORDS, mutants
from targets import shot

from storyboard.generation.callbacks import SIGNATURE, TIMESTAMP, Listener, ListenerLimits
from storyboard.model.callback_settings import CallbackSettings
from storyboard.providers.apikley.veo import Apikley
from storyboard.state.ledger import Ledger
from storyboard.system.clock import Clock

COUNT = 5_000  # without a key, and as many with one
TOGETHER = 50
NOW = 1_700_000_000

_BODIES = tuple(
    json.dumps(body).encode()
    for body in (
        {"code": 200, "msg": "ok", "data": {"taskId": "job-1", "info": {"resultUrls": "[http://192.0.2.1/x.mp4]"}}},
        {"data": {"task_id": "job-1", "state": 3}, "taskId": "job-2"},
        {"taskId": "job-1", "data": None},
        {"code": 501, "data": json.dumps({"taskId": "job-1"})},
    )
)
_MORE = (
    *(b"\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n"),
    *(b"Host: y\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\n", b"GET", b"/cb/", b"%2F", b"..", b"job-2"),
    *(b"[" * 60_000, b"X-Webhook-Timestamp: 1e9\r\n", b"X-Webhook-Signature: \r\n", "²".encode(), b"x" * 70_000),
)  # fmt: skip


class Noon(Clock):
    def wall(self) -> float:
        return NOW


def request(path: str, key: str, content: bytes) -> bytes:
    """A whole request, signed for job-1 where there is a key."""
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(content)}"]
    if key:
        signature = b64encode(hmac.digest(key.encode(), f"job-1.{NOW}".encode(), "sha256")).decode()
        lines += [f"{TIMESTAMP}: {NOW}", f"{SIGNATURE}: {signature}"]
    return "\r\n".join((*lines, "", "")).encode() + content


def requests(path: str, key: str, count: int) -> list[bytes]:
    """Three in four have a body that is wrong and a length that is right, so that it is read; the others anything."""
    words = (*WORDS, *_MORE)
    inner = [request(path, key, content) for content in mutants(_BODIES, count * 3 // 4, 0, words)]
    whole = [
        request(at, key, content) for at in (path, path, "/hooks" + path, "/cb/" + "x" * 32) for content in _BODIES
    ]
    return [*inner, *mutants(whole, count - len(inner), 0, words)]


@pytest.mark.ci
@pytest.mark.parametrize("key", ["", pytest.param("s3cret", marks=pytest.mark.slow)])
async def test_no_callback_changes_what_is_known(quick: Path, key: str, capfd: pytest.CaptureFixture[str]) -> None:
    """Anybody may send one: of it a name is kept, where the path is a secret of ours, and nothing else comes of it."""
    ledger = Ledger(quick / "ledger.db")
    entry = ledger.submissions.record_intent(shot("A gull"), "gull", "/film.yaml", "run1", Fraction(60), 1.0)
    lost = ledger.submissions.record_intent(shot("A tern"), "tern", "/film.yaml", "run1", Fraction(60), 1.0)
    ledger.submissions.record_unknown(lost, "lost", None, 1.0)
    before = ledger.submissions.all()
    with socket.create_server(("127.0.0.1", 0)) as free:
        where = CallbackSettings(None, "127.0.0.1", free.getsockname()[1], key)
    heard: list[tuple[str, str]] = []
    warned: list[str] = []
    bounds = ListenerLimits(seconds=0.5)
    listener = Listener(where, ledger, Apikley(), Noon(), lambda *said: heard.append(said), warned.append, bounds)

    async def send(raw: bytes) -> str:
        answer = b""
        with suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(where.host, where.port)
            writer.write(raw)
            answer = await reader.read()
            writer.close()
        return "read" if answer.startswith(b"HTTP/1.1 200 ") else "refused"

    sent = requests(f"/cb/{entry.nonce}", key, COUNT)
    outcomes: Counter[str] = Counter()
    async with listener:
        for at in range(0, COUNT, TOGETHER):
            heard.clear()
            outcomes.update(await asyncio.gather(*map(send, sent[at : at + TOGETHER])))
            kept = {(nonce, job) for _, nonce, job in ledger.inbox.callbacks_after(0)}
            assert {nonce for nonce, _ in heard} <= {entry.nonce}
            assert all(job.isprintable() and 0 < len(job) <= 512 for _, job in heard)
            assert not key or {job for _, job in heard} <= {"job-1"}
            assert kept <= set(heard)
            for nonce, job in kept:
                ledger.inbox.discard_callback(nonce, job)
            assert ledger.submissions.all() == before
    assert sum(outcomes.values()) == COUNT
    assert outcomes["read"] > COUNT / 20
    assert outcomes["refused"] > COUNT / 20
    assert (warned, capfd.readouterr()) == ([], ("", ""))
    ledger.close()
