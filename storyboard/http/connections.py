"""The two kinds of session: what each may connect to, its timeouts, and what a failed connection means."""

from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver

from storyboard import __version__
from storyboard.http.address import AddressForbidden, is_loopback, is_public, sockets
from storyboard.http.policy import AnswerKind, Call

CHUNK = 1 << 16
_AGENT = f"storyboard/{__version__}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in seconds and bytes, never scaled. ``slowest`` is bytes a second over ``silence`` seconds."""

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


def to_the_api(key: str, *, local: bool, force_close: bool, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Return a session that sends the key. ``local``: to this machine only; ``force_close``: no reused connection."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            force_close=force_close,
            limit=0,
            socket_factory=sockets(is_loopback) if local else None,
            resolver=resolver,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={
            "Authorization": f"Bearer {key}",
            "User-Agent": _AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        },
    )


def to_clips(*, local: bool, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Return a session without a key, for public addresses only; ``local``: also for this machine."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            socket_factory=sockets((lambda ip: is_public(ip) or is_loopback(ip)) if local else is_public),
            resolver=resolver,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        auto_decompress=False,
    )


def connection_failure(error: Exception) -> AnswerKind:
    """Return what a failed connection means: certainly nothing was sent."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    return AnswerKind.FORBIDDEN if isinstance(cause, AddressForbidden) else AnswerKind.NOT_SENT
