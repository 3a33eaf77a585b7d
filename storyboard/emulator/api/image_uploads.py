"""Image uploads: the body of POST /api/file-base64-upload, parsed and checked. No I/O.

Source: api-facts.md 6.6.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from hashlib import sha256

from storyboard.emulator.api.orders import Refusal

# The first bytes of each image type, and the file name extension used where the request gives no name.
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png", ".png"), (b"\xff\xd8\xff", "image/jpeg", ".jpg"))
_WEBP = (b"RIFF", b"WEBP", "image/webp", ".webp")
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,")
_NAME = re.compile(r"[\w. -]{1,255}")


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file: ``folder`` and ``name`` are the path of its URL, ``kind`` is its media type by content."""

    content: bytes
    folder: str
    name: str
    kind: str
    ending: str


def read_upload(body: bytes) -> Upload | Refusal:
    """The file in a request body, or the refusal (code 422)."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal(422, "The request body is not valid JSON")
    if not isinstance(given, dict):
        return Refusal(422, "The request body must be a JSON object")
    data, folder = given.get("base64Data"), given.get("uploadPath")
    content = _decoded(data) if isinstance(data, str) else None
    if not content:
        return Refusal(422, "base64Data must be a file in base64, or a data URL of one")
    parts = [part for part in folder.split("/") if part] if isinstance(folder, str) else []
    if not parts or not all(map(_harmless, parts)):
        return Refusal(422, "uploadPath must be a folder, such as images/frames")
    kind, ending = _kind(content)
    name = given.get("fileName", f"{sha256(content).hexdigest()[:16]}{ending}")
    if not isinstance(name, str) or not _harmless(name):
        return Refusal(422, "fileName must be the name of a file, such as lamp.png")
    return Upload(content, "/".join(parts), name, kind, ending)


def _decoded(data: str) -> bytes | None:
    try:
        return base64.b64decode(_DATA_URL.sub("", data, count=1), validate=True)
    except (binascii.Error, ValueError):
        return None


def _harmless(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and name.strip(". ") != ""


def _kind(content: bytes) -> tuple[str, str]:
    for magic, kind, ending in _KINDS:
        if content.startswith(magic):
            return kind, ending
    if content.startswith(_WEBP[0]) and content[8:12] == _WEBP[1]:
        return _WEBP[2:]
    return "application/octet-stream", ".bin"
