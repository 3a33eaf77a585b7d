"""The kinds of session: what each may connect to, its timeouts, and what a failed connection means."""

import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver

from storyboard import __version__
from storyboard.http.address import AddressForbidden, is_loopback, is_private, is_public, sockets
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

    def seconds(self, call: Call) -> float:
        """How long a call may take."""
        seconds = {Call.SUBMIT: self.submit, Call.UPLOAD: self.upload, Call.DOWNLOAD: self.clip}
        return seconds.get(call, self.answer)

    def of(self, call: Call) -> aiohttp.ClientTimeout:
        """The limits that aiohttp keeps. It would give up a whole answer unread, so the client times API calls."""
        if call is Call.DOWNLOAD:
            return aiohttp.ClientTimeout(total=self.clip, connect=self.connect, sock_read=self.silence)
        return aiohttp.ClientTimeout(total=None, connect=self.connect)


# Where a service may be: this machine; a private network, by plain http and without a key; anywhere, by https.
Reach = Literal["loopback", "private", "anywhere"]


def _within_reach(reach: Reach) -> Callable[[tuple[Any, ...]], socket.socket] | None:
    allowed = {"loopback": is_loopback, "private": is_private}.get(reach)
    return sockets(allowed) if allowed else None


def to_the_api(*, reach: Reach, force_close: bool, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Return a session with the service, whose requests bring the key. ``force_close``: no reused connection."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            force_close=force_close,
            limit=0,
            ssl=True if reach != "anywhere" else ssl.create_default_context(),
            socket_factory=_within_reach(reach),
            resolver=resolver,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept": "application/json", "Accept-Encoding": "identity"},
    )


def to_own_clips(*, reach: Reach, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Return a session for clips that the service itself serves."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            ssl=True if reach != "anywhere" else ssl.create_default_context(),
            socket_factory=_within_reach(reach),
            resolver=resolver,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        auto_decompress=False,
    )


def to_clips(*, local: bool, proxied: bool, resolver: AbstractResolver | None) -> aiohttp.ClientSession:
    """Return a session without a key, for public addresses only; ``local``: also for this machine.

    ``proxied``: through a proxy, which may be anywhere; it looks the names up.
    """
    allowed = (lambda ip: is_public(ip) or is_loopback(ip)) if local else is_public
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            ssl=True if local else ssl.create_default_context(),
            socket_factory=None if proxied else sockets(allowed),
            resolver=resolver,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": _AGENT, "Accept-Encoding": "identity"},
        auto_decompress=False,
    )


# A connection that was not made, by us or by a proxy: nothing of the request was sent.
NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)


def connection_failure(error: Exception) -> AnswerKind:
    """Return what a failed connection means: certainly nothing was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return AnswerKind.UNTRUSTED
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
    return AnswerKind.FORBIDDEN if isinstance(cause, AddressForbidden) else AnswerKind.NOT_SENT


def failure_words(error: Exception, host: str, proxy: str) -> str:
    """Say which host a connection failed to, and why where it is known. ``proxy`` is a proxy's host, or ""."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        why = getattr(error.certificate_error, "verify_message", "")
        return f"{host} ({why})" if why else host
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"{host}: the proxy {proxy} of HTTPS_PROXY answered {error.status}"
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return f"{host}: the proxy {proxy} of HTTPS_PROXY does not answer"
    return host
