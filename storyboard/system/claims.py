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
    """Hold ``path`` for this process alone. Raises Busy with ``message`` where another one holds it.

    An flock: the kernel frees it however we end, so no claim is ever stale.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 40, 0).decode("ascii", "replace").strip()
            raise Busy(message, f"process {holder} is at work; wait for it, or stop it" if holder else "") from None
        with suppress(OSError):  # Who holds it is only told; a full disk must not free it.
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(file)


@contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Hold ``path`` together with others: nobody can ``claim`` it meanwhile. Waits for one who holds it alone."""
    with disk_errors(path):
        private_dir(path.parent)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(OSError):  # Who held it alone before us is not who holds it now.
            os.ftruncate(file, 0)
        yield
    finally:
        os.close(file)


@contextmanager
def brief_lock(folder: Path) -> Iterator[None]:
    """Hold a folder of ours alone for a moment; waits for one who holds it. Raises OSError.

    A disk that knows no such thing, a network's, lets everybody in.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Whether some living process holds ``path``."""
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
    """Remove the claims in ``folder`` that dead processes have left. For names that nobody claims a second time."""
    with suppress(OSError):  # They are in nobody's way: the next render can try again.
        for path in folder.glob("*"):
            remove_abandoned(path, stat.S_ISREG, Path.unlink)
