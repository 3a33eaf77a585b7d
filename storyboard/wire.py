"""The one door to the network: pace, patience, size limits and the guard live here; nobody else opens a connection.

No proxy of the environment is used: it would dial on the guard's behalf, and see the key of a plain-http loopback API.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from storyboard import __version__
from storyboard.advice import refusal
from storyboard.clock import Clock
from storyboard.errors import InputError, LocalFault, StoryboardError
from storyboard.guard import Forbidden, loopback, loopback_host, objection, public, sockets
from storyboard.pace import Pace
from storyboard.plain import show
from storyboard.retry import MILD, Call, Judgement, Rule, Sign, Signal, Verdict, judge, pause, retry_after, sign

_CHUNK = 1 << 16
_SECRET = 8  # characters; a shorter key (a draft's) is no secret, and may well be a word
_AGENT = f"storyboard/{__version__}"


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
class Limits:
    """Seconds and bytes that are never exceeded, and never scaled. ``slowest`` is bytes a second over ``silence``."""

    connect: float = 10
    submit: float = 60
    answer: float = 20
    upload: float = 300
    clip: float = 900
    silence: float = 30
    slowest: int = 10_000
    body_bytes: int = 1 << 20
    clip_bytes: int = 512 << 20
    hops: int = 5

    def of(self, call: Call) -> aiohttp.ClientTimeout:
        if call is Call.DOWNLOAD:
            return aiohttp.ClientTimeout(total=self.clip, connect=self.connect, sock_read=self.silence)
        total = {Call.SUBMIT: self.submit, Call.UPLOAD: self.upload}.get(call, self.answer)
        return aiohttp.ClientTimeout(total=total, connect=self.connect)


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


@dataclass(frozen=True, slots=True)
class Fetched:
    """A clip on disk: its length in bytes, and the SHA-256 of them in hex."""

    bytes: int
    sha256: str


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Outcome(Generic[T]):
    """One try: what it means, what came, what can be told about it, and the Retry-After in seconds."""

    judged: Judgement
    value: T
    told: str = ""
    after: float | None = None


class Wire:
    """Two sessions: one that has the key and knows the API's host only, one without it that fetches clips.

    Every end of a call that is not an answer is one of errors.py; none holds the key, a header or a URL's query.
    ``resolver`` and ``limits`` are for tests; ``period`` is the seconds between two submissions, times the scale.
    """

    def __init__(
        self,
        api: Api,
        clock: Clock,
        *,
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
        period: float = 0.5,
    ) -> None:
        self.api = api
        self.clock = clock
        self._limits = limits or Limits()
        self._resolver = resolver
        self.pace = Pace(period, clock)

    async def __aenter__(self) -> Self:
        local = self.api.local
        # A submission has a connection of its own: one that dies in its second use says nothing about whether the
        # request arrived. A question may be asked twice, so the others share theirs.
        self._submitting = self._to_the_api(force_close=True)
        self._asking = self._to_the_api(force_close=False)
        self._fetching = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                socket_factory=sockets((lambda ip: public(ip) or loopback(ip)) if local else public),
                resolver=self._resolver,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
            auto_decompress=False,
        )
        return self

    def _to_the_api(self, *, force_close: bool) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                force_close=force_close,
                limit=0,
                socket_factory=sockets(loopback) if self.api.local else None,
                resolver=self._resolver,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Authorization": f"Bearer {self.api.key}",
                "User-Agent": _AGENT,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
        )

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._submitting.close()
        await self._asking.close()
        await self._fetching.close()

    def quote(self, text: str) -> str:
        """Text of the service, fit to be shown: on one line, and without the key."""
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
        Raises SceneFailed, RunRefused, SubmissionUnknown or Stalled.
        """

        async def once() -> _Outcome[Answer]:
            since = await self.pace.turn() if call is Call.SUBMIT else 0.0
            outcome = self._weigh(call, await self._ask(call, method, path, params, json), told)
            if call is Call.SUBMIT and outcome.judged.signal == 429:
                self.pace.limited(since)
            elif call is Call.SUBMIT and outcome.judged.rule.verdict is Verdict.ACCEPT:
                self.pace.accepted()
            return outcome

        outcome = await self._patiently(once)
        verdict = outcome.judged.rule.verdict
        if verdict not in MILD:
            raise self._refusal(call, outcome)
        return replace(outcome.value, verdict=verdict)

    async def fetch(self, url: str, into: Path) -> Fetched:
        """Stream a clip into a new file, which is on disk when this returns, and gone when it raises.

        Raises AddressExpired, BadMedia, Stalled, or LocalFault where the file cannot be written.
        """
        copies: set[str] = set()

        async def once() -> _Outcome[Fetched | None]:
            return await self._follow(url, file, copies)

        with _Arriving(into) as file:
            outcome = await self._patiently(once)
            if outcome.value is None:
                raise self._refusal(Call.DOWNLOAD, outcome)
            await asyncio.to_thread(file.keep)
        return outcome.value

    async def _patiently(self, once: Callable[[], Awaitable[_Outcome[T]]]) -> _Outcome[T]:
        """Try until something else comes than a reason to try again, or until patience is at its end."""
        spent: dict[Rule, tuple[int, float]] = {}
        while True:
            outcome = await once()
            rule = outcome.judged.rule
            if rule.patience is None:
                return outcome
            tries, paused = spent.get(rule, (0, 0.0))
            wait = pause(rule.patience, tries + 1, paused, outcome.after, self.clock.between)
            if wait is None:
                return outcome
            spent[rule] = (tries + 1, paused + wait)
            await self.clock.pause(wait)

    def _refusal(self, call: Call, outcome: _Outcome[T]) -> StoryboardError:
        judged = outcome.judged
        told = outcome.told or (self.api.host if isinstance(judged.signal, Sign) else "")
        return refusal(call, judged.signal, judged.rule.verdict, self.quote(told))

    # The API's side.

    async def _ask(
        self, call: Call, method: str, path: str, params: Mapping[str, str] | None, body: Mapping[str, object] | None
    ) -> "_Heard | Sign":
        try:
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
                    return Sign.TOO_BIG
                after = retry_after(response.headers.get("Retry-After"), self.clock.wall())
                return _Heard(response.status, after, content)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return _unsent(error)
        except (aiohttp.ClientError, OSError, ValueError):
            return Sign.CUT

    def _weigh(self, call: Call, heard: "_Heard | Sign", told: Callable[[Answer], Told | None]) -> _Outcome[Answer]:
        if isinstance(heard, Sign):
            return _Outcome(sign(call, heard), Answer(0, None, "", None))
        answer = _answer(heard)
        said = told(answer)
        if said is not None:
            return _Outcome(sign(call, said.signal), answer, said.words or answer.msg, heard.after)
        return _Outcome(judge(call, answer.status, answer.code, after=heard.after), answer, answer.msg, heard.after)

    # The clips' side.

    async def _follow(self, url: str, file: "_Arriving", copies: set[str]) -> _Outcome[Fetched | None]:
        """One try at a clip, over at most ``hops`` redirects; each address on the way is looked at anew."""
        for _ in range(self._limits.hops + 1):
            why = objection(url, self.api.local)
            if why:
                return _Outcome(sign(Call.DOWNLOAD, Sign.FORBIDDEN), None, f"{_named(url)}: {why}")
            try:
                async with self._fetching.get(
                    URL(url, encoded=url.isascii()), allow_redirects=False, timeout=self._limits.of(Call.DOWNLOAD)
                ) as response:
                    onward = response.headers.get("Location") if 300 <= response.status < 400 else None
                    if onward is None:
                        return await self._take(url, response, file, copies)
                    url = urljoin(url, onward)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                unsent = _unsent(error)
                why = ": it leads to no public machine" if unsent is Sign.FORBIDDEN else ""
                return _Outcome(sign(Call.DOWNLOAD, unsent), None, _named(url) + why)
            except aiohttp.ClientPayloadError:
                return _Outcome(sign(Call.DOWNLOAD, Sign.SHORT), None, _named(url))
            except ValueError:
                return _Outcome(sign(Call.DOWNLOAD, Sign.FORBIDDEN), None, f"{_named(url)}: it is not an address")
            except (aiohttp.ClientError, OSError):
                return _Outcome(sign(Call.DOWNLOAD, Sign.CUT), None, _named(url))
        return _Outcome(sign(Call.DOWNLOAD, Sign.FORBIDDEN), None, f"{_named(url)}: too many redirects")

    async def _take(
        self, url: str, response: aiohttp.ClientResponse, file: "_Arriving", copies: set[str]
    ) -> _Outcome[Fetched | None]:
        if response.status != 200:
            after = retry_after(response.headers.get("Retry-After"), self.clock.wall())
            return _Outcome(judge(Call.DOWNLOAD, response.status, after=after), None, _named(url), after)
        got = await self._stream(response, file)
        if isinstance(got, Sign):
            return _Outcome(sign(Call.DOWNLOAD, got), None, _named(url))
        # Without a length nothing says that this was all of it: two equal copies do.
        whole = response.content_length is not None or response.headers.get("Transfer-Encoding") is not None
        if not whole and got.sha256 not in copies:
            copies.add(got.sha256)
            return _Outcome(sign(Call.DOWNLOAD, Sign.SHORT), None, _named(url))
        return _Outcome(sign(Call.DOWNLOAD, 200), got)

    async def _stream(self, response: aiohttp.ClientResponse, file: "_Arriving") -> Fetched | Sign:
        length, limits = response.content_length, self._limits
        if length is not None and length > limits.clip_bytes:
            return Sign.TOO_BIG
        if _is_page(response):
            return Sign.PAGE
        file.rewind()
        digest, count = hashlib.sha256(), 0
        mark, before = self.clock.monotonic(), 0
        async for chunk in response.content.iter_chunked(_CHUNK):
            if count == 0 and chunk.lstrip()[:1] in (b"<", b"{", b"["):
                return Sign.PAGE
            count += len(chunk)
            if count > limits.clip_bytes:
                return Sign.TOO_BIG
            digest.update(chunk)
            file.write(chunk)
            now = self.clock.monotonic()
            if now - mark >= limits.silence:
                if count - before < limits.slowest * (now - mark):
                    return Sign.CUT
                mark, before = now, count
        if count == 0 or (length is not None and count != length):
            return Sign.SHORT
        return Fetched(count, digest.hexdigest())


@dataclass(frozen=True, slots=True)
class _Heard:
    """What came over the line: HTTP status, Retry-After in seconds, and the body."""

    status: int
    after: float | None
    content: bytes = field(repr=False)


async def _within(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The body, or None where it is longer than ``limit``; counted as it comes, after decoding."""
    parts, count = [], 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        count += len(chunk)
        if count > limit:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _answer(heard: _Heard) -> Answer:
    """Read the envelope; a body that is none has neither code nor message."""
    try:
        body = json.loads(heard.content.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        return Answer(heard.status, None, "", None)
    code, msg = body.get("code"), body.get("msg")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 6:
        code = int(code)
    known = code if isinstance(code, int) and not isinstance(code, bool) else None
    return Answer(heard.status, known, msg if isinstance(msg, str) else "", body.get("data"))


def _unsent(error: Exception) -> Sign:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    return Sign.FORBIDDEN if isinstance(cause, Forbidden) else Sign.NOT_SENT


def _is_page(response: aiohttp.ClientResponse) -> bool:
    kinds = ("text/html", "text/xml", "application/json", "application/xml", "application/xhtml+xml")
    return response.content_type in kinds or response.headers.get("Content-Encoding", "identity") != "identity"


def _named(url: str) -> str:
    """A clip's address as it may be shown: never its query, which may be a signature, nor a user name."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    except ValueError:
        return "an address that cannot be read"


class _Arriving:
    """A new file that nobody else can read or has prepared; gone again unless it is kept. Raises LocalFault."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = False

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._telling():
            self._file = os.open(self._path, flags, 0o600)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
        if not self._kept:
            self._path.unlink(missing_ok=True)

    def rewind(self) -> None:
        with self._telling():
            os.lseek(self._file, 0, os.SEEK_SET)
            os.ftruncate(self._file, 0)

    def write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        with self._telling():
            while rest:
                rest = rest[os.write(self._file, rest) :]

    def keep(self) -> None:
        """Have every byte on the disk; the file stays."""
        with self._telling():
            os.fsync(self._file)
        self._kept = True

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LocalFault(
                f"{show(str(self._path))}: the clip cannot be written: {error.strerror}",
                "make room on the disk or set STORYBOARD_HOME to a folder that can be written, then render again",
            ) from None
