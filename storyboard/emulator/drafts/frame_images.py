"""Frame images: the images that an order names. No connection is made to another machine.

Images uploaded to the emulator are read from its disk, images served on loopback are downloaded, and any other is
drawn as a placeholder with the file name of its URL.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import aiohttp
from PIL import Image

from storyboard.http.address import loopback_host

FORMATS = ("PNG", "JPEG", "WEBP")
LARGEST = 20 * 1024 * 1024  # bytes (api-facts.md 6.6)
MOST_PIXELS = 64_000_000
PATIENCE = aiohttp.ClientTimeout(total=10)

# The service's message for an image that it cannot use (callback with code 400 in the document).
UNUSABLE = "Failed to fetch the image. Kindly verify any access limits set by you or your service provider."


class Unusable(Exception):
    """An image cannot be downloaded or is invalid. The text names it and the reason, for the log of a rehearsal."""


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file: ``digest`` is the SHA-256 (hex) of its bytes, ``width`` and ``height`` are pixels as displayed."""

    path: Path
    digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An image on another machine: only its name is known."""

    name: str

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the name."""
        return hashlib.sha256(self.name.encode("utf-8", "replace")).hexdigest()


Still = Photo | Elsewhere


async def still(url: str, uploads: Mapping[str, Path], folder: Path, session: aiohttp.ClientSession) -> Still:
    """The image at ``url``. A downloaded one is stored in ``folder``. Raise Unusable."""
    if url in uploads:
        return photo(uploads[url])
    if not on_loopback(url):
        name = PurePosixPath(unquote(urlsplit(url).path)).name
        return Elsewhere(name or urlsplit(url).hostname or "image")
    content = await _fetch(url, session)
    path = folder / hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    return photo(path)


def photo(path: Path) -> Photo:
    """The image in a file, recognised by its content. Raise Unusable."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise Unusable(f"it is not a PNG, JPEG or WebP image ({type(error).__name__})") from error
    if width * height > MOST_PIXELS:
        raise Unusable(f"it has {width}x{height} pixels, more than {MOST_PIXELS // 1_000_000} million")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Photo(path, digest, *((height, width) if turned else (width, height)))


def on_loopback(url: str) -> bool:
    """Whether ``url`` is http on a loopback host, decided without a DNS lookup."""
    parts = urlsplit(url)
    return parts.scheme == "http" and loopback_host(parts.hostname or "")


async def _fetch(url: str, session: aiohttp.ClientSession) -> bytes:
    try:
        async with session.get(url, allow_redirects=False, timeout=PATIENCE) as answer:
            if answer.status != 200:
                raise Unusable(f"its server answered {answer.status}")
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > LARGEST:
                    raise Unusable(f"it has more than {LARGEST // 1024 // 1024} MB")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unusable(f"its server does not answer ({type(error).__name__})") from error
    return bytes(content)
