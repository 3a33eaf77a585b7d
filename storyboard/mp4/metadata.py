"""Metadata of a film's file: title, comment, chapters."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chapter:
    """A scene by its readable name, and the film frame on which it begins."""

    name: str
    first: int


@dataclass(frozen=True, slots=True)
class FilmMetadata:
    """The metadata of a film. ``lock`` is the SHA-256 (hex) of the lock file; ``tool`` is our name and version.

    ``kind`` says what its takes are (``model.realm_kind``): it stands in the provenance note of the film.

    "" is left out. Films are passed on, so metadata never has a prompt, a path, a date or a person's name. Equal films
    have equal metadata.
    """

    title: str = ""
    tool: str = ""
    lock: str = ""
    chapters: tuple[Chapter, ...] = ()
    kind: str = ""

    @property
    def comment(self) -> str:
        """The comment that names the lock file's digest."""
        return f"lock sha256:{self.lock}" if self.lock else ""
