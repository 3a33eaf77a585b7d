"""A storyboard as values: every default filled in, every unit parsed."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Literal

from storyboard.model.problem import Place, Problem
from storyboard.model.text import format_seconds

# Words that the scene's model knows.
Aspect = str
Resolution = str
Fit = Literal["pad", "crop", "blur"]
Captions = Literal["sidecar", "burn", "both"]
Move = Literal["in", "out", "left", "right", "up", "down", "none"]
TransitionKind = Literal[
    "dissolve",
    "fade",
    "wipe-left",
    "wipe-right",
    "wipe-up",
    "wipe-down",
    "slide-left",
    "slide-right",
    "slide-up",
    "slide-down",
]
Over = Literal["both", "tail"]
Seam = Literal["drop", "keep", "match"]
Position = Literal[
    "center",
    "top",
    "bottom",
    "left",
    "right",
    "upper-third",
    "lower-third",
    "top-left",
    "top-right",
    "bottom-left",
    "bottom-right",
]
# A draft's heading is in the margin, at the "edge".
Placement = Position | Literal["edge"]
Legibility = Literal["outline", "box", "plain"]


_FITTED = {"crop": "cropped", "pad": "padded", "blur": "padded with a blurred copy"}


@dataclass(frozen=True, slots=True)
class FrameFit:
    """How an image whose shape is not the scene's ``aspect`` is brought to it before it is sent."""

    how: Fit
    aspect: Aspect

    def __str__(self) -> str:
        return f"{_FITTED[self.how]} to {self.aspect}"


@dataclass(frozen=True, slots=True)
class LocalImage:
    """An image of the project, checked: PNG, JPEG or WebP by content, at most 20 MB.

    ``path`` is relative to the project folder; ``digest`` is the SHA-256 of its bytes in hex; ``width`` and
    ``height`` are pixels; ``kind`` is the file type by content. ``fit`` is None where the image is sent as it is.
    """

    path: PurePosixPath
    digest: str
    bytes: int
    width: int
    height: int
    kind: Literal["png", "jpeg", "webp"]
    place: Place
    fit: FrameFit | None = None


@dataclass(frozen=True, slots=True)
class WebImage:
    """An image that already has an https address; the provider fetches it from there."""

    url: str
    place: Place


Image = LocalImage | WebImage

FrameAt = Literal["first", "last", "sheet"] | Fraction


@dataclass(frozen=True, slots=True)
class SceneFrame:
    """A frame of another scene, as the film shows that scene after its trim.

    ``scene`` is the other scene's id; ``at`` is its first frame, its last, or the frame at that second of it; for a
    reference it is a sheet of nine frames, evenly spread over it. ``fit`` is as in a LocalImage.
    """

    scene: str
    at: FrameAt
    place: Place
    fit: FrameFit | None = None

    def __str__(self) -> str:
        return f"{self._moment}, {self.fit}" if self.fit else self._moment

    @property
    def _moment(self) -> str:
        if isinstance(self.at, Fraction):
            return f"the frame at {format_seconds(self.at)} s of {self.scene}"
        if self.at == "sheet":
            return f"the sheet of frames of {self.scene}"
        return f"the {self.at} frame of {self.scene}"


FrameSource = Image | SceneFrame


@dataclass(frozen=True, slots=True)
class Trim:
    """The part of a clip that is seen, in seconds of the clip. ``end`` is None for its end."""

    start: Fraction = Fraction(0)
    end: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Fallback:
    """What to try once a scene was refused for its content: the same shot again, or a shot that is changed.

    ``without`` is the setting to leave out, ``model`` the one to generate with; both None: again. A change is made on
    top of those before it. ``provider`` and ``definition`` are those of the model.
    """

    without: str | None = None
    model: str | None = None
    definition: str | None = None
    provider: str = ""

    @property
    def is_again(self) -> bool:
        return self.without is None and self.model is None


@dataclass(frozen=True, slots=True)
class RetakeRule:
    """When another take is bought by itself: what came has a remark whose name is in ``on``; ``at_most`` so often."""

    on: frozenset[str]
    at_most: int = 1


@dataclass(frozen=True, slots=True)
class Generated:
    """What a provider generates: the prompt is filled in, the images are checked.

    ``takes`` is how many takes there are to be, ``pick`` the number of the one that the film uses (None: as the lock
    says, or the first), ``frozen``: none is ever generated again,
    ``if_refused`` what to try once the provider has refused the scene for its content, ``retake`` when another take is
    bought by itself. ``former_prompt`` is the prompt with the numbers of vars spelt as in 0.1 (1.1 for 1.10),
    ``former_references`` are those of each cast member in the prompt's template, named in the end or not; None if they
    are the same. ``definition`` is that of the model, where the user defined it.

    ``seconds``, ``requested`` (the resolution to request), ``sound`` and ``negative`` are None where the model has no
    choice of them, so that they are no part of the shot. ``provider`` is the name of the model's; "" for the usual one.
    """

    prompt: str
    model: str
    aspect: Aspect
    first_frame: FrameSource | None
    last_frame: FrameSource | None
    references: tuple[FrameSource, ...]
    seed: int | None
    translate: bool
    watermark: str | None
    resolution: Resolution
    former_prompt: str | None = None
    former_references: tuple[Image, ...] | None = None
    takes: int = 1
    pick: int | None = None
    frozen: bool = False
    if_refused: tuple[Fallback, ...] = ()
    retake: RetakeRule | None = None
    definition: str | None = None
    seconds: Fraction | None = None
    requested: Resolution | None = None
    sound: bool | None = None
    negative: str | None = None
    provider: str = ""

    @property
    def scene_frames(self) -> tuple[SceneFrame, ...]:
        """The frames of other scenes that this one begins and ends with, or has as references."""
        images = (self.first_frame, self.last_frame, *self.references)
        return tuple(image for image in images if isinstance(image, SceneFrame))


@dataclass(frozen=True, slots=True)
class OwnClip:
    """A local clip; nothing is generated. ``path`` is relative to the project folder."""

    path: PurePosixPath
    place: Place


@dataclass(frozen=True, slots=True)
class Still:
    """A local picture, shown for ``seconds``; a card of one colour ("#rrggbb") if it has no image.

    ``move`` is the slow camera move meanwhile.
    """

    image: LocalImage | None
    color: str
    seconds: Fraction
    move: Move
    place: Place


@dataclass(frozen=True, slots=True)
class OwnSound:
    """A local sound file, ``seconds`` long. ``path`` is relative to the project folder."""

    path: PurePosixPath
    seconds: Fraction
    place: Place


Source = Generated | OwnClip | Still


def described_source(source: OwnClip | Still) -> str:
    """Return what a local source shows: a file of the project, or a colour."""
    if isinstance(source, OwnClip):
        return str(source.path)
    return str(source.image.path) if source.image else source.color


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition into a scene: for ``seconds``, it and the scene before it are both seen.

    ``over`` the ``tail``, the last seconds of the scene before are seen with this one's first frame standing still.
    A film's first scene has at most a fade from black.
    """

    kind: TransitionKind
    seconds: Fraction
    over: Over = "both"


@dataclass(frozen=True, slots=True)
class Title:
    """Text over the picture, from ``start`` for ``seconds`` of its scene after the trim (None: to the scene's end).

    ``size`` is the height of a line as a share of the frame's shorter side; ``color`` is "#rrggbb". ``language`` is
    the tag of the language by which words are broken, "" if unknown.
    """

    text: str
    start: Fraction
    seconds: Fraction | None
    at: Placement
    size: Fraction
    color: str
    legibility: Legibility
    language: str = ""


@dataclass(frozen=True, slots=True)
class Caption:
    """A subtitle: from ``start`` for ``seconds`` of its scene after the trim (None: to the scene's end)."""

    text: str
    start: Fraction
    seconds: Fraction | None


@dataclass(frozen=True, slots=True)
class Audio:
    """A scene's own sound: ``gain`` in dB, ``fade`` in seconds at either end; ``voice`` is mixed over it.

    ``track`` is the number of the clip's sound track, from 1; 0 for the main one.
    """

    gain: Fraction = Fraction(0)
    mute: bool = False
    fade: Fraction = Fraction(0)
    voice: OwnSound | None = None
    track: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """How a scene is shown and heard; nothing of it is sent to a provider.

    ``transition`` is None for a cut; ``effect`` names a user's effect, "" for none. ``seam`` says what is done where
    the scene before ends with the frame that this one begins with: ``drop`` leaves that one's last frame out, ``match``
    also brings this one's first frames to its colours, ``keep`` changes nothing. None, not said, drops.
    """

    transition: Transition | None = None
    titles: tuple[Title, ...] = ()
    captions: tuple[Caption, ...] = ()
    audio: Audio = Audio()
    effect: str = ""
    seam: Seam | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene of the film. ``number`` is its position in the file, from 1, skipped scenes counted.

    ``clip_seconds`` is how long its whole clip is: as measured, or as the model makes it; None if that is not known.
    ``frame_seconds`` is how long one frame of it is.
    """

    id: str
    number: int
    source: Source
    trim: Trim
    place: Place
    note: str = ""
    finish: Finish = Finish()
    clip_seconds: Fraction | None = None
    frame_seconds: Fraction = Fraction(1, 24)

    @property
    def seconds(self) -> Fraction | None:
        """How long the scene is, trimmed, its transitions included; None if that is not known."""
        if self.clip_seconds is None:
            return None
        return min(self.clip_seconds, self.trim.end or self.clip_seconds) - self.trim.start


@dataclass(frozen=True, slots=True)
class MusicBed:
    """Music under the film from second ``start`` of it: ``gain`` in dB, ``fade`` in seconds at either end.

    ``duck`` lowers it under the scenes' sound and voices; ``loop`` repeats it until the film ends.
    """

    sound: OwnSound
    gain: Fraction
    duck: bool
    loop: bool
    start: Fraction
    fade: Fraction


@dataclass(frozen=True, slots=True)
class Output:
    """How the film is delivered. ``size`` (width, height in pixels) and ``fps`` are None for "what most clips have".

    ``loudness`` is what scenes and the film are brought to, in LUFS; None leaves them as they are. ``language`` is the
    tag of the language of titles and captions, "" if unknown.
    """

    file: PurePosixPath
    size: tuple[int, int] | None
    fps: Fraction | None
    fit: Fit
    loudness: Fraction | None = None
    captions: Captions = "sidecar"
    language: str = ""


@dataclass(frozen=True, slots=True)
class Storyboard:
    """A whole storyboard that can be rendered.

    ``name`` is the file's stem ("keeper" for keeper.yaml and for keeper.storyboard.yaml); ``scenes`` are those of
    the film, in its order; ``skipped`` names the scenes left out; ``warnings`` are its problems that stop nothing.
    """

    name: str
    title: str
    scenes: tuple[Scene, ...]
    skipped: tuple[str, ...]
    output: Output
    music: tuple[MusicBed, ...] = ()
    warnings: tuple[Problem, ...] = ()
