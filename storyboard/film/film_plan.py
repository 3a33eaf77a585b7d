"""The plan of a film: which samples are copied from clips, and which few are rendered.

A film is two rows of pieces without gaps (film/pieces.py). The row of pictures counts frames of the film, the row of
sound blocks of 1,024 samples. film/splice.py carries the plan out.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from storyboard.film.audio.mix_plan import NOT_MEASURED, Loudness
from storyboard.film.picture_plan import picture_pieces
from storyboard.film.pieces import CopiedPiece, FilmPlan, Piece, RenderedPiece, merge_pieces
from storyboard.film.sound_plan import common_audio_format, sound_pieces
from storyboard.media.bt709 import Colour, Tags
from storyboard.model.frame_rate import rate_text
from storyboard.mp4.samples import ClipIndex, ParameterSets, PictureFormat, VideoTrack
from storyboard.timeline.model import Clip, Timeline

# How many kinds of foreign parameter sets one film holds; their numbers are 1 to 15, picture sets' 15 to 29.
FOREIGN = 15
# The numbers that our own encoder gives to its sets (film/segment.py): to those of excerpts, and to all others.
EXCERPTS, OURS = 30, 31

# Primaries, transfer and matrix of what is rendered, and that it has not the full range: BT.709 (film/segment.py).
RENDERED_COLOUR = (1, 1, 1, False)

_BT709, _UNSPECIFIED, _HD = 1, 2, 720


def plan_film(
    cut: Timeline, indexes: Mapping[str, ClipIndex], measured: Mapping[Clip, Loudness] = NOT_MEASURED
) -> FilmPlan | str:
    """Plan the film; or return, in words, why nothing of it can be copied. ``indexes`` are by digest.

    ``measured`` is the loudness of clips, needed if the film has a loudness, or music is ducked.
    """
    found = {clip: _copyable(clip, cut, indexes[clip.digest]) for clip in cut.clips}
    usable = [frames for frames in found.values() if isinstance(frames, VideoTrack) and _leads(frames.sets)]
    if not usable:
        why = next((why for why in found.values() if isinstance(why, str)), "their parameter sets have unusual numbers")
        return f"no clip can be copied: {why}"
    leader = _most(usable)
    numbers = _numbered(leader, [frames for frames in found.values() if isinstance(frames, VideoTrack)])
    alike = {
        clip: frames
        for clip, frames in found.items()
        if isinstance(frames, VideoTrack) and frames.sets in numbers and _alike(frames.look, leader.look)
    }
    pictures = picture_pieces(cut, alike, numbers)
    if any(isinstance(piece, RenderedPiece) for piece in pictures) and not _bt709(leader.look):
        why = next((why for why in found.values() if isinstance(why, str)), "some frames must be encoded")
        return f"{why}; and the other clips are not in BT.709, which encoded frames have"
    if all(isinstance(piece, RenderedPiece) for piece in pictures):
        return _spliced(cut, indexes, pictures, _rendered_format(cut), (), measured)
    used = max(piece.sets for piece in pictures if isinstance(piece, CopiedPiece))
    sets = tuple(sorted(numbers, key=numbers.__getitem__))[: used + 1]
    look = replace(leader.look, colour=RENDERED_COLOUR) if _bt709(leader.look) else leader.look
    return _spliced(cut, indexes, pictures, look, sets, measured)


def plan_reencoded_film(
    cut: Timeline, indexes: Mapping[str, ClipIndex], measured: Mapping[Clip, Loudness] = NOT_MEASURED
) -> FilmPlan:
    """Plan the film with every frame rendered."""
    return _spliced(cut, indexes, picture_pieces(cut, {}, {}), _rendered_format(cut), (), measured)


def _rendered_format(cut: Timeline) -> PictureFormat:
    return PictureFormat(cut.width, cut.height, RENDERED_COLOUR)


def readable(clip: Clip, cut: Timeline, index: ClipIndex) -> VideoTrack | None:
    """Return the clip's frames if they need no scaling or conversion for the film, else None."""
    frames = _frames(clip, cut, index)
    return frames if isinstance(frames, VideoTrack) and _bt709(frames.look) else None


def _frames(clip: Clip, cut: Timeline, index: ClipIndex) -> VideoTrack | str:
    """The clip's frames if they can be copied into this film, else why they cannot."""
    frames, scene = index.frames, f"scene {clip.scene}"
    if isinstance(frames, str):
        return f"{scene}: {frames}"
    if (frames.look.width, frames.look.height) != (cut.width, cut.height):
        size = f"{frames.look.width}x{frames.look.height}"
        return f"{scene}: it is {size}, and the film is {cut.width}x{cut.height}"
    if frames.fps != cut.fps:
        return f"{scene}: it has {rate_text(frames.fps)} frames a second, and the film has {rate_text(cut.fps)}"
    first = clip.start * cut.fps
    if first.denominator != 1 or first + clip.frames > len(frames.shown):
        return f"{scene}: its last frame must be repeated"
    return frames


def _copyable(clip: Clip, cut: Timeline, index: ClipIndex) -> VideoTrack | str:
    """The clip's frames, or why they cannot be copied: also where a film cannot keep their colours."""
    frames = _frames(clip, cut, index)
    if isinstance(frames, str):
        return frames
    look = frames.look
    name = Colour.of(Tags(*look.colour), min(look.width, look.height)).foreign
    return f"scene {clip.scene}: its colours are those of {name}, and the film has BT.709" if name else frames


def _leads(sets: ParameterSets) -> bool:
    return sets.ids[0] == (0,) and max(sets.ids[1]) < FOREIGN


def _most(usable: list[VideoTrack]) -> VideoTrack:
    """The first of the clips that share picture format and parameter sets with the most others."""
    counts = Counter((frames.look, frames.sets) for frames in usable)
    best = counts.most_common(1)[0][0]
    return next(frames for frames in usable if (frames.look, frames.sets) == best)


def _numbered(leader: VideoTrack, found: list[VideoTrack]) -> dict[ParameterSets, int]:
    """A number for each kind of parameter sets that fits into one film with the leader's, which are number 0."""
    numbers = {leader.sets: 0}
    for frames in found:
        if frames.sets.ids == ((0,), (0,)) and len(numbers) <= FOREIGN and _alike(frames.look, leader.look):
            numbers.setdefault(frames.sets, len(numbers))
    return numbers


def _alike(one: PictureFormat, other: PictureFormat) -> bool:
    """Whether players show both alike: BT.709 by its tag, or assumed."""
    return one == other or (_bt709(one) and _bt709(other))


def _bt709(look: PictureFormat) -> bool:
    """Whether it is limited-range BT.709, by its tag or assumed: untagged pictures are, from 720 lines on."""
    *tags, full = look.colour
    untagged = min(look.width, look.height) >= _HD
    return not full and tags[2] in ((_BT709, _UNSPECIFIED) if untagged else (_BT709,)) and set(tags) <= {1, 2}


def _spliced(
    cut: Timeline,
    indexes: Mapping[str, ClipIndex],
    pictures: Sequence[Piece],
    look: PictureFormat,
    sets: tuple[ParameterSets, ...],
    measured: Mapping[Clip, Loudness],
) -> FilmPlan:
    form = common_audio_format(cut, indexes)
    sound = merge_pieces(sound_pieces(cut, indexes, form, measured))
    return FilmPlan(cut, tuple(pictures), tuple(sound), look, sets, form)
