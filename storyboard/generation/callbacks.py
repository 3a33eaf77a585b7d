"""Receive the provider's callbacks (webhooks), and wake the scenes that wait for them.

A callback is a hint, never data: only the job id is read from its body, and the job is then polled with the API key.
The listener has its own port, so that a tunnel to it exposes nothing else.
"""

import asyncio
import hmac
import json
import logging
import re
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from storyboard.generation.provider_calls import jobs_in_callback
from storyboard.http.key_mask import KeyMask
from storyboard.model.callback_settings import CallbackSettings, callback_address
from storyboard.model.errors import InputError, LocalFault
from storyboard.model.submission import Submission
from storyboard.providers.base import Provider
from storyboard.state.ledger import Ledger
from storyboard.system.claims import exclusive_lock
from storyboard.system.clock import Clock, wait_for_answers
from storyboard.system.files import private_dir

# The last two segments of the path: a tunnel may add a prefix.
_PATH = re.compile(r"/cb/([A-Za-z0-9_-]{16,128})")

# The headers of a signed callback (api-facts.md 5.3), and the tolerance of its timestamp in seconds.
TIMESTAMP, SIGNATURE = "X-Webhook-Timestamp", "X-Webhook-Signature"
TOLERANCE = 300

Heard = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """Limits: bytes of a request body, seconds for a whole connection, simultaneous connections."""

    body: int = 64 * 1024
    seconds: float = 10.0
    connections: int = 64


class CallbackWaiters:
    """The scenes that wait for callbacks in one run. ``base`` is the public callback URL, None where there is none."""

    def __init__(self, clock: Clock, base: str | None) -> None:
        self._clock = clock
        self._base = base
        # By nonce and job id: a callback for one job does not wake those that wait for another. None: no job id yet.
        self._bells: defaultdict[tuple[str, str | None], asyncio.Event] = defaultdict(asyncio.Event)

    @property
    def is_enabled(self) -> bool:
        """Whether submissions have a callback URL."""
        return self._base is not None

    def address(self, nonce: str) -> str | None:
        """The callback URL of one submission; None without a base URL. Secret between the provider and storyboard."""
        return None if self._base is None else callback_address(self._base, nonce)

    def notify(self, nonce: str, job: str) -> None:
        """Wake those that wait for ``job``, or for any job of ``nonce``: a callback for ``nonce`` has named it."""
        self._bells[nonce, job].set()
        self._bells[nonce, None].set()

    def wake(self) -> None:
        """Wake all that wait for a job id, because the run is ending."""
        for (_, job), bell in self._bells.items():
            if job is None:
                bell.set()

    async def pause(self, entry: Submission, seconds: float) -> None:
        """Wait as ``Clock.pause`` does, or until a callback names this entry's job (any job, where it has none yet)."""
        bell = self._bells[entry.nonce, entry.job]
        await self._clock.pause_or(seconds, bell)
        bell.clear()


class Listener:
    """``async with Listener(...)``: receives callbacks until the block ends.

    Each callback is recorded in the ledger's inbox before it is answered; then ``heard`` is called with (nonce, job)
    and must return quickly. ``warned`` is called once if one cannot be recorded. Entering raises Busy where another
    process with the same ledger listens on the port, InputError where another program uses it. ``api_key``, where it
    is known, is masked in the names of jobs.
    """

    def __init__(
        self,
        where: CallbackSettings,
        ledger: Ledger,
        provider: Provider,
        clock: Clock,
        heard: Heard,
        warned: Callable[[str], None],
        bounds: ListenerLimits | None = None,
        *,
        api_key: str = "",
    ) -> None:
        self._secret = KeyMask(api_key, "")
        self._where = where
        self._ledger = ledger
        self._provider = provider
        self._clock = clock
        self._heard = heard
        self._warned = warned
        self._bounds = bounds or ListenerLimits()
        self._deaf = False
        self._exits = AsyncExitStack()
        self._open: dict[_Connection, None] = {}

    async def __aenter__(self) -> Self:
        where, loop = self._where, asyncio.get_running_loop()
        async with AsyncExitStack() as exits:
            exits.enter_context(
                exclusive_lock(listener_claim(self._ledger, where), f"{where.listens} is listened on already")
            )
            # Do not decompress bodies, do not linger after a response, and never log what an unknown caller sent.
            silent = logging.Logger("callbacks", logging.CRITICAL)
            server = web.Server(self._answer, access_log=None, logger=silent, auto_decompress=False, lingering_time=0)
            exits.push_async_callback(server.shutdown, 0.1)
            try:
                port = await loop.create_server(
                    lambda: _Connection(server(), self._open, self._bounds), where.host, where.port
                )
            except OSError as error:
                raise InputError(
                    f"{where.listens} cannot be listened on: {error.strerror or 'it is no address of this machine'}",
                    "set STORYBOARD_CALLBACK_LISTEN to another host:port, and lead the tunnel there",
                ) from None
            exits.callback(port.close)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """200 for a recorded callback, 401 for a missing or wrong signature, 503 on a disk error, 404 for all else.

        The nonce is looked up last, so that only well-formed callbacks can find out whether it exists.
        """
        names = jobs_in_callback(self._provider, await self._body(request))
        if self._where.key:
            stamp, signature = request.headers.get(TIMESTAMP, ""), request.headers.get(SIGNATURE, "")
            now = self._clock.wall()
            names = tuple(name for name in names if is_signed(self._where.key, name, stamp, signature, now))
            if not names:
                return _said(401)
        path = _PATH.fullmatch("/" + "/".join(request.path.split("/")[-2:]))
        if request.method != "POST" or path is None or not names:
            return _said(404)
        return _said(self._written(path[1], self._secret.mask(names[0])))

    def _written(self, nonce: str, job: str) -> int:
        try:
            known = self._ledger.inbox.record_callback(nonce, job, self._clock.wall())
        except LocalFault as error:
            if not self._deaf:
                self._deaf = True
                self._warned(f"a callback could not be written down: {error.message}")
            return 503
        if not known:
            return 404
        self._heard(nonce, job)
        return 200

    async def _body(self, request: web.BaseRequest) -> object:
        """The JSON of a request; None where it is invalid, too large, or incomplete."""
        content = bytearray()
        try:
            async for chunk in request.content.iter_any():
                content += chunk
                if len(content) > self._bounds.body:
                    return None
            return json.loads(content)
        except (aiohttp.ClientError, web.RequestPayloadError, OSError, ValueError, RecursionError):
            return None


class _Connection(asyncio.Protocol):
    """One connection, closed at its time limit, or as the oldest of too many, so that a new one is always accepted.

    A callback that arrived in time, while this process was stopped or its loop blocked, is still answered. aiohttp has
    no time limit for an incomplete request; this protocol wraps its handler and forwards all events.
    """

    def __init__(self, inner: "web.RequestHandler", others: "dict[_Connection, None]", bounds: ListenerLimits) -> None:
        self._inner = inner
        self._others = others
        self._bounds = bounds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if len(self._others) >= self._bounds.connections:
            next(iter(self._others))._drop()
        self._transport = transport
        self._others[self] = None
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._limit = asyncio.create_task(self._drop_in_time())
        self._inner.connection_made(transport)

    async def _drop_in_time(self) -> None:
        await wait_for_answers([self._lost], self._bounds.seconds)
        if not self._lost.done():
            self._drop()

    def _drop(self) -> None:
        self._others.pop(self, None)
        self._transport.abort()

    def connection_lost(self, error: BaseException | None) -> None:
        self._lost.set_result(None)
        self._others.pop(self, None)
        self._inner.connection_lost(error)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> None:
        self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def is_signed(key: str, job: str, stamp: str, signature: str, now: float) -> bool:
    """Whether ``signature`` is base64(HMAC-SHA256(job + "." + stamp)) with ``key``, and ``stamp`` is near ``now``.

    ``stamp`` is Unix seconds as text, ``now`` Unix seconds; they may differ by TOLERANCE. The signature covers the job
    id only, not the body. Source: api-facts.md 5.3.
    """
    if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now - int(stamp)) > TOLERANCE:
        return False
    right = b64encode(hmac.digest(key.encode(), f"{job}.{stamp}".encode(), sha256))
    return hmac.compare_digest(right, signature.encode("utf-8", "replace"))


def listener_claim(ledger: Ledger, where: CallbackSettings) -> Path:
    """The claim file of the process that listens on this port for this ledger. Raise LocalFault."""
    return private_dir(ledger.path.parent) / f"callbacks.{where.port}.claim"


def _said(status: int) -> web.Response:
    answer = web.Response(status=status, headers={"Server": "storyboard"})
    answer.force_close()
    return answer
