"""Checks of image files: size, dimensions, format (PNG, JPEG, WebP). The pixels are not decoded."""

import struct
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image, UnidentifiedImageError

from storyboard.model.errors import InputError

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000

_FORMATS = ("PNG", "JPEG", "WEBP")
# By Pillow's name. MPO is a JPEG with several pictures, as phones and 3D cameras write it; the first one is shown.
_KINDS: Mapping[str, Literal["png", "jpeg", "webp"]] = {"PNG": "png", "JPEG": "jpeg", "MPO": "jpeg", "WEBP": "webp"}
_SIDEWAYS = (5, 6, 7, 8)
# What Pillow raises for damaged files, as far as is known.
DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError, AttributeError),
    *(struct.error, zlib.error),
)
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts about an image: ``width`` and ``height`` in pixels with its orientation note applied, and its format."""

    width: int
    height: int
    kind: Literal["png", "jpeg", "webp"]


def look(content: bytes) -> ImageFacts:
    """Check the image in ``content``; return its facts.

    Error messages omit the subject ("is damaged"), because the caller adds the file name.

    Raise InputError where it has more than 20 MB or 50 million pixels, is damaged, or is not PNG, JPEG or WebP.
    """
    if len(content) > MAX_BYTES:
        raise InputError("is larger than 20 MB", "make it smaller")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            warnings.simplefilter("ignore", UserWarning)  # a damaged orientation note
            with _opened(content) as image:
                _small(image)
                image.verify()
            with _opened(content) as image:
                return _measured(image, content)
    except UnidentifiedImageError:
        raise InputError("is not a PNG, JPEG or WebP image", "save it as one of these") from None
    except Image.DecompressionBombError:
        raise _too_many() from None
    except DAMAGED:
        raise InputError("is a damaged image", "save it again") from None


def _opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content), formats=_FORMATS)


def _small(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many()


def _measured(image: Image.Image, content: bytes) -> ImageFacts:
    width, height = image.size[::-1] if _orientation(image, content) in _SIDEWAYS else image.size
    return ImageFacts(width, height, _KINDS[image.format or ""])


def _orientation(image: Image.Image, content: bytes) -> object:
    """The orientation note of an image (EXIF or XMP); None if there is none, or if it cannot be read."""
    if image.format == "PNG" and "exif" not in image.info and (late := _late_exif(content)):
        image.info["exif"] = late
    try:
        # The method of the base class: that of a PNG decodes the whole image to look for a note behind it.
        return Image.Image.getexif(image).get(_ORIENTATION)
    except DAMAGED:
        return None


def _late_exif(content: bytes) -> bytes | None:
    """The eXIf chunk of a PNG wherever it lies, as Pillow keeps it; None if there is none."""
    at = 8
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4])
        if content[at + 4 : at + 8] == b"eXIf":
            return b"Exif\0\0" + content[at + 8 : at + 8 + length]
        at += 12 + length
    return None


def _too_many() -> InputError:
    return InputError("has more than 50 million pixels", "make it smaller")
