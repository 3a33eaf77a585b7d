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
from pathlib import Path
from threading import Lock, Thread
from zlib import crc32

from storyboard.disk import PIECE, summed
from storyboard.errors import LocalFault

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
    """A film that has been written. ``checksum`` is ``disk.checksum`` of its file."""

    path: Path
    frames: int
    bytes: int
    checksum: int


def copied(ranges: Sequence[Range], to: Path, report: Callable[[int], None]) -> int:
    """Write the ranges to a file that is there and empty, one behind another; its sum, as ``disk.checksum`` has it.

    ``report`` is told in this thread how many bytes are written; an exception in it stops the work. Raises OSError, and
    LocalFault where a file has become shorter than its range.
    """
    with to.open("wb", buffering=0) as film, _Syncing(film.fileno()) as syncing:
        size = sum(part.size for part in ranges)
        _reserve(film.fileno(), size)
        with _Writing(film.fileno(), ranges) as writing:
            for done in writing.go():
                syncing.up_to(done)
                report(done)
        syncing.up_to(size)
        report(size)
        return summed(writing.sums)


class _Writing:
    """The pieces of a film, each read, summed and written by this thread or by another beside it, whoever is free.

    The other has the file for itself: it may go on for a moment when this one was interrupted and has closed its own.
    """

    def __init__(self, film: int, ranges: Sequence[Range]) -> None:
        self._film, self._pieces, self._turn = film, enumerate(_pieces(ranges)), Lock()
        self._other = os.dup(film)
        self._sums: dict[int, int] = {}
        self._done = 0
        self._failure: OSError | LocalFault | None = None
        self._beside = Thread(target=self._help)

    def __enter__(self) -> "_Writing":
        self._beside.start()
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        with self._turn:
            self._pieces = enumerate(())
        self._beside.join()
        if failure is None and self._failure:
            raise self._failure

    @property
    def sums(self) -> list[int]:
        """The sum of each piece, in their order."""
        return [self._sums[number] for number in range(len(self._sums))]

    def go(self) -> Iterator[int]:
        """Write pieces until there are no more; how many bytes are written by then, after each."""
        return self._written(self._film)

    def _written(self, film: int) -> Iterator[int]:
        piece = memoryview(bytearray(PIECE))
        while parts := self._next():
            number, ranges = parts
            length = 0
            for part in ranges:
                length += _read(part, piece[length:])
            self._sums[number] = crc32(piece[:length])
            _write(film, piece[:length], number * PIECE)
            with self._turn:
                self._done += length
            yield self._done

    def _next(self) -> tuple[int, list[Range]] | None:
        with self._turn:
            return None if self._failure else next(self._pieces, None)

    def _help(self) -> None:
        try:
            for _ in self._written(self._other):
                pass
        except (OSError, LocalFault) as failure:
            self._failure = failure
        finally:
            os.close(self._other)


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
