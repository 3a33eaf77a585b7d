"""The provenance note of a film: a box at the end of its file that says that storyboard wrote exactly these bytes.

By it a film is known as ours where ``.storyboard`` was deleted. A copy that was graded, trimmed or tagged by hand has
other bytes, so that it is never taken for ours. Players skip the box (``uuid``, ISO/IEC 14496-12).
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import BinaryIO

from storyboard.model.realm_kind import KINDS, Kind
from storyboard.system.files import PIECE

_UUID = bytes.fromhex("6f0c1d5a2b7e4c7b9a53d4c0be11f2a7")
_TEXT = re.compile(rb"storyboard film (%s) sha256:([0-9a-f]{64})\n\Z" % "|".join(KINDS).encode())
_HEAD = 24  # bytes of a uuid box before its content


def note(kind: str, digest: str) -> bytes:
    """Return the box for a film of this kind, whose bytes before it have the ``digest``; a kind has one size."""
    text = f"storyboard film {kind} sha256:{digest}\n".encode()
    return (_HEAD + len(text)).to_bytes(4) + b"uuid" + _UUID + text


def note_size(kind: str) -> int:
    """Return the size of the note in bytes."""
    return len(note(kind, "0" * 64))


def combine_digests(digests: Iterable[bytes]) -> str:
    """Return the SHA-256 (hex) of the SHA-256s of a file's pieces, each of ``PIECE`` bytes except the last."""
    return sha256(b"".join(digests)).hexdigest()


def digest_of(file: BinaryIO, size: int) -> str:
    """Return the digest, as in a note, of the first ``size`` bytes of a file. Raise OSError."""
    file.seek(0)
    return combine_digests(sha256(file.read(min(PIECE, size - at))).digest() for at in range(0, size, PIECE))


def kind_of(file: BinaryIO) -> Kind | None:
    """Return the kind of the film in a file; None if storyboard did not write exactly these bytes. Raise OSError."""
    size = file.seek(0, 2)
    file.seek(max(size - 256, 0))
    found = _TEXT.search(file.read(256))
    if not found:
        return None
    kind = next(kind for kind in KINDS if kind.encode() == found[1])
    media = size - note_size(kind)
    if media <= 0:
        return None
    file.seek(media)
    box = file.read()
    return kind if box == note(kind, digest_of(file, media)) else None
