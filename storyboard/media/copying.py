"""A film's bytes, written: ranges of many files one behind another, in large pieces.

Writes of half a megabyte, into space that was asked for beforehand, and synced, take less time than `cat`, or
copy_file_range, takes unsynced (`./dev bench joining`). A full disk says so before the first byte is copied. What is on
the disk is let go of at once: a film needs no more of the system's memory than what is on its way.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO, FileIO
from pathlib import Path
from threading import Thread
from zlib import crc32

from storyboard.errors import LocalFault

# Smaller pieces cost more calls. For larger ones Linux looks for large pages of memory, and can take seconds over it;
# and they do not stay in the processor's own memory from being read to being written.
_PIECE = 1 << 19
# What is worth telling the disk to write it.
_STRIDE = 16 << 20

# Whether this system can be told; macOS cannot.
_BESIDE = hasattr(os, "fdatasync") and hasattr(os, "posix_fadvise")

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


@dataclass(frozen=True, slots=True)
class Film:
    """A film that has been written. ``checksum`` is the CRC-32 of its bytes."""

    path: Path
    frames: int
    bytes: int
    checksum: int


def copied(ranges: Sequence[Range], to: Path, report: Callable[[int], None]) -> int:
    """Write the ranges to a file that is there and empty, one behind another; their CRC-32.

    ``report`` is told in this thread how many bytes are written; an exception in it stops the work. Raises OSError, and
    LocalFault where a file has become shorter than its range.
    """
    done = checksum = 0
    with to.open("wb", buffering=0) as film, _Syncing(film.fileno()) as syncing:
        _reserve(film.fileno(), sum(part.size for part in ranges))
        for left in _pieces(ranges):
            checksum = crc32(left, checksum)
            while left:
                size = film.write(left)
                left, done = left[size:], done + size
            syncing.up_to(done)
            report(done)
    return checksum


class _Syncing:
    """Has the disk write a file while it still grows, so that in the end there is little left to wait for.

    What it has written is not kept in memory: it would take the place of other files, and a virtual machine waits long
    for memory that it has not used before. Nothing is promised by it: whoever lands the film syncs it.
    """

    def __init__(self, file: int) -> None:
        self._file, self._begun, self._busy = file, 0, False
        self._threads: list[Thread] = []
        self._failure: OSError | None = None

    def __enter__(self) -> "_Syncing":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        for thread in self._threads:
            if thread.is_alive():  # A signal may have come before it was started.
                thread.join()
        if failure is None:
            # The system tells of a failure once: whoever syncs the file in the end would not hear of it.
            self._raise()

    def up_to(self, done: int) -> None:
        """So many bytes are written. Raises OSError where the disk has lost earlier ones."""
        if done >= self._begun + _STRIDE and not self._busy and _BESIDE:
            self._raise()
            self._busy = True
            self._threads.append(Thread(target=self._sync, args=(self._begun, done)))
            self._begun = done
            self._threads[-1].start()

    def _sync(self, first: int, last: int) -> None:
        try:
            os.fdatasync(self._file)
        except OSError as error:
            self._failure = error
        self._busy = False
        with suppress(OSError):  # No harm where a file system does not know how.
            os.posix_fadvise(self._file, first, last - first, os.POSIX_FADV_DONTNEED)

    def _raise(self) -> None:
        if self._failure:
            raise self._failure


def _reserve(film: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(film, 0, size)
        except OSError as error:
            if error.errno not in _NOT_GIVEN:
                raise


def _pieces(ranges: Sequence[Range]) -> Iterator[memoryview]:
    """The bytes of all ranges, in pieces that are full but for the last; each is gone with the next."""
    piece, length = memoryview(bytearray(_PIECE)), 0
    for part in ranges:
        with _opened(part) as file:
            left = part.size
            while left:
                if length == _PIECE:
                    yield piece
                    length = 0
                got = file.readinto(piece[length : length + left])
                if not got:
                    raise LocalFault(f"{part.path} has become shorter", "run again")
                left, length = left - got, length + got
    if length:
        yield piece[:length]


def _opened(part: Range) -> FileIO | BytesIO:
    """The file, at the place where the range begins, unbuffered; or its bytes as a file."""
    if part.path is None:
        return BytesIO(part.content)
    file = part.path.open("rb", buffering=0)
    file.seek(part.offset)
    return file
