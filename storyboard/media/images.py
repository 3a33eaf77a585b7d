"""Checks of image files: size, dimensions, format (PNG, JPEG, WebP). The pixels are not decoded."""

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Literal, cast

from PIL import Image, UnidentifiedImageError

from storyboard.model.errors import InputError

MAX_BYTES = 20_000_000
MAX_PIXELS = 50_000_000

_FORMATS = ("PNG", "JPEG", "WEBP")
_SIDEWAYS = (5, 6, 7, 8)
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts about an image: ``width`` and ``height`` in pixels with the EXIF rotation applied, and its format."""

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
            with _opened(content) as image:
                _small(image)
                image.verify()
            with _opened(content) as image:
                return _measured(image)
    except UnidentifiedImageError:
        raise InputError("is not a PNG, JPEG or WebP image", "save it as one of these") from None
    except Image.DecompressionBombError:
        raise _too_many() from None
    except (OSError, SyntaxError, ValueError, EOFError):
        raise InputError("is a damaged image", "save it again") from None


def _opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content), formats=_FORMATS)


def _small(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise _too_many()


def _measured(image: Image.Image) -> ImageFacts:
    kind = cast(Literal["png", "jpeg", "webp"], (image.format or "").lower())
    # Cameras rotate a JPEG by an EXIF tag. To look for one in a PNG, Pillow would decode the whole image.
    turned = kind == "jpeg" and image.getexif().get(_ORIENTATION) in _SIDEWAYS
    width, height = image.size[::-1] if turned else image.size
    return ImageFacts(width, height, kind)


def _too_many() -> InputError:
    return InputError("has more than 50 million pixels", "make it smaller")
