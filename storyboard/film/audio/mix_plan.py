"""The mix plan: which sounds play when, and how loud. Values only; film/audio/mixdown.py computes the samples.

Positions are in samples of the film. Clip sound, voices and music are audio sources; gains change along ramps.
``changed_spans`` gives the spans that differ from the unchanged sound of one clip: only those are rendered.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

from storyboard.model.remark import Remark
from storyboard.mp4.samples import BLOCK
from storyboard.timeline.model import Clip, Timeline

# The maximum true peak of a film, in dBTP, and the dB by which encoding may raise it.
PEAK, ENCODING = -1.0, 0.5
# The maximum gain of the normalisation, in dB, so that near silence is not amplified; and the gain below which a clip
# stays unchanged.
MOST, NEAR = 20.0, 0.1

# Ducking: gain in dB, attack in seconds before the other sound begins, release in seconds after it has ended.
GIVE_WAY, ATTACK, RELEASE = -12.0, 0.2, 0.5
# In a pause shorter than this, in seconds, ducking continues.
PAUSE = 1.0
# Music is ducked under a scene while the scene is louder than this, in LUFS.
HEARD = -45.0

# In seconds: the interval of the moments of a Loudness, and the window that ends with each (EBU Tech 3341).
MOMENT, WINDOW = Fraction(1, 10), Fraction(4, 10)

# The loudness difference between scenes, or of one from the median of the others, in LU, that is told.
APART = 6.0

# Extra samples rendered on either side of a part: two AAC frames.
MARGIN = 2 * BLOCK

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loudness:
    """Loudness of a clip by EBU R128: ``lufs`` integrated and gated, true ``peak`` in dBTP, ``moments`` in LUFS.

    ``lufs`` is None where the clip is too quiet to be measured.
    """

    lufs: float | None
    peak: float
    moments: tuple[float, ...]


NOT_MEASURED: Mapping[Clip, Loudness] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ramp:
    """A factor that is ``one`` before sample ``first``, ``other`` from ``last`` on, and interpolated in between.

    From or to silence it follows a quarter sine, so that a crossfade keeps its power; else it is linear in decibels.
    """

    first: int
    last: int
    one: float
    other: float


@dataclass(frozen=True, slots=True)
class AudioSource:
    """A sound that plays on samples [``first``, ``last``) of the film, from its second ``start`` on.

    Seconds of a ``clip`` count from its first frame, those of other sounds from their beginning. ``gain`` is a factor,
    multiplied by the ``ramps``. ``scene`` is "" for music. ``track`` is the number of a clip's sound track, from
    1; 0 for the main one.
    """

    scene: str
    digest: str
    clip: bool
    start: Fraction
    first: int
    last: int
    gain: float
    loop: bool = False
    ramps: tuple[Ramp, ...] = ()
    track: int = 0


@dataclass(frozen=True, slots=True)
class AudioMix:
    """The sources that play on samples [``first``, ``last``) of the film. ``form`` is (Hz, channels)."""

    form: tuple[int, int]
    first: int
    last: int
    strands: tuple[AudioSource, ...]

    @property
    def scene(self) -> str:
        """The first scene with sound in the mix; "" where there is none."""
        return next((strand.scene for strand in self.strands if strand.scene), "")

    @property
    def recipe(self) -> object:
        """Everything that determines the samples, independent of their position in the film."""
        strands = []
        for strand in self.strands:
            ramps = [(ramp.first - self.first, ramp.last - self.first, ramp.one, ramp.other) for ramp in strand.ramps]
            span = strand.first - self.first, strand.last - self.first
            source = (strand.digest, strand.clip, *((strand.track,) if strand.track else ()))
            strands.append((*source, str(strand.start), span, strand.gain, strand.loop, ramps))
        return self.form, self.last - self.first, strands


def plan_mix(
    cut: Timeline,
    form: tuple[int, int],
    edge: Callable[[int], int],
    begins: Mapping[Clip, Fraction],
    measured: Mapping[Clip, Loudness],
) -> AudioMix:
    """The mix of the whole film. ``form`` is (Hz, channels).

    ``edge`` maps a film frame to the sample at which clip sound changes there: copied sound consists of whole AAC
    frames only. Voices and music begin on the exact sample of their frame. ``begins`` has the clips with sound, each
    with its second that plays on the sample of its first frame; ``measured`` has their loudness, where known.
    """
    film = edge(cut.frames)

    def exact(frame: int) -> int:
        return round(Fraction(frame * form[0], cut.fps))

    spoken = _merged([(exact(voice.first), exact(voice.first + voice.frames)) for voice in cut.voices], form)
    quiet, strands, film_gain = list(_ways(spoken, form)), [], float(cut.gain)
    heard: list[Span] = []
    for clip, following in zip(cut.clips, (*cut.clips[1:], None), strict=True):
        if clip.level.mute or clip not in begins:
            continue
        known = measured.get(clip)
        gain = decibels(clip, known, cut.loudness)
        ramps = [*_ends(edge, clip.at, clip.frames, clip.level.fade), *_joints(edge, clip, following), *quiet]
        span = edge(clip.at), edge(clip.until)
        strand = _strand(clip.scene, clip.digest, True, begins[clip], span, gain + film_gain, ramps)
        strands.append(replace(strand, track=clip.level.track))
        if known:
            heard += _heard(known, gain, span, form)
    for voice in cut.voices:
        span = exact(voice.first), exact(voice.first + voice.frames)
        strands.append(_strand(voice.scene, voice.digest, False, Fraction(0), span, film_gain, ()))
    both = list(_ways(_merged([*spoken, *heard], form), form))
    for under in cut.underlays:
        span = exact(under.first), exact(under.first + under.frames)
        ramps = [*_ends(exact, under.first, under.frames, under.fade), *(both if under.duck else quiet)]
        strand = _strand("", under.digest, False, Fraction(0), span, float(under.gain) + film_gain, ramps)
        strands.append(replace(strand, loop=under.loop))
    return AudioMix(form, 0, film, tuple(strands))


def plan_exact_mix(cut: Timeline, form: tuple[int, int], measured: Mapping[Clip, Loudness]) -> AudioMix:
    """The mix of a film of which no sound is copied: each clip begins on the sample at which its picture does."""

    def edge(frame: int) -> int:
        return round(Fraction(frame * form[0], cut.fps))

    begins = {clip: clip.start + Fraction(edge(clip.at), form[0]) - Fraction(clip.at, cut.fps) for clip in cut.clips}
    return plan_mix(cut, form, edge, begins, measured)


def part_of_mix(whole: AudioMix, first: int, last: int) -> AudioMix:
    """The mix of samples [first, last) plus MARGIN on either side, because an encoder distorts start and end.

    It does not depend on the sound before and after: in the margins, the sources at the ends continue.
    """
    begin, end = first - MARGIN, last + MARGIN
    strands = []
    for strand in whole.strands:
        if strand.first >= last or strand.last <= first:
            continue
        one = begin if strand.first <= first and not (strand.loop and strand.first == first) else strand.first
        other = end if strand.last >= last else strand.last
        at = strand.first if strand.loop else one
        kept = replace(strand, first=at, last=other, start=strand.start + Fraction(at - strand.first, whole.form[0]))
        strands.append(_folded(kept, max(first, strand.first), min(last, strand.last)))
    return AudioMix(whole.form, begin, end, tuple(strands))


def changed_spans(whole: AudioMix, worth: int) -> list[Span]:
    """The spans of the film whose sound must be rendered, in samples and in order.

    A gap of at most ``worth`` samples between two spans is rendered too. A span is split where a clip begins and no
    other clip continues, so that a change of one scene does not re-encode the sound of the other.
    """
    spans: list[Span] = []
    seams: list[int] = []
    until = 0
    for strand in sorted(whole.strands, key=lambda strand: strand.first):
        if strand.clip and strand.first >= until:
            seams.append(strand.first)
        if not strand.clip:
            spans.append((strand.first, strand.last))
        else:
            spans += _changed(strand)
            spans.append((strand.first, min(until, strand.last)))
        until = max(until, strand.last)
    inside = ((max(0, one), min(other, whole.last)) for one, other in spans)
    return list(_split(_united(inside, worth), seams))


def _split(spans: Iterable[Span], seams: Iterable[int]) -> Iterator[Span]:
    for one, other in spans:
        edges = [one, *(seam for seam in seams if one < seam < other), other]
        yield from pairwise(edges)


def decibels(clip: Clip, known: Loudness | None, wanted: Fraction | None) -> float:
    """The gain of a clip in dB: to the loudness ``wanted`` (LUFS) plus its own gain, limited by its true peak."""
    own = float(clip.level.gain)
    if wanted is None or known is None or known.lufs is None:
        return own
    gain = min(float(wanted) - known.lufs, MOST)
    if known.peak + gain + own <= PEAK and abs(gain) < NEAR:
        return own
    return min(gain + own, PEAK - ENCODING - known.peak)


def widest_difference(levels: Mapping[str, float]) -> tuple[str, str, float] | None:
    """The quietest scene, the loudest scene and their difference in LU; None where it is at most APART.

    ``levels`` are in LUFS.
    """
    if not levels:
        return None
    soft, loud = min(levels, key=levels.__getitem__), max(levels, key=levels.__getitem__)
    between = levels[loud] - levels[soft]
    return (soft, loud, between) if between > APART else None


def loudness_remark(scene: float, others: Sequence[float]) -> Remark | None:
    """Return a remark on a scene whose loudness (LUFS) is far from the median of two ``others`` or more."""
    if len(others) < 2:
        return None
    ordered = sorted(others)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    apart = scene - middle
    if abs(apart) <= APART:
        return None
    word = "louder" if apart > 0 else "softer"
    says = f"it is {abs(apart):.0f} LU {word} than the other scenes"
    return Remark("loudness", says, (("lufs", round(scene, 1)), ("others", round(middle, 1))))


def _strand(
    scene: str, digest: str, clip: bool, start: Fraction, span: Span, gain: float, ramps: Iterable[Ramp]
) -> AudioSource:
    strand = AudioSource(scene, digest, clip, start, *span, factor(gain), ramps=tuple(ramps))
    return _folded(strand, *span)


def factor(gain: float) -> float:
    """The factor for a gain in dB."""
    return float(10 ** (gain / 20))


def _folded(strand: AudioSource, first: int, last: int) -> AudioSource:
    """The source with only the ramps between two samples; the effect of the others is merged into the gain."""
    gain, ramps = strand.gain, []
    for ramp in strand.ramps:
        if ramp.last <= first:
            gain *= ramp.other
        elif ramp.first >= last:
            gain *= ramp.one
        else:
            ramps.append(ramp)
    near = 1.0 if abs(gain - 1) < 1e-9 else gain
    return replace(strand, gain=near, ramps=tuple(ramps))


def _ends(edge: Callable[[int], int], at: int, frames: int, fade: int) -> Iterator[Ramp]:
    if fade:
        yield Ramp(edge(at), edge(at + fade), 0.0, 1.0)
        yield Ramp(edge(at + frames - fade), edge(at + frames), 1.0, 0.0)


def _joints(edge: Callable[[int], int], clip: Clip, following: Clip | None) -> Iterator[Ramp]:
    """The ramps of a clip at its transitions: over all frames; in a fade, first out, then in."""
    coming, going = clip.joint, following.joint if following else None
    if coming:
        before = coming.frames // 2 if coming.kind == "fade" and clip.at else 0
        yield Ramp(edge(clip.at + before), edge(clip.at + coming.frames), 0.0, 1.0)
    if following and following.lead_in:
        yield Ramp(edge(following.at - following.lead_in.frames), edge(following.at), 1.0, 0.0)
    if going and following:
        length = going.frames // 2 if going.kind == "fade" else going.frames
        yield Ramp(edge(following.at), edge(following.at + length), 1.0, 0.0)


def _heard(known: Loudness, gain: float, span: Span, form: tuple[int, int]) -> Iterator[Span]:
    """The spans in samples in which a clip is louder than HEARD."""
    moment, late = MOMENT * form[0], (WINDOW - MOMENT) * form[0]
    final, earliest = len(known.moments) - 1, WINDOW // MOMENT
    for at, level in enumerate(known.moments):
        if level + gain > HEARD:
            begin = span[0] + (int(at * moment) if at >= earliest else 0)
            end = span[1] if at == final else span[0] + int((at + 1) * moment)
            end -= int(late) if at < final and known.moments[at + 1] + gain <= HEARD else 0
            if begin < min(end, span[1]):
                yield begin, min(end, span[1])


def _merged(spans: Iterable[Span], form: tuple[int, int]) -> list[Span]:
    return _united(spans, int(PAUSE * form[0]))


def _united(spans: Iterable[Span], gap: int) -> list[Span]:
    """The spans in order; those at most ``gap`` samples apart are merged."""
    united: list[Span] = []
    for one, other in sorted(spans):
        if one >= other:
            continue
        if united and one <= united[-1][1] + gap:
            united[-1] = united[-1][0], max(united[-1][1], other)
        else:
            united.append((one, other))
    return united


def _ways(spans: Iterable[Span], form: tuple[int, int]) -> Iterator[Ramp]:
    """The ramps that duck a sound during these spans."""
    low = factor(GIVE_WAY)
    for one, other in spans:
        yield Ramp(one - int(ATTACK * form[0]), one, 1.0, low)
        yield Ramp(other, other + int(RELEASE * form[0]), 1.0, 1 / low)


def _changed(strand: AudioSource) -> Iterator[Span]:
    """The spans in which the gain of a source differs from 1."""
    edges = {strand.first, strand.last, *(ramp.first for ramp in strand.ramps), *(ramp.last for ramp in strand.ramps)}
    for one, other in pairwise(sorted(edge for edge in edges if strand.first <= edge <= strand.last)):
        gain, moving = strand.gain, False
        for ramp in strand.ramps:
            moving = moving or ramp.first <= one < ramp.last
            gain *= ramp.other if ramp.last <= one else ramp.one
        if moving or abs(gain - 1) > 1e-6:
            yield one, other
