"""The sound of a film as pieces: which blocks of 1,024 samples are copied, mixed or silent."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from storyboard.film.audio.mix_plan import Loudness, changed_spans, part_of_mix, plan_exact_mix, plan_mix
from storyboard.film.pieces import AudioExcerpt, CopiedPiece, Piece, RenderedPiece, SilentPiece, piece_key
from storyboard.mp4.samples import BLOCK, AudioTrack, ClipIndex, VideoTrack, audio_offset
from storyboard.timeline.model import Clip, Timeline

# The sound of a film without any that can be copied: hertz and channels.
USUAL_SOUND = (48_000, 2)

# If fewer blocks than this lie between two mixed parts, they are mixed too.
_WORTH = 16


def block_at(frame: int, cut: Timeline, hertz: int) -> int:
    """Return the block of sound that begins nearest to a frame; at the film's end, the first block after it."""
    exact = Fraction(frame * hertz, cut.fps * BLOCK)
    return -int(-exact // 1) if frame == cut.frames else round(exact)


def common_audio_format(cut: Timeline, indexes: Mapping[str, ClipIndex]) -> tuple[int, int]:
    sounds = (indexes[clip.digest].sound for clip in cut.clips)
    forms = Counter(sound.audio_format for sound in sounds if isinstance(sound, AudioTrack))
    return forms.most_common(1)[0][0] if forms else USUAL_SOUND


def sound_pieces(
    cut: Timeline, indexes: Mapping[str, ClipIndex], form: tuple[int, int], measured: Mapping[Clip, Loudness]
) -> Iterator[Piece]:
    """Return the row of sound: each clip's own, copied, and mixed pieces of whole blocks where anything changes it."""
    found = {clip: _begins(clip, cut, indexes[clip.digest], form) for clip in cut.clips}
    begins = {clip: begin for clip, begin in found.items() if begin is not None}
    at, last = 0, block_at(cut.frames, cut, form[0])

    def edge(frame: int) -> int:
        return block_at(frame, cut, form[0]) * BLOCK

    spans = _in_blocks(changed_spans(plan_mix(cut, form, edge, begins, measured), _WORTH * BLOCK), last)
    begins |= {clip: clip.start + _late(clip, cut, form) for clip in begins if _is_within(clip, cut, form, spans)}
    whole = plan_mix(cut, form, edge, begins, measured)
    for first, until in spans:
        yield from _own(cut, indexes, form, at, first)
        mixed = part_of_mix(whole, first * BLOCK, until * BLOCK)
        yield RenderedPiece(piece_key("mix", mixed.recipe), until - first, mixed)
        at = until
    yield from _own(cut, indexes, form, at, last)


def _is_within(clip: Clip, cut: Timeline, form: tuple[int, int], spans: Iterable[tuple[int, int]]) -> bool:
    """Whether all blocks of a clip are mixed: where none is copied, its sound can lie on the exact sample."""
    first, last = block_at(clip.at, cut, form[0]), block_at(clip.until, cut, form[0])
    return sum(max(0, min(last, until) - max(first, one)) for one, until in spans) == last - first


def _late(clip: Clip, cut: Timeline, form: tuple[int, int]) -> Fraction:
    """How long after the clip's first frame its first block of the film begins, in seconds; less than 0 for before."""
    return Fraction(block_at(clip.at, cut, form[0]) * BLOCK, form[0]) - Fraction(clip.at, cut.fps)


def exact_sound(cut: Timeline, form: tuple[int, int], measured: Mapping[Clip, Loudness]) -> tuple[Piece, ...]:
    """Return the row of sound as one mixed piece: every clip's sound begins on the sample of its first frame."""
    last = block_at(cut.frames, cut, form[0])
    mixed = part_of_mix(plan_exact_mix(cut, form, measured), 0, last * BLOCK)
    return (RenderedPiece(piece_key("mix", mixed.recipe), last, mixed),)


def _in_blocks(spans: Iterable[tuple[int, int]], last: int) -> list[tuple[int, int]]:
    """Spans of samples as whole blocks around them."""
    return [(one // BLOCK, min(last, -(-other // BLOCK))) for one, other in spans]


def _own(
    cut: Timeline, indexes: Mapping[str, ClipIndex], form: tuple[int, int], first: int, last: int
) -> Iterator[Piece]:
    """The clips' own sound in blocks [first, last)."""
    for clip in cut.clips:
        until = min(last, block_at(clip.until, cut, form[0]))
        if first < until:
            yield from _sound(clip, cut, indexes[clip.digest], form, first, until)
            first = until


def _sound(
    clip: Clip, cut: Timeline, index: ClipIndex, form: tuple[int, int], first: int, last: int
) -> Iterator[Piece]:
    """Blocks [first, last) of the film, while the clip is seen, each from the block nearest to the picture.

    Only whole blocks can be copied, so the sound may be off by up to half a block (11 ms); never more, because each
    clip is placed by itself, and not at all where frames and blocks coincide, as with 8 s of 24 frames and 48 kHz.
    """
    due = last - first
    begin = _begins(clip, cut, index, form)
    if begin is None or clip.level.mute:
        yield SilentPiece(due)
        return
    begin += Fraction((first - block_at(clip.at, cut, form[0])) * BLOCK, form[0])
    sound = _copyable(index, form)
    if sound is None:
        track = clip.level.track
        key = piece_key("sound", clip.digest, str(begin), due, form, *((track,) if track else ()))
        yield RenderedPiece(key, due, AudioExcerpt(clip.scene, clip.digest, begin, due, track))
        return
    assert isinstance(index.frames, VideoTrack)
    start = int((begin + audio_offset(index.frames, sound)) * form[0]) // BLOCK
    one = min(max(start, sound.priming // BLOCK), start + due)
    other = max(one, min(start + due, len(sound.stored.sizes)))
    yield SilentPiece(one - start)
    yield CopiedPiece(clip.digest, one, other)
    yield SilentPiece(start + due - other)


def _begins(clip: Clip, cut: Timeline, index: ClipIndex, form: tuple[int, int]) -> Fraction | None:
    """The second of the clip that is heard at the first block while it is seen; None if it has no sound.

    If the sound can be copied, a block of it begins there.
    """
    if index.sound is None:
        return None
    late = _late(clip, cut, form)
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
