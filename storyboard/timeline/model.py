"""The timeline: clips, transitions, overlays, cues, sound. Frames are whole numbers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from storyboard.model.fingerprint import fingerprint
from storyboard.model.storyboard import Fit, Still, Title, TransitionKind

# How media/join.py turns a Cut into bytes. Raise it whenever the same Cut is made into other bytes: films and
# segments made before are then made anew.
RENDER_VERSION = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TimedTransition:
    """How a clip comes in: for ``frames`` film frames it and the one before it (for the first, black) are seen."""

    kind: TransitionKind
    frames: int


@dataclass(frozen=True, slots=True)
class AudioLevel:
    """What becomes of a clip's own sound: ``gain`` in dB; ``fade`` is so many film frames in, and as many out."""

    gain: Fraction = Fraction(0)
    mute: bool = False
    fade: int = 0


AS_IT_IS = AudioLevel()


@dataclass(frozen=True, slots=True)
class Slate:
    """What is seen for ``seconds`` in place of a scene that is not there: what it was to be, and ``why`` it is missing.

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
    """A clip with an effect of the author's own on it. Equal ``seed``s (32 bits) make chance fall alike."""

    clip: "Clip"
    effect: str
    seed: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a take, of an own clip, or of what is drawn for the film.

    ``digest`` names the bytes, or, where it is ``drawn``, all that decides how; ``start`` and ``end`` are seconds of
    the source, on its frame boundaries; ``at`` is the film frame it begins on and ``frames`` how many film frames it
    lasts. ``joint`` is how it comes in: its first frames are the last ones of the clip before it too. ``lead`` is how
    its first frame comes in, standing still, over the last frames of the clip before it. It has one of them at most.
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
    """Words on film frames [``first``, ``first`` + ``frames``), which their ``start`` and ``seconds`` have become.

    They appear within ``fade`` frames, and go within as many.
    """

    title: Title
    first: int
    frames: int
    fade: int = 0

    def opacity(self, frame: int) -> Fraction:
        """How much of them is seen on a film frame, from 0 to 1."""
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
    """The film as a list of clips without gaps. ``fps`` is whole; ``width`` and ``height`` are even pixels.

    A clip begins where the one before it ends, or, with a joint, that many frames earlier. ``overlays`` lie over the
    picture; ``cues`` are what is said, one at a time. Both are in the order of their beginnings. ``voices`` and
    ``underlays`` are heard with the clips, each of which is brought to ``loudness``, in LUFS (None: left as it is).
    """

    clips: tuple[Clip, ...]
    width: int
    height: int
    fps: int
    fit: Fit
    overlays: tuple[Overlay, ...] = ()
    cues: tuple[Cue, ...] = ()
    voices: tuple[Voice, ...] = ()
    underlays: tuple[MusicSpan, ...] = ()
    loudness: Fraction | None = None

    @property
    def frames(self) -> int:
        return self.clips[-1].until

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of all that decides the film's bytes. A scene's id is not in it: renaming changes no film."""
        parts = [
            (clip.digest, str(clip.start), clip.frames, clip.joint, clip.lead_in, clip.level, clip.effect)
            for clip in self.clips
        ]
        voices = [(voice.digest, voice.first, voice.frames) for voice in self.voices]
        sound = (voices, self.underlays, self.loudness)
        recipe = (RENDER_VERSION, self.width, self.height, self.fps, self.fit, parts, self.overlays, self.cues, sound)
        return fingerprint(recipe)


NO_SLATES: Mapping[str, Slate] = {}


def _most(values: Iterable[T]) -> T:
    """The commonest value; of equally common ones the first."""
    return Counter(values).most_common(1)[0][0]
