"""The storyboard's files. Nothing outside the project folder is read, and no link that leads out of it is followed."""

import hashlib
import os
import stat
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path, PurePosixPath

from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Measure
from storyboard.model.text import one_line
from storyboard.parsing import misread, schema
from storyboard.parsing.project_files import ImageFile
from storyboard.parsing.yaml import MAX_BYTES
from storyboard.system.files import disk_errors, replace, rewrite, scratch_dir

_Look = Callable[[bytes], misread.Advice | None]

_NAMES = ("storyboard.yaml", "storyboard.yml")
_ENDINGS = (".storyboard.yaml", ".storyboard.yml")


class Project:
    """The folder of a storyboard. Paths given to it are relative to that folder, with ``/`` between names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def text(self, path: PurePosixPath) -> bytes:
        """Return a YAML file's bytes. Raise InputError: not there, no regular file, outside, larger than 1 MiB."""
        return self._read(path, MAX_BYTES, "1 MiB", misread.binary)

    def image(self, path: PurePosixPath) -> ImageFile:
        """Return an image's digest, size and type. Raise InputError as ``bytes_of`` does, or if it is no image."""
        from storyboard.media import images

        content = self.bytes_of(path)
        try:
            picture = images.look(content)
        except InputError as error:
            raise InputError(f"'{one_line(str(path))}' {error.message}", error.hint) from None
        digest = hashlib.sha256(content).hexdigest()
        return ImageFile(digest, len(content), picture.width, picture.height, picture.kind)

    def clip(self, path: PurePosixPath) -> Measure:
        """Return the measurements of a local clip. Raise InputError (not there, outside) or BadMedia."""
        from storyboard.media import probe

        return probe.measure(self._media(path))

    def sound(self, path: PurePosixPath) -> Fraction:
        """Return the duration of a sound file in seconds. Raise InputError (not there, outside) or BadMedia."""
        from storyboard.media import probe

        return probe.sound(self._media(path))

    def effects(self) -> tuple[str, ...]:
        """The names of the effects that are installed."""
        from storyboard.film.effects import installed_effects

        return installed_effects()

    def write_schema(self) -> None:
        """Write the schema where the editor line of ``init`` looks for it: git does not carry it. Raise LocalFault."""
        replace(scratch_dir(self.folder) / "storyboard.schema.json", schema.text().encode())

    def rewrite(self, path: PurePosixPath, before: bytes, after: bytes) -> None:
        """Replace the content of a file of the project; where a link leads to it, the link stays.

        Raise InputError where its content is not ``before`` any more, and as ``file`` does; LocalFault.
        """
        rewrite(self.file(path), before, after)

    def bytes_of(self, path: PurePosixPath) -> bytes:
        """Return the bytes of an image. Raise InputError: not there, outside, larger than 20 MB."""
        from storyboard.media.images import MAX_BYTES

        return self._read(path, MAX_BYTES, "20 MB")

    def file(self, path: PurePosixPath) -> Path:
        """Return the real path of a regular file of the project. Raise InputError: not there, no file, outside."""
        real = self._inside(path)
        try:
            if real.is_file():
                return real
            there, folder = real.exists(), real.is_dir()
        except OSError as error:  # a name that is too long for the disk, among others
            raise InputError(f"'{one_line(str(path), 100)}' cannot be a file: {error.strerror}") from None
        if not there:
            raise self._absent(path)
        raise InputError(f"'{one_line(str(path))}' is {'a folder' if folder else 'no regular file'}")

    def _media(self, path: PurePosixPath) -> Path:
        """``file``, unless git has a pointer in its place: that is an InputError too."""
        real = self.file(path)
        with disk_errors(real), real.open("rb") as file:
            _look_at(path, file.read(64), misread.pointer)
        return real

    def _inside(self, path: PurePosixPath) -> Path:
        try:
            real = (self.folder / path).resolve()
        except (OSError, RuntimeError, ValueError):
            raise InputError(f"'{one_line(str(path))}' cannot be a file") from None
        if not real.is_relative_to(self.folder):
            raise InputError(
                f"'{one_line(str(path))}' is outside the project folder", "name a file in the project folder"
            )
        return real

    def _read(self, path: PurePosixPath, most: int, spoken: str, wrong: _Look = misread.pointer) -> bytes:
        """The bytes of a file, at most ``most``. ``wrong`` says of the first bytes of a larger file why it is none."""
        real = self.file(path)
        try:
            # Links are not followed and pipes not waited for: the path may have been replaced since it was checked.
            handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise InputError(f"'{one_line(str(path))}' is no regular file")
                content = file.read(most + 1)
        except OSError as error:
            raise InputError(f"'{one_line(str(path))}' cannot be read: {error.strerror}") from None
        _look_at(path, content[:512], misread.pointer)
        if len(content) > most:
            _look_at(path, content[:512], wrong)
            raise InputError(f"'{one_line(str(path))}' is larger than {spoken}")
        return content

    def _absent(self, path: PurePosixPath) -> InputError:
        near = did_you_mean(path.name, _beside((self.folder / path).parent))
        return InputError(f"there is no file '{one_line(str(path))}'", near)


def _look_at(path: PurePosixPath, head: bytes, look: _Look) -> None:
    """Raise InputError for a file whose first bytes are those of something else."""
    if found := look(head):
        message, hint = found
        raise InputError(f"'{one_line(str(path))}': {message}", hint)


def locate(argument: str | None, cwd: Path) -> Path:
    """Return the storyboard that a command means: ``argument``, or the only one in ``cwd``.

    Raise InputError naming what was found.
    """
    if argument is not None:
        return _named(argument, cwd)
    found = [name for name in _beside(cwd) if name.endswith(_ENDINGS) or name in _NAMES]
    if len(found) == 1:
        return _speakable(cwd / found[0])
    if found:
        raise InputError("there is more than one storyboard here", f"name one: {', '.join(map(one_line, found[:20]))}")
    others = [name for name in _beside(cwd) if name.endswith((".yaml", ".yml")) and ".lock." not in name]
    hint = f"name its file: {', '.join(map(one_line, others[:20]))}" if others else "make one: storyboard init"
    raise InputError("there is no storyboard.yaml here, and no *.storyboard.yaml", hint)


def _named(argument: str, cwd: Path) -> Path:
    path = cwd / argument
    if "\0" in argument or not os.path.exists(path):
        raise InputError(f"there is no file '{one_line(argument)}'", did_you_mean(path.name, _beside(path.parent)))
    if path.is_dir():
        raise InputError(f"'{one_line(argument)}' is a folder", "name the storyboard in it")
    return _speakable(path)


def _speakable(path: Path) -> Path:
    """``path`` itself. Raise InputError if it is not UTF-8: the ledger and the lock could not name it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(f"the path {str(path)!r:.200} is not UTF-8", "rename that folder or file") from None
    return path


def _beside(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (OSError, ValueError):
        return []
