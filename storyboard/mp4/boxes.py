"""Boxes of an MP4 file (ISO/IEC 14496-12): what lies in which, and how many samples a track claims to have.

Input may be hostile: sizes and counts are checked before anything is made of them.
"""

import os
import struct
from dataclasses import dataclass
from pathlib import Path

from storyboard.model.errors import BadMedia
from storyboard.model.text import one_line
from storyboard.system.files import disk_errors

# Limits. An hour at 60 frames per second has an index of 4 MB; boxes contain at most some dozens of others.
LARGEST_INDEX = 16_000_000
MOST_BOXES = 1000

_BOX = struct.Struct(">I4s")

Span = tuple[int, int]


class Refused(BadMedia):
    """The file is valid, but cannot be copied; the message is the reason, in words."""


@dataclass(frozen=True, slots=True)
class Box:
    """The boxes inside a box or inside the index: spans of ``data``, by type."""

    data: bytes
    spans: dict[bytes, list[Span]]

    def inner(self, name: bytes, skip: int = 0) -> "Box":
        start, end = self._span(name)
        return boxes_within(self.data, start + skip, end)

    def content(self, name: bytes, least: int = 0) -> bytes:
        """The bytes of the first box ``name``. Raise BadMedia where it is missing, or shorter than ``least`` bytes."""
        start, end = self._span(name)
        if end - start < least:
            raise BadMedia(f"damaged: its {box_name(name)} is cut short")
        return self.data[start:end]

    def _span(self, name: bytes) -> Span:
        if name not in self.spans:
            raise BadMedia(f"damaged: its index has no {box_name(name)}")
        return self.spans[name][0]


def box_length(head: bytes, left: int) -> Span:
    """The size of a box and the size of its header, in bytes; ``left`` is what remains of the file or the parent."""
    length = int.from_bytes(head[:4])
    if length == 1:
        return int.from_bytes(head[8:16]), 16
    return length or left, 8


def boxes_within(data: bytes, start: int, end: int) -> Box:
    """The boxes in ``data`` from ``start`` to ``end``. Raise BadMedia where one does not fit, or there are too many."""
    spans: dict[bytes, list[Span]] = {}
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return Box(data, spans)
        length, name = _BOX.unpack_from(data, start)
        head = 8
        if length < head:
            length, head = box_length(data[start : start + 16], end - start)
        if length < head or start + length > end:
            raise BadMedia("damaged: a box of its index does not fit")
        spans.setdefault(name, []).append((start + head, start + length))
        start += length
    raise BadMedia("damaged: its index has too many boxes")


def sample_table(track: Box) -> Box:
    """The tables of a track (stbl). Raise BadMedia where there are none."""
    return track.inner(b"mdia").inner(b"minf").inner(b"stbl")


def sample_count(table: Box) -> int:
    """The number of samples that a sample table claims to have."""
    name = b"stsz" if b"stsz" in table.spans else b"stz2"
    return int.from_bytes(table.content(name, 12)[8:12]) if name in table.spans else 0


def most_samples(path: Path) -> int:
    """Count the samples that the largest track of a file claims to have, by its index alone.

    0 where its index cannot be read. Raise LocalFault where the file is unreadable.
    """
    with disk_errors(path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return _most_samples(descriptor)
        except BadMedia:
            return 0
        finally:
            os.close(descriptor)


def _most_samples(descriptor: int) -> int:
    """Walk the outermost boxes: the samples of the largest track in moov, and of all fragments together."""
    size, at, whole, fragments = os.fstat(descriptor).st_size, 0, 0, 0
    while at + 8 <= size:
        head = os.pread(descriptor, 16, at)
        length, start = box_length(head, size - at)
        if length < start:
            break
        if head[4:8] in (b"moov", b"moof") and length <= LARGEST_INDEX:
            content = os.pread(descriptor, length - start, at + start)
            box = boxes_within(content, 0, len(content))
            tracks = [boxes_within(content, *span) for span in box.spans.get(b"trak", [])]
            whole = max([whole, *(sample_count(sample_table(track)) for track in tracks)])
            fragments += sum(_run_samples(boxes_within(content, *span)) for span in box.spans.get(b"traf", []))
        at += length
    return max(whole, fragments)


def _run_samples(fragment: Box) -> int:
    """The number of samples in the runs (trun) of a track fragment."""
    return sum(int.from_bytes(fragment.data[start + 4 : start + 8]) for start, _ in fragment.spans.get(b"trun", []))


def box_name(kind: bytes) -> str:
    return one_line(kind.decode("ascii", "replace"), 8)
