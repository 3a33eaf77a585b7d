"""Images of the author's: opened with the three formats that exist here, looked at, never decoded."""

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
    """What an image is: ``width`` x ``height`` pixels as shown (a camera's rotation applied), and its ``kind``."""

    width: int
    height: int
    kind: Literal["png", "jpeg", "webp"]


def look(content: bytes) -> ImageFacts:
    """What the image in ``content`` is, by its content alone.

    The caller knows its name, so messages begin after it: "is damaged".

    Raises InputError: more than 20 MB, not PNG, JPEG or WebP, damaged, or more than 50 million pixels.
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
    # Cameras turn a JPEG by a note in it. To look for one in a PNG, Pillow would decode all of it.
    turned = kind == "jpeg" and image.getexif().get(_ORIENTATION) in _SIDEWAYS
    width, height = image.size[::-1] if turned else image.size
    return ImageFacts(width, height, kind)


def _too_many() -> InputError:
    return InputError("has more than 50 million pixels", "make it smaller")
