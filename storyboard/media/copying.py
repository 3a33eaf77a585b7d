"""A film's bytes, written: ranges of many files one behind another, in large pieces, each summed on its way.

Pieces of four megabytes into space that was asked for beforehand: that is twice as fast as `cat`, and as
copy_file_range, which hands over small pages one by one (`./dev bench joining`). A full disk says so before the first
byte is copied.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from zlib import crc32

from storyboard.errors import LocalFault

_PIECE = 1 << 22
# One is filled and written while another is summed; the third is for when the two are not equally fast.
_PIECES = 3
# What is worth telling the disk to write it.
_STRIDE = 16 << 20

# What file systems say that give no space beforehand.
_NOT_GIVEN = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of the film: ``size`` of a file from ``offset`` on, or ``content``."""

    path: Path | None
    offset: int
    size: int
    content: bytes = b""

    @classmethod
    def of(cls, content: bytes) -> "Range":
        """These very bytes."""
        return cls(None, 0, len(content), content)


def copied(ranges: Sequence[Range], to: Path, report: Callable[[int], None]) -> int:
    """Write the ranges to a file that is there and empty, one behind another; the CRC-32 of all of it.

    ``report`` is told in this thread how many bytes are written; an exception in it stops the work. Raises OSError, and
    LocalFault where a file has become shorter than its range.
    """
    total, done = _Sum(), 0
    with to.open("wb", buffering=0) as film, ThreadPoolExecutor(1) as summing, _Syncing(film.fileno()) as syncing:
        _reserve(film.fileno(), sum(part.size for part in ranges))
        for piece, length in _pieces(ranges, total.free):
            summing.submit(total.add, piece, length)
            left = piece[:length]
            while left:
                left = left[film.write(left) :]
            done += length
            syncing.up_to(done)
            report(done)
    return total.value


class _Syncing:
    """Has the disk write a file while it still grows, so that in the end there is little left to wait for."""

    def __init__(self, file: int) -> None:
        self._file, self._thread = file, ThreadPoolExecutor(1)
        self._begun, self._last = 0, Future[None]()
        self._last.set_result(None)

    def __enter__(self) -> "_Syncing":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._thread.shutdown()
        if failure is None:
            # The system tells of a failure once: whoever syncs the file in the end would not hear of it.
            self._last.result()

    def up_to(self, done: int) -> None:
        """So many bytes are written. Raises OSError where the disk has lost earlier ones."""
        if done >= self._begun + _STRIDE and self._last.done():
            self._last.result()
            self._begun, self._last = done, self._thread.submit(os.fsync, self._file)


class _Sum:
    """The sum so far; pieces that were added are ``free`` to be filled again."""

    def __init__(self) -> None:
        self.value = 0
        self.free = SimpleQueue[memoryview]()
        for _ in range(_PIECES):
            self.free.put(memoryview(bytearray(_PIECE)))

    def add(self, piece: memoryview, length: int) -> None:
        self.value = crc32(piece[:length], self.value)
        self.free.put(piece)


def _reserve(film: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(film, 0, size)
        except OSError as error:
            if error.errno not in _NOT_GIVEN:
                raise


def _pieces(ranges: Sequence[Range], free: "SimpleQueue[memoryview]") -> Iterator[tuple[memoryview, int]]:
    """The bytes of all ranges, in pieces that are full but for the last; and how many bytes each has."""
    piece, length = free.get(), 0
    for part in ranges:
        with _reader(part) as read:
            at = 0
            while at < part.size:
                if length == _PIECE:
                    yield piece, length
                    piece, length = free.get(), 0
                got = read(piece[length : length + part.size - at], at)
                if not got:
                    raise LocalFault(f"{part.path} has become shorter", "run again")
                at, length = at + got, length + got
    if length:
        yield piece, length


@contextmanager
def _reader(part: Range) -> Iterator[Callable[[memoryview, int], int]]:
    """Reads what the range has from a place on into a room, as much of it as comes; how many bytes that is."""
    if part.path is None:

        def given(room: memoryview, at: int) -> int:
            content = part.content[at : at + len(room)]
            room[: len(content)] = content
            return len(content)

        yield given
        return
    file = os.open(part.path, os.O_RDONLY)
    try:
        yield lambda room, at: os.preadv(file, [room], part.offset + at)
    finally:
        os.close(file)
