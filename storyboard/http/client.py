"""The client: sends requests to the API and downloads clips.

The proxy of the environment is used for https addresses, and never for this machine: it would see the key of a
plain-http API.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, cast
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from storyboard.http.address import is_numeric, is_private, loopback_host, origin_of
from storyboard.http.api_exchange import ApiExchange, NoReply
from storyboard.http.attempts import Attempt, Attempts
from storyboard.http.clip_download import Arriving, Clips, DownloadedFile, DownloadRules, ReceivedBytes, host_of
from storyboard.http.connections import Limits, Reach, to_clips, to_own_clips, to_the_api
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.messages import Answers
from storyboard.http.own_key import OwnKey
from storyboard.http.policy import MILD, RULES, AnswerKind, Call, Decision, RetryTable, Verdict
from storyboard.http.proxies import Proxies, environment_proxies
from storyboard.http.rate_limit import Pace
from storyboard.model.capabilities import Environment
from storyboard.model.errors import InputError, StoryboardError
from storyboard.model.text import one_line
from storyboard.system.clock import Clock

_CALLBACK = re.compile(r"(?:/|%2F)cb(?:/|%2F)[\w-]+", re.IGNORECASE)

T = TypeVar("T")

# Reads a reply: a result, or why there is none.
Reader = Callable[[Reply], T | Meaning | Rejection]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a service is, and the key to it. ``base_url`` is https, or plain http on this machine only.

    A service without a key may be plain http in a private network as well, but not by its usual address: the user has
    to name it. ``hosts`` are further origins of the service; ``renew`` returns a new key where a command prints it.
    Raise InputError for an invalid address or key; neither is quoted in the message, which names the variables of
    ``environment``.
    """

    base_url: str
    key: str = field(repr=False)
    environment: Environment
    hosts: tuple[str, ...] = ()
    renew: Callable[[], str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        names = self.environment
        hint = f"{names.base_url} is an https address such as {names.usual_url} (plain http on loopback only)"
        try:
            parts = urlsplit(self.base_url)
            host = (parts.hostname or "").encode("idna").decode()
            odd = parts.username is not None or parts.query or parts.fragment or parts.port == 0
        except ValueError:
            raise InputError("the API address is not an address", hint) from None
        if not host or odd or not self.base_url.isprintable() or " " in self.base_url:
            raise InputError("the API address is not an address", hint)
        if self._is_keyless:
            self._check_keyless(parts.scheme, host)
            return
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback_host(host)):
            raise InputError("the API address is not https, so the key would travel in the open", hint)
        if not self.key or not self.key.isascii() or not self.key.isprintable() or " " in self.key:
            raise InputError("the API key is empty or has characters that no key has", f"check {names.key}")

    @property
    def _is_keyless(self) -> bool:
        return not self.environment.auth.header

    def _check_keyless(self, scheme: str, host: str) -> None:
        """Raise InputError for plain http to a public machine, or to one that the user has not named."""
        names = self.environment
        hint = f"{names.base_url} is an https address, or http to this machine or a private network"
        if scheme not in ("http", "https"):
            raise InputError("the API address is neither http nor https", hint)
        if scheme == "https" or loopback_host(host):
            return
        if self.base_url == names.usual_url or (is_numeric(host) and not is_private(host)):
            raise InputError("the API address is plain http, and not in a private network that you named", hint)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or ""

    @property
    def local(self) -> bool:
        """Whether the API is on this machine: the emulator, or a test."""
        return loopback_host(self.host)

    @property
    def reach(self) -> Reach:
        """Where connections to it may lead."""
        if self.local:
            return "loopback"
        return "private" if urlsplit(self.base_url).scheme == "http" else "anywhere"

    @property
    def own_origins(self) -> frozenset[str]:
        """The origins that are the service's own: its address and its ``hosts``, which it plays where it is local."""
        return frozenset(map(origin_of, (self.base_url, *self.hosts)))

    def own_key(self) -> OwnKey:
        """The key as it is sent, and masked."""
        hosts = (self.host, *(urlsplit(origin).hostname or "" for origin in self.hosts))
        key = "" if self._is_keyless else self.key
        return OwnKey(key, self.environment.auth, hosts, self.renew)


def _silently(why: str) -> None:
    """Ignore a notice."""


class Client:
    """Two kinds of session: one with the key, for the API's host only; one without it, for clips.

    A call that gets no answer raises one of model/errors.py; none contains the key, a header or a URL's query.
    ``answers`` are the provider's retry table and texts; ``notice`` is given a sentence when a host is not called for a
    while; ``resolver`` and ``limits`` are for tests; ``proxies`` are those of the environment if left out; ``period``
    is the seconds between two submissions, scaled.
    """

    def __init__(
        self,
        api: Endpoint,
        clock: Clock,
        answers: Answers,
        *,
        notice: Callable[[str], None] = _silently,
        limits: Limits | None = None,
        resolver: AbstractResolver | None = None,
        proxies: Proxies | None = None,
        period: float = 0.5,
    ) -> None:
        self.api = api
        self.clock = clock
        self.answers = answers
        self.pace = Pace(period, clock)
        self._proxies = proxies or (Proxies() if api.local else environment_proxies())
        self._key = api.own_key()
        self._limits = limits or Limits()
        self._exchange = ApiExchange(
            api.base_url, self._limits, clock, self._key, self._proxies, api.hosts, local=api.local
        )
        self._resolver = resolver
        self._attempts = Attempts(clock, notice, answers.table)
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        # Each submission has a new connection: if a reused one breaks, it is unknown whether the request arrived. Other
        # requests may be repeated, so they share theirs.
        self._submitting = self._to_the_api(force_close=True)
        self._share()
        return self

    def _share(self) -> None:
        """Open the sessions that reuse connections; these may have died unnoticed while the machine was suspended."""
        self._since = self.clock.jumps()
        self._asking = self._to_the_api(force_close=False)
        own = self._closing(to_own_clips(reach=self.api.reach, resolver=self._resolver))
        sessions = (self._to_clips(proxied=False), self._to_clips(proxied=True), own)
        rules = DownloadRules(
            self._limits, self.answers.table, self._key, self._proxies, self.api.local, self.api.own_origins
        )
        self._clips = Clips(*sessions, rules, self.clock)

    def _to_clips(self, *, proxied: bool) -> aiohttp.ClientSession:
        return self._closing(to_clips(local=self.api.local, proxied=proxied, resolver=self._resolver))

    def _to_the_api(self, *, force_close: bool) -> aiohttp.ClientSession:
        return self._closing(to_the_api(reach=self.api.reach, force_close=force_close, resolver=self._resolver))

    def _closing(self, session: aiohttp.ClientSession) -> aiohttp.ClientSession:
        self._open.push_async_callback(session.close)
        return session

    def _woken(self) -> None:
        """After a jump of the clock, use no pooled connection again; requests in progress continue."""
        if self.clock.jumps() != self._since:
            self._share()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    def stop(self, why: StoryboardError) -> None:
        """Send no submission and no upload any more: one that still waits raises NotAsked."""
        self._attempts.stop(why)

    def quote(self, text: str) -> str:
        """Return a text of the service on one line, without the key and the secret of a callback's path."""
        return one_line(self.mask(_CALLBACK.sub("/cb/[secret]", text)))

    def mask(self, text: str) -> str:
        """Return a text of the service with a placeholder in place of the key."""
        return self._key.mask.mask(text)

    async def send(self, request: Request, read: "Reader[T]") -> T | Verdict:
        """Send a request, as often as the retry table allows; return what ``read`` makes of the reply.

        If the reply is neither a result nor an error, return its verdict: WAIT, UNSEEN or ABSENT. Raise SceneFailed,
        RunRefused, SubmissionUnknown or Stalled; NotAsked after ``stop``.
        """

        async def once() -> "Attempt[T | None]":
            return _weigh(self.answers.table, request.call, await self._ask(request), read)

        if request.call is Call.SUBMIT:
            attempt = await _paced(self.pace, self._attempts, self.api.host, once)
        else:
            attempt = await self._attempts.make(request.call, self.api.host, once)
        verdict = attempt.decision.rule.verdict
        if verdict not in MILD:
            raise self._refusal(request.call, attempt)
        return cast(T, attempt.value) if verdict is Verdict.ACCEPT else verdict

    async def fetch(self, url: str, into: Path, *, with_key: bool = False) -> DownloadedFile:
        """Stream a clip into a new file, which is synced when this returns, and removed when it raises.

        ``url`` may be a path of the service itself, as its requests have.
        ``with_key``: it is on one of the service's own hosts and needs the key, which follows no redirect to another.
        An attempt goes on where the one before it broke off, if the host says that it is still the same file.
        Raise AddressExpired, BadMedia, Stalled, or LocalFault if the file cannot be written.
        """
        received = ReceivedBytes()
        url = f"{self.api.base_url.rstrip('/')}{url}" if url.startswith("/") else url

        async def once() -> Attempt[DownloadedFile | None]:
            self._woken()
            return await self._clips.once(url, file, received, with_key=with_key)

        with Arriving(into) as file:
            attempt = await self._attempts.make(Call.DOWNLOAD, host_of(url), once)
            if attempt.value is None:
                raise self._refusal(Call.DOWNLOAD, attempt)
            await asyncio.to_thread(file.keep)
        return attempt.value

    def _refusal(self, call: Call, attempt: Attempt[T]) -> StoryboardError:
        decision = attempt.decision
        told = attempt.told or (self.api.host if isinstance(decision.signal, AnswerKind) else "")
        return self.answers.texts.refusal(call, decision.signal, decision.rule.verdict, self.quote(told))

    async def _ask(self, request: Request) -> Reply | NoReply:
        self._woken()
        session = self._submitting if request.call is Call.SUBMIT else self._asking
        return await self._exchange.send(session, request)


async def _paced(
    pace: Pace, attempts: Attempts, host: str, once: Callable[[], Coroutine[None, None, Attempt[T]]]
) -> Attempt[T]:
    """Make a submission's attempts, each in its turn; the service's limit slows the next ones down."""
    since = 0.0

    async def turn() -> None:
        nonlocal since
        since = await pace.turn()

    async def sent() -> Attempt[T]:
        attempt = await once()
        if attempt.decision.signal == 429:
            pace.slow_down(since)
        elif attempt.decision.rule.verdict is Verdict.ACCEPT:
            pace.after_accepted()
        return attempt

    return await attempts.make(Call.SUBMIT, host, sent, turn)


def _weigh(table: RetryTable, call: Call, heard: Reply | NoReply, read: "Reader[T]") -> Attempt[T | None]:
    """What a reply, or its absence, means for a call."""
    if isinstance(heard, NoReply):
        return Attempt(table.decide(call, heard.kind), None, heard.words, slow=heard.slow)
    found, after = read(heard), heard.retry_after
    if isinstance(found, Meaning):
        return Attempt(table.decide(call, found.signal), None, found.words, after)
    if isinstance(found, Rejection):
        return Attempt(table.weigh(call, heard.status, found.code, after=after), None, found.words, after)
    return Attempt(Decision(200, RULES["accept"]), found)
