"""Clips in a Cut: which part of which take is seen, and on which frames of the film. Whole frames, counted once."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from storyboard.errors import Problems
from storyboard.story import Fit, Problem, Scene, Storyboard
from storyboard.take import Footage, Measure

# How media/join.py turns a Cut into bytes. Raise it whenever the same Cut is made into other bytes: films and
# segments made before are then made anew.
MAKING = 2

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Clip:
    """A part of a take (or of an own clip) in the film.

    ``digest`` names the bytes; ``start`` and ``end`` are seconds of the source, on its frame boundaries; ``at`` is
    the film frame it begins on and ``frames`` how many film frames it lasts.
    """

    scene: str
    digest: str
    start: Fraction
    end: Fraction
    at: int
    frames: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The film as a list of clips without gaps. ``fps`` is whole; ``width`` and ``height`` are even pixels."""

    clips: tuple[Clip, ...]
    width: int
    height: int
    fps: int
    fit: Fit

    @property
    def frames(self) -> int:
        return sum(clip.frames for clip in self.clips)

    @property
    def identity(self) -> str:
        """SHA-256 (hex) of all that decides the film's bytes. A scene's id is not in it: renaming changes no film."""
        parts = [(clip.digest, str(clip.start), clip.frames) for clip in self.clips]
        recipe = (MAKING, self.width, self.height, self.fps, self.fit, parts)
        return hashlib.sha256(repr(recipe).encode()).hexdigest()


def cut(storyboard: Storyboard, footage: Mapping[str, Footage]) -> Cut:
    """Lay the scenes end to end. ``footage`` has an entry for every scene of the film, by its id.

    A scene lasts as long as its trim says, in exact seconds; it is the boundaries between scenes that are rounded to
    film frames, so rounding never adds up. Raises Problems where a trim does not fit the clip as it was measured.
    """
    measures = [footage[scene.id].measure for scene in storyboard.scenes]
    width, height = _even(storyboard.output.size or _most((measure.width, measure.height) for measure in measures))
    fps = storyboard.output.fps or max(1, _most(round(measure.fps) for measure in measures))
    clips: list[Clip] = []
    problems: list[Problem] = []
    begins = Fraction(0)
    for scene, measure in zip(storyboard.scenes, measures, strict=True):
        ends = begins + _seconds(scene, measure)
        at, frames = round(begins * fps), round(ends * fps) - round(begins * fps)
        if problem := _trouble(scene, measure, frames):
            problems.append(problem)
            continue
        clips.append(_clip(scene, footage[scene.id], at, frames, fps))
        begins = ends
    if problems:
        raise Problems(tuple(problems))
    return Cut(tuple(clips), width, height, fps, storyboard.output.fit)


def _clip(scene: Scene, footage: Footage, at: int, frames: int, fps: int) -> Clip:
    """``end`` follows from the film frames that are to be filled, so that no frame is held while the clip has more."""
    measure = footage.measure
    first = round(scene.trim.start * measure.fps)
    last = min(measure.frames, first + max(1, round(Fraction(frames, fps) * measure.fps)))
    return Clip(scene.id, footage.digest, first / measure.fps, last / measure.fps, at, frames)


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
