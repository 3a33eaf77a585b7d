"""Build the timeline: which part of which take is seen on which frames, with titles, subtitles and sound.

Everything is whole frames of the film, counted once.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from storyboard.model.errors import Problems
from storyboard.model.fingerprint import fingerprint
from storyboard.model.frame_rate import film_rate, nominal_rate
from storyboard.model.problem import Problem
from storyboard.model.seam import MATCHED_FRAMES, drops_frame
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
from storyboard.timeline.captions import CaptionBreaker, burnt_caption, one_cue, overlays_and_cues, timed_cues
from storyboard.timeline.model import (
    NO_SLATES,
    RENDER_VERSION,
    AudioLevel,
    Clip,
    Cue,
    EffectClip,
    MusicSpan,
    Slate,
    TimedTransition,
    Timeline,
    Voice,
    most_common,
)

# A film of stills alone has no clip to take these from.
_SIZE, _FPS = (1280, 720), Fraction(24)

_NO_SOUNDS: Mapping[PurePosixPath, str] = MappingProxyType({})


def build_timeline(
    storyboard: Storyboard,
    footage: Mapping[str, Footage],
    sounds: Mapping[PurePosixPath, str] = _NO_SOUNDS,
    slates: Mapping[str, Slate] = NO_SLATES,
    break_caption: CaptionBreaker = one_cue,
) -> Timeline:
    """Lay the scenes end to end. Every scene but a still has an entry in ``footage`` or in ``slates``, by its id.

    ``sounds`` has the SHA-256 (hex) of every local sound file, by its path. A scene lasts exactly as its trim says; the
    boundaries between scenes are rounded to film frames, so that rounding never adds up. ``break_caption`` breaks
    captions into cues. Raise Problems if a trim or a transition does not fit its clip.
    """
    scenes = [_slated(scene) if scene.id in slates else scene for scene in storyboard.scenes]
    footage = {scene: _exact(each) for scene, each in footage.items()}
    output, shape = storyboard.output, _shape(storyboard, scenes, footage)
    clips = _clips(scenes, footage, slates, shape, output.fit)
    overlays, captions = overlays_and_cues(scenes, clips, shape.fps)
    overlays = tuple(replace(each, title=replace(each.title, language=output.language)) for each in overlays)
    cues = tuple(cue for each in captions for cue in timed_cues(each, break_caption(each.text, *shape[:2])))
    if output.captions != "sidecar":
        # A slate has text of its own where a caption would lie.
        seen = (cue for cue in cues if not _on_slate(cue, clips))
        burnt = (burnt_caption(cue, output.language) for cue in seen)
        overlays = tuple(sorted((*overlays, *burnt), key=lambda each: each.first))
    voices = _voices(storyboard.scenes, clips, shape.fps, sounds)
    underlays = tuple(_underlays(storyboard.music, clips[-1].until, shape.fps, sounds))
    return Timeline(tuple(clips), *shape, output.fit, overlays, cues, voices, underlays, output.loudness)


def _on_slate(cue: Cue, clips: Iterable[Clip]) -> bool:
    return any(isinstance(clip.drawn, Slate) and clip.at <= cue.first < clip.until for clip in clips)


def _exact(footage: Footage) -> Footage:
    """The footage with the rate that its clip has but for rounding."""
    measure = footage.measure
    return replace(footage, measure=replace(measure, fps=nominal_rate(measure.fps, measure.frames)))


class _Shape(NamedTuple):
    """The film's frame in pixels, and its frames a second."""

    width: int
    height: int
    fps: Fraction


def _shape(storyboard: Storyboard, scenes: Sequence[Scene], footage: Mapping[str, Footage]) -> _Shape:
    """As the storyboard says, else as most clips are."""
    measures = [footage[scene.id].measure for scene in scenes if scene.id in footage]
    sizes = [(measure.width, measure.height) for measure in measures] or [_SIZE]
    rates = [film_rate(measure.fps) for measure in measures] or [_FPS]
    size = _even(storyboard.output.size or most_common(sizes))
    return _Shape(*size, storyboard.output.fps or most_common(rates))


def _clips(
    scenes: Sequence[Scene], footage: Mapping[str, Footage], slates: Mapping[str, Slate], shape: _Shape, fit: Fit
) -> list[Clip]:
    """The clips end to end. Raise Problems with all that do not fit."""
    clips: list[Clip] = []
    problems: list[Problem] = []
    ended = Fraction(0)
    for before, scene, behind in zip((None, *scenes), scenes, (*scenes[1:], None), strict=False):
        drawn = slates.get(scene.id) or (scene.source if isinstance(scene.source, Still) else None)
        seen = _to_draw(drawn, shape[:2], shape.fps, fit) if drawn else footage[scene.id]
        dropped = behind is not None and _drops(scene, behind, slates)
        found, ends = _next_clip(scene, seen, clips, ended, shape.fps, dropped)
        if isinstance(found, Problem):
            problems.append(found)
            continue
        matched = before and scene.finish.seam == "match" and _drops(before, scene, slates)
        clips.append(replace(found, drawn=drawn, match=min(MATCHED_FRAMES, found.frames) if matched else 0))
        ended = ends
    if problems:
        raise Problems(tuple(problems))
    return clips


def _drops(before: Scene, scene: Scene, slates: Mapping[str, Slate]) -> bool:
    """Whether the last frame of ``before`` is left out. A slate has no frame in common with a clip."""
    return drops_frame(before, scene) and before.id not in slates and scene.id not in slates


def _next_clip(
    scene: Scene, seen: Footage, clips: Sequence[Clip], ended: Fraction, fps: Fraction, dropped: bool
) -> tuple[Clip | Problem, Fraction]:
    """The clip of a scene behind ``clips``, which end after ``ended`` seconds; and when it ends. Or why it fails.

    ``dropped``: without its last frame.
    """
    coming = scene.finish.transition
    standing = coming is not None and coming.over == "tail" and bool(clips)
    begins = ended - coming.seconds if coming and clips and not standing else ended
    ends = begins + _seconds(scene, seen.measure, dropped)
    first, frames = round(begins * fps), round(ends * fps) - round(begins * fps)
    joint = None
    if coming:
        overlapping = bool(clips) and not standing
        length = round(ended * fps) - first if overlapping else round(coming.seconds * fps)
        joint = TimedTransition(coming.kind, length)
    room = joint.frames if standing and joint else frames
    if problem := _trouble(scene, seen.measure, frames) or _crowded(scene, joint, room, clips):
        return problem, ends
    clip = _clip(scene, seen, first, frames, fps, joint)
    return replace(clip, joint=None, lead_in=joint) if standing else clip, ends


def clip_of_scene(storyboard: Storyboard, scene: Scene, footage: Footage, *, dropped: bool = False) -> Clip | None:
    """Return the part of a clip that is seen, without its last frame if ``dropped``; None if its trim does not fit."""
    audio = replace(scene.finish.audio, voice=None)
    bare = replace(scene, finish=Finish(audio=audio))
    try:
        clip = build_timeline(replace(storyboard, scenes=(bare,), music=()), {scene.id: footage}).clips[0]
    except Problems:
        return None
    if not dropped or clip.frames == 1:
        return clip
    return replace(clip, end=clip.end - 1 / _exact(footage).measure.fps, frames=clip.frames - 1)


def _clip(scene: Scene, footage: Footage, at: int, frames: int, fps: Fraction, joint: TimedTransition | None) -> Clip:
    """``end`` follows from the film frames that are to be filled, so that no frame is held while the clip has more."""
    measure, finish = footage.measure, scene.finish
    first = round(scene.trim.start * measure.fps)
    last = min(measure.frames, first + max(1, round(Fraction(frames, fps) * measure.fps)))
    span = (first / measure.fps, last / measure.fps)
    return Clip(scene.id, footage.digest, *span, at, frames, joint, _level(finish.audio, fps), finish.effect)


def _level(audio: Audio, fps: Fraction) -> AudioLevel:
    return AudioLevel(audio.gain, audio.mute, round(audio.fade * fps), audio.track)


def _slated(scene: Scene) -> Scene:
    """The scene of a slate: not trimmed, without titles and effects that would hide its text."""
    return replace(scene, trim=Trim(), finish=replace(scene.finish, titles=(), effect=""))


def _to_draw(drawn: Still | Slate, size: tuple[int, int], fps: Fraction, fit: Fit) -> Footage:
    """What a still or a slate will be once it is drawn."""
    frames = max(1, round(drawn.seconds * fps))
    what = (drawn.image and drawn.image.digest, drawn.color, drawn.move) if isinstance(drawn, Still) else drawn
    digest = _digest(what, frames, size, fps, fit)
    return Footage(digest, Measure(frames, Fraction(fps), *size, sound=False))


def with_effects(cut: Timeline, effects: Mapping[str, str]) -> Timeline:
    """Return the timeline with its effects to be drawn. ``effects`` names the code of each (any text)."""
    return replace(cut, clips=tuple(_treated(clip, cut, effects) if clip.effect else clip for clip in cut.clips))


def _treated(clip: Clip, cut: Timeline, effects: Mapping[str, str]) -> Clip:
    track = clip.level.track
    source = replace(clip, at=0, joint=None, lead_in=None, match=0, level=AudioLevel(track=track), effect="")
    part = (clip.digest, str(clip.start), clip.frames, *((track,) if track else ()))
    digest = _digest(*part, cut.width, cut.height, cut.fps, cut.fit, clip.effect, effects[clip.effect])
    drawn = EffectClip(source, clip.effect, int(_digest(*part)[:8], 16))
    end, level = Fraction(clip.frames, cut.fps), replace(clip.level, track=0)
    return replace(clip, digest=digest, start=Fraction(0), end=end, level=level, effect="", drawn=drawn)


def _digest(*recipe: object) -> str:
    return fingerprint(RENDER_VERSION, *recipe)


def _voices(
    scenes: Iterable[Scene], clips: Iterable[Clip], fps: Fraction, sounds: Mapping[PurePosixPath, str]
) -> tuple[Voice, ...]:
    """Each from its scene's first frame on, and cut off where the scene ends."""
    spoken = [(clip, scene.finish.audio.voice) for scene, clip in zip(scenes, clips, strict=True)]
    return tuple(
        Voice(clip.scene, sounds[voice.path], clip.at, min(clip.frames, _frames(voice, fps)))
        for clip, voice in spoken
        if voice
    )


def _underlays(
    beds: Iterable[MusicBed], film: int, fps: Fraction, sounds: Mapping[PurePosixPath, str]
) -> Iterator[MusicSpan]:
    """The music on the ``film``'s frames. What would begin after its end is left out."""
    for bed in beds:
        first = round(bed.start * fps)
        last = film if bed.loop else min(film, first + _frames(bed.sound, fps))
        if first < last:
            fade = round(bed.fade * fps)
            yield MusicSpan(sounds[bed.sound.path], first, last - first, bed.gain, fade, bed.duck, bed.loop)


def _frames(sound: OwnSound, fps: Fraction) -> int:
    return max(1, math.ceil(sound.seconds * fps))


def _crowded(scene: Scene, joint: TimedTransition | None, frames: int, clips: Sequence[Clip]) -> Problem | None:
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


def _seconds(scene: Scene, measure: Measure, dropped: bool) -> Fraction:
    end = measure.seconds if scene.trim.end is None else min(scene.trim.end, measure.seconds)
    whole, frame = end - scene.trim.start, 1 / measure.fps
    # A scene of a single frame keeps it.
    return whole - frame if dropped and whole > frame else whole


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
