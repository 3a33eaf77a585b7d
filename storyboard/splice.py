"""The splice: which samples of a film are copied from the clips as they are, and which few are made anew.

A film is two rows of pieces without gaps. The row of pictures counts frames of the film, the row of sound counts blocks
of 1,024 samples. In both a piece is one of these:

    Copied(source, first, last)   frames or blocks [first, last) of a clip, as they are
    Rendered(key, length, how)    so many frames or blocks, which media/splice.py makes as ``how`` says
    Silent(length)                blocks of silence

``how`` is a frozen value: a ``Clip`` is its frames brought to the film's shape, an ``Excerpt`` a clip's sound brought
to the film's format, a ``Mix`` what is heard where that is more than one clip's sound as it is. Anything else that has
to be rendered, a dissolve or a title, is one more kind of ``how``, with one more function there that makes it.
``copyable`` says which frames of a part of a clip can be copied; what is left before and behind them is rendered.
``key`` names all that decides a piece: what was made once is found again.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate

from storyboard.cut import MAKING, Clip, Cut
from storyboard.mix import NOT_MEASURED, Loudness, Mix, altered, mix, part
from storyboard.samples import BLOCK, Frames, Index, Look, Sets, Sound

# The sound of a film none of whose clips has any that can be copied: hertz and channels.
USUAL_SOUND = (48_000, 2)

# How many kinds of foreign parameter sets one film holds; their numbers are 1 to 16, picture sets' 15 to 30.
FOREIGN = 16
# The number that our own encoder gives to its sets (media/segment.py).
OURS = 31

# Fewer blocks than this between two mixed parts are mixed along with them.
_WORTH = 16

_BT709, _UNSPECIFIED, _HD = 1, 2, 720


@dataclass(frozen=True, slots=True)
class Copied:
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
class Excerpt:
    """``blocks`` of a clip's sound, from ``start`` seconds after its first frame on; silence where it has none."""

    scene: str
    digest: str
    start: Fraction
    blocks: int


How = Clip | Excerpt | Mix


@dataclass(frozen=True, slots=True)
class Rendered:
    """``length`` frames, or blocks of sound, made as ``how`` says. ``key`` (SHA-256, hex) names all of it."""

    key: str
    length: int
    how: How


@dataclass(frozen=True, slots=True)
class Silent:
    """``length`` blocks of silence."""

    length: int


Piece = Copied | Rendered | Silent


@dataclass(frozen=True, slots=True)
class Splice:
    """A film as pieces: ``pictures`` fill the frames of ``cut``, ``sound`` the blocks that those frames take.

    ``look`` is that of all frames, ``sets`` the parameter sets of the film: the leader's, then the foreign ones, as
    their clips have them, in the order of their numbers. ``form`` is the sound's: hertz and channels.
    """

    cut: Cut
    pictures: tuple[Piece, ...]
    sound: tuple[Piece, ...]
    look: Look
    sets: tuple[Sets, ...]
    form: tuple[int, int]


def splice(cut: Cut, indexes: Mapping[str, Index], measured: Mapping[Clip, Loudness] = NOT_MEASURED) -> Splice | str:
    """Lay out the film; or say, in words, why nothing of it can be copied. ``indexes`` are by digest.

    ``measured`` says how loud clips are, which decides something where the film has a loudness, or music gives way.
    """
    found = {clip: _frames(clip, cut, indexes[clip.digest]) for clip in cut.clips}
    usable = [frames for frames in found.values() if isinstance(frames, Frames) and _leads(frames.sets)]
    if not usable:
        why = next((why for why in found.values() if isinstance(why, str)), "their parameter sets have unusual numbers")
        return f"no clip can be copied: {why}"
    leader = _most(usable)
    numbers = _numbered(leader, [frames for frames in found.values() if isinstance(frames, Frames)])
    pictures: list[Piece] = []
    for clip, frames in found.items():
        number = numbers.get(frames.sets) if isinstance(frames, Frames) and _alike(frames.look, leader.look) else None
        if number is None or not isinstance(frames, Frames):
            pictures.append(_rendered(clip, cut))
        else:
            pictures.extend(_pictures(clip, cut, frames, number))
    if any(isinstance(piece, Rendered) for piece in pictures) and not _bt709(leader.look):
        return "some clips must be rendered, and the others have colours that are not rendered here"
    used = max((piece.sets for piece in pictures if isinstance(piece, Copied)), default=0)
    sets = tuple(sorted(numbers, key=numbers.__getitem__))[: used + 1]
    form = _form(cut, indexes)
    sound = _merged(_sounds(cut, indexes, form, measured))
    return Splice(cut, tuple(_merged(pictures)), tuple(sound), leader.look, sets, form)


def copyable(frames: Frames, first: int, last: int) -> tuple[int, int]:
    """Which of the frames [first, last) can be copied: from where decoding can begin to where nothing later is needed.

    An empty part where none can. What lies before it and behind it has to be rendered.
    """
    begin = next((start for start in frames.starts if start >= first), last)
    if begin >= last or last == len(frames.shown):
        return min(begin, last), last
    highest = list(accumulate(frames.shown[begin:last], max))
    return begin, max((at + 1 for at, most in enumerate(highest, begin) if most == at), default=begin)


def blocks(frame: int, cut: Cut, hertz: int) -> int:
    """The block of sound that begins nearest to a frame; behind the last frame, that which is not begun any more."""
    exact = Fraction(frame * hertz, cut.fps * BLOCK)
    return -int(-exact // 1) if frame == cut.frames else round(exact)


def _frames(clip: Clip, cut: Cut, index: Index) -> Frames | str:
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


def _leads(sets: Sets) -> bool:
    return sets.ids[0] == (0,) and max(sets.ids[1]) < FOREIGN - 1


def _most(usable: list[Frames]) -> Frames:
    """The first of those that share look and parameter sets with the most others."""
    counts = Counter((frames.look, frames.sets) for frames in usable)
    best = counts.most_common(1)[0][0]
    return next(frames for frames in usable if (frames.look, frames.sets) == best)


def _numbered(leader: Frames, found: list[Frames]) -> dict[Sets, int]:
    """A number for each kind of parameter sets that can be brought into one film with the leader's, which have 0."""
    numbers = {leader.sets: 0}
    for frames in found:
        if frames.sets.ids == ((0,), (0,)) and len(numbers) <= FOREIGN and _alike(frames.look, leader.look):
            numbers.setdefault(frames.sets, len(numbers))
    return numbers


def _alike(one: Look, other: Look) -> bool:
    """Whether players show both alike: what is tagged as BT.709 and what is taken for it are the same."""
    return one == other or (_bt709(one) and _bt709(other))


def _bt709(look: Look) -> bool:
    """Whether it is, or is taken for, BT.709 in the range of television: untagged pictures are, from HD on."""
    *tags, full = look.colour
    untagged = min(look.width, look.height) >= _HD
    return not full and tags[2] in ((_BT709, _UNSPECIFIED) if untagged else (_BT709,)) and set(tags) <= {1, 2}


def _pictures(clip: Clip, cut: Cut, frames: Frames, number: int) -> Iterator[Piece]:
    first = int(clip.start * cut.fps)
    last = first + clip.frames
    begin, end = copyable(frames, first, last)
    if begin >= end:
        yield _rendered(clip, cut)
        return
    for one, other in ((first, begin), (begin, end), (end, last)):
        if one < other and (one, other) == (begin, end):
            yield Copied(clip.digest, begin, end, number)
        elif one < other:
            at, start, stop = clip.at + one - first, Fraction(one, cut.fps), Fraction(other, cut.fps)
            yield _rendered(replace(clip, at=at, start=start, end=stop, frames=other - one), cut)


def _rendered(clip: Clip, cut: Cut) -> Rendered:
    shape = (cut.width, cut.height, cut.fps, cut.fit)
    return Rendered(_key("clip", clip.digest, str(clip.start), clip.frames, shape), clip.frames, clip)


def _key(*recipe: object) -> str:
    return hashlib.sha256(repr((MAKING, *recipe)).encode()).hexdigest()


def _form(cut: Cut, indexes: Mapping[str, Index]) -> tuple[int, int]:
    sounds = (indexes[clip.digest].sound for clip in cut.clips)
    forms = Counter(sound.form for sound in sounds if isinstance(sound, Sound))
    return forms.most_common(1)[0][0] if forms else USUAL_SOUND


def _sounds(
    cut: Cut, indexes: Mapping[str, Index], form: tuple[int, int], measured: Mapping[Clip, Loudness]
) -> Iterator[Piece]:
    """The row of sound: each clip's own as it is, but for what has to be mixed, whole blocks around each part of it."""
    found = {clip: _begins(clip, cut, indexes[clip.digest], form) for clip in cut.clips}
    begins = {clip: begin for clip, begin in found.items() if begin is not None}
    whole = mix(cut, form, lambda frame: blocks(frame, cut, form[0]) * BLOCK, begins, measured)
    at, last = 0, blocks(cut.frames, cut, form[0])
    for first, until in _in_blocks(altered(whole, _WORTH * BLOCK), last):
        yield from _own(cut, indexes, form, at, first)
        mixed = part(whole, first * BLOCK, until * BLOCK)
        yield Rendered(_key("mix", mixed.recipe), until - first, mixed)
        at = until
    yield from _own(cut, indexes, form, at, last)


def _in_blocks(spans: Iterable[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    """Spans of samples as whole blocks around them."""
    return [(one // BLOCK, min(last, -(-other // BLOCK))) for one, other in spans]


def _own(cut: Cut, indexes: Mapping[str, Index], form: tuple[int, int], first: int, last: int) -> Iterator[Piece]:
    """The clips' own sound in blocks [first, last)."""
    for clip in cut.clips:
        until = min(last, blocks(clip.until, cut, form[0]))
        if first < until:
            yield from _sound(clip, cut, indexes[clip.digest], form, first, until)
            first = until


def _sound(clip: Clip, cut: Cut, index: Index, form: tuple[int, int], first: int, last: int) -> Iterator[Piece]:
    """Blocks [first, last) of the film, while the clip is seen, each from where it is nearest to the picture.

    Whole blocks only can be copied, so the sound may lie up to half a block (11 ms) beside the picture; never more,
    because each clip is laid by itself, and not at all where frames and blocks meet: 8 s of 24 frames and 48 kHz do.
    """
    due = last - first
    begin = _begins(clip, cut, index, form)
    if begin is None or clip.level.mute:
        yield Silent(due)
        return
    begin += Fraction((first - blocks(clip.at, cut, form[0])) * BLOCK, form[0])
    sound = _copyable(index, form)
    if sound is None:
        key = _key("sound", clip.digest, str(begin), due, form)
        yield Rendered(key, due, Excerpt(clip.scene, clip.digest, begin, due))
        return
    start = int((begin + _apart(index, sound)) * form[0]) // BLOCK
    one = min(max(start, sound.priming // BLOCK), start + due)
    other = max(one, min(start + due, len(sound.stored.sizes)))
    yield Silent(one - start)
    yield Copied(clip.digest, one, other)
    yield Silent(start + due - other)


def _begins(clip: Clip, cut: Cut, index: Index, form: tuple[int, int]) -> Fraction | None:
    """Which second of the clip is heard when the first block comes that is due while it is seen; None of no sound.

    Where the sound can be copied that is where a block of it begins.
    """
    if index.sound is None:
        return None
    late = Fraction(blocks(clip.at, cut, form[0]) * BLOCK, form[0]) - Fraction(clip.at, cut.fps)
    sound = _copyable(index, form)
    if sound is None:
        return clip.start + late
    apart = _apart(index, sound)
    return Fraction(round((clip.start + late + apart) * form[0] / BLOCK) * BLOCK, form[0]) - apart


def _copyable(index: Index, form: tuple[int, int]) -> Sound | None:
    sound = index.sound
    return sound if isinstance(sound, Sound) and isinstance(index.frames, Frames) and sound.form == form else None


def _apart(index: Index, sound: Sound) -> Fraction:
    """Seconds from the beginning of block 0 to that of the picture."""
    assert isinstance(index.frames, Frames)
    return index.frames.begins - sound.begins + Fraction(sound.priming, sound.hertz)


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
    if isinstance(piece, Silent) and isinstance(other, Silent):
        return Silent(piece.length + other.length)
    if (
        isinstance(piece, Copied)
        and isinstance(other, Copied)
        and other == replace(piece, first=piece.last, last=other.last)
    ):
        return replace(piece, last=other.last)
    return None
