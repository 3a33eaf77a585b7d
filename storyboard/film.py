"""Films that lie on the disk, and what they were cut from: an unchanged one is not written again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

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
    draft: bool
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

    def remember(self, path: Path, film: Film) -> None:
        known = {**self._known(), str(path): asdict(film)}
        replace(self._file, json.dumps(known, indent=1, sort_keys=True).encode())

    def place(self, wanted: Path, *, draft: bool) -> Path:
        """Where the film goes: a draft never takes the place of a film cut from paid takes. Raises InputError."""
        path = self.folder / wanted
        if not path.parent.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"output.file {wanted} leaves the project folder", "the flag -o may lead anywhere")
        there = self.there(path)
        return path.with_suffix(f".draft{path.suffix}") if draft and there and not there.draft else path

    def _known(self) -> dict[str, Any]:
        try:
            known = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
