"""The pieces of a film: copied from a clip, rendered, or silent. Values only.

    CopiedPiece(source, first, last)    frames or blocks [first, last) of a clip, as they are
    RenderedPiece(key, length, job)     so many frames or blocks, rendered as ``job`` says
    SilentPiece(length)                 blocks of silence

``job`` is a frozen value: a ``Clip`` means its frames in the film's shape, ``Composed`` frames with transitions or
titles on them, ``AudioExcerpt`` a clip's sound in the film's format, ``AudioMix`` a part where more than one clip's
sound is heard, or one at another level. ``key`` names all that decides a piece: what was rendered once is found again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from storyboard.film.audio.mix_plan import AudioMix
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4.samples import ParameterSets, PictureFormat
from storyboard.timeline.model import RENDER_VERSION, Clip, Overlay, Timeline


@dataclass(frozen=True, slots=True)
class CopiedPiece:
    """Frames, or blocks of sound, of the clip whose bytes are called ``source``: from ``first`` up to before ``last``.

    ``sets`` is 0 where frames decode with the leader's parameter sets; else their own sets get that number.
    """

    source: str
    first: int
    last: int
    sets: int = 0

    @property
    def length(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class AudioExcerpt:
    """``blocks`` of a clip's sound, from ``start`` seconds after its first frame on; silence where it has none.

    ``track`` is the number of the sound track, from 1; 0 for the main one.
    """

    scene: str
    digest: str
    start: Fraction
    blocks: int
    track: int = 0


@dataclass(frozen=True, slots=True)
class Composed:
    """``frames`` frames on which clips join, or words stand. Every ``at`` and ``first`` counts from the first of them.

    ``clips`` are the parts of clips that are seen. One that comes in has its joint whole, and one that begins behind
    the last frame is there for its lead; overlays may begin earlier and end later. ``matched`` has, for each of the
    clips that begins in the colours of another one, the last frame of that one as a clip.
    """

    clips: tuple[Clip, ...]
    overlays: tuple[Overlay, ...]
    frames: int
    matched: tuple[tuple[Clip, Clip], ...] = ()


@dataclass(frozen=True, slots=True)
class PictureExcerpt:
    """The frames of ``clip``, other frames of which are copied: encoded so that no difference to those is seen."""

    clip: Clip

    @property
    def scene(self) -> str:
        return self.clip.scene

    @property
    def digest(self) -> str:
        return self.clip.digest


Job = Clip | PictureExcerpt | Composed | AudioExcerpt | AudioMix


@dataclass(frozen=True, slots=True)
class RenderedPiece:
    """``length`` frames, or blocks of sound, rendered as ``job`` says. ``key`` (SHA-256, hex) names all of it."""

    key: str
    length: int
    job: Job


@dataclass(frozen=True, slots=True)
class SilentPiece:
    """``length`` blocks of silence."""

    length: int


Piece = CopiedPiece | RenderedPiece | SilentPiece


@dataclass(frozen=True, slots=True)
class FilmPlan:
    """A film as pieces: ``pictures`` fill the frames of ``cut``, ``sound`` the blocks that those frames take.

    ``look`` is that of all frames, ``sets`` the parameter sets of the film: the leader's, then the foreign ones, as
    their clips have them, in the order of their numbers; none where every frame is rendered. ``form`` is the sound's:
    hertz and channels.
    """

    cut: Timeline
    pictures: tuple[Piece, ...]
    sound: tuple[Piece, ...]
    look: PictureFormat
    sets: tuple[ParameterSets, ...]
    form: tuple[int, int]


def scenes_of(job: Job) -> tuple[str, ...]:
    """Return the scenes that a job renders."""
    return tuple(clip.scene for clip in job.clips) if isinstance(job, Composed) else (job.scene,)


def sources_of(piece: Piece) -> set[str]:
    """Return the digests of all clips and sounds that a piece needs."""
    match piece:
        case SilentPiece():
            return set()
        case CopiedPiece(source=source):
            return {source}
    match piece.job:
        case Composed(clips=clips, matched=matched):
            return {clip.digest for clip in (*clips, *(before for _, before in matched))}
        case AudioMix(strands=strands):
            return {strand.digest for strand in strands}
        case Clip() | PictureExcerpt() | AudioExcerpt() as one:
            return {one.digest}


def piece_key(*recipe: object) -> str:
    """Return the name (SHA-256, hex) of a piece that is rendered from ``recipe``."""
    return fingerprint(RENDER_VERSION, *recipe)


def merge_pieces(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Return the pieces without empty ones; neighbours that continue the same clip, or silence, are merged."""
    last: Piece | None = None
    for piece in pieces:
        if not piece.length:
            continue
        both = _merge(last, piece) if last else None
        if last and not both:
            yield last
        last = both or piece
    if last:
        yield last


def _merge(piece: Piece, other: Piece) -> Piece | None:
    if isinstance(piece, SilentPiece) and isinstance(other, SilentPiece):
        return SilentPiece(piece.length + other.length)
    if (
        isinstance(piece, CopiedPiece)
        and isinstance(other, CopiedPiece)
        and other == replace(piece, first=piece.last, last=other.last)
    ):
        return replace(piece, last=other.last)
    return None
