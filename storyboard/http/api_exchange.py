"""One request to the API and its reply, within the time that a call may take."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from storyboard.http.connections import CHUNK, NOT_CONNECTED, Limits, connection_failure, failure_words
from storyboard.http.exchange import Reply, Request
from storyboard.http.key_mask import KeyMask
from storyboard.http.policy import AnswerKind, retry_after
from storyboard.http.proxies import Proxies
from storyboard.system.clock import Clock, wait_for_answers


@dataclass(frozen=True, slots=True)
class NoReply:
    """Why no reply came; ``slow``: because it did not come in time. ``words`` name the host, and may say more."""

    kind: AnswerKind
    slow: bool = False
    words: str = ""


@dataclass(frozen=True, slots=True)
class ApiExchange:
    """Sends requests to the API at ``base_url``, each once. The key is masked in replies, and restored in requests."""

    base_url: str
    limits: Limits
    clock: Clock
    secret: KeyMask
    proxies: Proxies

    async def send(self, session: aiohttp.ClientSession, request: Request) -> Reply | NoReply:
        """Return the reply; what lies in the socket when the time is up is still read."""
        task = asyncio.ensure_future(self._send(session, self.secret.request(request)))
        try:
            await wait_for_answers([task], self.limits.seconds(request.call))
            return task.result() if task.done() else NoReply(AnswerKind.CUT, slow=True)
        finally:
            if task.cancel():
                await asyncio.wait([task])

    async def _send(self, session: aiohttp.ClientSession, request: Request) -> Reply | NoReply:
        try:
            async with session.request(
                request.method,
                _request_url(self.base_url, request),
                headers=request.headers or None,
                json=request.body,
                allow_redirects=False,
                timeout=self.limits.of(request.call),
                proxy=self.proxies.of(self.base_url),
            ) as response:
                content = await _within(response, self.limits.body_bytes)
                if content is None:
                    return NoReply(AnswerKind.TOO_BIG)
                after = retry_after(response.headers.get("Retry-After"), self.clock.wall())
                return Reply(response.status, _parsed(content, self.secret), after)
        except NOT_CONNECTED as error:
            words = failure_words(error, urlsplit(self.base_url).hostname or "", self.proxies.host)
            return NoReply(connection_failure(error), isinstance(error, TimeoutError), words)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoReply(AnswerKind.CUT, isinstance(error, TimeoutError))


def _request_url(base: str, request: Request) -> URL:
    """The address of a request. Each character of its query's values that is not a letter or digit is encoded."""
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in request.query.items())
    return URL(f"{URL(base.rstrip('/') + request.path)}{'?' if query else ''}{query}", encoded=True)


async def _within(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None if it is longer than ``limit`` bytes; counted while it arrives, after decoding."""
    parts, count = [], 0
    async for chunk in response.content.iter_chunked(CHUNK):
        count += len(chunk)
        if count > limit:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _parsed(content: bytes, secret: KeyMask) -> object:
    """The parsed JSON of a body, with the key masked; None if it is not JSON."""
    try:
        return secret.mask_all(json.loads(content.decode("utf-8-sig"), parse_float=Decimal))
    except (ValueError, ArithmeticError, RecursionError):  # arithmetic: an exponent beyond what a Decimal takes
        return None
