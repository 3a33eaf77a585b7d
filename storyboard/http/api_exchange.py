"""One request to the API and its reply, within the time that a call may take."""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote, urlsplit

import aiohttp
from yarl import URL

from storyboard.http.address import origin_of
from storyboard.http.connections import CHUNK, NOT_CONNECTED, Limits, connection_failure, failure_words
from storyboard.http.exchange import Part, Reply, Request
from storyboard.http.key_mask import KeyMask
from storyboard.http.own_key import OwnKey
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
    """Sends requests to the API at ``base_url``, each once. The key is masked in replies, and restored in requests.

    ``hosts`` are the other origins that a request may name. ``local``: an emulator on this machine plays them all.
    """

    base_url: str
    limits: Limits
    clock: Clock
    key: OwnKey
    proxies: Proxies
    hosts: tuple[str, ...] = ()
    local: bool = False

    async def send(self, session: aiohttp.ClientSession, request: Request) -> Reply | NoReply:
        """Return the reply; what lies in the socket when the time is up is still read.

        Where the service does not accept a key that a command printed, the request is sent once more with a new one.
        """
        used = self.key.key
        reply = await self._timed(session, request)
        if isinstance(reply, Reply) and reply.status == 401 and await self.key.renew_once(used):
            return await self._timed(session, request)
        return reply

    async def _timed(self, session: aiohttp.ClientSession, request: Request) -> Reply | NoReply:
        base = self._base(request.origin)
        if base is None:
            words = f"{self.key.mask.mask(request.origin)!r:.200} is no host of this provider"
            return NoReply(AnswerKind.FORBIDDEN, words=words)
        task = asyncio.ensure_future(self._send(session, base, self.key.mask.request(request)))
        # A reply that holds a clip takes as long as one.
        seconds = self.limits.clip if request.reply_bytes else self.limits.seconds(request.call)
        try:
            await wait_for_answers([task], seconds)
            return task.result() if task.done() else NoReply(AnswerKind.CUT, slow=True)
        finally:
            if task.cancel():
                await asyncio.wait([task])

    def _base(self, origin: str) -> str | None:
        """The address that a request goes to; None where it is not the provider's, so that the key stays here."""
        if not origin or origin_of(origin) == origin_of(self.base_url):
            return self.base_url
        if origin_of(origin) not in map(origin_of, self.hosts):
            return None
        return self.base_url if self.local else origin

    async def _send(self, session: aiohttp.ClientSession, base: str, request: Request) -> Reply | NoReply:
        try:
            async with session.request(
                request.method,
                _request_url(base, request),
                headers={**request.headers, **self.key.headers},
                json=request.body if not request.form else None,
                data=_form(request.form) if request.form else None,
                allow_redirects=False,
                timeout=self.limits.of(request.call),
                proxy=self.proxies.of(base),
            ) as response:
                content = await _within(response, request.reply_bytes or self.limits.body_bytes)
                if content is None:
                    return NoReply(AnswerKind.TOO_BIG)
                after = retry_after(response.headers.get("Retry-After"), self.clock.wall())
                mask = self.key.mask
                headers = {name.lower(): mask.mask(value) for name, value in response.headers.items()}
                return Reply(response.status, _parsed(content, mask), after, headers)
        except NOT_CONNECTED as error:
            words = failure_words(error, urlsplit(base).hostname or "", self.proxies.host)
            return NoReply(connection_failure(error), isinstance(error, TimeoutError), words)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return NoReply(AnswerKind.CUT, isinstance(error, TimeoutError))


def _form(parts: tuple[Part, ...]) -> aiohttp.FormData:
    """A form of several parts, written anew for each attempt."""
    form = aiohttp.FormData(default_to_multipart=True)
    for part in parts:
        form.add_field(part.name, part.content, content_type=part.kind or None, filename=part.filename or None)
    return form


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
