"""Project files: the interface through which the parser reads the author's files. It has no other access to them."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Literal, Protocol

from storyboard.model.take import Measure


@dataclass(frozen=True, slots=True)
class ImageFile:
    """Facts about an image: SHA-256 (hex) of its bytes, size in ``bytes``, pixels as displayed, type by content."""

    digest: str
    bytes: int
    width: int
    height: int
    kind: Literal["png", "jpeg", "webp"]


class Files(Protocol):
    """Read access to the author's files. Paths are relative to the project folder, without ``..``.

    Each method raises InputError, or BadMedia for a clip or a sound. The message names the path and the fault; the
    parser adds the place where the path is written.
    """

    def text(self, path: PurePosixPath) -> bytes:
        """The bytes of a YAML file."""
        ...

    def image(self, path: PurePosixPath) -> ImageFile:
        """The digest, size and type of an image."""
        ...

    def clip(self, path: PurePosixPath) -> Measure:
        """The duration, size and tracks of a local clip."""
        ...

    def sound(self, path: PurePosixPath) -> Fraction:
        """The duration of a local sound file, in seconds."""
        ...

    def effects(self) -> tuple[str, ...]:
        """The names of the installed effects."""
        ...
