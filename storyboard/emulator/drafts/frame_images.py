"""Stills: the images that an order names. No connection is ever made to another machine.

What was uploaded to the emulator is on its disk; what is served from this machine's loopback is fetched; anything else
is drawn as a placeholder with the address's file name.
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

# The service's own words for an image that it cannot use (the document's callback, code 400).
UNUSABLE = "Failed to fetch the image. Kindly verify any access limits set by you or your service provider."


class Unusable(Exception):
    """An image could not be fetched or is none; the text says which and why, for the log of a rehearsal."""


@dataclass(frozen=True, slots=True)
class Photo:
    """An image on this machine's disk: ``digest`` is the SHA-256 of its bytes; ``width`` and ``height`` are pixels."""

    path: Path
    digest: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """An image on another machine, of which only the name is known."""

    name: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.name.encode("utf-8", "replace")).hexdigest()


Still = Photo | Elsewhere


async def still(url: str, uploads: Mapping[str, Path], folder: Path, session: aiohttp.ClientSession) -> Still:
    """The image at ``url``; one that has to be fetched is kept in ``folder``. Raises Unusable."""
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
    """The image in a file, by its content. Raises Unusable."""
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
    """Whether ``url`` can only mean this machine, judged without asking a name server."""
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
