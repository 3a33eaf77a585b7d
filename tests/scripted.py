"""A real service on loopback whose answers are scripted and which writes down every request; and a clock for tests."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Any

from aiohttp import web
from canary import KEY
from turns import give_way

from storyboard.http.client import Client, Endpoint
from storyboard.http.connections import Limits
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.policy import Call, Verdict
from storyboard.providers.apikley.answers import ANSWERS, ENVIRONMENT
from storyboard.providers.apikley.veo import Envelope
from storyboard.providers.apikley.veo import envelope as opened
from storyboard.system.clock import Clock

Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Quick(Clock):
    """A clock of its own: pauses are over at once, move it on, and are written down; chance always takes the longest.

    Pauses that begin together end together. ``ahead`` is how far the wall clock has been set; a test may move it.
    """

    def __init__(self, scale: float = 0) -> None:
        super().__init__(scale)
        self.now = 0.0
        self.tick = 0.001
        self.ahead = 0.0
        self.pauses: list[float] = []

    def monotonic(self) -> float:
        self.now += self.tick
        return self.now

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now + self.ahead

    def between(self, low: float, high: float) -> float:
        return high

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        end = self.now + seconds
        await give_way()
        self.now = max(self.now, end)


@dataclass
class Heard:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """Plays ``steps`` one after the other, the last of them for ever."""

    url: str = ""
    steps: list[Step] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def play(self, *steps: Step) -> "Service":
        self.steps, self.heard = list(steps), []
        return self

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        query = dict(request.query.items())
        self.heard.append(Heard(request.method, request.path, query, dict(request.headers), body))
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        return await step(request)


@asynccontextmanager
async def service(tls: SSLContext | None = None) -> AsyncIterator[Service]:
    here = Service()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", here.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield here
    finally:
        await runner.cleanup()


@asynccontextmanager
async def wired(base_url: str, clock: Clock | None = None, **options: object) -> AsyncIterator[Client]:
    limits = Limits(submit=2, answer=2, upload=2, clip=5)
    api = Endpoint(base_url, KEY, ENVIRONMENT)
    async with Client(api, clock or Quick(), ANSWERS, **{"limits": limits, **options}) as wire:
        yield wire


@dataclass(frozen=True)
class Answered:
    """What a call came back with."""

    verdict: Verdict
    code: int | None = None
    msg: str = ""
    data: Any = None


async def call(
    wire: Client,
    kind: Call,
    method: str,
    path: str,
    *,
    params: dict[str, str] | None = None,
    json: dict[str, object] | None = None,
    told: Callable[[Envelope], Meaning | None] = lambda answer: None,
) -> Answered:
    """Ask as the built-in provider would, and read no more than the envelope."""

    def read(reply: Reply) -> Envelope | Meaning | Rejection:
        answer = opened(reply)
        return told(answer) or (answer.rejection() if answer.is_refusal else answer)

    found = await wire.send(Request(kind, method, path, query=params or {}, body=json), read)
    if isinstance(found, Verdict):
        return Answered(found)
    return Answered(Verdict.ACCEPT, found.code, found.msg, found.data)


def says(status: int = 200, body: object = None, headers: dict[str, str] | None = None) -> Step:
    """A whole answer: JSON, or the bytes themselves."""

    async def step(request: web.Request) -> web.StreamResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = {} if headers and "Content-Type" in headers else {"Content-Type": "application/json"}
        return web.Response(status=status, body=content, headers={**kind, **(headers or {})})

    return step


def envelope(code: object = 200, data: object = None, msg: object = "success", status: int = 200, **more: str) -> Step:
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    return says(status, {"code": code, "msg": msg, "data": data}, headers)


def raw(content: bytes, abort: bool = False) -> Step:
    """Bytes on the line as they are, then the end of the connection."""

    async def step(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(content)
        await give_way()
        request.transport.abort() if abort else request.transport.close()
        return web.Response()

    return step


def clip(content: bytes, **headers: str) -> Step:
    return says(200, content, {"Content-Type": "video/mp4", **headers})


async def hang(request: web.Request) -> web.StreamResponse:
    """No answer, ever."""
    await asyncio.Event().wait()
    return web.Response()


def left(folder: Path) -> list[str]:
    """What lies in a folder."""
    return [path.name for path in folder.iterdir()]
