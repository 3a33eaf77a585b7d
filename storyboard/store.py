"""The store: every take ever paid for, named by the SHA-256 of its bytes, outside every project."""

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from storyboard.disk import discard, land, private, telling


class Store:
    """Takes in a folder. A name in it is either absent or has all its bytes: they arrive under another name first."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Where the take called ``digest`` lies, or would lie."""
        return self.root / digest[:2] / f"{digest}.mp4"

    def held(self, digest: str, size: int) -> bool:
        """Whether the take is here, by its size in bytes; ``intact`` reads the bytes themselves."""
        try:
            return self.path(digest).stat().st_size == size
        except OSError:
            return False

    def intact(self, digest: str) -> bool:
        """Whether the bytes are still those that the take is named for."""
        try:
            with self.path(digest).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == digest
        except OSError:
            return False

    def arriving(self, run: str) -> Path:
        """A name for a file that a run is fetching. Whoever creates it gives it to ``put`` or removes it."""
        return private(self.root / "arriving") / f"{run}.{secrets.token_hex(8)}"

    def put(self, arrived: Path, digest: str) -> Path:
        """Take a whole, synced file in under its digest. Raises LocalFault."""
        path = self.path(digest)
        with telling(path):
            private(path.parent)
            os.chmod(arrived, 0o444)
            land(arrived, path)
        return path

    def set_aside(self, file: Path) -> Path:
        """Move a damaged file out of the way, kept for a look. Raises LocalFault."""
        aside = private(self.root / "damaged") / file.name
        with telling(file):
            os.replace(file, aside)
        return aside

    def __iter__(self) -> Iterator[str]:
        """The digests of all takes, sorted."""
        return (file.stem for file in sorted(self.root.glob("[0-9a-f][0-9a-f]/*.mp4")))

    def sweep(self, alive: Callable[[str], bool]) -> None:
        """Remove what runs that have died left half-way in. ``alive`` says whether the run of a name still lives."""
        for file in self.root.glob("arriving/*"):
            if not alive(file.name.partition(".")[0]):
                discard(file)
