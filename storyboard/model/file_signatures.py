"""File signatures: the first bytes by which a kind of file is known, for messages about a file of the wrong kind."""

# Offset, bytes, and name. A format whose signature is a prefix of another's would stand after it; there is none.
_SIGNATURES = (
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (8, b"WAVE", "a WAV sound"),
    (4, b"ftyp", "an MP4 or QuickTime file"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (0, b"ID3", "an MP3 sound"),
    (0, b"OggS", "an Ogg sound"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive, such as a document of an office program"),
    (0, b"SQLite format 3", "a database"),
)


def file_kind(head: bytes) -> str | None:
    """The kind of a binary file by its first bytes, with its article; None if it is not known."""
    return next((name for at, sign, name in _SIGNATURES if head[at : at + len(sign)] == sign), None)
