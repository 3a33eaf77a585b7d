"""Registry of written films and the identities of their timelines: an unchanged film is not written again."""

import json
import os
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Self

from storyboard.model.errors import InputError
from storyboard.model.realm_kind import KINDS, Kind
from storyboard.system.files import checksum, disk_errors, replace, scratch_dir
from storyboard.timeline.model import Timeline

if TYPE_CHECKING:
    from storyboard.film.copy import WrittenFilm


@dataclass(frozen=True, slots=True)
class Film:
    """A written film: ``identity`` of its content, ``modified`` is its file's modification time in nanoseconds.

    ``checksum`` is ``files.checksum`` of its file. ``frames`` at ``fps``, ``width`` x ``height`` pixels.
    """

    identity: str
    checksum: int
    bytes: int
    frames: int
    fps: int
    width: int
    height: int
    kind: Kind
    modified: int

    @classmethod
    def of(cls, written: "WrittenFilm", identity: str, timeline: Timeline, kind: Kind) -> Self:
        """Return the film that was written from ``timeline``. Raise LocalFault."""
        with disk_errors(written.path):
            modified = written.path.stat().st_mtime_ns
        return cls(
            identity=identity,
            checksum=written.checksum,
            bytes=written.bytes,
            frames=written.frames,
            fps=timeline.fps,
            width=timeline.width,
            height=timeline.height,
            kind=kind,
            modified=modified,
        )


class FilmRegistry:
    """The films of one project, recorded in its scratch folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = scratch_dir(folder) / "films.json"

    def find(self, path: Path) -> Film | None:
        """The film at ``path``; None unless size and modification time are as written."""
        try:
            stat = path.lstat()
            films = [Film(**film) for name, film in self._known().items() if _names(name, path)]
        except (OSError, TypeError):
            return None
        same = (
            film for film in films if _sound(film) and (stat.st_size, stat.st_mtime_ns) == (film.bytes, film.modified)
        )
        return next(same, None)

    def matching(self, path: Path, identity: str) -> Film | None:
        """The film at ``path``, if it has ``identity`` and its file is undamaged; else None.

        Reads the whole file: a disk may have damaged it, and an existing film is not checked again.
        """
        film = self.find(path)
        try:
            return film if film and film.identity == identity and checksum(path) == film.checksum else None
        except OSError:
            return None

    def publish(
        self,
        path: Path,
        describe: "Callable[[WrittenFilm], Film]",
        write: "Callable[[Callable[[WrittenFilm], None]], object]",
    ) -> Film:
        """Write a film to ``path`` and remember it. Raise LocalFault, and what ``write`` raises.

        ``write`` calls what it is given when the file is whole and does not have its name yet: a render that is killed
        in that moment must know the film for its own the next time.
        """
        films: list[Film] = []

        def on_written(written: "WrittenFilm") -> None:
            films.append(describe(written))
            self.remember(path, films[-1], written.path)

        write(on_written)
        self.remember(path, films[-1])
        return films[-1]

    def remember(self, path: Path, film: Film, staged: Path | None = None) -> None:
        """Record ``film`` at ``path``, or at ``staged`` until it is renamed to ``path``. Raise LocalFault."""
        known = {name: film for name, film in self._known().items() if staged or not _names(name, path)}
        known[str(staged or path)] = asdict(film)
        replace(self._file, json.dumps(known, indent=1, sort_keys=True).encode())

    def is_foreign(self, path: Path) -> bool:
        """Whether ``path`` exists and was not written by storyboard, as far as this project has recorded.

        Raise LocalFault where the file cannot be read.
        """
        if not os.path.lexists(path) or self.find(path):
            return False
        if path.is_symlink() or not path.is_file():
            return True
        films = (film for film in self._known().values() if isinstance(film, dict))
        with disk_errors(path):
            size = path.stat().st_size
            known = [film.get("checksum") for film in films if film.get("bytes") == size]
            return not known or checksum(path) not in known

    def default_path(self, wanted: Path, kind: Kind) -> Path:
        """The path for output.file. A draft never replaces a film of a rehearsal, and neither replaces a paid one.

        Raise InputError where the path is outside the project folder.
        """
        path = self.folder / wanted
        if not path.parent.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"output.file {wanted} leaves the project folder", "the flag -o may lead anywhere")
        there = self.find(path)
        worth_less = there is not None and KINDS.index(kind) < KINDS.index(there.kind)
        return path.with_suffix(f".{kind}{path.suffix}") if worth_less else path

    def chosen_path(self, wanted: Path) -> Path:
        """The path for -o. Raise InputError where it does not end in .mp4."""
        if wanted.suffix.lower() != ".mp4":
            raise InputError(f"{wanted} is no name for a film", f"a film is an MP4: {wanted.with_suffix('.mp4').name}")
        return wanted.absolute()

    def check_writable(self, path: Path, own: Collection[Path]) -> Path:
        """``path`` itself. Raise InputError where no film can be written there. ``own`` are the local clips."""
        if path.is_dir():
            raise InputError(f"{path} is a folder", "name the film in it")
        if path.resolve() in {clip.resolve() for clip in own}:
            raise InputError(f"{path} is a clip of this storyboard", "give the film another name")
        if self.is_foreign(path):
            raise InputError(
                f"{path} was not written by storyboard, as far as this project knows",
                "move it away, or have the film go elsewhere with -o",
            )
        above = next(folder for folder in path.parents if folder.exists())
        try:
            TemporaryFile(dir=above).close()
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})", "-o OUT leads elsewhere") from None
        return path

    def _known(self) -> dict[str, Any]:
        try:
            known = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return known if isinstance(known, dict) else {}


def _names(name: str, path: Path) -> bool:
    """Whether ``name`` is ``path``, or a staging file to be renamed to ``path``."""
    return name == str(path) or name.startswith(str(path.parent / f".{path.name}."))


def _sound(film: Film) -> bool:
    """Whether the record is valid. It is not trusted: the scratch folder may come from someone else's project."""
    numbers = (film.bytes, film.frames, film.fps, film.width, film.height)
    return film.kind in KINDS and all(isinstance(number, int) and number > 0 for number in numbers)
