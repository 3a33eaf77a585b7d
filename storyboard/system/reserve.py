"""A reserve of disk space, given up when the ledger must be written and the disk is full."""

import os
from pathlib import Path

from storyboard.system.files import disk_errors, replace


class DiskReserve:
    """Room held back for what must be written when the disk is full: a file of random bytes, given up in need.

    Random, because a file system that compresses would keep no room for zeros.
    """

    SIZE = 1 << 20

    def __init__(self, path: Path) -> None:
        self.path = path

    def is_present(self) -> bool:
        """Whether it is there, whole. Raises LocalFault where nobody can tell."""
        with disk_errors(self.path):
            return self.path.exists() and self.path.stat().st_size == self.SIZE

    def fill(self) -> None:
        """Have it there. Raises LocalFault where the disk has no room for it."""
        if not self.is_present():
            replace(self.path, os.urandom(self.SIZE))

    def release(self) -> bool:
        """Give the room up; False where there was none to give."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True
