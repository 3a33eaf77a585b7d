"""The one door to the network: what is asked of the API, and which clips are fetched; nobody else opens a connection.

No proxy of the environment is used: it would dial on the guard's behalf, and see the key of a plain-http loopback API.
"""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from storyboard.clock import Clock
from storyboard.errors import InputError, StoryboardError
from storyboard.http.address import loopback_host
from storyboard.http.attempts import Tries, Try
from storyboard.http.download import Arriving, Clips, Fetched, host_of
from storyboard.http.messages import refusal
from storyboard.http.policy import MILD, Call, Sign, Signal, Verdict, judge, retry_after, sign
from storyboard.http.rate_limit import Pace
from storyboard.http.session import CHUNK, Limits, to_clips, to_the_api, unsent
from storyboard.plain import show

_SECRET = 8  # characters; a shorter key (a draft's) is no secret, and may well be a word
_CALLBACK = re.compile(r"(?:/|%2F)cb(?:/|%2F)[\w-]+", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Api:
    """Where the service is, and the key to it. ``base_url`` is https, or plain http on this machine only.

    Raises InputError for an address or a key that cannot be right; neither is repeated in the message.
    """

    base_url: str
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        hint = "APIKLEY_BASE_URL is an https address such as https://api.apikley.ru (plain http on loopback only)"
        try:
            parts = urlsplit(self.base_url)
            host = (parts.hostname or "").encode("idna").decode()
            odd = parts.username is not None or parts.query or parts.fragment or parts.port == 0
        except ValueError:
            raise InputError("the API address is not an address", hint) from None
        if not host or odd or not self.base_url.isprintable() or " " in self.base_url:
            raise InputError("the API address is not an address", hint)
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback_host(host)):
            raise InputError("the API address is not https, so the key would travel in the open", hint)
        if not self.key or not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            raise InputError("the API key is empty or has characters that no key has", "check APIKLEY_API_KEY")

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def local(self) -> bool:
        """The API is on this machine: the emulator, or a test."""
        return loopback_host(self.host)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that can be read: ``code``, ``msg`` and ``data`` of its envelope (api-facts.md 1.1).

    ``status`` is the HTTP status (0: none came); numbers with a point in ``data`` are Decimals. ``verdict`` is ACCEPT,
    WAIT, UNSEEN or ABSENT.
    """

    status: int
    code: int | None
    msg: str
    data: object = field(repr=False)
    verdict: Verdict = Verdict.ACCEPT

    @property
    def refused(self) -> bool:
        return not (200 <= self.status < 300 and self.code == 200)


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer's data says, as a signal of the matrix; ``words`` for people, where ``msg`` does not say it."""

    signal: Signal
    words: str = ""


def _nothing(answer: Answer) -> None:
    """Most answers say all in their status and code."""


def _silently(why: str) -> None:
    """Nobody wants to know."""


class Wire:
    """Two kinds of session: one that has the key and knows the API's host only, one without it that fetches clips.

    Every end of a call that is not an answer is one of errors.py; none holds the key, a header or a URL's query.
    ``notice`` is told, in a sentence, when a host is left alone for a while; ``resolver`` and ``limits`` are for tests;
    ``period`` is the seconds between two submissions, times the scale.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        *,
        notice: Callable[[str], None] = _silently,
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
        period: float = 0.5,
    ) -> None:
        self.api = api
        self.clock = clock
        self.pace = Pace(period, clock)
        self._limits = limits or Limits()
        self._resolver = resolver
        self._tries = Tries(clock, notice)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # A submission has a connection of its own: one that dies in its second use says nothing about whether the
        # request arrived. A question may be asked twice, so the others share theirs.
        self._submitting = self._to_the_api(force_close=True)
        self._share()
        return self

    def _share(self) -> None:
        """Sessions whose connections are used more than once, and so may have died unnoticed in a suspend."""
        self._since = self.clock.jumps()
        self._asking = self._to_the_api(force_close=False)
        clips = self._closing(to_clips(local=self.api.local, resolver=self._resolver))
        self._clips = Clips(clips, self._limits, self.clock, local=self.api.local)

    def _to_the_api(self, *, force_close: bool) -> aiohttp.ClientSession:
        local, resolver = self.api.local, self._resolver
        return self._closing(to_the_api(self.api.key, local=local, force_close=force_close, resolver=resolver))

    def _closing(self, session: aiohttp.ClientSession) -> aiohttp.ClientSession:
        self._open.push_async_callback(session.close)
        return session

    def _woken(self) -> None:
        """After a jump of the clock no pooled connection is used again; what is under way on one goes on."""
        if self.clock.jumps() != self._since:
            self._share()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def stop(self, why: StoryboardError) -> None:
        """No submission and no upload leaves any more: one that waits, so not accepted, raises NotAsked."""
        self._tries.stop(why)

    def quote(self, text: str) -> str:
        """Text of the service, fit to be shown: on one line, without the key and the secret of a callback's path."""
        text = _CALLBACK.sub("/cb/[secret]", text)
        return show(text.replace(self.api.key, "[key]") if len(self.api.key) >= _SECRET else text)

    async def call(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, object] | None = None,
        told: Callable[[Answer], Told | None] = _nothing,
    ) -> Answer:
        """Ask the service, as often as the retry matrix allows.

        ``told`` is what the data itself says where that outweighs status and code: a failed job, a name in a refusal.
        Raises SceneFailed, RunRefused, SubmissionUnknown or Stalled; NotAsked after ``stop``.
        """

        async def once() -> Try[Answer]:
            return self._weigh(call, await self._ask(call, method, path, params, json), told)

        if call is Call.SUBMIT:
            tried = await self._paced(once)
        else:
            tried = await self._tries.make(call, self.api.host, once)
        verdict = tried.judged.rule.verdict
        if verdict not in MILD:
            raise self._refusal(call, tried)
        return replace(tried.value, verdict=verdict)

    async def _paced(self, once: Callable[[], Coroutine[None, None, Try[Answer]]]) -> Try[Answer]:
        since = 0.0

        async def turn() -> None:
            nonlocal since
            since = await self.pace.turn()

        async def sent() -> Try[Answer]:
            tried = await once()
            if tried.judged.signal == 429:
                self.pace.limited(since)
            elif tried.judged.rule.verdict is Verdict.ACCEPT:
                self.pace.accepted()
            return tried

        return await self._tries.make(Call.SUBMIT, self.api.host, sent, turn)

    async def fetch(self, url: str, into: Path) -> Fetched:
        """Stream a clip into a new file, which is on disk when this returns, and gone when it raises.

        Raises AddressExpired, BadMedia, Stalled, or LocalFault where the file cannot be written.
        """
        copies: set[str] = set()

        async def once() -> Try[Fetched | None]:
            self._woken()
            return await self._clips.once(url, file, copies)

        with Arriving(into) as file:
            tried = await self._tries.make(Call.DOWNLOAD, host_of(url), once)
            if tried.value is None:
                raise self._refusal(Call.DOWNLOAD, tried)
            await asyncio.to_thread(file.keep)
        return tried.value

    def _refusal(self, call: Call, tried: Try[T]) -> StoryboardError:
        judged = tried.judged
        told = tried.told or (self.api.host if isinstance(judged.signal, Sign) else "")
        return refusal(call, judged.signal, judged.rule.verdict, self.quote(told))

    async def _ask(
        self, call: Call, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, object] | None
    ) -> "_Heard | _Unheard":
        try:
            self._woken()
            session = self._submitting if call is Call.SUBMIT else self._asking
            async with session.request(
                method,
                self.api.base_url.rstrip("/") + path,
                params=params,
                json=body,
                allow_redirects=False,
                timeout=self._limits.of(call),
            ) as response:
                content = await _within(response, self._limits.body_bytes)
                if content is None:
                    return _Unheard(Sign.TOO_BIG)
                after = retry_after(response.headers.get("Retry-After"), self.clock.wall())
                return _Heard(response.status, after, content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return _Unheard(unsent(error), isinstance(error, TimeoutError))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _Unheard(Sign.CUT, isinstance(error, TimeoutError))

    def _weigh(self, call: Call, heard: "_Heard | _Unheard", told: Callable[[Answer], Told | None]) -> Try[Answer]:
        if isinstance(heard, _Unheard):
            return Try(sign(call, heard.sign), Answer(0, None, "", None), slow=heard.slow)
        answer = _answer(heard)
        said = told(answer)
        if said is not None:
            return Try(sign(call, said.signal), answer, said.words or answer.msg, heard.after)
        return Try(judge(call, answer.status, answer.code, after=heard.after), answer, answer.msg, heard.after)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came over the line: HTTP status, Retry-After in seconds, and the body."""

    status: int
    after: float | None
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Unheard:
    """Why nothing came; ``slow``: because it did not come in time."""

    sign: Sign
    slow: bool = False


async def _within(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None where it is longer than ``limit``; counted as it comes, after decoding."""
    parts, count = [], 0
    async for chunk in response.content.iter_chunked(CHUNK):
        count += len(chunk)
        if count > limit:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _answer(heard: _Heard) -> Answer:
    """Read the envelope; a body that is none has neither code nor message."""
    try:
        body = json.loads(heard.content.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):  # arithmetic: an exponent beyond what a Decimal takes
        body = None
    if not isinstance(body, dict):
        return Answer(heard.status, None, "", None)
    code, msg = body.get("code"), body.get("msg")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 6:
        code = int(code)
    known = code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 10**6 else None
    return Answer(heard.status, known, msg if isinstance(msg, str) else "", body.get("data"))
