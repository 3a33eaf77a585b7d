"""Films that lie on the disk, and what they were cut from: an unchanged one is not written again."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from storyboard.config import KINDS, Kind
from storyboard.disk import replace, scratch
from storyboard.errors import InputError


@dataclass(frozen=True, slots=True)
class Film:
    """A film as it was written: ``identity`` is its cut's; ``modified`` is the file's time in nanoseconds.

    ``frames`` at ``fps``, ``width`` x ``height`` pixels.
    """

    identity: str
    sha256: str
    bytes: int
    frames: int
    fps: int
    width: int
    height: int
    kind: Kind
    modified: int


class Films:
    """What is remembered of the films of one project, in its scratch folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = scratch(folder) / "films.json"

    def there(self, path: Path) -> Film | None:
        """The film at ``path``, if that is still the file that was written there."""
        try:
            film = Film(**self._known()[str(path)])
            stat = path.lstat()
        except (OSError, KeyError, TypeError):
            return None
        return film if (stat.st_size, stat.st_mtime_ns) == (film.bytes, film.modified) else None

    def same(self, path: Path, identity: str) -> Film | None:
        """The film at ``path``, if it is whole and the one that would be made now.

        Its bytes are read: nobody waits for the disk when a film is written, and a power cut may have taken some.
        """
        film = self.there(path)
        if film is None or film.identity != identity:
            return None
        try:
            with path.open("rb") as file:
                return film if hashlib.file_digest(file, "sha256").hexdigest() == film.sha256 else None
        except OSError:
            return None

    def remember(self, path: Path, film: Film) -> None:
        known = {**self._known(), str(path): asdict(film)}
        replace(self._file, json.dumps(known, indent=1, sort_keys=True).encode())

    def place(self, wanted: Path, kind: Kind) -> Path:
        """Where output.file leads: a draft never takes the place of a rehearsal's film, nor that of a paid one's.

        Raises InputError.
        """
        path = self.folder / wanted
        if not path.parent.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"output.file {wanted} leaves the project folder", "the flag -o may lead anywhere")
        there = self.there(path)
        worth_less = there is not None and KINDS.index(kind) < KINDS.index(there.kind)
        return path.with_suffix(f".{kind}{path.suffix}") if worth_less else path

    def outside(self, wanted: Path) -> Path:
        """Where -o leads. Raises InputError for a name that is no film's."""
        if wanted.suffix.lower() != ".mp4":
            raise InputError(f"{wanted} is no name for a film", f"a film is an MP4: {wanted.with_suffix('.mp4').name}")
        return wanted.absolute()

    def writable(self, path: Path, own: Collection[Path]) -> Path:
        """``path``, if a film can be written there. ``own`` are the author's clips. Raises InputError."""
        if path.is_dir():
            raise InputError(f"{path} is a folder", "name the film in it")
        if path.resolve() in {clip.resolve() for clip in own}:
            raise InputError(f"{path} is a clip of this storyboard", "give the film another name")
        above = next(folder for folder in path.parents if folder.exists())
        try:
            TemporaryDirectory(prefix=".storyboard-", dir=above).cleanup()
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})", "-o OUT leads elsewhere") from None
        return path

    def _known(self) -> dict[str, Any]:
        try:
            known = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
