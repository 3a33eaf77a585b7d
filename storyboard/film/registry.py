"""Registry of written films and the identities of their timelines: an unchanged film is not written again."""

import json
import os
import re
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Self

from storyboard.film import provenance
from storyboard.model.errors import InputError
from storyboard.model.realm_kind import KINDS, Kind
from storyboard.system.files import Guard, checksum, checksum_of, disk_errors, replace, scratch_dir
from storyboard.timeline.model import Timeline

if TYPE_CHECKING:
    from storyboard.film.copy import Landing, WrittenFilm

_RATE = re.compile(r"[1-9][0-9]{0,5}(?:/[1-9][0-9]{0,3})?")


@dataclass(frozen=True, slots=True)
class Film:
    """A written film: ``identity`` of its content, ``modified`` is its file's modification time in nanoseconds.

    ``checksum`` is ``files.checksum`` of its file. ``frames`` at ``fps``, ``width`` x ``height`` pixels; a rate that
    is not whole is text, such as "30000/1001".
    """

    identity: str
    checksum: int
    bytes: int
    frames: int
    fps: int | str
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
            fps=timeline.fps.numerator if timeline.fps.denominator == 1 else str(timeline.fps),
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
            return _recorded(self._known(), path, path.lstat())
        except OSError:
            return None

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
        write: "Callable[[Landing], object]",
    ) -> Film:
        """Write a film to ``path`` and remember it. Raise LocalFault, and what ``write`` raises.

        ``write`` calls what it is given when the file is whole and does not have its name yet: a render that is killed
        in that moment must know the film for its own the next time. Raise InputError where a file that storyboard did
        not write has appeared at ``path`` meanwhile: the film is kept beside it.
        """
        films: list[Film] = []

        def on_written(written: "WrittenFilm") -> Guard:
            films.append(describe(written))
            self.remember(path, films[-1], written.path)
            return lambda folder: self._keep_beside(folder, path, written.path, films[-1])

        write(on_written)
        self.remember(path, films[-1])
        return films[-1]

    def remember(self, path: Path, film: Film, staged: Path | None = None) -> None:
        """Record ``film`` at ``path``, or at ``staged`` until it is renamed to ``path``. Raise LocalFault."""
        known = {name: film for name, film in self._known().items() if staged or not _names(name, path)}
        known[str(staged or path)] = asdict(film)
        replace(self._file, json.dumps(known, indent=1, sort_keys=True).encode())

    def is_foreign(self, path: Path) -> bool:
        """Whether ``path`` exists and storyboard did not write it, by this project's record and by the file's own note.

        Raise LocalFault where the file cannot be read.
        """
        with disk_errors(path):
            try:
                folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            except (FileNotFoundError, NotADirectoryError):
                return False
            try:
                return self._is_foreign_in(folder, path)
            finally:
                os.close(folder)

    def _is_foreign_in(self, folder: int, path: Path) -> bool:
        """``is_foreign``, for the file of this name in the folder with this descriptor. Raise OSError."""
        try:
            found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode):
            return True
        if _recorded(self._known(), path, found):
            return False
        films = (film for film in self._known().values() if isinstance(film, dict))
        known = [film.get("checksum") for film in films if film.get("bytes") == found.st_size]
        with open(os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb") as file:
            return not (known and checksum_of(file) in known) and provenance.kind_of(file) is None

    def _keep_beside(self, folder: int, path: Path, staging: Path, film: Film) -> None:
        """Where a foreign file is at ``path``, give the finished film a name beside it, and raise InputError."""
        with disk_errors(path):
            if not self._is_foreign_in(folder, path):
                return
            kept = _name_beside(folder, staging, path)
        self.remember(kept, film)
        raise InputError(
            f"{path} appeared meanwhile, and storyboard did not write it: it is left as it is",
            f"the finished film is {kept}; move the other file away, or use -o",
        )

    def default_path(self, wanted: Path, kind: Kind) -> Path:
        """The path for output.file. A draft never replaces a film of a rehearsal, and neither replaces a paid one.

        Raise InputError where the path is outside the project folder.
        """
        path = self.folder / wanted
        if not path.parent.resolve().is_relative_to(self.folder.resolve()):
            raise InputError(f"output.file {wanted} leaves the project folder", "use -o to write elsewhere")
        there = self._kind_at(path)
        worth_less = there is not None and KINDS.index(kind) < KINDS.index(there)
        return path.with_suffix(f".{kind}{path.suffix}") if worth_less else path

    def _kind_at(self, path: Path) -> Kind | None:
        """The kind of the film at ``path``, by this project's record or by the film's own note."""
        if film := self.find(path):
            return film.kind
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                return provenance.kind_of(file) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else None
        except OSError:
            return None

    def check_writable(self, path: Path, own: Collection[Path]) -> Path:
        """``path`` itself. Raise InputError where no film can be written there. ``own`` are the local clips."""
        if path.is_dir():
            raise InputError(f"{path} is a folder", "name the film in it")
        if path.resolve() in {clip.resolve() for clip in own}:
            raise InputError(f"{path} is a clip of this storyboard", "give the film another name")
        if self.is_foreign(path):
            raise InputError(
                f"{path} was not written by storyboard, or was changed since",
                "move it away, or write the film elsewhere with -o",
            )
        above = next(folder for folder in path.parents if folder.exists())
        try:
            TemporaryFile(dir=above).close()
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror})", "use -o to write elsewhere") from None
        return path

    def _known(self) -> dict[str, Any]:
        return _records(self._file)


def chosen_path(wanted: Path) -> Path:
    """The path for -o. Raise InputError where it does not end in .mp4."""
    if wanted.suffix.lower() != ".mp4":
        raise InputError(f"{wanted} is not a film name", f"a film is an MP4: {wanted.with_suffix('.mp4').name}")
    return wanted.absolute()


def _name_beside(folder: int, staging: Path, path: Path) -> Path:
    """Rename ``staging``, in the folder with this descriptor, to a free name like that of ``path``; return it."""
    names = {entry.casefold() for entry in os.listdir(folder)}
    free = (f"{path.stem}-{number}{path.suffix}" for number in count(2))
    kept = path.with_name(next(name for name in free if name.casefold() not in names))
    os.rename(staging.name, kept.name, src_dir_fd=folder, dst_dir_fd=folder)
    return kept


def _records(file: Path) -> dict[str, Any]:
    try:
        known = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _recorded(known: Mapping[str, Any], path: Path, found: os.stat_result) -> Film | None:
    """The film recorded at ``path``, if the file there has its size and modification time."""
    try:
        films = [Film(**film) for name, film in known.items() if _names(name, path)]
    except TypeError:
        return None
    same = (
        film for film in films if _sound(film) and (found.st_size, found.st_mtime_ns) == (film.bytes, film.modified)
    )
    return next(same, None)


def _names(name: str, path: Path) -> bool:
    """Whether ``name`` is ``path``, or a staging file to be renamed to ``path``."""
    return name == str(path) or name.startswith(str(path.parent / f".{path.name}."))


def _sound(film: Film) -> bool:
    """Whether the record is valid. It is not trusted: the scratch folder may come from someone else's project."""
    numbers = (film.bytes, film.frames, film.width, film.height)
    rate = isinstance(film.fps, int | str) and _RATE.fullmatch(str(film.fps))
    return film.kind in KINDS and bool(rate) and all(isinstance(number, int) and number > 0 for number in numbers)
