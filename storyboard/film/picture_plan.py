"""The picture of a film as pieces: which frames are copied, which are rendered."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise

from storyboard.film.pieces import Composed, CopiedPiece, PictureExcerpt, Piece, RenderedPiece, merge_pieces, piece_key
from storyboard.mp4.samples import ParameterSets, VideoTrack
from storyboard.timeline.model import Clip, Overlay, Timeline

# Seconds of frames that are rendered as one piece although they could be divided: a key frame costs as much as ten
# others.
LONG = 2


def copyable(frames: VideoTrack, first: int, last: int) -> tuple[int, int]:
    """Return which of the frames [first, last) can be copied: from a key frame to a frame that needs no later one.

    The range is empty if none can. What lies before and after it must be rendered.
    """
    begin = next((start for start in frames.starts if start >= first), last)
    if begin >= last or last == len(frames.shown):
        return min(begin, last), last
    highest = list(accumulate(frames.shown[begin:last], max))
    return begin, max((at + 1 for at, most in enumerate(highest, begin) if most == at), default=begin)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Film frames [first, last) that are not copied. ``touched``: a transition or a title covers all of them."""

    first: int
    last: int
    touched: bool
    joint: bool = False

    def alone(self, cut: Timeline) -> bool:
        """Whether it is a piece by itself: long enough for a key frame of its own. A transition is never divided."""
        return not self.joint and self.last - self.first >= LONG * cut.fps


def picture_pieces(
    cut: Timeline, copied: Mapping[Clip, VideoTrack], numbers: Mapping[ParameterSets, int]
) -> list[Piece]:
    """Return the row of pictures: clips in ``copied`` are copied where nothing covers them, the rest is rendered."""
    pieces: list[Piece] = []
    run: list[_Stretch] = []
    for one in (one for clip, after in _neighbours(cut) for one in _stretches(clip, after, cut, copied, numbers)):
        if isinstance(one, CopiedPiece) or one.alone(cut):
            pieces += _made(run, cut, copied)
            run = []
            pieces += [one] if isinstance(one, CopiedPiece) else _made([one], cut, copied)
        else:
            run.append(one)
    return list(merge_pieces([*pieces, *_made(run, cut, copied)]))


def _neighbours(cut: Timeline) -> Iterator[tuple[Clip, int]]:
    """Each clip, and the film frame from which on it is no longer seen alone."""
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
    if clip.match:
        first = min(first + clip.match, after)
        yield _Stretch(clip.at, first, True, joint=True)
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
    """[first, last) divided into parts with and without a title."""
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


def _made(run: Sequence[_Stretch], cut: Timeline, copied: Mapping[Clip, VideoTrack]) -> Iterator[RenderedPiece]:
    """The rendered pieces of adjacent stretches: one piece or, if nothing covers them, one a clip."""
    if any(one.touched for one in run):
        yield _composed(run[0].first, run[-1].last, cut)
        return
    for one in run:
        clip = next(clip for clip in cut.clips if clip.at <= one.first < clip.until)
        part = _part(clip, one.first, one.last, cut)
        yield rendered_clip(part, cut, PictureExcerpt(part) if clip in copied else part)


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
    matched = tuple((part, _last_frame(before, cut)) for part in clips if (before := _matched(part, cut)))
    others = [(part.at, part.match, before.digest, str(before.start)) for part, before in matched]
    return RenderedPiece(
        piece_key("composed", recipe, overlays, last - first, _shape(cut), *((others,) if others else ())),
        last - first,
        Composed(clips, overlays, last - first, matched),
    )


def _matched(part: Clip, cut: Timeline) -> Clip | None:
    """The clip in whose colours a part begins; None if it begins in its own."""
    if not part.match:
        return None
    return next(before for before, clip in pairwise(cut.clips) if clip.match and clip.scene == part.scene)


def _last_frame(clip: Clip, cut: Timeline) -> Clip:
    return _part(clip, clip.until - 1, clip.until, cut)


def _part(clip: Clip, first: int, last: int, cut: Timeline) -> Clip:
    """The part of a clip on film frames [first, last). A part that begins later than the clip has no transition in."""
    start = clip.start + Fraction(first - clip.at, cut.fps)
    end = start + Fraction(last - first, cut.fps)
    joint, lead, match = (clip.joint, clip.lead_in, clip.match) if first == clip.at else (None, None, 0)
    return replace(clip, at=first, frames=last - first, start=start, end=end, joint=joint, lead_in=lead, match=match)


def rendered_clip(clip: Clip, cut: Timeline, job: Clip | PictureExcerpt) -> RenderedPiece:
    kind = "excerpt, CAVLC" if isinstance(job, PictureExcerpt) else "clip"
    return RenderedPiece(piece_key(kind, clip.digest, str(clip.start), clip.frames, _shape(cut)), clip.frames, job)


def _shape(cut: Timeline) -> tuple[object, ...]:
    return cut.width, cut.height, cut.fps, cut.fit
