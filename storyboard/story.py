"""The author's words made whole: every default filled in, every unit parsed. Values only; nothing happens here."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Literal

Aspect = Literal["16:9", "9:16", "auto"]
Resolution = Literal["720p", "1080p"]
Fit = Literal["pad", "crop", "blur"]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the author's files something is written. ``line`` and ``column`` count from 1, in characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a storyboard, and what to do about it.

    ``path`` names the key ("scenes[2].model"); ``source`` is the line it stands on, as written; ``width`` is how
    many characters of it the caret underlines (at least 1).
    """

    place: Place
    path: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    source: str = ""
    width: int = 1

    def document(self) -> dict[str, object]:
        """The problem as JSON (schema problems.schema.json)."""
        place = {"file": self.place.file, "line": self.place.line, "column": self.place.column}
        said = {"path": self.path, "message": self.message, "hint": self.hint, "severity": self.severity}
        return {**place, **said}


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image of the project, checked: PNG, JPEG or WebP by content, at most 20 MB.

    ``path`` is relative to the project folder; ``digest`` is the SHA-256 of its bytes in hex; ``width`` and
    ``height`` are pixels; ``kind`` is the file type by content.
    """

    path: PurePosixPath
    digest: str
    bytes: int
    width: int
    height: int
    kind: Literal["png", "jpeg", "webp"]
    place: Place


@dataclass(frozen=True, slots=True)
class WebImage:
    """An image that already has an https address; the provider fetches it from there."""

    url: str
    place: Place


Image = LocalImage | WebImage


@dataclass(frozen=True, slots=True)
class Trim:
    """The part of a clip that is seen, in seconds of the clip. ``end`` is None for "to its end"."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Generated:
    """What a provider is to make: the prompt is rendered, the images are checked."""

    prompt: str
    model: str
    aspect: Aspect
    first_frame: Image | None
    last_frame: Image | None
    references: tuple[Image, ...]
    seed: int | None
    translate: bool
    watermark: str | None
    resolution: Resolution
    take: int = 1


@dataclass(frozen=True, slots=True)
class OwnClip:
    """A clip of the author's own; nothing is generated. ``path`` is relative to the project folder."""

    path: PurePosixPath
    place: Place


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene of the film. ``number`` is its position in the file, from 1, skipped scenes counted."""

    id: str
    number: int
    source: Generated | OwnClip
    trim: Trim
    place: Place
    note: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """How the film is delivered. ``size`` (width, height in pixels) and ``fps`` are None for "what most clips have"."""

    file: PurePosixPath
    size: tuple[int, int] | None
    fps: int | None
    fit: Fit


@dataclass(frozen=True, slots=True)
class Storyboard:
    """A whole storyboard that can be rendered.

    ``name`` is the file's stem ("keeper" for keeper.yaml and for keeper.storyboard.yaml); ``scenes`` are those of
    the film, in its order; ``skipped`` names the scenes left out; ``warnings`` are its problems that stop nothing.
    """

    name: str
    title: str
    scenes: tuple[Scene, ...]
    skipped: tuple[str, ...]
    output: Output
    warnings: tuple[Problem, ...] = ()
