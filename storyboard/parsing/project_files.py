"""The door to the author's files that reading is handed. Reading itself touches nothing."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Literal, Protocol

from storyboard.model.take import Measure


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What an image is: the SHA-256 of its bytes in hex, its size in ``bytes``, pixels as shown, type by content."""

    digest: str
    bytes: int
    width: int
    height: int
    kind: Literal["png", "jpeg", "webp"]


class Files(Protocol):
    """Paths are relative to the project folder, and have no ``..`` in them.

    Each method raises an error (InputError, or BadMedia for a clip or a sound) whose message names the path and says
    what is wrong with it; reading gives it the place where the path is written.
    """

    def text(self, path: PurePosixPath) -> bytes:
        """The bytes of a YAML file."""
        ...

    def image(self, path: PurePosixPath) -> ClipFacts:
        """What an image is and what is in it."""
        ...

    def clip(self, path: PurePosixPath) -> Measure:
        """What a clip of the author's own is."""
        ...

    def sound(self, path: PurePosixPath) -> Fraction:
        """How many seconds a sound file of the author's own has."""
        ...

    def effects(self) -> tuple[str, ...]:
        """The names of the effects that are installed."""
        ...
