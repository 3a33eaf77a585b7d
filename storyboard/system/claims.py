"""Claims: locks on files that the kernel releases when their process dies."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from storyboard.model.errors import Busy
from storyboard.system.files import disk_errors, private_dir, remove_abandoned


@contextmanager
def exclusive_lock(path: Path, message: str) -> Iterator[None]:
    """Lock ``path`` exclusively for the block. Raise Busy with ``message`` where another process has it locked.

    Uses flock: the kernel releases it however the process ends, so no claim is ever stale.
    """
    with disk_errors(path):
        private_dir(path.parent)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 40, 0).decode("ascii", "replace").strip()
            raise Busy(message, f"process {holder} is running; wait for it, or stop it" if holder else "") from None
        with suppress(OSError):  # The process id is for messages only: a full disk must not release the lock.
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)


@contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Lock ``path`` together with other processes, against ``exclusive_lock``. Waits for an exclusive holder."""
    with disk_errors(path):
        private_dir(path.parent)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(OSError):  # Delete the process id of the previous exclusive holder.
            os.ftruncate(file, 0)
        yield
    finally:
        os.close(file)


@contextmanager
def brief_lock(folder: Path) -> Iterator[None]:
    """Lock a folder of storyboard's exclusively for a short block; waits for the current holder. Raise OSError.

    On file systems without flock (some network file systems) the block runs without a lock.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether a running process has ``path`` locked."""
    try:
        file = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def sweep_claims(folder: Path) -> None:
    """Remove the claim files of ended processes in ``folder``. Only for names that are never claimed twice."""
    with suppress(OSError):  # Remaining files do no harm; the next render tries again.
        for path in folder.glob("*"):
            remove_abandoned(path, stat.S_ISREG, Path.unlink)
