"""Writer of a film's bytes: ranges of many files, one after another, in large pieces.

Writes of half a megabyte into reserved space, synced, take less time than `cat` or copy_file_range without a sync
(`./dev bench joining`). Space is reserved first, so that a full disk is reported before the first byte is copied.
Written pages are dropped from the page cache at once: a film occupies only the memory of the pieces in progress.
"""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import Lock
from zlib import crc32

from storyboard.film import provenance
from storyboard.film.provenance import combine_digests, digest_of, note_size
from storyboard.model.errors import LocalFault
from storyboard.system.files import PIECE, Guard, combine_checksums

# Bytes between two syncs while the film is being written.
_STRIDE = 16 << 20

# Whether this system can sync data alone and drop pages from its cache; macOS cannot.
_BESIDE = hasattr(os, "fdatasync") and hasattr(os, "posix_fadvise")

# Errors of file systems that cannot reserve space.
_NOT_GIVEN = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENODEV)


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of the film: ``size`` bytes of a file from ``offset`` on; or, where ``path`` is None, ``content``."""

    path: Path | None
    offset: int
    size: int
    content: bytes = b""

    @classmethod
    def of(cls, content: bytes) -> "Range":
        """A range of the bytes ``content``."""
        return cls(None, 0, len(content), content)


@dataclass(frozen=True, slots=True)
class WrittenFilm:
    """A film that has been written. ``checksum`` is ``system.files.checksum`` of its file.

    Before it gets its name, it is given to a ``Landing``, which returns what is called just before the rename.
    """

    path: Path
    frames: int
    bytes: int
    checksum: int


Landing = Callable[[WrittenFilm], Guard]


def land_anywhere(film: WrittenFilm) -> Guard:
    """Let the film be renamed, whatever is there."""
    return lambda folder: None


def copy_ranges(ranges: Sequence[Range], to: Path, report: Callable[[int], None], kind: str = "") -> int:
    """Write the ranges in order to the existing, empty file ``to``; return its ``system.files.checksum``.

    A provenance note of a film of ``kind`` follows, unless that is "". ``report`` is called in this thread with the
    number of bytes written; an exception in it stops the work. Raise OSError, and LocalFault where a source file has
    become shorter than its range.
    """
    size = sum(part.size for part in ranges)
    with to.open("wb", buffering=0) as film, _Syncing(film.fileno()) as syncing, ThreadPoolExecutor(1) as beside:
        _reserve(film.fileno(), size + (note_size(kind) if kind else 0))
        with _Writing(ranges, hashed=bool(kind)) as writing:
            # A duplicate descriptor: if this thread is interrupted and closes its own, the other thread may still
            # write for a moment, and must not write to another file that has got the same number.
            other = beside.submit(writing.help, os.dup(film.fileno()))
            for done in writing.write(film.fileno()):
                syncing.up_to(done)
                report(done)
        other.result()
        syncing.up_to(size)
        report(size)
        note = provenance.note(kind, combine_digests(writing.digests())) if kind else b""
        _write(film.fileno(), memoryview(note), size)
    return combine_checksums(_appended(writing.sums(), size, note))


def append_note(film: Path, kind: str) -> None:
    """Append the provenance note of a film of ``kind`` to its complete file. Raise OSError."""
    with film.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        note = provenance.note(kind, digest_of(file, size))
        file.seek(size)
        file.write(note)


def _appended(sums: list[int], size: int, more: bytes) -> list[int]:
    """The CRC-32s of the pieces of a file of ``size`` bytes to which ``more`` is appended."""
    room = -size % PIECE
    last = [crc32(more[:room], sums[-1])] if sums and room else sums[-1:]
    return [*sums[:-1], *last, *([crc32(more[room:])] if more[room:] else [])]


class _Writing:
    """The pieces of a film. Each is read, checksummed and written by the next free thread; none starts after exit."""

    def __init__(self, ranges: Sequence[Range], *, hashed: bool) -> None:
        self._pieces, self._turn = enumerate(_pieces(ranges)), Lock()
        self._hashed = hashed
        self._sums: dict[int, int] = {}
        self._digests: dict[int, bytes] = {}
        self._done = 0

    def __enter__(self) -> "_Writing":
        return self

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._pieces = enumerate(())

    def sums(self) -> list[int]:
        """The CRC-32 of each piece, in order."""
        return [self._sums[number] for number in range(len(self._sums))]

    def digests(self) -> list[bytes]:
        """The SHA-256 of each piece, in order; none unless they are ``hashed``."""
        return [self._digests[number] for number in range(len(self._digests))]

    def write(self, film: int) -> Iterator[int]:
        """Write pieces until there are no more; after each, yield the number of bytes written by all threads."""
        piece = memoryview(bytearray(PIECE))
        while begun := self._next():
            number, ranges = begun
            length = 0
            for part in ranges:
                length += _read(part, piece[length:])
            _write(film, piece[:length], number * PIECE)
            digest = sha256(piece[:length]).digest() if self._hashed else b""
            with self._turn:
                self._sums[number] = crc32(piece[:length])
                if digest:
                    self._digests[number] = digest
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
    """Syncs a file to disk while it is being written, so that the final sync is short.

    Drops the written pages from the page cache: they would displace other files, and a virtual machine is slow to
    provide memory that it has not used before. Gives no durability: the code that publishes the film syncs it.
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
            # The kernel reports a write error once: the final sync would not report it again.
            self._last.result()

    def up_to(self, done: int) -> None:
        """Sync the first ``done`` bytes if enough are new. Raise OSError where an earlier sync failed."""
        if _BESIDE and done >= self._begun + _STRIDE and self._last.done():
            self._last.result()
            self._last = self._syncing.submit(self._sync, self._begun, done)
            self._begun = done

    def _sync(self, first: int, last: int) -> None:
        os.fdatasync(self._file)
        # The result is ignored: it does no harm if the file system does not support it.
        self._leaving.submit(os.posix_fadvise, self._file, first, last - first, os.POSIX_FADV_DONTNEED)


def _reserve(film: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(film, 0, size)
        except OSError as error:
            if error.errno not in _NOT_GIVEN:
                raise


def _pieces(ranges: Sequence[Range]) -> Iterator[list[Range]]:
    """Divide the ranges into pieces of PIECE bytes; the last may be shorter."""
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
    """Copy the bytes of a range into ``to``; return their number."""
    if part.path is None:
        to[: part.size] = part.content
        return part.size
    done = 0
    with part.path.open("rb", buffering=0) as file:
        file.seek(part.offset)
        while done < part.size:
            got = file.readinto(to[done : part.size])
            if not got:
                raise LocalFault(f"{part.path} is shorter than before", "run again")
            done += got
    return done


def _write(film: int, content: memoryview, at: int) -> None:
    while content:
        size = os.pwrite(film, content, at)
        content, at = content[size:], at + size
