"""Clips in a Cut: which part of which take is seen, and on which frames of the film, with which words over it.

Everything is whole frames of the film, counted once: clips, joints, titles, captions.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import zip_longest
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TypeVar

from storyboard.errors import Problems
from storyboard.model.fingerprint import fingerprint
from storyboard.story import (
    Audio,
    Bed,
    Finish,
    Fit,
    OwnSound,
    Problem,
    Scene,
    Still,
    Storyboard,
    Title,
    TransitionKind,
    Trim,
)
from storyboard.take import Footage, Measure

# How media/join.py turns a Cut into bytes. Raise it whenever the same Cut is made into other bytes: films and
# segments made before are then made anew.
MAKING = 5

# A film of stills alone has no clip to take these from.
_SIZE, _FPS = (1280, 720), 24

_NO_SOUNDS: Mapping[PurePosixPath, str] = MappingProxyType({})

# Seconds within which a title appears, and goes; and how large a caption in the picture is.
_FADE, _CAPTION = Fraction(3, 10), Fraction(6, 100)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Joint:
    """How a clip comes in: for ``frames`` film frames it and the one before it (for the first, black) are seen."""

    kind: TransitionKind
    frames: int


@dataclass(frozen=True, slots=True)
class Level:
    """What becomes of a clip's own sound: ``gain`` in dB; ``fade`` is so many film frames in, and as many out."""

    gain: Fraction = Fraction(0)
    mute: bool = False
    fade: int = 0


AS_IT_IS = Level()


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
class Treated:
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
    joint: Joint | None = None
    level: Level = AS_IT_IS
    effect: str = ""
    drawn: Still | Slate | Treated | None = None
    lead: Joint | None = None

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
class Underlay:
    """Music under film frames [``first``, ``first`` + ``frames``): ``gain`` in dB, ``fade`` in film frames."""

    digest: str
    first: int
    frames: int
    gain: Fraction
    fade: int
    duck: bool
    loop: bool


@dataclass(frozen=True, slots=True)
class Cut:
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
    underlays: tuple[Underlay, ...] = ()
    loudness: Fraction | None = None

    @property
    def frames(self) -> int:
        return self.clips[-1].until

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of all that decides the film's bytes. A scene's id is not in it: renaming changes no film."""
        parts = [
            (clip.digest, str(clip.start), clip.frames, clip.joint, clip.lead, clip.level, clip.effect)
            for clip in self.clips
        ]
        voices = [(voice.digest, voice.first, voice.frames) for voice in self.voices]
        sound = (voices, self.underlays, self.loudness)
        recipe = (MAKING, self.width, self.height, self.fps, self.fit, parts, self.overlays, self.cues, sound)
        return fingerprint(recipe)


NO_SLATES: Mapping[str, Slate] = {}


def cut(
    storyboard: Storyboard,
    footage: Mapping[str, Footage],
    sounds: Mapping[PurePosixPath, str] = _NO_SOUNDS,
    slates: Mapping[str, Slate] = NO_SLATES,
) -> Cut:
    """Lay the scenes end to end. Every scene but a still has an entry in ``footage`` or in ``slates``, by its id.

    ``sounds`` has the SHA-256 (hex) of every sound file of the author's own, by its path.

    A scene lasts as long as its trim says, in exact seconds; it is the boundaries between scenes that are rounded to
    film frames, so rounding never adds up. Raises Problems where a trim or a transition does not fit the clip as it was
    measured.
    """
    scenes = [_slated(scene) if scene.id in slates else scene for scene in storyboard.scenes]
    measures = [footage[scene.id].measure for scene in scenes if scene.id in footage]
    sizes = [(measure.width, measure.height) for measure in measures] or [_SIZE]
    width, height = _even(storyboard.output.size or _most(sizes))
    fps = storyboard.output.fps or max(1, _most([round(measure.fps) for measure in measures] or [_FPS]))
    clips: list[Clip] = []
    problems: list[Problem] = []
    ended = Fraction(0)
    for scene in scenes:
        drawn = slates.get(scene.id) or (scene.source if isinstance(scene.source, Still) else None)
        seen = _to_draw(drawn, (width, height), fps, storyboard.output.fit) if drawn else footage[scene.id]
        coming = scene.finish.transition
        standing = coming is not None and coming.over == "tail" and bool(clips)
        begins = ended - coming.seconds if coming and clips and not standing else ended
        ends = begins + _seconds(scene, seen.measure)
        at, frames = round(begins * fps), round(ends * fps) - round(begins * fps)
        joint = None
        if coming:
            apart = bool(clips) and not standing
            joint = Joint(coming.kind, round(ended * fps) - at if apart else round(coming.seconds * fps))
        room = joint.frames if standing and joint else frames
        problem = _trouble(scene, seen.measure, frames) or _crowded(scene, joint, room, clips)
        if problem:
            problems.append(problem)
            continue
        clip = replace(_clip(scene, seen, at, frames, fps, joint), drawn=drawn)
        clips.append(replace(clip, joint=None, lead=joint) if standing else clip)
        ended = ends
    if problems:
        raise Problems(tuple(problems))
    overlays, cues = _words(scenes, clips, fps)
    if storyboard.output.captions != "sidecar":
        overlays = tuple(sorted((*overlays, *map(_burnt, cues)), key=lambda each: each.first))
    voices = _voices(storyboard.scenes, clips, fps, sounds)
    underlays = tuple(_underlays(storyboard.music, clips[-1].until, fps, sounds))
    loudness = storyboard.output.loudness
    return Cut(tuple(clips), width, height, fps, storyboard.output.fit, overlays, cues, voices, underlays, loudness)


def alone(storyboard: Storyboard, scene: Scene, footage: Footage) -> Clip | None:
    """The part of a scene's clip that is seen, by itself; None where its trim does not fit."""
    audio = replace(scene.finish.audio, voice=None)
    bare = replace(scene, finish=Finish(audio=audio))
    try:
        return cut(replace(storyboard, scenes=(bare,), music=()), {scene.id: footage}).clips[0]
    except Problems:
        return None


def _clip(scene: Scene, footage: Footage, at: int, frames: int, fps: int, joint: Joint | None) -> Clip:
    """``end`` follows from the film frames that are to be filled, so that no frame is held while the clip has more."""
    measure, finish = footage.measure, scene.finish
    first = round(scene.trim.start * measure.fps)
    last = min(measure.frames, first + max(1, round(Fraction(frames, fps) * measure.fps)))
    span = (first / measure.fps, last / measure.fps)
    return Clip(scene.id, footage.digest, *span, at, frames, joint, _level(finish.audio, fps), finish.effect)


def _level(audio: Audio, fps: int) -> Level:
    return Level(audio.gain, audio.mute, round(audio.fade * fps))


def _slated(scene: Scene) -> Scene:
    """A scene in whose place a slate is seen: all of it, and so that it can be read."""
    return replace(scene, trim=Trim(), finish=replace(scene.finish, titles=(), effect=""))


def _to_draw(drawn: Still | Slate, size: tuple[int, int], fps: int, fit: Fit) -> Footage:
    """What a still or a slate will be once it is drawn."""
    frames = max(1, round(drawn.seconds * fps))
    what = (drawn.image and drawn.image.digest, drawn.color, drawn.move) if isinstance(drawn, Still) else drawn
    digest = _digest(what, frames, size, fps, fit)
    return Footage(digest, Measure(frames, Fraction(fps), *size, sound=False))


def treated(cut: Cut, effects: Mapping[str, str]) -> Cut:
    """The cut in which clips with an effect are such as are drawn. ``effects`` names the code of each (any text)."""
    return replace(cut, clips=tuple(_treated(clip, cut, effects) if clip.effect else clip for clip in cut.clips))


def _treated(clip: Clip, cut: Cut, effects: Mapping[str, str]) -> Clip:
    source = replace(clip, at=0, joint=None, lead=None, level=AS_IT_IS, effect="")
    part = (clip.digest, str(clip.start), clip.frames)
    digest = _digest(*part, cut.width, cut.height, cut.fps, cut.fit, clip.effect, effects[clip.effect])
    drawn = Treated(source, clip.effect, int(_digest(*part)[:8], 16))
    return replace(clip, digest=digest, start=Fraction(0), end=Fraction(clip.frames, cut.fps), effect="", drawn=drawn)


def _digest(*recipe: object) -> str:
    return fingerprint(MAKING, *recipe)


def _words(scenes: Iterable[Scene], clips: Iterable[Clip], fps: int) -> tuple[tuple[Overlay, ...], tuple[Cue, ...]]:
    """Titles and captions on the film's frames, each inside its scene."""
    overlays, cues = [], []
    for scene, clip in zip(scenes, clips, strict=True):
        for title in scene.finish.titles:
            first, frames = _span(clip, fps, title.start, title.seconds)
            overlays.append(Overlay(title, first, frames, min(round(_FADE * fps), frames // 3)))
        lines = scene.finish.captions
        for caption, following in zip_longest(lines, lines[1:]):
            first, frames = _span(clip, fps, caption.start, caption.seconds)
            if caption.seconds is None and following:
                frames = min(frames, _span(clip, fps, following.start, None)[0] - first)
            cues.append(Cue(caption.text, first, frames))
    spans = [each for each in overlays if each.frames > 0], [each for each in cues if each.frames > 0]
    return tuple(sorted(spans[0], key=lambda each: each.first)), tuple(_in_turn(spans[1]))


def _in_turn(cues: Iterable[Cue]) -> list[Cue]:
    """One is read at a time: a cue ends where the next begins, and those that begin together are one."""
    turns: list[Cue] = []
    for cue in sorted(cues, key=lambda each: each.first):
        before = turns[-1] if turns else None
        if before and before.first == cue.first:
            turns[-1] = Cue(f"{before.text}\n{cue.text}", cue.first, max(before.frames, cue.frames))
            continue
        if before:
            turns[-1] = replace(before, frames=min(before.frames, cue.first - before.first))
        turns.append(cue)
    return turns


def _voices(
    scenes: Iterable[Scene], clips: Iterable[Clip], fps: int, sounds: Mapping[PurePosixPath, str]
) -> tuple[Voice, ...]:
    """Each from its scene's first frame on, and cut off where the scene ends."""
    spoken = [(clip, scene.finish.audio.voice) for scene, clip in zip(scenes, clips, strict=True)]
    return tuple(
        Voice(clip.scene, sounds[voice.path], clip.at, min(clip.frames, _frames(voice, fps)))
        for clip, voice in spoken
        if voice
    )


def _underlays(beds: Iterable[Bed], film: int, fps: int, sounds: Mapping[PurePosixPath, str]) -> Iterator[Underlay]:
    """The music on the ``film``'s frames. What would begin behind its end is not heard."""
    for bed in beds:
        first = round(bed.start * fps)
        last = film if bed.loop else min(film, first + _frames(bed.sound, fps))
        if first < last:
            fade = round(bed.fade * fps)
            yield Underlay(sounds[bed.sound.path], first, last - first, bed.gain, fade, bed.duck, bed.loop)


def _frames(sound: OwnSound, fps: int) -> int:
    return max(1, math.ceil(sound.seconds * fps))


def _burnt(cue: Cue) -> Overlay:
    """A caption as words in the picture. It is there at once, as it is when a player shows it."""
    title = Title(cue.text, Fraction(0), None, "bottom", _CAPTION, "#ffffff", "outline")
    return Overlay(title, cue.first, cue.frames)


def _span(clip: Clip, fps: int, start: Fraction, seconds: Fraction | None) -> tuple[int, int]:
    first = clip.at + round(start * fps)
    last = clip.until if seconds is None else min(clip.until, clip.at + round((start + seconds) * fps))
    return first, last - first


def _crowded(scene: Scene, joint: Joint | None, frames: int, clips: list[Clip]) -> Problem | None:
    """Why a transition does not fit into the clips that it joins, if it does not."""
    if joint is None:
        return None
    place = f"scenes[{scene.number - 1}].transition"
    if joint.frames > frames:
        message = f"the transition of scene '{scene.id}' is longer than its clip"
        return Problem(scene.place, place, message, "make it shorter")
    before = clips[-1] if clips else None
    if before and joint.frames + (before.joint.frames if before.joint else 0) > before.frames:
        message = f"scene '{before.scene}' is too short for the transition of scene '{scene.id}'"
        return Problem(scene.place, place, message, "make it shorter")
    return None


def _seconds(scene: Scene, measure: Measure) -> Fraction:
    end = measure.seconds if scene.trim.end is None else min(scene.trim.end, measure.seconds)
    return end - scene.trim.start


def _trouble(scene: Scene, measure: Measure, frames: int) -> Problem | None:
    """Why the trim does not fit the clip, if it does not. An end within half a frame of the clip's end fits."""
    trim = scene.trim
    has = f"the clip of scene '{scene.id}' is {_shown(measure.seconds)} s long"
    if trim.end is not None and round(trim.end * measure.fps) > measure.frames:
        hint = "leave 'to' out to see the clip to its end"
        return _problem(scene, f"the trim ends at {_shown(trim.end)} s, but {has}", hint)
    if round(trim.start * measure.fps) >= measure.frames:
        return _problem(scene, f"the trim starts at {_shown(trim.start)} s, but {has}", "start it earlier")
    if frames < 1:
        return _problem(scene, f"the trim leaves no frame of scene '{scene.id}'", "make it longer")
    return None


def _problem(scene: Scene, message: str, hint: str) -> Problem:
    return Problem(scene.place, f"scenes[{scene.number - 1}].trim", message, hint)


def _shown(seconds: Fraction) -> str:
    return f"{float(seconds):.3f}".rstrip("0").rstrip(".")


def _most(values: Iterable[T]) -> T:
    """The commonest value; of equally common ones the first."""
    return Counter(values).most_common(1)[0][0]


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """H.264 stores colour for two by two pixels: odd sizes lose a line."""
    return max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)
