"""Clips in a Cut: which part of which take is seen, and on which frames of the film, with which words over it.

Everything is whole frames of the film, counted once: clips, joints, titles, captions.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType

from storyboard.model.errors import Problems
from storyboard.model.fingerprint import fingerprint
from storyboard.model.problem import Problem
from storyboard.model.storyboard import (
    Audio,
    Finish,
    Fit,
    MusicBed,
    OwnSound,
    Scene,
    Still,
    Storyboard,
    Trim,
)
from storyboard.model.take import Footage, Measure
from storyboard.timeline.captions import burnt_caption, overlays_and_cues
from storyboard.timeline.model import (
    AS_IT_IS,
    NO_SLATES,
    RENDER_VERSION,
    AudioLevel,
    Clip,
    EffectClip,
    MusicSpan,
    Slate,
    TimedTransition,
    Timeline,
    Voice,
    _most,
)

# A film of stills alone has no clip to take these from.
_SIZE, _FPS = (1280, 720), 24

_NO_SOUNDS: Mapping[PurePosixPath, str] = MappingProxyType({})


def build_timeline(
    storyboard: Storyboard,
    footage: Mapping[str, Footage],
    sounds: Mapping[PurePosixPath, str] = _NO_SOUNDS,
    slates: Mapping[str, Slate] = NO_SLATES,
) -> Timeline:
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
            joint = TimedTransition(coming.kind, round(ended * fps) - at if apart else round(coming.seconds * fps))
        room = joint.frames if standing and joint else frames
        problem = _trouble(scene, seen.measure, frames) or _crowded(scene, joint, room, clips)
        if problem:
            problems.append(problem)
            continue
        clip = replace(_clip(scene, seen, at, frames, fps, joint), drawn=drawn)
        clips.append(replace(clip, joint=None, lead_in=joint) if standing else clip)
        ended = ends
    if problems:
        raise Problems(tuple(problems))
    overlays, cues = overlays_and_cues(scenes, clips, fps)
    if storyboard.output.captions != "sidecar":
        overlays = tuple(sorted((*overlays, *map(burnt_caption, cues)), key=lambda each: each.first))
    voices = _voices(storyboard.scenes, clips, fps, sounds)
    underlays = tuple(_underlays(storyboard.music, clips[-1].until, fps, sounds))
    loudness = storyboard.output.loudness
    return Timeline(
        tuple(clips), width, height, fps, storyboard.output.fit, overlays, cues, voices, underlays, loudness
    )


def clip_of_scene(storyboard: Storyboard, scene: Scene, footage: Footage) -> Clip | None:
    """The part of a scene's clip that is seen, by itself; None where its trim does not fit."""
    audio = replace(scene.finish.audio, voice=None)
    bare = replace(scene, finish=Finish(audio=audio))
    try:
        return build_timeline(replace(storyboard, scenes=(bare,), music=()), {scene.id: footage}).clips[0]
    except Problems:
        return None


def _clip(scene: Scene, footage: Footage, at: int, frames: int, fps: int, joint: TimedTransition | None) -> Clip:
    """``end`` follows from the film frames that are to be filled, so that no frame is held while the clip has more."""
    measure, finish = footage.measure, scene.finish
    first = round(scene.trim.start * measure.fps)
    last = min(measure.frames, first + max(1, round(Fraction(frames, fps) * measure.fps)))
    span = (first / measure.fps, last / measure.fps)
    return Clip(scene.id, footage.digest, *span, at, frames, joint, _level(finish.audio, fps), finish.effect)


def _level(audio: Audio, fps: int) -> AudioLevel:
    return AudioLevel(audio.gain, audio.mute, round(audio.fade * fps))


def _slated(scene: Scene) -> Scene:
    """A scene in whose place a slate is seen: all of it, and so that it can be read."""
    return replace(scene, trim=Trim(), finish=replace(scene.finish, titles=(), effect=""))


def _to_draw(drawn: Still | Slate, size: tuple[int, int], fps: int, fit: Fit) -> Footage:
    """What a still or a slate will be once it is drawn."""
    frames = max(1, round(drawn.seconds * fps))
    what = (drawn.image and drawn.image.digest, drawn.color, drawn.move) if isinstance(drawn, Still) else drawn
    digest = _digest(what, frames, size, fps, fit)
    return Footage(digest, Measure(frames, Fraction(fps), *size, sound=False))


def with_effects(cut: Timeline, effects: Mapping[str, str]) -> Timeline:
    """The cut in which clips with an effect are such as are drawn. ``effects`` names the code of each (any text)."""
    return replace(cut, clips=tuple(_treated(clip, cut, effects) if clip.effect else clip for clip in cut.clips))


def _treated(clip: Clip, cut: Timeline, effects: Mapping[str, str]) -> Clip:
    source = replace(clip, at=0, joint=None, lead_in=None, level=AS_IT_IS, effect="")
    part = (clip.digest, str(clip.start), clip.frames)
    digest = _digest(*part, cut.width, cut.height, cut.fps, cut.fit, clip.effect, effects[clip.effect])
    drawn = EffectClip(source, clip.effect, int(_digest(*part)[:8], 16))
    return replace(clip, digest=digest, start=Fraction(0), end=Fraction(clip.frames, cut.fps), effect="", drawn=drawn)


def _digest(*recipe: object) -> str:
    return fingerprint(RENDER_VERSION, *recipe)


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


def _underlays(
    beds: Iterable[MusicBed], film: int, fps: int, sounds: Mapping[PurePosixPath, str]
) -> Iterator[MusicSpan]:
    """The music on the ``film``'s frames. What would begin behind its end is not heard."""
    for bed in beds:
        first = round(bed.start * fps)
        last = film if bed.loop else min(film, first + _frames(bed.sound, fps))
        if first < last:
            fade = round(bed.fade * fps)
            yield MusicSpan(sounds[bed.sound.path], first, last - first, bed.gain, fade, bed.duck, bed.loop)


def _frames(sound: OwnSound, fps: int) -> int:
    return max(1, math.ceil(sound.seconds * fps))


def _crowded(scene: Scene, joint: TimedTransition | None, frames: int, clips: list[Clip]) -> Problem | None:
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


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """H.264 stores colour for two by two pixels: odd sizes lose a line."""
    return max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)
