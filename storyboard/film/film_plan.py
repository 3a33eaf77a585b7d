"""The splice: which samples of a film are copied from the clips as they are, and which few are made anew.

A film is two rows of pieces without gaps. The row of pictures counts frames of the film, the row of sound counts blocks
of 1,024 samples. In both a piece is one of these:

    Copied(source, first, last)   frames or blocks [first, last) of a clip, as they are
    Rendered(key, length, how)    so many frames or blocks, which media/splice.py makes as ``how`` says
    Silent(length)                blocks of silence

``how`` is a frozen value: a ``Clip`` is its frames brought to the film's shape, a ``Composed`` frames on which clips
join or words stand, an ``Excerpt`` a clip's sound brought to the film's format, a ``Mix`` what is heard where that is
more than one clip's sound as it is. Anything else that has to be rendered is one more kind of ``how``, with one more
function there that makes it. ``copyable`` says which frames of a part of a clip can be copied; what is left before and
behind them is rendered. ``key`` names all that decides a piece: what was made once is found again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from storyboard.film.audio.mix_plan import NOT_MEASURED, AudioMix, Loudness, changed_spans, part_of_mix, plan_mix
from storyboard.model.fingerprint import fingerprint
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, ParameterSets, PictureFormat, VideoTrack, audio_offset
from storyboard.timeline.model import RENDER_VERSION, Clip, Overlay, Timeline

# The sound of a film none of whose clips has any that can be copied: hertz and channels.
USUAL_SOUND = (48_000, 2)

# How many kinds of foreign parameter sets one film holds; their numbers are 1 to 16, picture sets' 15 to 30.
FOREIGN = 16
# The number that our own encoder gives to its sets (media/segment.py).
OURS = 31

# Fewer blocks than this between two mixed parts are mixed along with them.
_WORTH = 16

# Primaries, transfer and matrix of what is rendered, and that it has not the full range: BT.709 (media/segment.py).
RENDERED_COLOUR = (1, 1, 1, False)

# Seconds of frames that are made together although they could be parted: a key frame costs as much as ten others.
LONG = 2

_BT709, _UNSPECIFIED, _HD = 1, 2, 720


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
    """``blocks`` of a clip's sound, from ``start`` seconds after its first frame on; silence where it has none."""

    scene: str
    digest: str
    start: Fraction
    blocks: int


@dataclass(frozen=True, slots=True)
class Composed:
    """``frames`` frames on which clips join, or words stand. Every ``at`` and ``first`` counts from the first of them.

    ``clips`` are the parts of clips that are seen. One that comes in has its joint whole, and one that begins behind
    the last frame is there for its lead; overlays may begin earlier and end later.
    """

    clips: tuple[Clip, ...]
    overlays: tuple[Overlay, ...]
    frames: int


Job = Clip | Composed | AudioExcerpt | AudioMix


@dataclass(frozen=True, slots=True)
class RenderedPiece:
    """``length`` frames, or blocks of sound, made as ``how`` says. ``key`` (SHA-256, hex) names all of it."""

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


def plan_film(
    cut: Timeline, indexes: Mapping[str, ClipIndex], measured: Mapping[Clip, Loudness] = NOT_MEASURED
) -> FilmPlan | str:
    """Lay out the film; or say, in words, why nothing of it can be copied. ``indexes`` are by digest.

    ``measured`` says how loud clips are, which decides something where the film has a loudness, or music gives way.
    """
    found = {clip: _frames(clip, cut, indexes[clip.digest]) for clip in cut.clips}
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
    pictures = _pictures(cut, alike, numbers)
    if any(isinstance(piece, RenderedPiece) for piece in pictures) and not _bt709(leader.look):
        return "some clips must be rendered, and the others have colours that are not rendered here"
    if all(isinstance(piece, RenderedPiece) for piece in pictures):
        return plan_reencoded_film(cut, indexes, measured)
    used = max(piece.sets for piece in pictures if isinstance(piece, CopiedPiece))
    sets = tuple(sorted(numbers, key=numbers.__getitem__))[: used + 1]
    look = replace(leader.look, colour=RENDERED_COLOUR) if _bt709(leader.look) else leader.look
    return _spliced(cut, indexes, pictures, look, sets, measured)


def plan_reencoded_film(
    cut: Timeline, indexes: Mapping[str, ClipIndex], measured: Mapping[Clip, Loudness] = NOT_MEASURED
) -> FilmPlan:
    """Lay out the film without copying a frame."""
    return _spliced(
        cut, indexes, _pictures(cut, {}, {}), PictureFormat(cut.width, cut.height, RENDERED_COLOUR), (), measured
    )


def readable(clip: Clip, cut: Timeline, index: ClipIndex) -> VideoTrack | None:
    """The clip's frames where they are, once decoded, frames of the film; None where they must be brought to it."""
    frames = _frames(clip, cut, index)
    return frames if isinstance(frames, VideoTrack) and _bt709(frames.look) else None


def scenes_of(how: Job) -> tuple[str, ...]:
    """The scenes that something is made of."""
    return tuple(clip.scene for clip in how.clips) if isinstance(how, Composed) else (how.scene,)


def sources_of(piece: Piece) -> set[str]:
    """The digests of all clips and sounds that a piece is made of."""
    match piece:
        case SilentPiece():
            return set()
        case CopiedPiece(source=source):
            return {source}
    match piece.job:
        case Composed(clips=clips):
            return {clip.digest for clip in clips}
        case AudioMix(strands=strands):
            return {strand.digest for strand in strands}
        case Clip() | AudioExcerpt() as one:
            return {one.digest}


def copyable(frames: VideoTrack, first: int, last: int) -> tuple[int, int]:
    """Which of the frames [first, last) can be copied: from where decoding can begin to where nothing later is needed.

    An empty part where none can. What lies before it and behind it has to be rendered.
    """
    begin = next((start for start in frames.starts if start >= first), last)
    if begin >= last or last == len(frames.shown):
        return min(begin, last), last
    highest = list(accumulate(frames.shown[begin:last], max))
    return begin, max((at + 1 for at, most in enumerate(highest, begin) if most == at), default=begin)


def blocks(frame: int, cut: Timeline, hertz: int) -> int:
    """The block of sound that begins nearest to a frame; behind the last frame, that which is not begun any more."""
    exact = Fraction(frame * hertz, cut.fps * BLOCK)
    return -int(-exact // 1) if frame == cut.frames else round(exact)


def _frames(clip: Clip, cut: Timeline, index: ClipIndex) -> VideoTrack | str:
    """The clip's frames where they can be copied into this film, else why they cannot."""
    frames, scene = index.frames, f"scene {clip.scene}"
    if isinstance(frames, str):
        return f"{scene}: {frames}"
    if (frames.look.width, frames.look.height) != (cut.width, cut.height):
        size = f"{frames.look.width}x{frames.look.height}"
        return f"{scene}: it is {size}, and the film is {cut.width}x{cut.height}"
    if frames.fps != cut.fps:
        return f"{scene}: it has {float(frames.fps):.6g} frames a second, and the film has {cut.fps}"
    first = clip.start * cut.fps
    if first.denominator != 1 or first + clip.frames > len(frames.shown):
        return f"{scene}: a frame of it has to be held"
    return frames


def _leads(sets: ParameterSets) -> bool:
    return sets.ids[0] == (0,) and max(sets.ids[1]) < FOREIGN - 1


def _most(usable: list[VideoTrack]) -> VideoTrack:
    """The first of those that share look and parameter sets with the most others."""
    counts = Counter((frames.look, frames.sets) for frames in usable)
    best = counts.most_common(1)[0][0]
    return next(frames for frames in usable if (frames.look, frames.sets) == best)


def _numbered(leader: VideoTrack, found: list[VideoTrack]) -> dict[ParameterSets, int]:
    """A number for each kind of parameter sets that can be brought into one film with the leader's, which have 0."""
    numbers = {leader.sets: 0}
    for frames in found:
        if frames.sets.ids == ((0,), (0,)) and len(numbers) <= FOREIGN and _alike(frames.look, leader.look):
            numbers.setdefault(frames.sets, len(numbers))
    return numbers


def _alike(one: PictureFormat, other: PictureFormat) -> bool:
    """Whether players show both alike: what is tagged as BT.709 and what is taken for it are the same."""
    return one == other or (_bt709(one) and _bt709(other))


def _bt709(look: PictureFormat) -> bool:
    """Whether it is, or is taken for, BT.709 in the range of television: untagged pictures are, from HD on."""
    *tags, full = look.colour
    untagged = min(look.width, look.height) >= _HD
    return not full and tags[2] in ((_BT709, _UNSPECIFIED) if untagged else (_BT709,)) and set(tags) <= {1, 2}


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Film frames [first, last) that are not copied. ``touched`` is whether a joint or words are on all of them."""

    first: int
    last: int
    touched: bool
    joint: bool = False

    def alone(self, cut: Timeline) -> bool:
        """Whether it is a piece by itself: long enough to pay for a beginning of its own. A joint never is cut."""
        return not self.joint and self.last - self.first >= LONG * cut.fps


def _pictures(cut: Timeline, copied: Mapping[Clip, VideoTrack], numbers: Mapping[ParameterSets, int]) -> list[Piece]:
    """The row of pictures: clips in ``copied`` are copied where nothing touches them, and the rest is rendered."""
    pieces: list[Piece] = []
    run: list[_Stretch] = []
    for one in (one for clip, after in _neighbours(cut) for one in _stretches(clip, after, cut, copied, numbers)):
        if isinstance(one, CopiedPiece) or one.alone(cut):
            pieces += _made(run, cut)
            run = []
            pieces += [one] if isinstance(one, CopiedPiece) else _made([one], cut)
        else:
            run.append(one)
    return list(_merged([*pieces, *_made(run, cut)]))


def _neighbours(cut: Timeline) -> Iterator[tuple[Clip, int]]:
    """Each clip, and the film frame from which on it is not seen alone any more."""
    ends = [*(clip.at - (clip.lead_in.frames if clip.lead_in else 0) for clip in cut.clips[1:]), cut.frames]
    return zip(cut.clips, ends, strict=True)


def _stretches(
    clip: Clip, after: int, cut: Timeline, copied: Mapping[Clip, VideoTrack], numbers: Mapping[ParameterSets, int]
) -> Iterator[_Stretch | CopiedPiece]:
    """The clip's frames up to before film frame ``after``, in their order."""
    first = clip.at + (clip.joint.frames if clip.joint else 0)
    if first > clip.at:
        yield _Stretch(clip.at, first, True, joint=True)
    if clip.lead_in:
        yield _Stretch(clip.at - clip.lead_in.frames, clip.at, True, joint=True)
    for one, other, touched in _divided(first, after, cut.overlays):
        frames = copied.get(clip)
        move = int(clip.start * cut.fps) - clip.at
        begin, end = copyable(frames, one + move, other + move) if frames and not touched else (0, 0)
        if frames is None or begin >= end:
            yield _Stretch(one, other, touched)
            continue
        if one + move < begin:
            yield _Stretch(one, begin - move, False)
        yield CopiedPiece(clip.digest, begin, end, numbers[frames.sets])
        if end < other + move:
            yield _Stretch(end - move, other, False)


def _divided(first: int, last: int, overlays: Iterable[Overlay]) -> Iterator[tuple[int, int, bool]]:
    """[first, last) divided into the parts on which there are words and those on which there are none."""
    at = first
    for overlay in overlays:
        begin, end = max(overlay.first, at), min(overlay.first + overlay.frames, last)
        if begin >= end:
            continue
        if at < begin:
            yield at, begin, False
        yield begin, end, True
        at = end
    if at < last:
        yield at, last, False


def _made(run: Sequence[_Stretch], cut: Timeline) -> Iterator[RenderedPiece]:
    """What is rendered on stretches that follow each other: one piece, or, where nothing touches them, one a clip."""
    if any(one.touched for one in run):
        yield _composed(run[0].first, run[-1].last, cut)
        return
    for one in run:
        clip = next(clip for clip in cut.clips if clip.at <= one.first < clip.until)
        yield _rendered(_part(clip, one.first, one.last, cut), cut)


def _composed(first: int, last: int, cut: Timeline) -> RenderedPiece:
    parts = [
        _part(clip, max(clip.at, first), min(clip.until, last), cut)
        for clip in cut.clips
        if clip.at < last and clip.until > first
    ]
    standing = [clip for clip in cut.clips if clip.at == last and clip.lead_in]
    parts += [_part(clip, last, last + 1, cut) for clip in standing]
    words = [each for each in cut.overlays if each.first < last and each.first + each.frames > first]
    clips = tuple(replace(part, at=part.at - first) for part in parts)
    overlays = tuple(replace(each, first=each.first - first) for each in words)
    recipe = [(part.digest, str(part.start), part.at, part.frames, part.joint, part.lead_in) for part in clips]
    return RenderedPiece(
        _key("composed", recipe, overlays, last - first, _shape(cut)),
        last - first,
        Composed(clips, overlays, last - first),
    )


def _part(clip: Clip, first: int, last: int, cut: Timeline) -> Clip:
    """The part of a clip on film frames [first, last). What begins later than the clip does not come in."""
    start = clip.start + Fraction(first - clip.at, cut.fps)
    end = start + Fraction(last - first, cut.fps)
    joint, lead = (clip.joint, clip.lead_in) if first == clip.at else (None, None)
    return replace(clip, at=first, frames=last - first, start=start, end=end, joint=joint, lead_in=lead)


def _rendered(clip: Clip, cut: Timeline) -> RenderedPiece:
    return RenderedPiece(_key("clip", clip.digest, str(clip.start), clip.frames, _shape(cut)), clip.frames, clip)


def _shape(cut: Timeline) -> tuple[object, ...]:
    return cut.width, cut.height, cut.fps, cut.fit


def _spliced(
    cut: Timeline,
    indexes: Mapping[str, ClipIndex],
    pictures: Sequence[Piece],
    look: PictureFormat,
    sets: tuple[ParameterSets, ...],
    measured: Mapping[Clip, Loudness],
) -> FilmPlan:
    form = _form(cut, indexes)
    sound = _merged(_sounds(cut, indexes, form, measured))
    return FilmPlan(cut, tuple(pictures), tuple(sound), look, sets, form)


def _key(*recipe: object) -> str:
    return fingerprint(RENDER_VERSION, *recipe)


def _form(cut: Timeline, indexes: Mapping[str, ClipIndex]) -> tuple[int, int]:
    sounds = (indexes[clip.digest].sound for clip in cut.clips)
    forms = Counter(sound.audio_format for sound in sounds if isinstance(sound, AudioTrack))
    return forms.most_common(1)[0][0] if forms else USUAL_SOUND


def _sounds(
    cut: Timeline, indexes: Mapping[str, ClipIndex], form: tuple[int, int], measured: Mapping[Clip, Loudness]
) -> Iterator[Piece]:
    """The row of sound: each clip's own as it is, but for what has to be mixed, whole blocks around each part of it."""
    found = {clip: _begins(clip, cut, indexes[clip.digest], form) for clip in cut.clips}
    begins = {clip: begin for clip, begin in found.items() if begin is not None}
    whole = plan_mix(cut, form, lambda frame: blocks(frame, cut, form[0]) * BLOCK, begins, measured)
    at, last = 0, blocks(cut.frames, cut, form[0])
    for first, until in _in_blocks(changed_spans(whole, _WORTH * BLOCK), last):
        yield from _own(cut, indexes, form, at, first)
        mixed = part_of_mix(whole, first * BLOCK, until * BLOCK)
        yield RenderedPiece(_key("mix", mixed.recipe), until - first, mixed)
        at = until
    yield from _own(cut, indexes, form, at, last)


def _in_blocks(spans: Iterable[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    """Spans of samples as whole blocks around them."""
    return [(one // BLOCK, min(last, -(-other // BLOCK))) for one, other in spans]


def _own(
    cut: Timeline, indexes: Mapping[str, ClipIndex], form: tuple[int, int], first: int, last: int
) -> Iterator[Piece]:
    """The clips' own sound in blocks [first, last)."""
    for clip in cut.clips:
        until = min(last, blocks(clip.until, cut, form[0]))
        if first < until:
            yield from _sound(clip, cut, indexes[clip.digest], form, first, until)
            first = until


def _sound(
    clip: Clip, cut: Timeline, index: ClipIndex, form: tuple[int, int], first: int, last: int
) -> Iterator[Piece]:
    """Blocks [first, last) of the film, while the clip is seen, each from where it is nearest to the picture.

    Whole blocks only can be copied, so the sound may lie up to half a block (11 ms) beside the picture; never more,
    because each clip is laid by itself, and not at all where frames and blocks meet: 8 s of 24 frames and 48 kHz do.
    """
    due = last - first
    begin = _begins(clip, cut, index, form)
    if begin is None or clip.level.mute:
        yield SilentPiece(due)
        return
    begin += Fraction((first - blocks(clip.at, cut, form[0])) * BLOCK, form[0])
    sound = _copyable(index, form)
    if sound is None:
        key = _key("sound", clip.digest, str(begin), due, form)
        yield RenderedPiece(key, due, AudioExcerpt(clip.scene, clip.digest, begin, due))
        return
    assert isinstance(index.frames, VideoTrack)
    start = int((begin + audio_offset(index.frames, sound)) * form[0]) // BLOCK
    one = min(max(start, sound.priming // BLOCK), start + due)
    other = max(one, min(start + due, len(sound.stored.sizes)))
    yield SilentPiece(one - start)
    yield CopiedPiece(clip.digest, one, other)
    yield SilentPiece(start + due - other)


def _begins(clip: Clip, cut: Timeline, index: ClipIndex, form: tuple[int, int]) -> Fraction | None:
    """Which second of the clip is heard when the first block comes that is due while it is seen; None of no sound.

    Where the sound can be copied that is where a block of it begins.
    """
    if index.sound is None:
        return None
    late = Fraction(blocks(clip.at, cut, form[0]) * BLOCK, form[0]) - Fraction(clip.at, cut.fps)
    sound = _copyable(index, form)
    if sound is None:
        return clip.start + late
    assert isinstance(index.frames, VideoTrack)
    before = audio_offset(index.frames, sound)
    return Fraction(round((clip.start + late + before) * form[0] / BLOCK) * BLOCK, form[0]) - before


def _copyable(index: ClipIndex, form: tuple[int, int]) -> AudioTrack | None:
    sound = index.sound
    return (
        sound
        if isinstance(sound, AudioTrack) and isinstance(index.frames, VideoTrack) and sound.audio_format == form
        else None
    )


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Without empty pieces; neighbours that go on in the same clip, or in silence, are one."""
    last: Piece | None = None
    for piece in pieces:
        if not piece.length:
            continue
        both = _one(last, piece) if last else None
        if last and not both:
            yield last
        last = both or piece
    if last:
        yield last


def _one(piece: Piece, other: Piece) -> Piece | None:
    if isinstance(piece, SilentPiece) and isinstance(other, SilentPiece):
        return SilentPiece(piece.length + other.length)
    if (
        isinstance(piece, CopiedPiece)
        and isinstance(other, CopiedPiece)
        and other == replace(piece, first=piece.last, last=other.last)
    ):
        return replace(piece, last=other.last)
    return None
