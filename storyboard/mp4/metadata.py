"""What a film's file says of itself: title, comment, chapters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chapter:
    """A scene by a name that can be read, and the film frame on which it comes in."""

    name: str
    first: int


@dataclass(frozen=True, slots=True)
class FilmMetadata:
    """What is written into a film. ``lock`` is the SHA-256 (hex) of the lock's bytes. "" is left out.

    ``tool`` is what made the film, with its version.
    """

    title: str = ""
    tool: str = ""
    lock: str = ""
    chapters: tuple[Chapter, ...] = ()

    @property
    def comment(self) -> str:
        """How the lock is named in the file."""
        return f"lock sha256:{self.lock}" if self.lock else ""
