"""Thumbnails and single frames of a film, kept in a folder: for contact sheets and posters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.model.fingerprint import fingerprint
from storyboard.model.storyboard import LocalImage, Still
from storyboard.system.files import disk_errors
from storyboard.system.files import replace as put
from storyboard.timeline.model import Clip, EffectClip, Timeline

if TYPE_CHECKING:
    from PIL.Image import Image

# Raise it whenever the same part of a clip gives another thumbnail.
_VERSION = 3

# Width and height in pixels that a thumbnail must fit.
Box = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FrameSources:
    """A film whose frames are wanted: its timeline, the file of each digest, the frame rate of each scene's clip.

    ``read_image`` gives the bytes of a local image.
    """

    timeline: Timeline
    paths: Mapping[str, Path]
    rates: Mapping[str, Fraction]
    read_image: Callable[[LocalImage], bytes]

    def frame(self, clip: Clip, seconds: Fraction) -> int:
        """Return the number of the frame of a clip's file that is seen at ``seconds``, counted from 0."""
        return round(seconds * self.rates[clip.scene])


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """The thumbnails of a film; those that were made before are kept in ``folder``."""

    sources: FrameSources
    folder: Path
    _kept: set[str] = field(default_factory=set)

    def of(self, clip: Clip, box: Box) -> "Image":
        """Return a picture of a clip that fits ``box``. Raise LocalFault, BadMedia, InputError."""
        path = self.folder / f"{fingerprint(_VERSION, clip.digest, clip.start, clip.end, box)[:32]}.png"
        self._kept.add(path.name)
        if kept := _read(path, box):
            return kept
        made = _thumbnail(self.sources, clip, box)
        put(path, encode_image(made, "PNG"))
        return made

    def prune(self) -> None:
        """Remove the thumbnails of clips that are no longer in the film. Raise LocalFault."""
        with disk_errors(self.folder):
            for path in self.folder.glob("*.png"):
                if path.name not in self._kept:
                    path.unlink()


def make_thumbnails(sources: FrameSources, folder: Path) -> None:
    """Make the thumbnails that the contact sheet will need of the scenes in ``rates``. Raise LocalFault, BadMedia."""
    from storyboard.graphics import contact_sheet

    timeline, thumbnails = sources.timeline, Thumbnails(sources, folder)
    box = contact_sheet.box(len(timeline.clips), (timeline.width, timeline.height))
    for clip in timeline.clips:
        if clip.scene in sources.rates:
            thumbnails.of(clip, box)


def single_frame(sources: FrameSources, clip: Clip) -> "Image":
    """Return the first frame of a clip after its transition, in the film's size. Raise LocalFault, BadMedia."""
    from PIL import ImageOps

    from storyboard.media import frames

    timeline = sources.timeline
    joint = Fraction(clip.joint.frames if clip.joint else 0, timeline.fps)
    clip = _without_effect(clip)
    if isinstance(clip.drawn, Still):
        return _still(sources, clip.drawn)
    last = sources.frame(clip, clip.end) - 1
    picture = frames.frame(sources.paths[clip.digest], min(sources.frame(clip, clip.start + joint), last))
    size = (timeline.width, timeline.height)
    return ImageOps.fit(picture, size) if timeline.fit == "crop" else ImageOps.pad(picture, size)


def encode_image(picture: "Image", kind: str) -> bytes:
    """Return a picture as the bytes of a file; ``kind`` is "PNG" or "JPEG"."""
    content = BytesIO()
    picture.save(content, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return content.getvalue()


def _thumbnail(sources: FrameSources, clip: Clip, box: Box) -> "Image":
    from PIL import ImageOps

    from storyboard.media import frames

    clip = _without_effect(clip)
    if isinstance(clip.drawn, Still):
        return ImageOps.contain(_still(sources, clip.drawn), box)
    first, last = (sources.frame(clip, seconds) for seconds in (clip.start, clip.end))
    return frames.thumbnail(sources.paths[clip.digest], first, last, box)


def _read(path: Path, box: Box) -> "Image | None":
    """A thumbnail that was made before. The folder may have come with a project: links and other files are ignored."""
    from PIL import Image

    if path.is_symlink() or not path.is_file():
        return None
    try:
        with Image.open(path, formats=("PNG",)) as kept:
            return kept.convert("RGB") if kept.width <= box[0] and kept.height <= box[1] else None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _without_effect(clip: Clip) -> Clip:
    """The clip without its effect: a sheet must not wait until the effect is rendered."""
    return clip.drawn.clip if isinstance(clip.drawn, EffectClip) else clip


def _still(sources: FrameSources, still: Still) -> "Image":
    """A still as the film shows it before the camera moves. Raise InputError, BadMedia."""
    from PIL import Image

    from storyboard.graphics import stills

    timeline = sources.timeline
    content = sources.read_image(still.image) if still.image else b""
    resting, size = replace(still, move="none"), (timeline.width, timeline.height)
    return Image.fromarray(next(stills.pictures(resting, content, size, Fraction(1), 1, timeline.fit)))
