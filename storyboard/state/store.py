"""The store: all takes, and the frames that are taken of them, in files named by the SHA-256 of their bytes."""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from storyboard.system.files import discard, disk_errors, private_dir, publish, replace

_DIGEST = re.compile("[0-9a-f]{64}")


class Store:
    """Takes in a folder. A file in it is always complete: downloads are written under another name first.

    ``suffix`` is that of the files: a store of frames has PNG files.
    """

    def __init__(self, root: Path, suffix: str = ".mp4") -> None:
        self.root = root
        self.suffix = suffix

    def path(self, digest: str) -> Path:
        """The path of the take with this ``digest``, which may not exist."""
        return self.root / digest[:2] / f"{digest}{self.suffix}"

    def holds(self, digest: str, size: int) -> bool:
        """Whether the take is in the store, by its size in bytes; ``is_intact`` reads the bytes themselves."""
        return _size(self.path(digest)) == size

    def is_intact(self, digest: str) -> bool:
        """Whether the bytes still have the digest of the file name."""
        try:
            with self.path(digest).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError:
            return False

    def arrival_path(self, run: str) -> Path:
        """A path for a download of a run. The caller passes the file to ``put`` or removes it."""
        return private_dir(self.root / "arriving") / f"{run}.{secrets.token_hex(8)}"

    def put(self, arrived: Path, digest: str) -> Path:
        """Move a complete, synced file into the store under its digest. Raise LocalFault."""
        path = self.path(digest)
        with disk_errors(path):
            private_dir(path.parent)
            os.chmod(arrived, 0o400)
            publish(arrived, path)
        return path

    def put_name(self, file: Path, digest: str) -> None:
        """Give a complete file of another store a name in this one as well, in one step. Raise LocalFault.

        Neither is ever written again. A damaged file of the name goes. What a power cut takes is named again.
        """
        path = self.path(digest)
        with disk_errors(path):
            private_dir(path.parent)
            if path.exists() and not self.is_intact(digest):
                discard(path)
            with suppress(FileExistsError):  # Another run was first.
                os.link(file, path)

    def put_bytes(self, content: bytes) -> str:
        """Write ``content`` into the store, and return its digest. Raise LocalFault."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(digest)
        private_dir(path.parent)
        replace(path, content, private=True)
        return digest

    def read(self, digest: str) -> bytes | None:
        """The bytes with this digest; None if they are not in the store, or damaged."""
        try:
            content = self.path(digest).read_bytes()
        except OSError:
            return None
        return content if hashlib.sha256(content).hexdigest() == digest else None

    def set_aside(self, file: Path) -> Path:
        """Move a damaged file to the folder ``damaged``. Raise LocalFault."""
        aside = private_dir(self.root / "damaged") / file.name
        with disk_errors(file):
            os.replace(file, aside)
        return aside

    def damaged_files(self) -> dict[str, int]:
        """The damaged files that were set aside, with their sizes in bytes."""
        return _sizes(self.root / "damaged")

    def partial_downloads(self) -> list[str]:
        """The names of incomplete downloads, of living and of dead runs: the run's name, a dot and a random part."""
        return [file.name for file in self.root.glob("arriving/*")]

    def __iter__(self) -> Iterator[str]:
        """The digests of all takes, sorted."""
        files = sorted(self.root.glob(f"[0-9a-f][0-9a-f]/*{self.suffix}"))
        return (file.stem for file in files if file == self.path(file.stem) and _DIGEST.fullmatch(file.stem))

    def sizes(self) -> dict[str, int]:
        """The digests of all takes with their sizes in bytes."""
        return {digest: size for digest in self if (size := _size(self.path(digest))) is not None}

    def throw_away(self, digest: str) -> None:
        """Move a take into the trash; ``recover`` moves it back. Raise LocalFault."""
        with disk_errors(self.path(digest)):
            private_dir(self.root / "trash")
            publish(self.path(digest), self._trashed(digest))

    def recover(self, digest: str) -> bool:
        """Move a take back from the trash; False if it is not there. Raise LocalFault."""
        thrown, path = self._trashed(digest), self.path(digest)
        if not thrown.is_file():
            return False
        with disk_errors(path):
            private_dir(path.parent)
            publish(thrown, path)
        return True

    def trash(self) -> dict[str, int]:
        """The takes in the trash with their size in bytes."""
        found = {name.removesuffix(self.suffix): size for name, size in _sizes(self.root / "trash").items()}
        return {name: size for name, size in found.items() if _DIGEST.fullmatch(name)}

    def destroy(self, digest: str) -> None:
        """Delete a take from the trash. Raise LocalFault."""
        with disk_errors(self._trashed(digest)):
            self._trashed(digest).unlink(missing_ok=True)

    def _trashed(self, digest: str) -> Path:
        return self.root / "trash" / f"{digest}{self.suffix}"

    def sweep(self, alive: Callable[[str], bool]) -> None:
        """Remove the incomplete downloads of dead runs. ``alive`` says whether the run of a name still lives."""
        for file in self.root.glob("arriving/*"):
            if not alive(file.name.partition(".")[0]):
                discard(file)


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None


def _sizes(folder: Path) -> dict[str, int]:
    found = {file.name: _size(file) for file in sorted(folder.glob("*"))}
    return {name: size for name, size in found.items() if size is not None}
