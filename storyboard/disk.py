"""The disk: files replaced whole or not at all, folders of our own, claims that the kernel frees when we die."""

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from zlib import crc32

from storyboard.errors import Busy, LocalFault

# Bytes of a large file that are handled together. Smaller pieces cost more calls. For larger ones Linux looks for large
# pages of memory, and can take seconds over it; and they leave the processor's own memory between two uses.
PIECE = 1 << 19


def replace(path: Path, content: bytes) -> bool:
    """Put ``content`` at ``path``, whole and durable; False where it already says so and nothing was written.

    Written to a new name beside it, synced, renamed, and the folder synced: a reader sees the old file or the new
    one, also after a power cut. A symbolic link at ``path`` is replaced, never followed. Raises LocalFault.
    """
    with telling(path):
        if not path.is_symlink() and path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        staging, held = staged(path, 0o644)
        try:
            with os.fdopen(held, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                land(staging, path)
        finally:
            discard(staging)
    return True


def seal(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` as ``replace`` does, with a sum of it in front. Raises LocalFault."""
    replace(path, crc32(content).to_bytes(4) + content)


def sealed(path: Path, most: int) -> bytes:
    """What was sealed there, of ``most`` bytes at most; b"" where nothing was, or it is not what was written.

    A folder that came with a project may hold planted ones: links are not followed, and nothing is waited for.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            content = file.read(most)
    except OSError:
        return b""
    return content[4:] if crc32(content[4:]).to_bytes(4) == content[:4] else b""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A new name beside ``path`` for others to write to; when the block ends well it becomes ``path``, synced.

    ffmpeg -y writes through a symbolic link; a rename replaces it. Nothing is left behind where the block ends badly.
    Raises LocalFault.
    """
    with telling(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staging, file = staged(path, 0o666)
    try:
        yield staging
        with telling(path), staging.open("rb") as written:
            os.fsync(written.fileno())
            land(staging, path)
    finally:
        os.close(file)
        discard(staging)


def staged(path: Path, mode: int) -> tuple[Path, int]:
    """A new file beside ``path``, and the descriptor that holds it: what nobody holds is swept. Raises OSError."""
    while True:
        staging = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
        file = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return staging, file
        os.close(file)  # Swept before it was held.


def land(staging: Path, path: Path) -> None:
    """Give a finished, synced file its good name, durably."""
    os.replace(staging, path)
    _keep_names(path.parent)


def _keep_names(folder: Path) -> None:
    """What has been named in ``folder`` is so after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private(folder: Path) -> Path:
    """Make a folder that only this user can read, and its missing parents likewise, durably. Raises LocalFault."""
    with telling(folder):
        for parent in (*reversed(folder.parents), folder):
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)
                _keep_names(parent.parent)
    return folder


def discard(path: Path) -> None:
    """Remove a file that nobody needs, if the disk lets us: one that stays is swept, or overwritten, later."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def empty(path: Path) -> bool:
    """Whether there is no file at ``path``, or one without a byte. Raises LocalFault where nobody can tell."""
    with telling(path):
        return not path.exists() or (path.is_file() and path.stat().st_size == 0)


class Ballast:
    """Room held back for what must be written when the disk is full: a file of random bytes, given up in need.

    Random, because a file system that compresses would keep no room for zeros.
    """

    SIZE = 1 << 20

    def __init__(self, path: Path) -> None:
        self.path = path

    def aboard(self) -> bool:
        """Whether it is there, whole. Raises LocalFault where nobody can tell."""
        with telling(self.path):
            return self.path.exists() and self.path.stat().st_size == self.SIZE

    def load(self) -> None:
        """Have it there. Raises LocalFault where the disk has no room for it."""
        if not self.aboard():
            replace(self.path, os.urandom(self.SIZE))

    def drop(self) -> bool:
        """Give the room up; False where there was none to give."""
        try:
            self.path.unlink()
        except OSError:
            return False
        return True


def scratch(project: Path, *below: str) -> Path:
    """The project's ``.storyboard`` folder, which git never sees: it says so itself; or a folder ``below`` it.

    Raises LocalFault, also for a symbolic link: a project may bring one, to have us write and remove files elsewhere.
    """
    folder = project / ".storyboard"
    for part in (None, *below):
        folder = folder / part if part else folder
        if folder.is_symlink():
            raise LocalFault(f"{folder} is a symbolic link", "remove it: storyboard keeps its scratch files there")
    private(folder)
    replace(project / ".storyboard" / ".gitignore", b"*\n")
    return folder


@contextmanager
def claim(path: Path, message: str) -> Iterator[None]:
    """Hold ``path`` for this process alone. Raises Busy with ``message`` where another one holds it.

    An flock: the kernel frees it however we end, so no claim is ever stale.
    """
    with telling(path):
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
def shared(path: Path) -> Iterator[None]:
    """Hold ``path`` together with others: nobody can ``claim`` it meanwhile. Waits for one who holds it alone."""
    with telling(path):
        private(path.parent)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        with suppress(OSError):  # Who held it alone before us is not who holds it now.
            os.ftruncate(file, 0)
        yield
    finally:
        os.close(file)


@contextmanager
def turn(folder: Path) -> Iterator[None]:
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


def claimed(path: Path) -> bool:
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


def sweep(path: Path) -> None:
    """Remove what a process that was killed while it wrote ``path`` has left beside it; of a living one, nothing."""
    _swept(path.parent, re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}"))


def sweep_all(folder: Path) -> None:
    """The same for every file in a folder in which nobody but us writes, and in its own folders; links lead nowhere."""
    for path, _, _ in os.walk(folder):
        _swept(Path(path), re.compile(r"\..+\.[0-9a-f]{12}"))


def _swept(folder: Path, left: re.Pattern[str]) -> None:
    with telling(folder):
        for file in folder.iterdir() if folder.is_dir() else ():
            if left.fullmatch(file.name):
                with suppress(FileNotFoundError, BlockingIOError):
                    if _own(file, stat.S_ISREG):
                        _remove(file, Path.unlink)


def checksum(path: Path) -> int:
    """A sum of a file's bytes, whether they are still those that were written. Raises OSError."""
    sums, buffer = [], memoryview(bytearray(PIECE))
    with path.open("rb") as file:
        while size := file.readinto(buffer):
            sums.append(crc32(buffer[:size]))
    return summed(sums)


def summed(sums: Iterable[int]) -> int:
    """The CRC-32 of the CRC-32s of a file's pieces, of ``PIECE`` bytes each but for the last."""
    return crc32(b"".join(one.to_bytes(4) for one in sums))


@contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A folder for temporary files that goes when the block ends. Those of processes that were killed go first."""
    import glob
    import shutil
    import tempfile

    for folder in Path(tempfile.gettempdir()).glob(f"{glob.escape(prefix)}*"):
        _bury(folder, stat.S_ISDIR, shutil.rmtree)
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        handle = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(handle)


def sweep_claims(folder: Path) -> None:
    """Remove the claims in ``folder`` that dead processes have left. For names that nobody claims a second time."""
    with suppress(OSError):  # They are in nobody's way: the next render can try again.
        for path in folder.glob("*"):
            _bury(path, stat.S_ISREG, Path.unlink)


def _bury(path: Path, kind: Callable[[int], bool], remove: Callable[[Path], None]) -> None:
    """Remove what a process that died had held: nobody holds it, and it is old enough to have been held."""
    with suppress(OSError):
        if not _own(path, kind) or time.time() - path.stat().st_mtime < 60:
            return
        _remove(path, remove)


def _remove(path: Path, remove: Callable[[Path], None]) -> None:
    """Remove what nobody holds; held meanwhile, so that whoever has just made it can tell. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(path)
    finally:
        os.close(handle)


def _own(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether ``path`` is of this kind itself, no link to one, and ours."""
    found = path.lstat()
    return kind(found.st_mode) and found.st_uid == os.getuid()


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Whatever the disk refuses inside becomes a LocalFault that names ``path`` and says what to do."""
    try:
        yield
    except OSError as error:
        raise LocalFault(f"{path}: {error.strerror or error}", advice(error.errno)) from error


def advice(number: int | None) -> str:
    """What to do about an error number of the system."""
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full: free some space and run again; what was bought is safe"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "it must be writable for you; STORYBOARD_HOME moves the store elsewhere"
        case errno.EMFILE | errno.ENFILE:
            return "too many files are open: raise the limit (ulimit -n) and run again"
    return "check the disk and run again; what was bought is safe"
