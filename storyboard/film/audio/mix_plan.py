"""The mix: which sounds are heard when, and how loud. Numbers only; media/mix.py makes samples of them.

Everything is counted in samples of the film. A clip's own sound, a voice and music are all strands; a gain changes
along ramps. ``altered`` says where anything else is heard than one clip's sound as it is: only that is rendered.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType

from storyboard.mp4.samples import BLOCK
from storyboard.timeline.model import Clip, Timeline

# The loudest true peak, in dBTP, that a film is brought to; and how much louder encoding may make it.
PEAK, ENCODING = -1.0, 0.5
# What is nearly silent is no programme: it is not made louder than this, in dB. What is this near is left as it is.
MOST, NEAR = 20.0, 0.1

# What gives way does so by so many dB, this many seconds before the other begins, and comes back after it has ended.
GIVE_WAY, ATTACK, RELEASE = -12.0, 0.2, 0.5
# In a pause shorter than this, in seconds, it does not come back.
PAUSE = 1.0
# A scene is heard, and music gives way to it, while it is louder than so many LUFS.
HEARD = -45.0

# A moment of a Loudness is a tenth of a second, and the loudness of the 0.4 s that end with it (EBU Tech 3341).
MOMENT, WINDOW = Fraction(1, 10), Fraction(4, 10)

# Scenes this many LU apart are told to the author.
APART = 6.0

# Samples that are made on either side of a part: two blocks of AAC.
MARGIN = 2 * BLOCK

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a clip is, by EBU R128: ``lufs`` integrated and gated, ``peak`` in dBTP, and each moment in LUFS.

    ``lufs`` is None where nothing is loud enough to be measured.
    """

    lufs: float | None
    peak: float
    moments: tuple[float, ...]


NOT_MEASURED: Mapping[Clip, Loudness] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Ramp:
    """A factor that is ``one`` before sample ``first``, ``other`` from ``last`` on, and on its way in between.

    From or to silence it follows a quarter of a sine, so that two sounds that cross keep their power; else it goes
    evenly in decibels.
    """

    first: int
    last: int
    one: float
    other: float


@dataclass(frozen=True, slots=True)
class AudioSource:
    """A sound that is heard on samples [``first``, ``last``) of the film, from second ``start`` of it on.

    Of a ``clip`` seconds count from its first frame, of any other sound from its own beginning. ``gain`` is a factor,
    which the ``ramps`` multiply. ``scene`` is "" for music.
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


@dataclass(frozen=True, slots=True)
class AudioMix:
    """What is heard on samples [``first``, ``last``) of the film. ``form`` is hertz and channels."""

    form: tuple[int, int]
    first: int
    last: int
    strands: tuple[AudioSource, ...]

    @property
    def scene(self) -> str:
        """The first scene that is heard in it; "" where there is none."""
        return next((strand.scene for strand in self.strands if strand.scene), "")

    @property
    def recipe(self) -> object:
        """All that decides its samples, wherever in a film they lie."""
        strands = []
        for strand in self.strands:
            ramps = [(ramp.first - self.first, ramp.last - self.first, ramp.one, ramp.other) for ramp in strand.ramps]
            span = strand.first - self.first, strand.last - self.first
            strands.append((strand.digest, strand.clip, str(strand.start), span, strand.gain, strand.loop, ramps))
        return self.form, self.last - self.first, strands


def plan_mix(
    cut: Timeline,
    form: tuple[int, int],
    edge: Callable[[int], int],
    begins: Mapping[Clip, Fraction],
    measured: Mapping[Clip, Loudness],
) -> AudioMix:
    """The whole film's sound.

    ``edge`` gives the sample at which a clip's sound changes that should do so at a film frame: where sound is copied,
    there are whole blocks only. Voices and music begin on the very sample of their frame. ``begins`` has the clips that
    have sound, and which second of each is heard on the sample of its first frame; ``measured`` how loud they are, as
    far as that is known.
    """
    film = edge(cut.frames)

    def exact(frame: int) -> int:
        return round(Fraction(frame * form[0], cut.fps))

    spoken = _merged([(exact(voice.first), exact(voice.first + voice.frames)) for voice in cut.voices], form)
    quiet, strands = list(_ways(spoken, form)), []
    heard: list[Span] = []
    for clip, following in zip(cut.clips, (*cut.clips[1:], None), strict=True):
        if clip.level.mute or clip not in begins:
            continue
        known = measured.get(clip)
        gain = decibels(clip, known, cut.loudness)
        ramps = [*_ends(edge, clip.at, clip.frames, clip.level.fade), *_joints(edge, clip, following), *quiet]
        span = edge(clip.at), edge(clip.until)
        strands.append(_strand(clip.scene, clip.digest, True, begins[clip], span, gain, ramps))
        if known:
            heard += _heard(known, gain, span, form)
    for voice in cut.voices:
        span = exact(voice.first), exact(voice.first + voice.frames)
        strands.append(_strand(voice.scene, voice.digest, False, Fraction(0), span, 0.0, ()))
    both = list(_ways(_merged([*spoken, *heard], form), form))
    for under in cut.underlays:
        span = exact(under.first), exact(under.first + under.frames)
        ramps = [*_ends(exact, under.first, under.frames, under.fade), *(both if under.duck else quiet)]
        strand = _strand("", under.digest, False, Fraction(0), span, float(under.gain), ramps)
        strands.append(replace(strand, loop=under.loop))
    return AudioMix(form, 0, film, tuple(strands))


def part_of_mix(whole: AudioMix, first: int, last: int) -> AudioMix:
    """What is heard on samples [first, last), and MARGIN on either side: an encoder spoils where sound begins and ends.

    Nothing in it says what comes before or behind: in the margins what is heard at the ends goes on.
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
    """The parts of the film that have to be rendered, in samples and in order.

    What lies between two of them is rendered too where it is shorter than ``worth``. Where one clip ends and another
    begins, and nothing goes on, two parts meet: changing one scene does not make the other one's sound again.
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
    """How much louder a clip is made: to the loudness that is ``wanted``, and by its own gain; its peak bounds both."""
    own = float(clip.level.gain)
    if wanted is None or known is None or known.lufs is None:
        return own
    gain = min(float(wanted) - known.lufs, MOST)
    if known.peak + gain + own <= PEAK and abs(gain) < NEAR:
        return own
    return min(gain + own, PEAK - ENCODING - known.peak)


def widest_difference(known: Mapping[str, Loudness]) -> tuple[str, str, float] | None:
    """The softest scene, the loudest one, and how many LU lie between them, where that is more than anybody likes."""
    levels = {scene: loudness.lufs for scene, loudness in known.items() if loudness.lufs is not None}
    if not levels:
        return None
    soft, loud = min(levels, key=levels.__getitem__), max(levels, key=levels.__getitem__)
    between = levels[loud] - levels[soft]
    return (soft, loud, between) if between > APART else None


def _strand(
    scene: str, digest: str, clip: bool, start: Fraction, span: Span, gain: float, ramps: Iterable[Ramp]
) -> AudioSource:
    strand = AudioSource(scene, digest, clip, start, *span, factor(gain), ramps=tuple(ramps))
    return _folded(strand, *span)


def factor(gain: float) -> float:
    """What samples are multiplied with for so many dB."""
    return float(10 ** (gain / 20))


def _folded(strand: AudioSource, first: int, last: int) -> AudioSource:
    """Only the ramps that go on between two samples; what the others leave behind is in the gain."""
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
    """How a clip's sound comes in and goes out: over all frames of a joint; of a fade, first one, then the other."""
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
    """When a clip is loud enough to be heard."""
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
    """In order; those that are at most ``gap`` apart are one."""
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
    """How a sound gives way to what is heard in these spans."""
    low = factor(GIVE_WAY)
    for one, other in spans:
        yield Ramp(one - int(ATTACK * form[0]), one, 1.0, low)
        yield Ramp(other, other + int(RELEASE * form[0]), 1.0, 1 / low)


def _changed(strand: AudioSource) -> Iterator[Span]:
    """Where a strand is not heard as it is."""
    edges = {strand.first, strand.last, *(ramp.first for ramp in strand.ramps), *(ramp.last for ramp in strand.ramps)}
    for one, other in pairwise(sorted(edge for edge in edges if strand.first <= edge <= strand.last)):
        gain, moving = strand.gain, False
        for ramp in strand.ramps:
            moving = moving or ramp.first <= one < ramp.last
            gain *= ramp.other if ramp.last <= one else ramp.one
        if moving or abs(gain - 1) > 1e-6:
            yield one, other
