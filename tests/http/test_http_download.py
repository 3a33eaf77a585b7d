"""The clips' side of the wire: whole files or none, no key, no machine that is not public."""

import asyncio
import hashlib
import os
import resource
import socket
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from scripted import KEY, Quick, Service, Step, call, clip, envelope, hang, left, raw, says, service, wired

from storyboard.cli.exit_status import error_status
from storyboard.http.clip_download import DownloadedFile
from storyboard.http.connections import Limits
from storyboard.http.policy import Call
from storyboard.model.errors import AddressExpired, BadMedia, LocalFault, RunRefused, Stalled

CLIP = b"\x00\x00\x00\x18ftypisom" + os.urandom(300_000)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


async def test_a_clip_arrives_whole_and_private(here: Service, tmp_path: Path) -> None:
    """Other users of the machine could read an unpublished film; a wrong digest would poison the store."""
    here.play(clip(CLIP, Set_Cookie="a=b"))
    async with wired(here.url) as wire:
        await wire.fetch(here.url + "/first.mp4", tmp_path / "first")
        fetched = await wire.fetch(here.url + "/a%2Fb.mp4?sig=%2B%2f", tmp_path / "a")
    assert fetched == DownloadedFile(len(CLIP), hashlib.sha256(CLIP).hexdigest())
    assert (tmp_path / "a").read_bytes() == CLIP
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    assert "Authorization" not in here.heard[1].headers
    assert "Cookie" not in here.heard[1].headers
    assert KEY not in str(here.heard)


async def test_a_signed_address_is_sent_as_it_is(here: Service, tmp_path: Path) -> None:
    """Another spelling of the same address breaks its signature, and the clip is lost."""
    lines: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        lines.append(request.raw_path)
        return await clip(CLIP)(request)

    here.play(note)
    async with wired(here.url) as wire:
        await wire.fetch(here.url + "/a%2Fb/%7Ec.mp4?X-Sig=%2B%2f&b=a+b&c=%20", tmp_path / "a")
    assert lines == ["/a%2Fb/%7Ec.mp4?X-Sig=%2B%2f&b=a+b&c=%20"]


@pytest.mark.parametrize(
    "cut",
    [
        raw(HEAD + b"Content-Length: 400000\r\n\r\n" + CLIP),
        raw(HEAD + b"Content-Length: 400000\r\n\r\n" + CLIP, abort=True),
        raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n40\r\n" + CLIP[:64]),
        raw(HEAD + b"Content-Length: 0\r\n\r\n"),
    ],
    ids=["cut", "reset", "half a chunk", "empty"],
)
async def test_a_clip_that_was_cut_is_fetched_from_the_start(here: Service, tmp_path: Path, cut: Step) -> None:
    """Half an MP4 plays without complaint, and would be half a scene in the film."""
    here.play(cut, clip(CLIP))
    async with wired(here.url) as wire:
        fetched = await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
        assert (tmp_path / "a").read_bytes() == CLIP
        assert fetched.bytes == len(CLIP)
        here.play(cut)
        with pytest.raises((BadMedia, Stalled)):
            await wire.fetch(here.url + "/a.mp4", tmp_path / "b")
    assert not (tmp_path / "b").exists()


BROKEN = raw(HEAD + b'ETag: "v1"\r\nContent-Length: %d\r\n\r\n' % len(CLIP) + CLIP[:200_000])


def resumable(content: bytes, tag: str = '"v1"') -> Step:
    """A host that sends the rest of what it still has, and the whole of anything else."""

    async def step(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-Range") != tag:
            return await clip(content, ETag=tag)(request)
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        return await part(content[start:], f"bytes {start}-{len(content) - 1}/{len(content)}")(request)

    return step


def part(content: bytes, said: str) -> Step:
    return says(206, content, {"Content-Type": "video/mp4", "Content-Range": said, "ETag": '"v1"'})


async def test_a_clip_that_broke_off_goes_on_from_there(here: Service, tmp_path: Path) -> None:
    """On a line that breaks every minute, a clip that always begins anew never comes."""
    here.play(BROKEN, resumable(CLIP))
    async with wired(here.url) as wire:
        fetched = await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
    assert fetched == DownloadedFile(len(CLIP), hashlib.sha256(CLIP).hexdigest())
    assert (tmp_path / "a").read_bytes() == CLIP
    assert "Range" not in here.heard[0].headers
    assert int(here.heard[1].headers["Range"].removeprefix("bytes=").removesuffix("-")) > 0


OTHER = b"\x00\x00\x00\x18ftypisom" + bytes(400_000)


@pytest.mark.parametrize(
    "rest",
    [
        resumable(OTHER, '"v2"'),
        part(CLIP[7:], f"bytes 7-{len(CLIP) - 1}/{len(CLIP)}"),
        part(CLIP[7:], f"bytes 200000-{len(CLIP)}/{len(CLIP) + 1}"),
        part(CLIP[7:], "items */9"),
        says(416),
        BROKEN,
    ],
    ids=["changed", "another place", "another length", "no range", "416", "no range asked for"],
)
async def test_no_two_clips_are_put_together(here: Service, tmp_path: Path, rest: Step) -> None:
    """Two halves of two files play, for a while, and would be paid for as one."""
    here.play(BROKEN, rest, clip(OTHER))
    async with wired(here.url) as wire:
        await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == OTHER


@pytest.mark.parametrize("way", ["named", "redirected"])
async def test_an_address_is_dialled_as_a_browser_does(here: Service, tmp_path: Path, way: str) -> None:
    """A space or an accent in an address is common, and what it serves is paid for; its signature must stay."""
    lines: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        lines.append(request.raw_path)
        return await clip(CLIP)(request)

    odd = "/a b/é.mp4?X-Sig=%2B%2f+~&name=Кит 1"
    here.play(note) if way == "named" else here.play(says(302, b"", {"Location": odd}), note)
    async with wired(here.url) as wire:
        await wire.fetch(here.url + (odd if way == "named" else "/"), tmp_path / "a")
    assert lines == ["/a%20b/%C3%A9.mp4?X-Sig=%2B%2f+~&name=%D0%9A%D0%B8%D1%82%201"]


async def test_a_key_that_is_echoed_goes_to_its_own_host_alone(here: Service, tmp_path: Path) -> None:
    """A service that puts the key into an address, or redirects to one, would hand it to the host of the clips."""
    lines: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        lines.append(request.host.partition(":")[0] + request.raw_path)
        return await clip(CLIP)(request)

    port = here.url.rpartition(":")[2]
    async with wired(here.url) as wire:
        here.play(note)
        await wire.fetch(f"http://127.0.0.1:{port}/[key]/a", tmp_path / "a")
        here.play(says(302, b"", {"Location": f"http://localhost:{port}/{KEY}/b"}), note)
        await wire.fetch(here.url, tmp_path / "b")
    assert lines == [f"127.0.0.1/{KEY}/a", "localhost/[key]/b"]


async def test_a_clip_without_a_length_needs_two_equal_copies(here: Service, tmp_path: Path) -> None:
    """A closed connection looks like the end of such a clip; refusing it would lose what is paid for."""
    here.play(raw(HEAD + b"\r\n" + CLIP[:1000]), raw(HEAD + b"\r\n" + CLIP))
    async with wired(here.url) as wire:
        await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
        assert (tmp_path / "a").read_bytes() == CLIP
        assert len(here.heard) == 3
        here.play(*[raw(HEAD + b"\r\n" + CLIP[:n]) for n in (100, 200, 300, 400)])
        with pytest.raises(BadMedia):
            await wire.fetch(here.url + "/a.mp4", tmp_path / "b")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_address_that_is_gone_is_not_blamed_on_the_key(here: Service, tmp_path: Path, status: int) -> None:
    """Clip hosts never see the key: 'check the key' would send the author astray."""
    here.play(says(status))
    async with wired(here.url) as wire:
        with pytest.raises(AddressExpired, match="address does not serve it") as raised:
            await wire.fetch(here.url + "/a.mp4?sig=CANARY-query", tmp_path / "a")
    assert raised.value.code == status
    assert "key" not in raised.value.message + raised.value.hint
    assert "CANARY" not in raised.value.message


@pytest.mark.parametrize(
    "page",
    [
        says(200, b"<html>login</html>", {"Content-Type": "text/html"}),
        says(200, b"\n <?xml?>", {"Content-Type": "video/mp4"}),
        says(200, b'{"code": 404}', {"Content-Type": "application/octet-stream"}),
        envelope(404),
        clip(CLIP, **{"Content-Encoding": "br"}),
    ],
)
async def test_a_page_is_no_clip(here: Service, tmp_path: Path, page: Step) -> None:
    """An expired address often answers 200 with a page; another address has to be asked for."""
    here.play(page)
    async with wired(here.url) as wire:
        with pytest.raises(AddressExpired):
            await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
    assert len(here.heard) == 1
    assert not left(tmp_path)


async def test_a_clip_that_is_too_big_is_given_up(here: Service, tmp_path: Path) -> None:
    """A host that never stops sending fills the disk."""
    here.play(clip(CLIP), raw(HEAD + b"\r\n" + CLIP))
    async with wired(here.url, limits=Limits(clip_bytes=1000)) as wire:
        for name in "ab":
            with pytest.raises(BadMedia, match="larger than the limit"):
                await wire.fetch(here.url + "/a.mp4", tmp_path / name)
    assert not left(tmp_path)


async def test_a_clip_that_drips_is_given_up(here: Service, tmp_path: Path) -> None:
    """At a kilobyte a second one clip holds its place for hours, and a read timeout never notices."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000"})
        await response.prepare(request)
        for _ in range(40):
            await response.write(bytes(1000))
            await asyncio.sleep(0.001)  # Each piece must come by itself, and nobody tells when one was read.
        return response

    here.play(drip)
    clock = Quick()
    clock.tick = 1.0
    async with wired(here.url, clock) as wire:
        with pytest.raises(Stalled):
            await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
    assert len(here.heard) == 9


async def test_a_steady_clip_may_take_its_time(here: Service, tmp_path: Path) -> None:
    """A slow line is no fault: giving up would fetch the same clip again and again."""
    here.play(clip(CLIP * 10))
    clock = Quick()
    clock.tick = 3.0
    async with wired(here.url, clock) as wire:
        assert (await wire.fetch(here.url + "/a.mp4", tmp_path / "a")).bytes == len(CLIP) * 10


async def test_silence_is_given_up(here: Service, tmp_path: Path) -> None:
    """A connection that says nothing any more would hang the scene."""
    here.play(hang)
    async with wired(here.url, limits=Limits(silence=0.05)) as wire:
        with pytest.raises(Stalled):
            await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
    assert len(here.heard) == 9


async def test_redirects_are_followed_and_counted(here: Service, tmp_path: Path) -> None:
    """Clip hosts redirect to their nearest machine; a circle must end."""
    onward = says(302, b"", {"Location": "/next?sig=CANARY-query"})
    here.play(*[onward] * 5, clip(CLIP))
    async with wired(here.url) as wire:
        assert (await wire.fetch(here.url + "/a.mp4", tmp_path / "a")).bytes == len(CLIP)
        here.play(onward)
        with pytest.raises(Stalled, match="too many redirects") as raised:
            await wire.fetch(here.url + "/a.mp4", tmp_path / "b")
        assert len(here.heard) == 6
        here.play(says(302))
        with pytest.raises(Stalled):
            await wire.fetch(here.url + "/a.mp4", tmp_path / "b")
    assert "CANARY" not in raised.value.message


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/a",
        "http://cdn.example/a",
        "https://u:p@127.0.0.1/a",
        "//[::1",
        "https://10.0.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/a",
    ],
)
async def test_each_redirect_is_judged_anew(here: Service, tmp_path: Path, target: str) -> None:
    """A public address may lead inside: the metadata service of a cloud is one redirect away."""
    here.play(says(302, b"", {"Location": target}))
    with connections() as dialled:
        async with wired(here.url) as wire:
            with pytest.raises(Stalled):
                await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
    assert {address[0] for address in dialled} <= {"127.0.0.1"}
    assert len(here.heard) == 1


class connections:
    """Every address that a socket of this process connects to, name look-ups left out."""

    _installed = False
    _live: ClassVar[list["connections"]] = []

    def __enter__(self) -> list[tuple[str, int]]:
        if not connections._installed:
            connections._installed = True
            sys.addaudithook(connections._hear)
        self.found: list[tuple[str, int]] = []
        connections._live.append(self)
        return self.found

    def __exit__(self, *_: object) -> None:
        connections._live.remove(self)

    @staticmethod
    def _hear(event: str, args: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            for live in connections._live:
                live.found.append(args[1])


ODD = (
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::]",
    "0.0.0.0",
    "0",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1%25lo]",
    "[fd00::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "168.63.129.16",
    "224.0.0.1",
    "ⓛocalhost",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "127.0.0.1%00.example.com",
    "a" * 70 + ".example",
    "[::1",
)


@pytest.mark.parametrize("host", ODD)
async def test_odd_addresses_are_not_dialled(host: str, tmp_path: Path) -> None:
    """A provider's answer names the address: it must not reach this machine, its neighbours or its cloud."""
    with connections() as dialled:
        async with wired("https://api.example") as wire:
            with pytest.raises(Stalled):
                await wire.fetch(f"https://{host}/clip.mp4", tmp_path / "a")
    assert not dialled
    assert not left(tmp_path)


class Rebinding(AbstractResolver):
    """A name server that says what it likes."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=0)]

    async def close(self) -> None: ...


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "fd00::1"])
async def test_a_name_that_leads_inside_is_not_dialled(address: str, tmp_path: Path) -> None:
    """A check of the name alone is passed by anybody who owns a domain."""
    with connections() as dialled:
        async with wired("https://api.example", resolver=Rebinding(address)) as wire:
            with pytest.raises(Stalled, match=r"https://cdn\.example/clip\.mp4: it leads to no public machine"):
                await wire.fetch("https://cdn.example/clip.mp4?sig=x", tmp_path / "a")
    assert not dialled


async def test_a_local_api_is_only_ever_local(here: Service) -> None:
    """A 'localhost' that a hosts file leads elsewhere would carry the key in the open."""
    with connections() as dialled:
        async with wired("http://localhost:80", resolver=Rebinding("10.1.2.3")) as wire:
            with pytest.raises(RunRefused, match="is not allowed"):
                await call(wire, Call.POLL, "GET", "/x")
    assert not dialled


async def test_a_file_that_is_there_is_not_overwritten(here: Service, tmp_path: Path) -> None:
    """A link laid in the folder would let a clip be written over any file of the user."""
    here.play(clip(CLIP))
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "victim")
    async with wired(here.url) as wire:
        for name in ("victim", "link", "no/folder"):
            with pytest.raises(LocalFault, match=name):
                await wire.fetch(here.url + "/a.mp4", tmp_path / name)
    assert (tmp_path / "victim").read_text() == "mine"
    assert not here.heard


async def test_a_disk_that_takes_no_more_is_a_local_fault(here: Service, tmp_path: Path) -> None:
    """Blamed on the network, a full disk would be 'fetched again' all night."""
    here.play(clip(CLIP))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with wired(here.url) as wire:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            with pytest.raises(LocalFault, match="cannot be written") as raised:
                await wire.fetch(here.url + "/a.mp4", tmp_path / "a")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert error_status(raised.value) == 6
    assert not left(tmp_path)


async def test_a_cancelled_fetch_leaves_nothing_behind(here: Service, tmp_path: Path) -> None:
    """Half files would pile up in the store after every Ctrl-C."""
    asked = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        asked.set()
        return await hang(request)

    here.play(silent)
    async with wired(here.url) as wire:
        task = asyncio.create_task(wire.fetch(here.url + "/a.mp4", tmp_path / "a"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not left(tmp_path)
