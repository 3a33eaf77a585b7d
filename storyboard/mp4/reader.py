"""Reader of MP4 indexes: the format of a clip's pictures and sound, and where their samples lie. Nothing is decoded.

Input may be hostile: every count is checked against the available bytes before memory of that size is allocated.
Whatever cannot be copied, because it is damaged, of another format or of a special kind, gets a reason in words.
Boxes and fields are those of ISO/IEC 14496-12 (the file), 14496-14 (AAC) and 14496-15 (H.264).
"""

import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, chain, pairwise, repeat
from operator import add, lt, sub
from pathlib import Path
from typing import TypeVar

from storyboard.model.errors import BadMedia
from storyboard.model.frame_rate import candidate_rates, nominal_rate
from storyboard.mp4 import h264
from storyboard.mp4.boxes import (
    LARGEST_INDEX,
    MOST_BOXES,
    Box,
    Refused,
    Span,
    box_length,
    box_name,
    boxes_within,
    sample_count,
    sample_table,
)
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, PictureFormat, SampleTable, VideoTrack
from storyboard.system.files import disk_errors

# An hour at 60 frames per second has 216,000 frames.
MOST_SAMPLES = 500_000
# Bytes of a frame that are read to find its type, including the SEI messages before the picture.
_HEAD = 4096

_IDENTITY = struct.pack(">9I", 65536, 0, 0, 0, 65536, 0, 0, 0, 0x40000000)
_SELF_CONTAINED = b"\0\0\0\1"
_AAC = 0x40
_UNSPECIFIED = 2
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
_LC = 2
# Sample rates whose bands mp4/aac.py knows. At low rates AAC may hold a second layer (SBR) without a signal for it.
USUAL_RATES = (48_000, 44_100)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _File:
    """An open file: its index, the spans of its media, and the movie's time scale in ticks per second."""

    descriptor: int
    index: Box
    media: tuple[Span, ...]
    scale: int


@dataclass(frozen=True, slots=True)
class _Edit:
    """The edit list of a track: a delay ``begins`` in seconds, then ``skipped`` ticks of media that are not shown.

    ``seconds`` is the duration shown, None for all; ``skipped`` is None if there is no edit list.
    """

    begins: Fraction
    skipped: int | None
    seconds: Fraction | None


def read(path: Path) -> ClipIndex:
    """Read the index of a clip: what can be copied of each track, or why it cannot be.

    Raise LocalFault where the file is unreadable, never for what is in it.
    """
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return _index(_opened(descriptor))
        except BadMedia as refusal:
            return ClipIndex(refusal.message, refusal.message)
        finally:
            os.close(descriptor)


def _index(file: _File) -> ClipIndex:
    tracks: dict[bytes, list[Box]] = {}
    for start, end in file.index.spans.get(b"trak", []):
        track = boxes_within(file.index.data, start, end)
        tracks.setdefault(track.inner(b"mdia").content(b"hdlr", 12)[8:12], []).append(track)
    main = sorted(_described(tracks.get(b"vide", [])), key=_rank, reverse=True)[:1]
    frames, sounds = _part(file, main, _frames), _described(tracks.get(b"soun", []))
    others = sum(len(tracks.get(kind, [])) for kind in (b"vide", b"soun")) - len(main) - len(sounds)
    return ClipIndex(frames or "there is no picture in it", _part(file, sounds, _sound), others)


def _part(file: _File, tracks: Sequence[Box], what: Callable[[_File, Box], T]) -> T | str | None:
    try:
        if len(tracks) > 1:
            raise Refused(f"it has {len(tracks)} sound tracks")
        return what(file, tracks[0]) if tracks else None
    except BadMedia as refusal:
        return refusal.message


def _described(tracks: Sequence[Box]) -> list[Box]:
    """The tracks that say how their samples are to be decoded, and have some; where none has, all of these."""
    known = [track for track in tracks if _descriptions(sample_table(track))]
    return [track for track in known if sample_count(sample_table(track))] or known


def _descriptions(table: Box) -> int:
    """The number of sample descriptions."""
    return int.from_bytes(table.content(b"stsd")[4:8]) if b"stsd" in table.spans else 0


def _rank(track: Box) -> tuple[bool, bool]:
    """Of several pictures the main one has more than one frame, and is switched on (``media.probe`` agrees)."""
    return sample_count(sample_table(track)) > 1, bool(track.content(b"tkhd", 4)[3] & 1)


def _opened(descriptor: int) -> _File:
    """Walk the outermost boxes, each of which must lie inside the file. Raise BadMedia."""
    size, at, media, index = os.fstat(descriptor).st_size, 0, [], b""
    if kind := _other_format(os.pread(descriptor, 64, 0)):
        raise Refused(f"it is {kind}, not MP4")
    for _ in range(MOST_BOXES):
        if at + 8 > size:
            break
        head = os.pread(descriptor, 16, at)
        length, start = box_length(head, size - at)
        if length < start or at + length > size:
            raise BadMedia("cut short, or damaged: its boxes do not fit into the file")
        match head[4:8]:
            case b"moov":
                if length > LARGEST_INDEX or index:
                    raise BadMedia("damaged: its index is absurd")
                index = os.pread(descriptor, length - start, at + start)
            case b"mdat":
                media.append((at + start, at + length))
            case b"moof":
                raise Refused("it is a fragmented MP4")
        at += length
    if not index or not media:
        raise BadMedia("cut short: it has no index of its frames, or no frames")
    boxes = boxes_within(index, 0, len(index))
    if b"mvex" in boxes.spans:
        raise Refused("it is a fragmented MP4")
    return _File(descriptor, boxes, tuple(sorted(media)), _scale(boxes, b"mvhd"))


def _other_format(head: bytes) -> str:
    """The name of the format of a file that is not MP4, by its first bytes; "" where it may be MP4."""
    if head[:4] != b"\x1a\x45\xdf\xa3":
        return ""
    return "WebM" if b"webm" in head else "Matroska (MKV)"


def _scale(box: Box, name: bytes) -> int:
    """The time scale, in ticks per second (mvhd and mdhd begin with the same fields)."""
    content = box.content(name, 24)
    at = 20 if content[0] else 12
    scale = int.from_bytes(content[at : at + 4])
    if not scale:
        raise BadMedia(f"damaged: its {box_name(name)} counts no time")
    return scale


def _rows(box: Box, name: bytes, fields: str) -> list[tuple[int, ...]]:
    """The entries of a table: a count, then that many rows of ``fields`` (in the notation of struct)."""
    content, row = box.content(name, 8), struct.Struct(">" + fields)
    end = 8 + int.from_bytes(content[4:8]) * row.size
    if end > len(content):
        raise BadMedia(f"damaged: its {box_name(name)} is cut short")
    return list(row.iter_unpack(content[8:end]))


def _numbers(box: Box, name: bytes, field: str) -> tuple[int, ...]:
    """The entries of a table with one number per row."""
    content = box.content(name, 8)
    count = int.from_bytes(content[4:8])
    if 8 + count * struct.calcsize(field) > len(content):
        raise BadMedia(f"damaged: its {box_name(name)} is cut short")
    return struct.unpack_from(f">{count}{field}", content, 8)


def _stored(file: _File, table: Box) -> SampleTable:
    """Sizes and offsets of all samples. Raise BadMedia where they overlap or lie outside of the media."""
    sizes = _sizes(file, table)
    wide = b"co64" in table.spans
    chunks = _numbers(table, b"co64" if wide else b"stco", "Q" if wide else "I")
    counts = _counts(table, len(chunks), len(sizes))
    before = list(accumulate(sizes, initial=0))
    firsts = list(accumulate(counts, initial=0))
    shifts = list(map(sub, chunks, map(before.__getitem__, firsts)))
    offsets = tuple(map(add, before, chain.from_iterable(map(repeat, shifts, counts))))
    ends = list(map(add, shifts, map(before.__getitem__, firsts[1:])))
    extents = list(zip(chunks, ends, strict=True))
    if any(map(lt, chunks[1:], ends)):
        extents.sort()
        if any(begin < end for (_, end), (begin, _) in pairwise(extents)):
            raise BadMedia("damaged: its samples lie over one another")
    for start, end in extents if len(file.media) > 1 else [(extents[0][0], extents[-1][1])]:
        if not any(first <= start and end <= last for first, last in file.media):
            raise BadMedia("cut short, or damaged: its samples lie outside of its media")
    return SampleTable(tuple(sizes), offsets)


def _sizes(file: _File, table: Box) -> Sequence[int]:
    if b"stsz" not in table.spans:
        raise Refused("its index is of an unusual kind")
    content = table.content(b"stsz", 12)
    each, count = struct.unpack_from(">II", content, 4)
    if not 0 < count <= MOST_SAMPLES:
        raise BadMedia(f"damaged: it says that it has {count} samples")
    if not each and 12 + 4 * count > len(content):
        raise BadMedia("damaged: its stsz is cut short")
    sizes = (each,) * count if each else struct.unpack_from(f">{count}I", content, 12)
    if not all(sizes) or sum(sizes) > sum(end - start for start, end in file.media):
        raise BadMedia("cut short, or damaged: its samples do not fit into its media")
    return sizes


def _counts(table: Box, chunks: int, samples: int) -> list[int]:
    """The number of samples in each chunk (stsc lists the chunks where it changes, counted from 1)."""
    rows = _rows(table, b"stsc", "III")
    firsts = [first for first, _, _ in rows]
    rising = firsts[:1] == [1] and all(one < next for one, next in pairwise([*firsts, chunks + 1]))
    if not rising or sum((e - b) * n for (b, n, _), e in zip(rows, [*firsts[1:], chunks + 1], strict=True)) != samples:
        raise BadMedia("damaged: its chunks do not hold its samples")
    if any(description != 1 for _, _, description in rows):
        raise Refused("its samples are described in several ways")
    lengths = zip(rows, [*firsts[1:], chunks + 1], strict=True)
    return list(chain.from_iterable(repeat(count, end - begin) for (begin, count, _), end in lengths))


def _times(table: Box, name: bytes, fields: str, samples: int) -> list[int]:
    """Expand a run-length table to one number per sample."""
    rows = _rows(table, name, fields)
    if sum([count for count, _ in rows]) != samples:
        raise BadMedia(f"damaged: its {box_name(name)} does not fit its samples")
    return list(chain.from_iterable([repeat(value, count) for count, value in rows]))


def _edit(file: _File, track: Box) -> _Edit:
    if b"edts" not in track.spans or b"elst" not in (edits := track.inner(b"edts")).spans:
        return _Edit(Fraction(0), None, None)
    rows = _rows(edits, b"elst", "QqI" if edits.content(b"elst", 8)[0] else "IiI")
    late = Fraction(sum(duration for duration, time, _ in rows[:-1] if time == -1), file.scale)
    if not rows or any(time != -1 for _, time, _ in rows[:-1]) or rows[-1][1] < 0 or rows[-1][2] != 65536:
        raise Refused("its edit list cuts it")
    duration, skipped, _ = rows[-1]
    return _Edit(late, skipped, Fraction(duration, file.scale) if duration else None)


def _plainly_shown(track: Box, size: Span | None) -> None:
    """Check that a track is enabled, not transformed, and has its media in this file. Raise Refused."""
    header = track.content(b"tkhd", 84)
    at = 52 if header[0] else 40
    if not header[3] & 1:
        raise Refused("a track of it is switched off")
    if size and header[at : at + 36] != _IDENTITY:
        raise Refused("it is turned or mirrored")
    shown = struct.unpack_from(">II", header, at + 36) if len(header) >= at + 44 else (0, 0)
    if size and any(shown) and any(abs(one / 65536 - other) >= 1 for one, other in zip(shown, size, strict=True)):
        raise Refused("its pixels are oblong")
    sources = track.inner(b"mdia").inner(b"minf").inner(b"dinf").inner(b"dref", skip=8)
    if any(
        sources.data[start : start + 4] != _SELF_CONTAINED for spans in sources.spans.values() for start, _ in spans
    ):
        raise Refused("its media lie in another file")


def _entry(table: Box, kind: bytes, name: str, fields: int) -> tuple[bytes, Box]:
    """The only sample entry: its fields, and the boxes in it. Raise Refused where there are several kinds."""
    entries = table.inner(b"stsd", skip=8)
    found = [(entry, span) for entry, spans in entries.spans.items() for span in spans]
    if len(found) != 1:
        raise Refused("its samples are described in several ways")
    (entry, (start, end)) = found[0]
    if entry != kind:
        raise Refused(f"it is not {name} ({box_name(entry)})")
    if end - start < fields:
        raise BadMedia(f"damaged: its {box_name(entry)} is cut short")
    inner = start + fields + _quicktime_fields(entries.data[start:end], kind)
    return entries.data[start : start + fields], boxes_within(entries.data, min(inner, end), end)


def _quicktime_fields(entry: bytes, kind: bytes) -> int:
    """The size in bytes of the fields that QuickTime adds to a sound description of version 1 or 2."""
    return {1: 16, 2: 36}.get(int.from_bytes(entry[8:10]), 0) if kind == b"mp4a" else 0


def _frames(file: _File, track: Box) -> VideoTrack:
    media = track.inner(b"mdia")
    table, scale = media.inner(b"minf").inner(b"stbl"), _scale(media, b"mdhd")
    entry, parts = _entry(table, b"avc1", "H.264", 78)
    if unknown := parts.spans.keys() - {b"avcC", b"colr", b"pasp", b"btrt", b"fiel"}:
        raise Refused(f"its pictures are of a special kind ({', '.join(sorted(map(box_name, unknown)))})")
    if b"pasp" in parts.spans and len(set(struct.unpack_from(">II", parts.content(b"pasp", 8)))) > 1:
        raise Refused("its pixels are oblong")
    sets = h264.parameter_sets(parts.content(b"avcC"))
    said = [h264.sequence(one) for one in sets.sequences]
    look, *others = (_coloured(one.look, parts) for one in said)
    if not all(one.plain and one.square for one in said) or {*map(_shown_as, others)} - {_shown_as(look)}:
        raise Refused("its pictures are of a special kind")
    if struct.unpack_from(">HH", entry, 24) != (look.width, look.height):
        raise Refused("its pictures are cropped")
    _plainly_shown(track, (look.width, look.height))
    stored = _stored(file, table)
    count = len(stored.sizes)
    durations = _times(table, b"stts", "II", count)
    later = _times(table, b"ctts", "Ii", count) if b"ctts" in table.spans else [0] * count
    seen = list(map(add, accumulate(durations, initial=0), later))
    order = sorted(range(count), key=seen.__getitem__)
    shown = [0] * count
    for number, sample in enumerate(order):
        shown[sample] = number
    fps = _rate([seen[sample] for sample in order], durations[-1], scale)
    edit = _edit(file, track)
    begins = edit.begins + Fraction(seen[order[0]] - (edit.skipped or 0), scale)
    if edit.skipped is not None and edit.skipped > seen[order[0]]:
        raise Refused("its edit list cuts it")
    if edit.seconds is not None and edit.seconds - (begins - edit.begins) < (count - Fraction(1, 2)) / fps:
        raise Refused("its edit list cuts it")
    sync = [at - 1 for at in _numbers(table, b"stss", "I")] if b"stss" in table.spans else range(count)
    frames = VideoTrack(stored, tuple(shown), (), fps, begins, look, sets)
    return replace(frames, starts=_starts(file, frames, sync))


def _shown_as(look: PictureFormat) -> tuple[int, int, int, bool]:
    """Size, matrix and range. Primaries and transfer matter little, and some encoders leave them out."""
    return look.width, look.height, look.colour[2], look.colour[3]


def _coloured(look: PictureFormat, parts: Box) -> PictureFormat:
    """Complete the format: colour fields that the bitstream leaves unspecified are taken from the file (colr)."""
    if b"colr" not in parts.spans:
        return look
    content = parts.content(b"colr", 10)
    if content[:4] not in (b"nclx", b"nclc"):
        return look
    unsaid = look.colour[:3] == (_UNSPECIFIED,) * 3
    full = unsaid and content[:4] == b"nclx" and len(content) > 10 and content[10] >= 128
    pairs = list(zip(look.colour[:3], struct.unpack_from(">HHH", content, 4), strict=True))
    if any(one != other and _UNSPECIFIED not in (one, other) for one, other in pairs):
        raise Refused("it says two things of its colours")
    primaries, transfer, matrix = (other if one == _UNSPECIFIED else one for one, other in pairs)
    return replace(look, colour=(primaries, transfer, matrix, full or look.colour[3]))


def _rate(seen: Sequence[int], last: int, scale: int) -> Fraction:
    """Frames per second. Raise Refused where frame durations differ by more than rounding to a tick."""
    steps = set(map(sub, seen[1:], seen)) or {last}
    if len(steps) == 1 and (step := steps.pop()) > 0:
        return nominal_rate(Fraction(scale, step), len(seen))
    average = Fraction((len(seen) - 1) * scale, max(1, seen[-1] - seen[0]))
    for rate in candidate_rates(average):
        count, unit = rate.as_integer_ratio()
        if scale >= 20 * rate and all(
            abs((time - seen[0]) * count - at * scale * unit) <= count for at, time in enumerate(seen)
        ):
            return rate
    raise Refused("its frames do not all last equally long")


def _starts(file: _File, frames: VideoTrack, sync: Sequence[int]) -> tuple[int, ...]:
    """The frames at which decoding can begin, by their own bytes, not by the index alone.

    Raise Refused where the first frame is not one of them, BadMedia where the index names frames that do not exist.
    """
    if any(not 0 <= at < len(frames.shown) for at in sync):
        raise BadMedia("damaged: its stss names frames that it does not have")
    before = list(accumulate(frames.shown, max, initial=-1))
    closed = [at for at in sorted(set(sync)) if frames.shown[at] == at and before[at] == at - 1]
    found = []
    for at in closed:
        head = os.pread(file.descriptor, min(_HEAD, frames.stored.sizes[at]), frames.stored.offsets[at])
        if h264.is_idr(head, frames.sets):
            found.append(at)
    if found[:1] != [0]:
        raise Refused("it does not begin with a whole picture")
    return tuple(found)


def _sound(file: _File, track: Box) -> AudioTrack:
    media = track.inner(b"mdia")
    table, scale = media.inner(b"minf").inner(b"stbl"), _scale(media, b"mdhd")
    _, parts = _entry(table, b"mp4a", "AAC", 28)
    if b"esds" not in parts.spans and b"wave" in parts.spans:  # QuickTime's place for it
        parts = parts.inner(b"wave")
    if b"esds" not in parts.spans:
        raise Refused("its sound is written in QuickTime's way")
    _plainly_shown(track, None)
    config = _aac(parts.content(b"esds"))
    hertz, channels = _spoken(config)
    stored = _stored(file, table)
    durations = _times(table, b"stts", "II", len(stored.sizes))
    if any(one * hertz != BLOCK * scale for one in set(durations[:-1])):
        raise Refused("its sound has holes")
    edit = _edit(file, track)
    priming = Fraction((edit.skipped or 0) * hertz, scale)
    if priming.denominator != 1 or priming >= BLOCK * len(stored.sizes):
        raise Refused("its edit list cuts it")
    heard = len(stored.sizes)
    if edit.seconds is not None:
        heard = min(heard, -int(-(priming + edit.seconds * hertz) // BLOCK))
    stored = SampleTable(stored.sizes[:heard], stored.offsets[:heard])
    return AudioTrack(stored, hertz, channels, int(priming), edit.begins, config)


def _aac(descriptors: bytes) -> bytes:
    """The AudioSpecificConfig inside an esds (ISO/IEC 14496-1, 7.2.6). Raise Refused for another format."""
    content = _descriptor(descriptors[4:], 3, 3)
    if content[2] & 0xE0:
        raise Refused("its sound is of a special kind")
    content = _descriptor(content[3:], 4, 13)
    if content[0] != _AAC:
        raise Refused("its sound is not AAC")
    return _descriptor(content[13:], 5, 2)


def _descriptor(data: bytes, tag: int, least: int) -> bytes:
    length = at = 0
    more = data[:1] == bytes([tag])
    while more and at < 4 and at + 1 < len(data):
        at += 1
        length = length << 7 | data[at] & 127
        more = data[at] >= 128
    content = data[at + 1 : at + 1 + length]
    if more or not at or len(content) < max(length, least):
        raise BadMedia("damaged: its esds says nothing of its sound")
    return content


def _spoken(config: bytes) -> tuple[int, int]:
    """Hertz and channels of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1). Raise Refused unless plain AAC-LC."""
    bits = int.from_bytes(config[:2])
    kind, rate, channels, variant = bits >> 11, bits >> 7 & 15, bits >> 3 & 15, bits & 7
    if kind != _LC or rate >= len(AAC_RATES) or channels not in (1, 2) or variant:
        raise Refused("its sound is not plain AAC in one or two channels")
    if len(config) >= 5 and config[2:4] == b"\x56\xe5" and config[4] >= 128:
        raise Refused("its sound has a second layer")
    if AAC_RATES[rate] not in USUAL_RATES:
        raise Refused(f"its sound has {AAC_RATES[rate]} samples a second")
    return AAC_RATES[rate], channels
