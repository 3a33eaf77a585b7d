"""Answers as they come over the line, whole HTTP responses that a mutator may strike anywhere, and who reads them."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from canary import KEY
from mutants import WORDS, mutants
from targets import _refused as refused
from targets import shot
from turns import give_way

from storyboard.generation.provider_calls import (
    credit_balance,
    echoed_prompt,
    job_status,
    send_submission,
    upload_image,
    upscale_status,
)
from storyboard.http.client import Client, Endpoint
from storyboard.http.connections import Limits
from storyboard.model.errors import RunRefused, SceneFailed, StoryboardError, SubmissionUnknown
from storyboard.providers.apikley.veo import provider
from storyboard.providers.base import Dispatch, Ready
from storyboard.system.clock import Clock

JOB = "veo_task_5e1f"
WHOLE = "https://cdn.example/clips/a.mp4?sig=x"

RECORD = {
    "taskId": JOB,
    "paramJson": json.dumps({"prompt": "A gull"}),
    "successFlag": 1,
    "response": {"taskId": JOB, "resultUrls": [WHOLE], "seeds": [41203], "resolution": "720p"},
    "errorCode": None,
    "errorMessage": None,
    "creditsConsumed": 60,
}
_FAILED = {**RECORD, "successFlag": 2, "response": None, "errorCode": 422, "errorMessage": "Rejected by Flow"}
_BRACKETS = {**RECORD, "response": None, "info": {"resultUrls": f"[{WHOLE}]"}, "creditsConsumed": 0.3}

# What each call is answered, all of it from the API's document or from what services of its shape do.
DATA: Mapping[str, tuple[object, ...]] = {
    "submit": ({"taskId": JOB}, {"taskId": 12345}, None),
    "poll": (RECORD, _FAILED, _BRACKETS, {**RECORD, "successFlag": 0}, None),
    "hd": ({"resultUrl": WHOLE}, None),
    "upload": ({"downloadUrl": WHOLE, "fileName": "a.png", "fileSize": 5}, {}),
    "balance": (100, 100.5, "250"),
    "prompt": (RECORD, None),
}
ASK: Mapping[str, Callable[[Client], Awaitable[object]]] = {
    "submit": lambda wire: send_submission(provider, wire, shot("A gull"), [], Dispatch("x")),
    "poll": lambda wire: job_status(provider, wire, JOB),
    "hd": lambda wire: upscale_status(provider, wire, JOB),
    "upload": lambda wire: upload_image(provider, wire, "a.png", b"image", "image/png"),
    "balance": lambda wire: credit_balance(provider, wire),
    "prompt": lambda wire: echoed_prompt(provider, wire, JOB),
}

# Beside what breaks any reader of text: answers of another length than they say, deep ones, and our own key in them.
_MORE = (
    *(b"\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"gzip"),
    *(b"Retry-After: -1e99\r\n", b"Retry-After: Thu, 99 Jan\r\n", b"Set-Cookie: a=b\r\n", KEY.encode()),
    *(b"Location: http://127.0.0.1/\r\n", b"[" * 940, b"[" * 100_000, b'"' + b"x" * 2_000),
)


def body(code: int, data: object, msg: str = "success") -> bytes:
    return json.dumps({"code": code, "msg": msg, "data": data}).encode()


def response(content: bytes, status: bytes = b"200 OK") -> bytes:
    return (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(content))
        + content
    )


FINAL = response(body(401, None, "no access"))


def bodies(call: str) -> tuple[bytes, ...]:
    good = [body(200, data) for data in DATA[call]]
    return (*good * 4, *(body(code, None, f"it said {code}") for code in (400, 402, 422, 429, 455, 501)))


def answers(call: str, count: int, start: int = 0) -> list[bytes]:
    """Three in four have a body that is wrong and a length that is right, so that it is read; the others anything."""
    whole = (*map(response, bodies(call)), response(body(429, None), b"429 Too Many\r\nRetry-After: 5"))
    inner, outer = count * 3 // 4, count - count * 3 // 4
    words = (*WORDS, *_MORE)
    return [*map(response, mutants(bodies(call), inner, start, words)), *mutants(whole, outer, start, words)]


@dataclass
class Line:
    """Gives one answer once, to whoever asks, and ``FINAL`` after it; what it was asked is not looked at."""

    url: str = ""
    waiting: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b":0")
        await reader.readexactly(int(length.split(b":")[1]))
        writer.write(self.waiting.pop() if self.waiting else FINAL)
        writer.close()


class NoPause(Clock):
    async def pause(self, seconds: float) -> None:
        await give_way()


@asynccontextmanager
async def line() -> AsyncIterator[tuple[Line, Client]]:
    here = Line()
    server = await asyncio.start_server(here.serve, "127.0.0.1", 0, limit=1 << 20)
    async with server:
        here.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with Client(
            Endpoint(here.url, KEY, provider.environment), NoPause(0), provider.answers, limits=Limits(submit=20)
        ) as wire:
            yield here, wire


async def attempt(call: str, answer: bytes, here: Line, wire: Client) -> str:
    """What became of one answer: "read" or "refused"."""
    here.waiting[:] = [answer]
    try:
        found = await ASK[call](wire)
    except StoryboardError as error:
        return _ended(error)
    if isinstance(found, Ready):
        assert found.url.startswith(("http://", "https://"))
        assert found.seed is None or abs(found.seed) < 2**63
        assert found.credits is None or len(str(found.credits)) < 100
    return "read"


def _ended(error: StoryboardError) -> str:
    assert isinstance(error, SceneFailed | RunRefused | SubmissionUnknown)
    assert KEY not in error.message + error.hint
    assert error.code is None or abs(error.code) < 2**63
    return refused(error)
