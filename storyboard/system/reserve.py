"""A reserve of disk space, released when the ledger must be written and the disk is full."""

import os
from pathlib import Path

from storyboard.system.files import disk_errors, replace


class DiskReserve:
    """A file of 1 MiB that reserves disk space for what must be written even when the disk is full.

    Its bytes are random, because a compressing file system would reserve no space for zeros.
    """

    SIZE = 1 << 20

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_present(self) -> bool:
        """Whether the file exists in full size. Raise LocalFault where that cannot be determined."""
        with disk_errors(self.path):
            return self.path.exists() and self.path.stat().st_size == self.SIZE

    def fill(self) -> None:
        """Create the file where it is missing. Raise LocalFault where the disk has no space for it."""
        if not self.is_present():
            replace(self.path, os.urandom(self.SIZE), private=True)

    def release(self) -> bool:
        """Delete the file to free its space; False where there is none."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True
