"""Files and folders: atomic durable writes, checked files, private and temporary folders, removal of leftovers."""

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from zlib import crc32

from storyboard.model.errors import InputError, LocalFault

# Bytes of a large file that are read and processed at a time. Smaller pieces need more system calls. For larger ones
# Linux searches for huge pages, which can take seconds, and they do not stay in the processor's cache.
PIECE = 1 << 19


# The folder of a project that only storyboard reads and writes. Its files are for this user alone.
SCRATCH = ".storyboard"
PRIVATE = 0o600


def replace(path: Path, content: bytes, *, private: bool = False) -> bool:
    """Write ``content`` to ``path`` atomically and durably; return False where it was there already.

    The content is written to a new file in the same folder, synced, renamed, and the folder synced: readers see the old
    or the new file, also after a power cut. A symbolic link at ``path`` is replaced, not followed. ``private``: only
    this user can read the file, as in scratch folders. Raise LocalFault.
    """
    with disk_errors(path):
        if not path.is_symlink() and path.is_file() and path.read_bytes() == content:
            return False
        _make_folder(path.parent, private=private)
        staging, held = open_staging(path, PRIVATE if private else 0o644)
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
    """Write ``content`` to ``path`` as ``replace`` does, preceded by its CRC-32 (4 bytes). Raise LocalFault."""
    replace(path, crc32(content).to_bytes(4) + content)


def read_checked(path: Path, most: int) -> bytes:
    """The content that ``write_checked`` wrote; b"" where there is none, or its checksum is wrong.

    Reads at most ``most`` bytes, checksum included. The folder may come from someone else's project: symbolic links are
    not followed, and opening never blocks (a FIFO would).
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            content = file.read(most)
    except OSError:
        return b""
    return content[4:] if crc32(content[4:]).to_bytes(4) == content[:4] else b""


Guard = Callable[[int], None]


@contextmanager
def atomic_output(path: Path, guard: Guard = lambda folder: None, *, private: bool = False) -> Iterator[Path]:
    """A new file in the folder of ``path`` for a library or program to write; synced and renamed after the block.

    Where the block raises, the file is removed. The rename replaces a symbolic link at ``path``; ffmpeg -y would write
    through it. ``guard`` is called just before the rename, with the descriptor of the folder in which the file is
    renamed, and raises where it must not be. ``private``: as in ``replace``. Raise LocalFault.
    """
    with disk_errors(path):
        _make_folder(path.parent, private=private)
        staging, file = open_staging(path, PRIVATE if private else 0o666)
    try:
        yield staging
        with disk_errors(path):
            with staging.open("rb") as written:
                os.fsync(written.fileno())
            publish(staging, path, guard)
    finally:
        os.close(file)
        discard(staging)


def rewrite(path: Path, before: bytes, after: bytes) -> None:
    """Replace the content of a user's file, which is no symbolic link, as ``replace`` does; its mode stays.

    Raise InputError where its content is not ``before`` (any more), LocalFault, also where it is read-only.
    """
    with disk_errors(path), path.open("r+b") as held:  # r+: a file that the user made read-only is not replaced
        fcntl.flock(held, fcntl.LOCK_EX)
        found = os.fstat(held.fileno())

        def refuse_changed(folder: int) -> None:
            if path.read_bytes() != before:
                raise InputError(f"{path} was changed by another program meanwhile", "run the command again")

        with atomic_output(path, refuse_changed) as staging:
            staging.write_bytes(after)
            os.chmod(staging, stat.S_IMODE(found.st_mode))
            if (found.st_uid, found.st_gid) != (os.getuid(), os.getgid()):
                with suppress(OSError):
                    os.chown(staging, found.st_uid, found.st_gid)


def open_staging(path: Path, mode: int) -> tuple[Path, int]:
    """A new file in the folder of ``path``, and a descriptor that locks it against ``sweep``. Raise OSError.

    ``mode`` is limited by the umask, except that of a private file, and that of each file in a scratch folder.
    """
    private = mode == PRIVATE or SCRATCH in path.parts
    while True:
        staging = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
        file = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE if private else mode)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            if private:
                os.fchmod(file, PRIVATE)
            return staging, file
        os.close(file)  # Another process swept it before it was locked.


def publish(staging: Path, path: Path, guard: Guard = lambda folder: None) -> None:
    """Rename a complete, synced file to ``path``, durably; ``guard`` as in ``atomic_output``. Raise OSError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        guard(folder)
        beside = staging.parent == path.parent
        os.replace(
            staging.name if beside else staging, path.name, src_dir_fd=folder if beside else None, dst_dir_fd=folder
        )
        os.fsync(folder)
    finally:
        os.close(folder)


def keep_names(folder: Path) -> None:
    """Sync ``folder``, so that its new file names survive a power cut. Raise OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _make_folder(folder: Path, *, private: bool) -> None:
    """Create a folder and its missing parents, for this user alone where its files are. Raise OSError, LocalFault."""
    if private or SCRATCH in folder.parts:
        private_dir(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)


def private_dir(folder: Path) -> Path:
    """Create a folder with mode 0700, and its missing parents likewise, durably. Raise LocalFault."""
    with disk_errors(folder):
        for parent in (*reversed(folder.parents), folder):
            if not parent.exists():
                parent.mkdir(mode=0o700, exist_ok=True)
                if parent.stat().st_mode & 0o700 != 0o700:  # The umask can take away even the owner's rights.
                    os.chmod(parent, 0o700)
                keep_names(parent.parent)
    return folder


def narrow_dir(folder: Path) -> str:
    """Take the rights of others on an existing folder of this user away; return a sentence if they had any, else "".

    Raise LocalFault for a folder of another user.
    """
    with disk_errors(folder):
        if not folder.is_dir():
            return ""
        found = folder.stat()
        if found.st_uid != os.getuid():
            hint = f"run storyboard as user {found.st_uid}, or set STORYBOARD_HOME to a folder of your own"
            raise LocalFault(f"{folder} belongs to another user ({found.st_uid})", hint)
        if not found.st_mode & 0o077:
            return ""
        folder.chmod(0o700)
    return f"{folder} was open to other users of this machine (mode {stat.S_IMODE(found.st_mode):04o}); it is 0700 now"


def make_private(path: Path) -> None:
    """Create an empty file that only this user can read, or give an existing one that mode. Raise OSError.

    An existing file is not opened: closing it would release the locks that SQLite has on it in this process.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE))
    found = path.stat()
    if stat.S_ISREG(found.st_mode) and stat.S_IMODE(found.st_mode) != PRIVATE:
        os.chmod(path, PRIVATE)


def discard(path: Path) -> None:
    """Remove a file that is not needed. Ignores errors: a remaining file is swept or overwritten later."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def is_empty(path: Path) -> bool:
    """Whether ``path`` is missing or a file of 0 bytes. Raise LocalFault where that cannot be determined."""
    with disk_errors(path):
        return not path.exists() or (path.is_file() and path.stat().st_size == 0)


def scratch_dir(project: Path, *below: str) -> Path:
    """The project's ``.storyboard`` folder or a folder ``below`` it. A .gitignore in it hides it from git.

    Raise LocalFault, also for a symbolic link: with one, a malicious project could make storyboard write and remove
    files elsewhere.
    """
    folder = project / SCRATCH
    for part in (None, *below):
        folder = folder / part if part else folder
        if folder.is_symlink():
            raise LocalFault(f"{folder} is a symbolic link", "remove it: storyboard keeps its scratch files there")
    private_dir(folder)
    replace(project / SCRATCH / ".gitignore", b"*\n")
    return folder


def sweep(path: Path) -> None:
    """Remove the staging files of ``path`` that killed processes left; those of running processes stay."""
    _swept(path.parent, re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{12}}"))


def sweep_all(folder: Path) -> None:
    """Sweep all files in a folder that only storyboard writes to, and in its subfolders. Links are not followed."""
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
    """The checksum of a file (see ``combine_checksums``), to detect changed bytes. Raise OSError."""
    with path.open("rb") as file:
        return checksum_of(file)


def checksum_of(file: BufferedReader) -> int:
    """The checksum of an open file from its present position to its end. Raise OSError."""
    sums, buffer = [], memoryview(bytearray(PIECE))
    while size := file.readinto(buffer):
        sums.append(crc32(buffer[:size]))
    return combine_checksums(sums)


def combine_checksums(sums: Iterable[int]) -> int:
    """The CRC-32 of the CRC-32s of a file's pieces, each of ``PIECE`` bytes except the last."""
    return crc32(b"".join(one.to_bytes(4) for one in sums))


@contextmanager
def temporary_dir(prefix: str) -> Iterator[Path]:
    """A temporary folder, removed at the end of the block. First removes those that killed processes left."""
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
    """Remove ``path`` if no process has it locked and it is over 60 s old, so that its creator had time to lock it.

    Ignores errors.
    """
    with suppress(OSError):
        if not is_own(path, kind) or time.time() - path.stat().st_mtime < 60:
            return
        _remove(path, remove)


def _remove(path: Path, remove: Callable[[Path], None]) -> None:
    """Lock ``path`` and remove it; a process that has just created it detects that. Raise OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(path)
    finally:
        os.close(handle)


def is_own(path: Path, kind: Callable[[int], bool]) -> bool:
    """Whether ``path`` is of this kind (not a link to it) and belongs to this user. Raise OSError."""
    found = path.lstat()
    return kind(found.st_mode) and found.st_uid == os.getuid()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError in the block into a LocalFault that names ``path`` and says what to do."""
    try:
        yield
    except OSError as error:
        raise LocalFault(f"{path}: {error.strerror or error}", hint_for_errno(error.errno)) from error


def hint_for_errno(number: int | None) -> str:
    """What to do about an errno."""
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "the disk is full: free some space and run again; what was bought is safe"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "it must be writable for you; STORYBOARD_HOME moves the store elsewhere"
        case errno.EMFILE | errno.ENFILE:
            return "too many files are open: raise the limit (ulimit -n) and run again"
    return "check the disk and run again; what was bought is safe"
