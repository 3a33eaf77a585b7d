"""Through the company's proxy, and past certificates that nobody here trusts."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from canary import KEY
from scripted import call, clip, envelope, service, wired

from storyboard.http.address import name_objection
from storyboard.http.client import Client
from storyboard.http.policy import Call
from storyboard.http.proxies import Proxies, environment_proxies
from storyboard.model.errors import InputError, RunRefused, Stalled

PEM = Path(__file__).parent / "tls.pem"
CLIP = b"\x00\x00\x00\x18ftypisom" + bytes(5000)


@dataclass
class Proxy:
    """A proxy that leads every name to one port of this machine, or refuses. ``heard`` is what it was told."""

    url: str = ""
    target: int = 0
    answer: bytes = b"200 Connected"
    heard: list[bytes] = field(default_factory=list)
    passed: bytes = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 " + self.answer + b"\r\n\r\n")
        if self.answer.startswith(b"200"):
            inner, outer = await asyncio.open_connection("127.0.0.1", self.target)
            await asyncio.gather(self._pass(reader, outer), self._pass(inner, writer))
        writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while content := await reader.read(65536):
            self.passed += content
            writer.write(content)
        writer.close()


@asynccontextmanager
async def proxy(target: str = "http://127.0.0.1:1") -> AsyncIterator[Proxy]:
    here = Proxy(target=urlsplit(target).port or 0)
    server = await asyncio.start_server(here.serve, "127.0.0.1", 0)
    async with server:
        here.url = f"http://me:CANARY-proxy-word@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield here


def wired_through(between: Proxy) -> AbstractAsyncContextManager[Client]:
    return wired("https://api.example", proxies=Proxies(between.url))


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


async def test_api_and_clips_go_through_the_proxy(
    tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a company's proxy nothing would be reached; and the proxy must not learn the key."""
    monkeypatch.setenv("SSL_CERT_FILE", str(PEM))
    async with service(tls) as here, proxy(here.url) as between:
        here.play(envelope(200, {"taskId": "abcd"}), clip(CLIP))
        async with wired_through(between) as wire:
            assert (await call(wire, Call.SUBMIT, "POST", "/x", json={})).data == {"taskId": "abcd"}
            assert (await wire.fetch("https://cdn.example/a.mp4?sig=%2F", tmp_path / "a")).bytes == len(CLIP)
    assert [line.split()[1] for line in between.heard] == [b"api.example:443", b"cdn.example:443"]
    assert all(b"Proxy-Authorization: Basic " in line for line in between.heard)
    assert KEY.encode() not in b"".join(between.heard) + between.passed
    assert [heard.headers.get("Authorization") for heard in here.heard] == [f"Bearer {KEY}", None]
    assert "Proxy-Authorization" not in str(here.heard)


@pytest.mark.parametrize("answer", [b"407 Proxy Authentication Required", b"403 Forbidden", b"502 Bad Gateway"])
async def test_a_proxy_that_refuses_has_sent_nothing(answer: bytes) -> None:
    """'It may have been charged' for a request that never left the building would block each scene."""
    async with proxy() as between:
        between.answer = answer
        async with wired_through(between) as wire:
            with pytest.raises(RunRefused, match=f"HTTPS_PROXY answered {answer[:3].decode()}") as raised:
                await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert len(between.heard) == 6
    assert "CANARY" not in raised.value.message + raised.value.hint


async def test_a_proxy_that_is_not_there_is_named() -> None:
    """The network is fine, and the author would look for the fault at the service."""
    async with wired("https://api.example", proxies=Proxies("http://me:CANARY-word@127.0.0.1:1")) as wire:
        with pytest.raises(RunRefused, match=r"the proxy 127\.0\.0\.1:1 of HTTPS_PROXY does not answer") as raised:
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
    assert "CANARY" not in raised.value.message


INSIDE = ("localhost", "10.0.0.1", "[::1]", "[::ffff:10.0.0.1]", "127.1", "2130706433", "0x7f000001", "router")
NAMES_INSIDE = ("metadata.google.internal", "printer.local", "a.localhost.", "nas.home.arpa")


@pytest.mark.parametrize("host", [*INSIDE, *NAMES_INSIDE])
async def test_a_clip_is_not_fetched_inside_through_a_proxy(host: str, tmp_path: Path) -> None:
    """The proxy looks names up, so name and literal are all that can be judged here."""
    async with proxy() as between, wired_through(between) as wire:
        with pytest.raises(Stalled):
            await wire.fetch(f"https://{host}/a.mp4", tmp_path / "a")
    assert not between.heard


def test_public_names_may_be_dialled_through_a_proxy() -> None:
    for host in ("cdn.example", "8.8.8.8", "2606:4700::1111", "xn--e1afmkfd.example"):
        assert name_objection(host) is None


@pytest.mark.parametrize(
    ("environ", "address", "used"),
    [
        ({}, "https://api.example", None),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://api.example/x", "http://p:3128"),
        ({"HTTPS_PROXY": "p:3128"}, "https://api.example/x", "http://p:3128"),
        ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:2"}, "https://api.example", "http://q:2"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "other, .example"}, "https://api.example", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, "https://10.1.2.3", None),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8, 0/x, fe80::/10"}, "https://11.1.2.3", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, "https://ten.example", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "2001:db8::/32"}, "https://[2001:db8::1]", None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "api.example"}, "https://API.example", None),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "pi.example"}, "https://api.example", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, "https://api.example", None),
        ({"HTTPS_PROXY": "http://p:1"}, "http://127.0.0.1:8000", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://localhost:8443", None),
        ({"HTTP_PROXY": "http://p:1", "ALL_PROXY": "http://p:1"}, "https://api.example", None),
    ],
)
def test_which_proxy_is_used(environ: Mapping[str, str], address: str, used: str | None) -> None:
    """A plain-http API is this machine: a proxy would see its key."""
    assert environment_proxies(environ).of(address) == used


@pytest.mark.parametrize("url", ["socks5://p:1", "http://", "http://[::1", "http://p:0", "http://p q:1"])
def test_a_proxy_that_cannot_be_used_is_said(url: str) -> None:
    """A request that went past the proxy in silence would break a company's rule."""
    with pytest.raises(InputError, match="HTTPS_PROXY is not the address of an HTTP proxy"):
        environment_proxies({"HTTPS_PROXY": url})


async def test_a_certificate_that_is_not_trusted_is_named(tls: ssl.SSLContext, tmp_path: Path) -> None:
    """'The service cannot be reached' sends a user behind a company's own CA astray; and nothing was sent."""
    async with service(tls) as here, proxy(here.url) as between, wired_through(between) as wire:
        with pytest.raises(RunRefused, match=r"certificate is not trusted: api\.example \(self-signed") as raised:
            await call(wire, Call.SUBMIT, "POST", "/x", json={})
        with pytest.raises(Stalled, match=r"certificate is not trusted: https://cdn\.example") as stalled:
            await wire.fetch("https://cdn.example/a.mp4", tmp_path / "a")
    assert not here.heard
    for error in (raised.value, stalled.value):
        assert "SSL_CERT_FILE" in error.hint
        assert len(error.message) < 100
