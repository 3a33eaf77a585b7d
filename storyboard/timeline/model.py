"""The timeline: clips, transitions, overlays, cues, sound. Frames are whole numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from storyboard.model.fingerprint import fingerprint
from storyboard.model.storyboard import Fit, Still, Title, TransitionKind

# The version of rendering. Raise it whenever the same timeline would give other bytes: films and pieces made before
# are then rendered again.
RENDER_VERSION = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimedTransition:
    """A transition into a clip: for ``frames`` film frames, it and the clip before (or black) are both seen."""

    kind: TransitionKind
    frames: int


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """The level of a clip's own sound: ``gain`` in dB; ``fade`` in film frames, at either end.

    ``track`` is the number of its sound track, from 1; 0 for the main one.
    """

    gain: Fraction = Fraction(0)
    mute: bool = False
    fade: int = 0
    track: int = 0


AS_IT_IS = AudioLevel()


@dataclass(frozen=True, slots=True)
class Slate:
    """A card shown for ``seconds`` in place of a missing scene: its text, and ``why`` it is missing.

    ``number`` is the scene's place among the ``last`` ones of the file; ``text`` is its prompt or its file.
    """

    number: int
    last: int
    scene: str
    title: str
    text: str
    why: str
    seconds: Fraction


@dataclass(frozen=True, slots=True)
class EffectClip:
    """A clip with a user's effect on it. ``seed`` (32 bits) seeds the effect's random numbers."""

    clip: "Clip"
    effect: str
    seed: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a take, of a local clip, or of what is drawn for the film.

    ``digest`` names the bytes or, for a ``drawn`` clip, all that decides how it is drawn. ``start`` and ``end`` are
    seconds of the source, on its frame boundaries; ``at`` is the film frame it begins on, ``frames`` its length in film
    frames. ``joint`` is a transition during which its first frames and the last ones of the clip before are both seen.
    ``lead_in`` is one during which its first frame, standing still, comes in over the clip before. A clip has at most
    one of the two. Over its first ``match`` frames its colours come from those in which the clip before ends.
    """

    scene: str
    digest: str
    start: Fraction
    end: Fraction
    at: int
    frames: int
    joint: TimedTransition | None = None
    level: AudioLevel = AS_IT_IS
    effect: str = ""
    drawn: Still | Slate | EffectClip | None = None
    lead_in: TimedTransition | None = None
    match: int = 0

    @property
    def until(self) -> int:
        """The film frame after its last."""
        return self.at + self.frames


@dataclass(frozen=True, slots=True)
class Cue:
    """What is said while film frames [``first``, ``first`` + ``frames``) are seen."""

    text: str
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """A title on film frames [``first``, ``first`` + ``frames``).

    It fades in during the first ``fade`` frames and out during the last ``fade``.
    """

    title: Title
    first: int
    frames: int
    fade: int = 0

    def opacity(self, frame: int) -> Fraction:
        """Return its opacity on a film frame, from 0 to 1."""
        since = frame - self.first
        if not 0 <= since < self.frames:
            return Fraction(0)
        return min(Fraction(1), Fraction(min(since + 1, self.frames - since), self.fade + 1))


@dataclass(frozen=True, slots=True)
class Voice:
    """A sound file that is spoken over film frames [``first``, ``first`` + ``frames``) of a scene."""

    scene: str
    digest: str
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class MusicSpan:
    """Music under film frames [``first``, ``first`` + ``frames``): ``gain`` in dB, ``fade`` in film frames."""

    digest: str
    first: int
    frames: int
    gain: Fraction
    fade: int
    duck: bool
    loop: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The film as a list of clips without gaps. ``fps`` is exact; ``width`` and ``height`` are even pixels.

    A clip begins where the one before it ends or, with a ``joint``, that many frames earlier. ``overlays`` are titles
    over the picture, ``cues`` the subtitles, one at a time; both in the order of their first frames. ``voices`` and
    ``underlays`` (music) are mixed with the clips. Each clip is brought to ``loudness`` in LUFS (None: unchanged), then
    the whole mix by ``gain`` in dB: it follows from everything else, once the mix has been measured.
    """

    clips: tuple[Clip, ...]
    width: int
    height: int
    fps: Fraction
    fit: Fit
    overlays: tuple[Overlay, ...] = ()
    cues: tuple[Cue, ...] = ()
    voices: tuple[Voice, ...] = ()
    underlays: tuple[MusicSpan, ...] = ()
    loudness: Fraction | None = None
    gain: Fraction = Fraction(0)

    @property
    def frames(self) -> int:
        return self.clips[-1].until

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of all that decides the film's bytes. A scene's id is not in it: renaming changes no film."""
        parts = [
            (
                *(clip.digest, str(clip.start), clip.frames, clip.joint, clip.lead_in, clip.level, clip.effect),
                *((clip.match,) if clip.match else ()),
            )
            for clip in self.clips
        ]
        voices = [(voice.digest, voice.first, voice.frames) for voice in self.voices]
        sound = (voices, self.underlays, self.loudness)
        recipe = (RENDER_VERSION, self.width, self.height, self.fps, self.fit, parts, self.overlays, self.cues, sound)
        return fingerprint(recipe)


NO_SLATES: Mapping[str, Slate] = {}


def most_common(values: Iterable[T]) -> T:
    """The commonest value; of equally common ones the first."""
    return Counter(values).most_common(1)[0][0]
