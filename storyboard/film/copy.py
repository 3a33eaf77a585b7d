"""A film's bytes, written: ranges of many files one behind another, in large pieces.

Writes of half a megabyte, into space that was asked for beforehand, and synced, take less time than `cat`, or
copy_file_range, takes unsynced (`./dev bench joining`). A full disk says so before the first byte is copied. What is on
the disk is let go of at once: a film needs no more of the system's memory than what is on its way.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from zlib import crc32

from storyboard.model.errors import LocalFault
from storyboard.system.files import PIECE, combine_checksums

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
class WrittenFilm:
    """A film that has been written. ``checksum`` is ``disk.checksum`` of its file."""

    path: Path
    frames: int
    bytes: int
    checksum: int


def copy_ranges(ranges: Sequence[Range], to: Path, report: Callable[[int], None]) -> int:
    """Write the ranges to a file that is there and empty, one behind another; its sum, as ``disk.checksum`` has it.

    ``report`` is told in this thread how many bytes are written; an exception in it stops the work. Raises OSError, and
    LocalFault where a file has become shorter than its range.
    """
    size = sum(part.size for part in ranges)
    with to.open("wb", buffering=0) as film, _Syncing(film.fileno()) as syncing, ThreadPoolExecutor(1) as beside:
        _reserve(film.fileno(), size)
        with _Writing(ranges) as writing:
            # Another name for the file: where this thread is interrupted, and closes its own, that one writes on for
            # a moment, and must not write into what has got the number then.
            other = beside.submit(writing.help, os.dup(film.fileno()))
            for done in writing.write(film.fileno()):
                syncing.up_to(done)
                report(done)
        other.result()
        syncing.up_to(size)
        report(size)
    return combine_checksums(writing.sums())


class _Writing:
    """The pieces of a film, each read, summed and written by whichever thread is free. At the end none is begun."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        self._pieces, self._turn = enumerate(_pieces(ranges)), Lock()
        self._sums: dict[int, int] = {}
        self._done = 0

    def __enter__(self) -> "_Writing":
        return self

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._pieces = enumerate(())

    def sums(self) -> list[int]:
        """The sum of each piece, in their order."""
        return [self._sums[number] for number in range(len(self._sums))]

    def write(self, film: int) -> Iterator[int]:
        """Write pieces until there are no more; how many bytes are written by then, after each."""
        piece = memoryview(bytearray(PIECE))
        while begun := self._next():
            number, ranges = begun
            length = 0
            for part in ranges:
                length += _read(part, piece[length:])
            _write(film, piece[:length], number * PIECE)
            with self._turn:
                self._sums[number] = crc32(piece[:length])
                self._done += length
            yield self._done

    def help(self, film: int) -> None:
        """Write pieces until there are no more, and close ``film``."""
        try:
            for _ in self.write(film):
                pass
        finally:
            os.close(film)

    def _next(self) -> tuple[int, list[Range]] | None:
        with self._turn:
            return next(self._pieces, None)


class _Syncing:
    """Has the disk write a file while it still grows, so that in the end there is little left to wait for.

    What it has written is not kept in memory: it would take the place of other files, and a virtual machine waits long
    for memory that it has not used before. Nothing is promised by it: whoever lands the film syncs it.
    """

    def __init__(self, file: int) -> None:
        self._file, self._syncing, self._leaving = file, ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        self._begun, self._last = 0, Future[None]()
        self._last.set_result(None)

    def __enter__(self) -> "_Syncing":
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        self._syncing.shutdown()
        self._leaving.shutdown()
        if failure is None:
            # The system tells of a failure once: whoever syncs the file in the end would not hear of it.
            self._last.result()

    def up_to(self, done: int) -> None:
        """So many bytes are written. Raises OSError where the disk has lost earlier ones."""
        if _BESIDE and done >= self._begun + _STRIDE and self._last.done():
            self._last.result()
            self._last = self._syncing.submit(self._sync, self._begun, done)
            self._begun = done

    def _sync(self, first: int, last: int) -> None:
        os.fdatasync(self._file)
        # Nobody asks what came of it: there is no harm where a file system does not know how.
        self._leaving.submit(os.posix_fadvise, self._file, first, last - first, os.POSIX_FADV_DONTNEED)


def _reserve(film: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(film, 0, size)
        except OSError as error:
            if error.errno not in _NOT_GIVEN:
                raise


def _pieces(ranges: Sequence[Range]) -> Iterator[list[Range]]:
    """The ranges, divided into pieces that are full but for the last."""
    piece: list[Range] = []
    room = PIECE
    for part in ranges:
        at = 0
        while at < part.size:
            size = min(room, part.size - at)
            piece.append(Range(part.path, part.offset + at, size, part.content[at : at + size]))
            at, room = at + size, room - size
            if not room:
                yield piece
                piece, room = [], PIECE
    if piece:
        yield piece


def _read(part: Range, to: memoryview) -> int:
    """Put the bytes of a range there; how many they are."""
    if part.path is None:
        to[: part.size] = part.content
        return part.size
    done = 0
    with part.path.open("rb", buffering=0) as file:
        file.seek(part.offset)
        while done < part.size:
            got = file.readinto(to[done : part.size])
            if not got:
                raise LocalFault(f"{part.path} has become shorter", "run again")
            done += got
    return done


def _write(film: int, content: memoryview, at: int) -> None:
    while content:
        size = os.pwrite(film, content, at)
        content, at = content[size:], at + size
