"""Writer of a film's MP4 header: everything before the media, including the index.

Sizes and offsets of all samples are known before any is written, so the index can come first without a second pass.
The header contains no date, so that the same film has the same bytes. Boxes are those of ISO/IEC 14496-12, -14 and -15.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, chain, compress, count, islice
from operator import add, ne, sub

from storyboard.mp4.metadata import FilmMetadata
from storyboard.mp4.samples import BLOCK, PictureFormat

# Ticks per frame at a whole rate: 24 frames per second give a time scale of 12,288, as most encoders write it.
_TICKS = 512

_IDENTITY = struct.pack(">9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4  # the language "und"
_BRANDS = b"isom" + (512).to_bytes(4) + b"isomiso2avc1mp41"
_SPECIFIED = 2
_SHOWN, _OFF = 3, 2  # track enabled and in the movie; in the movie only
NOTHING = FilmMetadata()
# A text sample description without style (QuickTime File Format, "Text sample description", "Base media info"):
# players show chapter names in their own font.
_TEXT = struct.pack(">I18xH6x", 1, 1) + b"\0\0\0\x0dftab\0\1\0\1\0"


@dataclass(frozen=True, slots=True)
class VideoSamples:
    """The frames of a film in decoding order. ``offsets``, in bytes, count from the beginning of the media.

    ``shown`` are their numbers in display order; ``sync`` are the positions, in decoding order, at which decoding can
    begin. ``config`` is the avcC.
    """

    sizes: Sequence[int]
    offsets: Sequence[int]
    shown: Sequence[int]
    sync: Sequence[int]
    fps: Fraction
    look: PictureFormat
    config: bytes

    @property
    def ticks(self) -> int:
        """Ticks of the track's time scale in a frame: a whole number at any rate."""
        return self.fps.denominator * self._fine

    @property
    def scale(self) -> int:
        """The track's time scale, in ticks per second."""
        return self.fps.numerator * self._fine

    @property
    def long(self) -> int:
        """The duration of all frames in ticks."""
        return len(self.sizes) * self.ticks

    @property
    def _fine(self) -> int:
        return max(1, _TICKS // self.fps.denominator)


@dataclass(frozen=True, slots=True)
class AudioSamples:
    """The AAC frames of a film: the priming frame, then one for each block; the last block may be cut short."""

    sizes: Sequence[int]
    offsets: Sequence[int]
    hertz: int
    channels: int
    config: bytes


@dataclass(frozen=True, slots=True)
class _Table:
    """A track's tables without chunk offsets; ``begins`` are these, in bytes from the beginning of the media."""

    parts: Sequence[bytes]
    begins: Sequence[int]

    def at(self, before: int, wide: bool) -> bytes:
        """The table (stbl) of a file with ``before`` bytes before its media; ``wide`` for 64-bit offsets."""
        where = list(map(before.__add__, self.begins))
        return _box(b"stbl", *self.parts, _listed(b"co64", where, "Q") if wide else _listed(b"stco", where))

    def room(self, wide: bool) -> bytes:
        """Zeros, as many bytes as ``at`` returns for any ``before``."""
        return bytes(8 + sum(map(len, self.parts)) + 16 + len(self.begins) * (8 if wide else 4))


def chapter_samples(notes: FilmMetadata) -> list[bytes]:
    """The samples of the chapter track (QuickTime text media), which come first in the media."""
    encoding = _box(b"encd", struct.pack(">I", 0x100))  # UTF-8
    names = (_short(chapter.name) for chapter in notes.chapters)
    return [len(name).to_bytes(2) + name + encoding for name in names]


def film_header(pictures: VideoSamples, sounds: AudioSamples, media: int, notes: FilmMetadata = NOTHING) -> bytes:
    """Write the header of a film's file: everything before its ``media`` bytes of media."""
    wide = media > 0xF0000000
    head = _box(b"ftyp", _BRANDS)
    end = struct.pack(">I4sQ", 1, b"mdat", media + 16) if wide else struct.pack(">I4s", media + 8, b"mdat")
    lead = max(map(sub, count(), pictures.shown), default=0)
    tables = [_video(pictures, lead), _audio(sounds, pictures)]
    tables += [_chapters(notes, pictures)] if notes.chapters else []
    before = len(head) + len(_movie(pictures, sounds, notes, lead, [table.room(wide) for table in tables])) + len(end)
    return head + _movie(pictures, sounds, notes, lead, [table.at(before, wide) for table in tables]) + end


def _movie(
    pictures: VideoSamples, sounds: AudioSamples, notes: FilmMetadata, lead: int, tables: Sequence[bytes]
) -> bytes:
    """The moov box. ``tables`` are those of the pictures, of the sound, and, if there are any, of the chapters.

    ``lead`` is the number of frames that are decoded before the first is displayed.
    """
    scale, long = pictures.scale, pictures.long
    video, audio, *named = tables
    moving = (scale, video, _full(b"vmhd", 0, 1, bytes(8)), b"vide", b"VideoHandler\0")
    heard = (
        sounds.hertz,
        audio,
        _full(b"smhd", 0, 0, bytes(4)),
        b"soun",
        b"SoundHandler\0",
    )
    size = struct.pack(">II", pictures.look.width << 16, pictures.look.height << 16)
    last = 3 if notes.chapters else 2
    head = _dated(long, ">I", scale) + struct.pack(">IH10x", 65536, 256) + _IDENTITY + bytes(24)
    refer = _box(b"tref", _box(b"chap", struct.pack(">I", 3))) if notes.chapters else b""
    return _box(
        b"moov",
        _full(b"mvhd", _version(long), 0, head + struct.pack(">I", last + 1)),
        _track(1, _SHOWN, long, long, lead * pictures.ticks, size, 0, refer, *moving),
        _track(2, _SHOWN, long, _samples(sounds, pictures), BLOCK, bytes(8), 256, refer, *heard),
        *(_named(scale, long, table) for table in named),
        _said(notes, pictures.fps),
    )


def _named(scale: int, long: int, table: bytes) -> bytes:
    """The track of the chapter names. It is disabled, so that players offer chapters but do not show it as text."""
    plain = _full(b"gmin", 0, 0, struct.pack(">HHHHHH", 64, 0x8000, 0x8000, 0x8000, 0, 0))
    text = _box(b"text", struct.pack(">H12xI12xI2x", 1, 1, 0x4000))
    kind = _box(b"gmhd", plain, text)
    return _track(3, _OFF, long, long, 0, bytes(8), 0, b"", scale, table, kind, b"text", b"Chapters\0")


def _chapters(notes: FilmMetadata, pictures: VideoSamples) -> _Table:
    starts = [chapter.first for chapter in notes.chapters]
    ends = [*starts[1:], len(pictures.sizes)]
    lasting = [(end - start) * pictures.ticks for start, end in zip(starts, ends, strict=True)]
    rows = [number for each in lasting for number in (1, each)]
    lengths = list(map(len, chapter_samples(notes)))
    sizes, begins = _chunks(lengths, list(accumulate(lengths[:-1], initial=0)))
    parts = (
        _full(b"stsd", 0, 0, struct.pack(">I", 1), _box(b"text", struct.pack(">6xH", 1), _TEXT)),
        _full(b"stts", 0, 0, struct.pack(f">I{len(rows)}I", len(lengths), *rows)),
        *sizes,
    )
    return _Table(parts, begins)


def _said(notes: FilmMetadata, fps: Fraction) -> bytes:
    """The udta box: title, tool and comment in iTunes format, which all players read; chapters in Nero format.

    The Nero list holds at most 255 chapters; the chapter track holds all.
    """
    items = ((b"\xa9nam", notes.title), (b"\xa9too", notes.tool), (b"\xa9cmt", notes.comment))
    told = [_box(key, _box(b"data", struct.pack(">II", 1, 0), text.encode())) for key, text in items if text]
    meta = _full(b"meta", 0, 0, _full(b"hdlr", 0, 0, bytes(4), b"mdirappl", bytes(9)), _box(b"ilst", *told))
    rows = [(round(Fraction(each.first * 10_000_000, fps)), _short(each.name)) for each in notes.chapters[:255]]
    nero = b"".join(struct.pack(">QB", start, len(name)) + name for start, name in rows)
    chapters = _full(b"chpl", 1, 0, bytes(4), bytes([len(rows)]), nero)
    parts = [meta] if told else []
    parts += [chapters] if rows else []
    return _box(b"udta", *parts) if parts else b""


def _short(name: str) -> bytes:
    return name.encode()[:255].decode("utf-8", "ignore").encode()


def _track(
    number: int,
    shown: int,
    long: int,
    own: int,
    lead: int,
    size: bytes,
    loud: int,
    refer: bytes,
    scale: int,
    table: bytes,
    kind: bytes,
    handler: bytes,
    name: bytes,
) -> bytes:
    """A trak box. ``long`` is its duration in the film, in ticks of the movie's time scale.

    ``own`` is the duration of its media, and ``lead`` the part at its beginning that is not shown, in ticks of
    ``scale``. ``shown`` are the flags of its header; ``refer`` is a box that refers to the chapter track, or b"".
    """
    header = _dated(long, ">I4x", number) + struct.pack(">8xHHH2x", 0, 0, loud) + _IDENTITY + size
    edit = struct.pack(">IQqI" if _version(long) else ">IIiI", 1, long, lead, 65536)
    sources = _box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1)))
    media = _box(
        b"mdia",
        _full(b"mdhd", _version(own), 0, _dated(own, ">I", scale), struct.pack(">HH", _UNDETERMINED, 0)),
        _full(b"hdlr", 0, 0, bytes(4), handler, bytes(12), name),
        _box(b"minf", kind, sources, table),
    )
    edits = _box(b"edts", _full(b"elst", _version(long), 0, edit))
    return _box(b"trak", _full(b"tkhd", _version(long), shown, header), edits, refer, media)


def _version(long: int) -> int:
    """The version of a box that holds a duration: 0, the only one some tools read, where it fits 32 bits; else 1."""
    return int(long >= 1 << 32)


def _dated(long: int, field: str, number: int) -> bytes:
    """How these boxes begin: two dates, which are left out, then ``number``, then the duration ``long``."""
    wide = ">Q" if _version(long) else ">I"
    return struct.pack(wide, 0) * 2 + struct.pack(field, number) + struct.pack(wide, long)


def _samples(sounds: AudioSamples, pictures: VideoSamples) -> int:
    """The number of audio samples: the priming block, and exactly the duration of the frames."""
    return BLOCK + round(Fraction(len(pictures.sizes) * sounds.hertz, pictures.fps))


def _video(pictures: VideoSamples, lead: int) -> _Table:
    later = list(map(sub, pictures.shown, count(-lead)))
    turns = [0, *compress(count(1), map(ne, islice(later, 1, None), later))]
    lasting = map(sub, [*turns[1:], len(later)], turns)
    runs = zip(lasting, map(pictures.ticks.__mul__, map(later.__getitem__, turns)), strict=True)
    sizes, begins = _chunks(pictures.sizes, pictures.offsets)
    parts = (
        _full(b"stsd", 0, 0, struct.pack(">I", 1), _avc1(pictures)),
        _full(b"stts", 0, 0, struct.pack(">III", 1, len(later), pictures.ticks)),
        _listed(b"stss", [at + 1 for at in pictures.sync]),
        _full(b"ctts", 0, 0, struct.pack(f">I{2 * len(turns)}I", len(turns), *chain.from_iterable(runs))),
        *sizes,
    )
    return _Table(parts, begins)


def _audio(sounds: AudioSamples, pictures: VideoSamples) -> _Table:
    count = len(sounds.sizes)
    last = _samples(sounds, pictures) - BLOCK * (count - 1)
    sizes, begins = _chunks(sounds.sizes, sounds.offsets)
    parts = (
        _full(b"stsd", 0, 0, struct.pack(">I", 1), _mp4a(sounds)),
        _full(b"stts", 0, 0, struct.pack(">IIIII", 2, count - 1, BLOCK, 1, last)),
        *sizes,
    )
    return _Table(parts, begins)


def _chunks(sizes: Sequence[int], offsets: Sequence[int]) -> tuple[tuple[bytes, bytes], list[int]]:
    """Group adjacent samples into chunks: the boxes stsc and stsz, and the offsets of the chunks."""
    firsts = [0, *compress(count(1), map(ne, islice(offsets, 1, None), map(add, offsets, sizes)))]
    lengths = list(map(sub, [*firsts[1:], len(sizes)], firsts))
    turns = [0, *compress(count(1), map(ne, islice(lengths, 1, None), lengths))]
    rows = chain.from_iterable((at + 1, lengths[at], 1) for at in turns)
    held = _full(b"stsc", 0, 0, struct.pack(f">I{3 * len(turns)}I", len(turns), *rows))
    large = _full(b"stsz", 0, 0, struct.pack(f">II{len(sizes)}I", 0, len(sizes), *sizes))
    return (held, large), list(map(offsets.__getitem__, firsts))


def _avc1(pictures: VideoSamples) -> bytes:
    look = pictures.look
    fields = struct.pack(">6xH16xHHIIIH32xHh", 1, look.width, look.height, 72 << 16, 72 << 16, 0, 1, 24, -1)
    *tags, full = look.colour
    colour = _box(b"colr", b"nclx", struct.pack(">HHHB", *tags, full << 7)) if set(tags) != {_SPECIFIED} else b""
    square = _box(b"pasp", struct.pack(">II", 1, 1))
    return _box(b"avc1", fields, _box(b"avcC", pictures.config), colour, square)


def _mp4a(sounds: AudioSamples) -> bytes:
    fields = struct.pack(">6xH8xHH4xI", 1, sounds.channels, 16, sounds.hertz << 16)
    specific = _descriptor(5, sounds.config)
    decoder = _descriptor(4, struct.pack(">BB3xII", 0x40, 0x15, 0, 0) + specific)
    stream = _descriptor(3, struct.pack(">HB", 2, 0) + decoder + _descriptor(6, b"\2"))
    return _box(b"mp4a", fields, _full(b"esds", 0, 0, stream))


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def _listed(name: bytes, numbers: Sequence[int], field: str = "I") -> bytes:
    return _full(name, 0, 0, struct.pack(f">I{len(numbers)}{field}", len(numbers), *numbers))


def _full(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(name, struct.pack(">I", version << 24 | flags), *parts)


def _box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", len(content) + 8, name) + content
