"""The high-water mark: how many changes the ledger has had, in a file of its own, outside the write-ahead log.

SQLite drops a damaged or missing write-ahead log without a word, and the last submissions with it. A ledger with fewer
changes than its mark has lost some.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from zlib import crc32

from storyboard.system.files import disk_errors, replace

# Bytes. Written in turn, so that a power cut can spoil only the newer of the two.
_SLOT = 2048


class HighWaterMark:
    """The file at ``path``: 4 KiB, allocated before the first change, so that raising it needs no disk space."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> int | None:
        """Return how many changes the ledger has had; None if there is no mark, or none that can be read.

        Raise LocalFault where the file cannot be opened.
        """
        with disk_errors(self.path):
            try:
                file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            except FileNotFoundError:
                return None
            try:
                return highest(os.pread(file, 2 * _SLOT, 0))
            finally:
                os.close(file)

    def create(self, changes: int) -> None:
        """Write the whole file anew, atomically and durably. Raise LocalFault."""
        replace(self.path, _slot(changes).ljust(_SLOT) + _slot(changes).ljust(_SLOT), private=True)

    def raise_to(self, changes: int) -> None:
        """Record durably that the ledger has had this many changes; a higher mark stays. Raise LocalFault."""
        with disk_errors(self.path):
            file = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                with suppress(OSError):  # Some network file systems have no locks.
                    fcntl.flock(file, fcntl.LOCK_EX)
                if (highest(os.pread(file, 2 * _SLOT, 0)) or 0) < changes:
                    os.pwrite(file, _slot(changes), changes % 2 * _SLOT)
                    os.fsync(file)
            finally:
                os.close(file)


def _slot(changes: int) -> bytes:
    text = f"{changes:020d}"
    return f"storyboard ledger changes {text} {crc32(text.encode()):08x}\n".encode()


def highest(content: bytes) -> int | None:
    """Return the number of changes in the content of the file; None if both numbers in it are damaged."""
    found = map(_changes, (content[:_SLOT], content[_SLOT:]))
    return max((changes for changes in found if changes is not None), default=None)


def _changes(slot: bytes) -> int | None:
    """The number in a slot; None if it is damaged."""
    line = slot.partition(b"\n")[0] + b"\n"
    number = line[-30:-10]
    return int(number) if number.isdigit() and line == _slot(int(number)) else None
