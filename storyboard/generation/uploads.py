"""Upload local images: to a bucket, to the service itself, or served from a public folder."""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlsplit

from storyboard.generation.provider_calls import upload_image
from storyboard.http.address import loopback_host
from storyboard.model.errors import InputError, LocalFault, RunRefused, SceneFailed
from storyboard.model.problem import Problem
from storyboard.model.realm_kind import Kind
from storyboard.model.shot import TakeFrame
from storyboard.model.storyboard import LocalImage
from storyboard.model.text import one_line
from storyboard.providers.base import Address, Provider

if TYPE_CHECKING:
    from storyboard.http.client import Client

WAYS = (
    "set STORYBOARD_UPLOADS to s3://bucket/prefix, to 'provider' (the service's own uploads), "
    "or to https://host/folder (a public folder that serves the project's files)"
)
_MARGIN = timedelta(minutes=10)
_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_SUFFIXES = {"png": "png", "jpeg": "jpg", "webp": "webp"}


class AddressMemory(Protocol):
    """Remembers addresses of images between runs. ``digest`` is the SHA-256 (hex) of an image's bytes."""

    def upload_address(self, destination: str, digest: str, now: datetime) -> str | None:
        """Its address at ``destination``, if that still serves after ``now``."""
        ...

    def remember_upload(self, destination: str, digest: str, url: str, expires: datetime) -> None: ...

    def forget_upload(self, destination: str, digest: str) -> None: ...


class NoMemory:
    """Remembers nothing: the files of a draft's emulator end with it."""

    def upload_address(self, destination: str, digest: str, now: datetime) -> str | None:
        return None

    def remember_upload(self, destination: str, digest: str, url: str, expires: datetime) -> None:
        return None

    def forget_upload(self, destination: str, digest: str) -> None:
        return None


class UploadDestination(Protocol):
    """Where images are uploaded to. ``destination`` is its name, in messages and in the memory."""

    @property
    def destination(self) -> str: ...

    async def put(self, image: LocalImage, content: bytes, provider: Provider, wire: "Client") -> Address: ...


@dataclass(frozen=True, slots=True)
class PublicFolder:
    """A public folder that serves the project's files under their own paths; nothing is uploaded."""

    base: str

    @property
    def destination(self) -> str:
        return self.base

    async def put(self, image: LocalImage, content: bytes, provider: Provider, wire: "Client") -> Address:
        return Address(f"{self.base}/{quote(image.path.as_posix())}", None)


@dataclass(frozen=True, slots=True)
class ProviderStorage:
    """The provider's own uploads. ``destination`` distinguishes services."""

    destination: str

    async def put(self, image: LocalImage, content: bytes, provider: Provider, wire: "Client") -> Address:
        return await upload_image(provider, wire, _name(image), content, _TYPES[image.kind])


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 bucket, configured by the AWS_* variables; addresses are signed for ``lifetime``."""

    bucket: str
    prefix: str
    environ: Mapping[str, str] = field(repr=False)
    lifetime: timedelta = timedelta(hours=24)

    @property
    def destination(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    async def put(self, image: LocalImage, content: bytes, provider: Provider, wire: "Client") -> Address:
        import obstore
        from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

        store, path = self._store(), f"{self.prefix}/{_name(image)}".lstrip("/")
        try:
            if not await self._there(store, path, len(content)):
                await obstore.put_async(store, path, content, attributes={"Content-Type": _TYPES[image.kind]})
            until = datetime.fromtimestamp(wire.clock.wall(), UTC) + self.lifetime
            return Address(await obstore.sign_async(store, "GET", path, self.lifetime), until)
        except (PermissionDeniedError, UnauthenticatedError):
            raise RunRefused(
                f"{self.destination} refuses the upload", "check AWS_ACCESS_KEY_ID, its secret, and what it may do"
            ) from None
        except (BaseError, OSError) as error:
            # The error's text may contain request headers and signatures: only its class is shown.
            raise SceneFailed(
                f"{one_line(str(image.path))} could not be put into {self.destination} ({type(error).__name__})",
                "check that the bucket exists, AWS_REGION and AWS_ENDPOINT_URL, then render again",
            ) from None

    async def _there(self, store: Any, path: str, size: int) -> bool:
        import obstore
        from obstore.exceptions import PermissionDeniedError

        try:
            return bool((await obstore.head_async(store, path))["size"] == size)
        except (FileNotFoundError, PermissionDeniedError):
            # Without the right to list, S3 answers "forbidden" for a missing object; the upload itself will show.
            return False

    def _store(self) -> Any:
        from obstore.store import S3Store

        environ, endpoint = self.environ, _endpoint(self.environ)
        said = {
            "access_key_id": environ.get("AWS_ACCESS_KEY_ID"),
            "secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY"),
            "session_token": environ.get("AWS_SESSION_TOKEN"),
            "region": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
            "endpoint": endpoint,
        }
        config: Any = {name: value for name, value in said.items() if value}
        return S3Store(
            self.bucket,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http://"),
                "timeout": "120s",
                "connect_timeout": "10s",
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
        )


def content_as_planned(image: LocalImage, content: bytes) -> bytes:
    """Return the bytes of an image. Raise SceneFailed if they are not those that were planned with."""
    if hashlib.sha256(content).hexdigest() != image.digest:
        raise SceneFailed(f"{one_line(str(image.path))} has changed since the plan was made", "run again")
    return content


def media_type(image: LocalImage) -> str:
    """Return the media type of an image, such as "image/png"."""
    return _TYPES[image.kind]


class Uploads:
    """The uploads of a run. Each image is uploaded once while its address is valid, however many scenes use it."""

    def __init__(self, way: UploadDestination, provider: Provider, wire: "Client", memory: AddressMemory) -> None:
        self._way = way
        self._provider = provider
        self._wire = wire
        self._memory = memory
        self._turns: dict[str, asyncio.Lock] = {}
        self._lasting: dict[str, Address] = {}

    async def address(self, image: LocalImage, content: bytes) -> Address:
        """Return the image's address, uploaded if needed. Raise SceneFailed, RunRefused, InputError or LocalFault."""
        content_as_planned(image, content)
        if image.digest in self._lasting:
            return self._lasting[image.digest]
        async with self._turns.setdefault(image.digest, asyncio.Lock()):
            later = datetime.fromtimestamp(self._wire.clock.wall(), UTC) + _MARGIN
            known = self._memory.upload_address(self._way.destination, image.digest, later)
            if known:
                return Address(known, None)
            if image.digest in self._lasting:
                return self._lasting[image.digest]
            address = await self._way.put(image, content, self._provider, self._wire)
            if address.expires:
                self._memory.remember_upload(self._way.destination, image.digest, address.url, address.expires)
            else:
                self._lasting[image.digest] = address
            return address

    def forget(self, image: LocalImage) -> None:
        """Forget an address that the provider could not fetch: the next use uploads the image again."""
        self._lasting.pop(image.digest, None)
        self._memory.forget_upload(self._way.destination, image.digest)


def own_uploads(provider: Provider, wire: "Client") -> Uploads:
    """Return the provider's own uploads, whose names are of this run."""
    return Uploads(ProviderStorage(provider.name), provider, wire, NoMemory())


def takes_own_uploads(provider: Provider) -> bool:
    """Whether the provider knows images only by the names that its own uploads give."""
    return any(model.images == "upload" for model in provider.capabilities.models)


def destination_for(kind: Kind, value: str | None, provider: str, origin: str) -> UploadDestination | None:
    """Return where images are uploaded to for takes of one kind; a draft's go to its emulator. Raise InputError.

    ``value`` is STORYBOARD_UPLOADS; ``provider`` and ``origin`` are as in ``parse_destination``.
    """
    if kind == "draft":
        return ProviderStorage("the emulator on this machine")
    return parse_destination(value, provider, origin)


def parse_destination(
    value: str | None, provider: str = "provider", origin: str = "", environ: Mapping[str, str] = os.environ
) -> UploadDestination | None:
    """Return the destination that STORYBOARD_UPLOADS names; None if empty. Raise InputError, LocalFault.

    ``provider`` is the configured provider's name, which also means its own uploads; ``origin`` its API's address.
    """
    if value is None or not value.strip():
        return None
    text = value.strip()
    if text in ("provider", provider):
        return ProviderStorage(f"the service at {origin}")
    try:
        parts = urlsplit(text)
        host, extra = parts.hostname or "", parts.username is not None or parts.query or parts.fragment
    except ValueError:
        host, extra = "", True
    if not host or extra or not text.isprintable() or " " in text:
        raise InputError(f"STORYBOARD_UPLOADS is {one_line(text, 80)!r}, which is no place for images", WAYS)
    if parts.scheme == "s3":
        return _bucket(host, parts.path.strip("/"), environ)
    if parts.scheme == "https" or (parts.scheme == "http" and loopback_host(host)):
        return PublicFolder(text.rstrip("/"))
    raise InputError(f"STORYBOARD_UPLOADS is {one_line(text, 80)!r}, which the provider could not fetch from", WAYS)


def destination_missing(image: LocalImage) -> Problem:
    """Return the problem of a local image without an upload destination."""
    return Problem(
        image.place,
        "",
        f"{one_line(str(image.path))} is on this machine, and the provider fetches images by their address",
        f"{WAYS}; or write the image's https address here; a draft needs none of it",
    )


def fitted_destination_missing(image: LocalImage) -> Problem:
    """Return the problem of an image that would have to be changed in the public folder that it is fetched from."""
    message = f"{one_line(str(image.path))} would be {image.fit}, and a public folder serves it as it is"
    hint = "use another place for uploads, remove 'frame_fit', or save the image in the scene's shape"
    return Problem(image.place, "", message, hint)


def frame_destination_missing(frame: TakeFrame, destination: UploadDestination | None) -> Problem | None:
    """Return the problem of a frame of a scene that cannot be uploaded to this destination; None if it can."""
    if destination is not None and not isinstance(destination, PublicFolder):
        return None
    ways = "set STORYBOARD_UPLOADS to s3://bucket/prefix, or to 'provider' (the service's own uploads)"
    said = f"{frame} has to be uploaded, and {'a public folder takes no' if destination else 'there is no place for'}"
    return Problem(
        frame.frame.place, "", f"{said} uploads", f"{ways}; or begin with an image; a draft needs none of it"
    )


def _bucket(bucket: str, prefix: str, environ: Mapping[str, str]) -> Bucket:
    """The bucket, if this machine can use it: checked before anything is paid for."""
    if not find_spec("obstore"):
        raise LocalFault("uploads to s3:// need the package obstore", "pip install 'storyboard-render[cloud]'")
    endpoint = _endpoint(environ)
    host = urlsplit(endpoint).hostname or ""
    if endpoint and urlsplit(endpoint).scheme != "https" and not loopback_host(host):
        raise InputError("AWS_ENDPOINT_URL is not https", "plain http is for a server on this machine only")
    if not (environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY")):
        raise InputError(
            "uploads to s3:// need AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
            "profiles are not read; `aws configure export-credentials --format env` prints them",
        )
    return Bucket(bucket, prefix, environ)


def _endpoint(environ: Mapping[str, str]) -> str:
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""


def _name(image: LocalImage) -> str:
    return f"{image.digest}.{_SUFFIXES[image.kind]}"
