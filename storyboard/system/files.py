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

from storyboard.model.errors import LocalFault

# Bytes of a large file that are handled together. Smaller pieces cost more calls. For larger ones Linux looks for large
# pages of memory, and can take seconds over it; and they leave the processor's own memory between two uses.
PIECE = 1 << 19


def replace(path: Path, content: bytes) -> bool:
    """Put ``content`` at ``path``, whole and durable; False where it already says so and nothing was written.

    Written to a new name beside it, synced, renamed, and the folder synced: a reader sees the old file or the new
    one, also after a power cut. A symbolic link at ``path`` is replaced, never followed. Raises LocalFault.
    """
    with disk_errors(path):
        if not path.is_symlink() and path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        staging, held = open_staging(path, 0o644)
        try:
            with os.fdopen(held, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                publish(staging, path)
        finally:
            discard(staging)
    return True


def write_checked(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` as ``replace`` does, with a sum of it in front. Raises LocalFault."""
    replace(path, crc32(content).to_bytes(4) + content)


def read_checked(path: Path, most: int) -> bytes:
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
def atomic_output(path: Path) -> Iterator[Path]:
    """A new name beside ``path`` for others to write to; when the block ends well it becomes ``path``, synced.

    ffmpeg -y writes through a symbolic link; a rename replaces it. Nothing is left behind where the block ends badly.
    Raises LocalFault.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        staging, file = open_staging(path, 0o666)
    try:
        yield staging
        with disk_errors(path), staging.open("rb") as written:
            os.fsync(written.fileno())
            publish(staging, path)
    finally:
        os.close(file)
        discard(staging)


def open_staging(path: Path, mode: int) -> tuple[Path, int]:
    """A new file beside ``path``, and the descriptor that holds it: what nobody holds is swept. Raises OSError."""
    while True:
        staging = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
        file = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return staging, file
        os.close(file)  # Swept before it was held.


def publish(staging: Path, path: Path) -> None:
    """Give a finished, synced file its good name, durably."""
    os.replace(staging, path)
    keep_names(path.parent)


def keep_names(folder: Path) -> None:
    """What has been named in ``folder`` is so after a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private_dir(folder: Path) -> Path:
    """Make a folder that only this user can read, and its missing parents likewise, durably. Raises LocalFault."""
    with disk_errors(folder):
        for parent in (*reversed(folder.parents), folder):
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)
                keep_names(parent.parent)
    return folder


def discard(path: Path) -> None:
    """Remove a file that nobody needs, if the disk lets us: one that stays is swept, or overwritten, later."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def is_empty(path: Path) -> bool:
    """Whether there is no file at ``path``, or one without a byte. Raises LocalFault where nobody can tell."""
    with disk_errors(path):
        return not path.exists() or (path.is_file() and path.stat().st_size == 0)


def scratch_dir(project: Path, *below: str) -> Path:
    """The project's ``.storyboard`` folder, which git never sees: it says so itself; or a folder ``below`` it.

    Raises LocalFault, also for a symbolic link: a project may bring one, to have us write and remove files elsewhere.
    """
    folder = project / ".storyboard"
    for part in (None, *below):
        folder = folder / part if part else folder
        if folder.is_symlink():
            raise LocalFault(f"{folder} is a symbolic link", "remove it: storyboard keeps its scratch files there")
    private_dir(folder)
    replace(project / ".storyboard" / ".gitignore", b"*\n")
    return folder


def sweep(path: Path) -> None:
    """Remove what a process that was killed while it wrote ``path`` has left beside it; of a living one, nothing."""
    _swept(path.parent, re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}"))


def sweep_all(folder: Path) -> None:
    """The same for every file in a folder in which nobody but us writes, and in its own folders; links lead nowhere."""
    for path, _, _ in os.walk(folder):
        _swept(Path(path), re.compile(r"\..+\.[0-9a-f]{12}"))


def _swept(folder: Path, left: re.Pattern[str]) -> None:
    with disk_errors(folder):
        for file in folder.iterdir() if folder.is_dir() else ():
            if left.fullmatch(file.name):
                with suppress(FileNotFoundError, BlockingIOError):
                    if is_own(file, stat.S_ISREG):
                        _remove(file, Path.unlink)


def checksum(path: Path) -> int:
    """A sum of a file's bytes, whether they are still those that were written. Raises OSError."""
    sums, buffer = [], memoryview(bytearray(PIECE))
    with path.open("rb") as file:
        while size := file.readinto(buffer):
            sums.append(crc32(buffer[:size]))
    return combine_checksums(sums)


def combine_checksums(sums: Iterable[int]) -> int:
    """The CRC-32 of the CRC-32s of a file's pieces, of ``PIECE`` bytes each but for the last."""
    return crc32(b"".join(one.to_bytes(4) for one in sums))


@contextmanager
def temporary_dir(prefix: str) -> Iterator[Path]:
    """A folder for temporary files that goes when the block ends. Those of processes that were killed go first."""
    import glob
    import shutil
    import tempfile

    for folder in Path(tempfile.gettempdir()).glob(f"{glob.escape(prefix)}*"):
        remove_abandoned(folder, stat.S_ISDIR, shutil.rmtree)
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        handle = os.open(name, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(handle)


def remove_abandoned(path: Path, kind: Callable[[int], bool], remove: Callable[[Path], None]) -> None:
    """Remove what a process that died had held: nobody holds it, and it is old enough to have been held."""
    with suppress(OSError):
        if not is_own(path, kind) or time.time() - path.stat().st_mtime < 60:
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


def is_own(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether ``path`` is of this kind itself, no link to one, and ours."""
    found = path.lstat()
    return kind(found.st_mode) and found.st_uid == os.getuid()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Whatever the disk refuses inside becomes a LocalFault that names ``path`` and says what to do."""
    try:
        yield
    except OSError as error:
        raise LocalFault(f"{path}: {error.strerror or error}", hint_for_errno(error.errno)) from error


def hint_for_errno(number: int | None) -> str:
    """What to do about an error number of the system."""
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full: free some space and run again; what was bought is safe"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "it must be writable for you; STORYBOARD_HOME moves the store elsewhere"
        case errno.EMFILE | errno.ENFILE:
            return "too many files are open: raise the limit (ulimit -n) and run again"
    return "check the disk and run again; what was bought is safe"
