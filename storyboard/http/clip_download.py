"""Download a clip to a new file: one attempt, over checked redirects, hashed while it is written."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from storyboard.http.address import browser_address, name_objection, origin_of, url_objection
from storyboard.http.attempts import Attempt
from storyboard.http.connections import CHUNK, NOT_CONNECTED, Limits, connection_failure, failure_words
from storyboard.http.own_key import OwnKey
from storyboard.http.policy import AnswerKind, Call, RetryTable, retry_after
from storyboard.http.proxies import Proxies
from storyboard.model.errors import LocalFault
from storyboard.model.text import one_line
from storyboard.system.clock import Clock
from storyboard.system.files import discard

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-[0-9]{1,15}/([0-9]{1,15})")


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """A clip on disk: its length in bytes, and the SHA-256 of them in hex."""

    bytes: int
    sha256: str


class Arriving:
    """A new file, readable by nobody else; removed unless it is kept. Raise LocalFault."""

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
            discard(self._path)

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
        """Sync the file and keep it."""
        with self._telling():
            os.fsync(self._file)
        self._kept = True

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise LocalFault(
                f"{one_line(str(self._path))}: the clip cannot be written: {error.strerror}",
                "make room on the disk or set STORYBOARD_HOME to a folder that can be written, then render again",
            ) from None


class ReceivedBytes:
    """What has arrived of one clip so far: ``count`` bytes, and what is needed to go on behind them.

    ``copies`` are the hashes of whole bodies without a length: two equal ones show that the clip is whole.
    """

    def __init__(self) -> None:
        self.copies: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Begin anew with the next answer."""
        self.count, self._hash = 0, hashlib.sha256()
        self._whole: int | None = None
        self._validator = ""

    def begin(self, response: aiohttp.ClientResponse) -> None:
        """Begin with an answer that has the whole clip."""
        self.forget()
        self._whole = response.content_length
        tag = response.headers.get("ETag", "")
        # A weak tag does not promise equal bytes (RFC 9110 section 13.1.5).
        self._validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")

    def add(self, chunk: bytes) -> None:
        self.count += len(chunk)
        self._hash.update(chunk)

    @property
    def headers(self) -> Mapping[str, str]:
        """What asks for the rest, or for the whole if it has changed; nothing if the whole is needed anyway."""
        if not self.count or not self._whole or not self._validator or self.count >= self._whole:
            return {}
        return {"Range": f"bytes={self.count}-", "If-Range": self._validator}

    def continues(self, response: aiohttp.ClientResponse) -> bool:
        """Whether a partial answer (206) begins where this ends, and is of a clip of the same length."""
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or not self.headers:
            return False
        return (int(found[1]), int(found[2])) == (self.count, self._whole)

    @property
    def is_short(self) -> bool:
        """Whether bytes are missing, or too many came."""
        return self.count == 0 or (self._whole is not None and self.count != self._whole)

    def as_file(self) -> DownloadedFile:
        return DownloadedFile(self.count, self._hash.hexdigest())


@dataclass(frozen=True, slots=True)
class DownloadRules:
    """What holds for all downloads. ``local``: the hosts of clips may be on this machine.

    ``own`` are the origins of the service itself, which alone may get the key.
    """

    limits: Limits
    table: RetryTable
    key: OwnKey
    proxies: Proxies
    local: bool
    own: frozenset[str]


def write_clip(content: bytes, into: Path) -> DownloadedFile:
    """Write a clip that came in a reply into a new file, which is synced when this returns. Raise LocalFault."""
    with Arriving(into) as file:
        file.write(content)
        file.keep()
    return DownloadedFile(len(content), hashlib.sha256(content).hexdigest())


class Clips:
    """Downloads from the hosts of clips, which never get the key: directly, or ``through`` a proxy.

    ``own`` is the session for clips that the service itself serves, and only with the key, or where there is none.
    """

    def __init__(
        self,
        direct: aiohttp.ClientSession,
        through: aiohttp.ClientSession,
        own: aiohttp.ClientSession,
        rules: DownloadRules,
        clock: Clock,
    ) -> None:
        self._direct = direct
        self._through = through
        self._own = own
        self._rules = rules
        self._limits = rules.limits
        self._clock = clock

    async def once(
        self, url: str, file: Arriving, received: ReceivedBytes, *, with_key: bool = False
    ) -> Attempt[DownloadedFile | None]:
        """Make one attempt, over at most ``hops`` redirects; each address on the way is checked."""
        first = origin_of(url)
        if with_key and first not in self._rules.own:
            return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: the key goes to the service's own hosts only")
        for _ in range(self._limits.hops + 1):
            url = browser_address(url)
            origin = origin_of(url)
            with_key = with_key and origin == first  # and not again on the way back
            own = origin in self._rules.own and (with_key or not self._rules.key.headers)
            proxy = self._proxy(url)
            if why := self._objection(url, proxy, own=own):
                return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: {why}")
            try:
                async with self._asked(url, proxy, received, own=own) as response:
                    onward = response.headers.get("Location") if 300 <= response.status < 400 else None
                    if onward is None:
                        return await self._take(url, response, file, received)
                    url = urljoin(url, self._rules.key.mask.mask(onward))
            except NOT_CONNECTED as error:
                return self._not_connected(url, error)
            except aiohttp.ClientPayloadError:
                return self._ended(AnswerKind.SHORT, _named(url))
            except ValueError:
                return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: it is not an address")
            except (aiohttp.ClientError, OSError) as error:
                slow = isinstance(error, TimeoutError)
                return self._ended(AnswerKind.CUT, _named(url), slow=slow)
        return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: too many redirects")

    def _objection(self, url: str, proxy: str | None, *, own: bool) -> str | None:
        """Why an address is not dialled. The service's own one was checked when the user configured it."""
        if own:
            return None
        return url_objection(url, self._rules.local) or (name_objection(host_of(url)) if proxy else None)

    def _proxy(self, url: str) -> str | None:
        try:
            return self._rules.proxies.of(url)
        except ValueError:
            return None

    def _asked(
        self, url: str, proxy: str | None, received: ReceivedBytes, *, own: bool
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        session = self._own if own else self._through if proxy else self._direct
        return session.get(
            URL(self._rules.key.mask.address(url), encoded=True),
            headers={**received.headers, **(self._rules.key.headers if own else {})},
            allow_redirects=False,
            timeout=self._limits.of(Call.DOWNLOAD),
            proxy=proxy,
        )

    def _not_connected(self, url: str, error: Exception) -> Attempt[DownloadedFile | None]:
        found = connection_failure(error)
        why = ": it leads to no public machine" if found is AnswerKind.FORBIDDEN else ""
        words = failure_words(error, _named(url), self._rules.proxies.host)
        return self._ended(found, words + why, slow=isinstance(error, TimeoutError))

    def _ended(self, kind: AnswerKind, words: str, *, slow: bool = False) -> Attempt[DownloadedFile | None]:
        return Attempt(self._rules.table.decide(Call.DOWNLOAD, kind), None, words, slow=slow)

    async def _take(
        self, url: str, response: aiohttp.ClientResponse, file: Arriving, received: ReceivedBytes
    ) -> Attempt[DownloadedFile | None]:
        if response.status == 206 and not received.continues(response):
            received.forget()
            return self._ended(AnswerKind.SHORT, _named(url))
        if response.status not in (200, 206):
            if response.status == 416:  # The host has fewer bytes than came before.
                received.forget()
            after = retry_after(response.headers.get("Retry-After"), self._clock.wall())
            decision = self._rules.table.weigh(Call.DOWNLOAD, response.status, after=after)
            return Attempt(decision, None, _named(url), after)
        if why := await self._stream(response, file, received):
            return self._ended(why, _named(url))
        got = received.as_file()
        # Without a Content-Length, two equal copies show that the clip is whole.
        whole = response.content_length is not None or response.headers.get("Transfer-Encoding") is not None
        if not whole and got.sha256 not in received.copies:
            received.copies.add(got.sha256)
            return self._ended(AnswerKind.SHORT, _named(url))
        return Attempt(self._rules.table.decide(Call.DOWNLOAD, 200), got)

    async def _stream(
        self, response: aiohttp.ClientResponse, file: Arriving, received: ReceivedBytes
    ) -> AnswerKind | None:
        """Write what comes behind what is there; return why it is not the whole clip, or None."""
        limits = self._limits
        if (response.content_length or 0) > limits.clip_bytes:
            return AnswerKind.TOO_BIG
        if _is_page(response):
            return AnswerKind.PAGE
        if response.status == 200:
            received.begin(response)
            file.rewind()
        mark, before = self._clock.monotonic(), received.count
        async for chunk in response.content.iter_chunked(CHUNK):
            if received.count == 0 and chunk.lstrip()[:1] in (b"<", b"{", b"["):
                return AnswerKind.PAGE
            if received.count + len(chunk) > limits.clip_bytes:
                return AnswerKind.TOO_BIG
            file.write(chunk)
            received.add(chunk)
            now = self._clock.monotonic()
            if now - mark >= limits.silence:
                if received.count - before < limits.slowest * (now - mark):
                    return AnswerKind.CUT
                mark, before = now, received.count
        return AnswerKind.SHORT if received.is_short else None


def _is_page(response: aiohttp.ClientResponse) -> bool:
    kinds = ("text/html", "text/xml", "application/json", "application/xml", "application/xhtml+xml")
    return response.content_type in kinds or response.headers.get("Content-Encoding", "identity") != "identity"


def _named(url: str) -> str:
    """A clip's address for messages: without its query, which may be a signature, and without a user name."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"
    except ValueError:
        return "an address that cannot be read"


def host_of(url: str) -> str:
    """Return the host of a clip's address; empty if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
