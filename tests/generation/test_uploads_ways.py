"""Uploads: the three ways, once for each image, and the words where there is none."""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import pytest
from scripted import Quick, Service, envelope, service, wired

from storyboard.generation.uploads import Bucket, PublicFolder, Uploads, destination_missing, parse_destination
from storyboard.generation.uploads import ProviderStorage as Own
from storyboard.model.errors import InputError, LocalFault, SceneFailed
from storyboard.model.problem import Place
from storyboard.model.storyboard import LocalImage
from storyboard.providers.apikley.veo import provider
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.upload_addresses import UploadAddresses

CONTENT = b"\x89PNG\r\n\x1a\n" + bytes(100)
AWS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "CANARY-secret"}


def image(content: bytes = CONTENT, path: str = "frames/a.png") -> LocalImage:
    digest = hashlib.sha256(content).hexdigest()
    return LocalImage(PurePosixPath(path), digest, len(content), 1, 1, "png", Place("film.yaml", 7, 18))


@pytest.fixture
async def here() -> AsyncIterator[Service]:
    async with service() as running:
        yield running


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[UploadAddresses]:
    ledger = Ledger(tmp_path / "ledger.db")
    yield ledger.upload_addresses
    ledger.close()


def test_nothing_configured_is_no_way() -> None:
    """Most storyboards have no local image, and must not be asked for a bucket."""
    assert parse_destination(None) is None
    assert parse_destination("  ") is None


def test_the_three_ways() -> None:
    """These are the words that the manual gives."""
    assert parse_destination("s3://bucket/some/prefix/", environ=AWS) == Bucket("bucket", "some/prefix", AWS)
    assert parse_destination("s3://bucket", environ=AWS) == Bucket("bucket", "", AWS)
    assert (
        parse_destination("provider")
        == parse_destination("apikley", "apikley")
        == parse_destination("other", "other")
        == Own("the service at ")
    )
    assert parse_destination("https://host/folder/") == PublicFolder("https://host/folder")
    assert parse_destination("http://127.0.0.1:8000") == PublicFolder("http://127.0.0.1:8000")


@pytest.mark.parametrize(
    "value",
    [
        "bucket",
        "/home/u/frames",
        "ftp://host/a",
        "http://host/folder",
        "file:///tmp",
        "s3://",
        "gs://bucket/x",
        "https://user:CANARY@host/folder",
        "https://host/folder?x=1",
        "https://host/#a",
        "https://[::1/x",
        "https://ho st/x",
        "https://host/\x1b[2J",
    ],
)
def test_nonsense_names_the_three_ways(value: str) -> None:
    """Found out while submitting, half the film would be paid for already."""
    with pytest.raises(InputError) as raised:
        parse_destination(value, environ=AWS)
    for way in ("s3://bucket/prefix", "provider", "https://host/folder"):
        assert way in raised.value.hint
    assert "\x1b" not in raised.value.message


def test_a_bucket_without_credentials_is_found_out_at_once() -> None:
    """The S3 client would look for a metadata service for a minute, in the middle of the run."""
    with pytest.raises(InputError, match="AWS_ACCESS_KEY_ID"):
        parse_destination("s3://bucket", environ={})


def test_a_bucket_in_the_open_is_refused() -> None:
    """Credentials and pictures would travel unencrypted."""
    with pytest.raises(InputError, match="not https"):
        parse_destination("s3://bucket", environ={**AWS, "AWS_ENDPOINT_URL": "http://minio.example:9000"})
    assert parse_destination("s3://bucket", environ={**AWS, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000"})


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """'No module named obstore' tells an author nothing."""
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(LocalFault) as raised:
        parse_destination("s3://bucket", environ=AWS)
    assert "pip install 'storyboard-render[cloud]'" in raised.value.hint


def test_credentials_are_in_no_repr() -> None:
    """A bucket's secret in a log opens the bucket."""
    assert "CANARY" not in repr(parse_destination("s3://bucket", environ=AWS))


def test_no_way_at_all_names_the_image_and_the_ways_out() -> None:
    """The author must be led to the line, before anything is paid."""
    problem = destination_missing(image())
    assert problem.place == Place("film.yaml", 7, 18)
    assert "frames/a.png" in problem.message
    for way in ("s3://bucket/prefix", "'provider'", "https://host/folder", "https address here"):
        assert way in problem.hint


async def test_a_public_folder_gets_nothing_sent(here: Service, memory: UploadAddresses) -> None:
    """The file's name may hold anything that a file system takes."""
    async with wired(here.url) as wire:
        uploads = Uploads(PublicFolder("https://host/folder"), provider, wire, memory)
        address = await uploads.address(image(path="frames/grüne Tür #1?.png"), CONTENT)
    assert address.url == "https://host/folder/frames/gr%C3%BCne%20T%C3%BCr%20%231%3F.png"
    assert address.expires is None
    assert not here.heard


async def test_an_image_goes_to_the_service_once(here: Service, memory: UploadAddresses) -> None:
    """Ten scenes with one face would send it ten times, and again at every run."""
    here.play(envelope(200, {"downloadUrl": "https://tmp.example/a.png"}))
    clock = Quick()
    async with wired(here.url, clock) as wire:
        uploads = Uploads(Own(""), provider, wire, memory)
        found = await asyncio.gather(*(uploads.address(image(), CONTENT) for _ in range(10)))
        again = await Uploads(Own(""), provider, wire, memory).address(image(path="other.png"), CONTENT)
        assert {address.url for address in [*found, again]} == {"https://tmp.example/a.png"}
        assert len(here.heard) == 1
        await uploads.address(image(b"other"), b"other")
    assert len(here.heard) == 2
    assert here.heard[0].json["fileName"] == f"{image().digest}.png"


@pytest.mark.parametrize(("left", "requests"), [(timedelta(minutes=11), 0), (timedelta(minutes=9), 1)])
async def test_an_address_about_to_end_is_renewed(
    here: Service, memory: UploadAddresses, left: timedelta, requests: int
) -> None:
    """The service fetches the image minutes later: an address that ends meanwhile makes a paid failure."""
    here.play(envelope(200, {"downloadUrl": "https://tmp.example/new.png"}))
    clock = Quick()
    now = datetime.fromtimestamp(clock.wall(), UTC)
    memory.remember_upload(Own("").destination, image().digest, "https://tmp.example/old.png", now + left)
    async with wired(here.url, clock) as wire:
        await Uploads(Own(""), provider, wire, memory).address(image(), CONTENT)
    assert len(here.heard) == requests


async def test_an_image_that_changed_meanwhile_is_not_sent(here: Service, memory: UploadAddresses) -> None:
    """The shot's key names other bytes: the take would be pinned to a picture that it does not show."""
    async with wired(here.url) as wire:
        with pytest.raises(SceneFailed, match="has changed"):
            await Uploads(Own(""), provider, wire, memory).address(image(), b"other")
    assert not here.heard
