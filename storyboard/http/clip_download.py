"""Download a clip to a new file: one attempt, over checked redirects, hashed while it is written."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from storyboard.http.address import url_objection
from storyboard.http.attempts import Attempt
from storyboard.http.connections import CHUNK, Limits, connection_failure
from storyboard.http.policy import AnswerKind, Call, RetryTable, retry_after
from storyboard.model.errors import LocalFault
from storyboard.model.text import one_line
from storyboard.system.clock import Clock
from storyboard.system.files import discard


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


class Clips:
    """Downloads from the hosts of clips, which never get the key. ``local``: they are on this machine."""

    def __init__(
        self, session: aiohttp.ClientSession, limits: Limits, clock: Clock, table: RetryTable, *, local: bool
    ) -> None:
        self._session = session
        self._limits = limits
        self._clock = clock
        self._table = table
        self._local = local

    async def once(self, url: str, file: Arriving, copies: set[str]) -> Attempt[DownloadedFile | None]:
        """Make one attempt, over at most ``hops`` redirects; each address on the way is checked."""
        for _ in range(self._limits.hops + 1):
            why = url_objection(url, self._local)
            if why:
                return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: {why}")
            try:
                async with self._session.get(
                    URL(url, encoded=url.isascii()), allow_redirects=False, timeout=self._limits.of(Call.DOWNLOAD)
                ) as response:
                    onward = response.headers.get("Location") if 300 <= response.status < 400 else None
                    if onward is None:
                        return await self._take(url, response, file, copies)
                    url = urljoin(url, onward)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
                found = connection_failure(error)
                why = ": it leads to no public machine" if found is AnswerKind.FORBIDDEN else ""
                slow = isinstance(error, TimeoutError)
                return self._ended(found, _named(url) + why, slow=slow)
            except aiohttp.ClientPayloadError:
                return self._ended(AnswerKind.SHORT, _named(url))
            except ValueError:
                return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: it is not an address")
            except (aiohttp.ClientError, OSError) as error:
                slow = isinstance(error, TimeoutError)
                return self._ended(AnswerKind.CUT, _named(url), slow=slow)
        return self._ended(AnswerKind.FORBIDDEN, f"{_named(url)}: too many redirects")

    def _ended(self, kind: AnswerKind, words: str, *, slow: bool = False) -> Attempt[DownloadedFile | None]:
        return Attempt(self._table.decide(Call.DOWNLOAD, kind), None, words, slow=slow)

    async def _take(
        self, url: str, response: aiohttp.ClientResponse, file: Arriving, copies: set[str]
    ) -> Attempt[DownloadedFile | None]:
        if response.status != 200:
            after = retry_after(response.headers.get("Retry-After"), self._clock.wall())
            return Attempt(self._table.weigh(Call.DOWNLOAD, response.status, after=after), None, _named(url), after)
        got = await self._stream(response, file)
        if isinstance(got, AnswerKind):
            return self._ended(got, _named(url))
        # Without a Content-Length, two equal copies show that the clip is whole.
        whole = response.content_length is not None or response.headers.get("Transfer-Encoding") is not None
        if not whole and got.sha256 not in copies:
            copies.add(got.sha256)
            return self._ended(AnswerKind.SHORT, _named(url))
        return Attempt(self._table.decide(Call.DOWNLOAD, 200), got)

    async def _stream(self, response: aiohttp.ClientResponse, file: Arriving) -> DownloadedFile | AnswerKind:
        length, limits = response.content_length, self._limits
        if length is not None and length > limits.clip_bytes:
            return AnswerKind.TOO_BIG
        if _is_page(response):
            return AnswerKind.PAGE
        file.rewind()
        digest, count = hashlib.sha256(), 0
        mark, before = self._clock.monotonic(), 0
        async for chunk in response.content.iter_chunked(CHUNK):
            if count == 0 and chunk.lstrip()[:1] in (b"<", b"{", b"["):
                return AnswerKind.PAGE
            count += len(chunk)
            if count > limits.clip_bytes:
                return AnswerKind.TOO_BIG
            digest.update(chunk)
            file.write(chunk)
            now = self._clock.monotonic()
            if now - mark >= limits.silence:
                if count - before < limits.slowest * (now - mark):
                    return AnswerKind.CUT
                mark, before = now, count
        if count == 0 or (length is not None and count != length):
            return AnswerKind.SHORT
        return DownloadedFile(count, digest.hexdigest())


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
