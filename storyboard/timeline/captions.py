"""Titles and captions on the timeline: overlays and cues."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import zip_longest

from storyboard.model.storyboard import Scene, Title
from storyboard.timeline.model import Clip, Cue, Overlay

# Seconds in which a title fades in or out; the height of a burnt caption's line as a share of the frame's height.
_FADE, _CAPTION = Fraction(3, 10), Fraction(6, 100)


def overlays_and_cues(
    scenes: Iterable[Scene], clips: Iterable[Clip], fps: int
) -> tuple[tuple[Overlay, ...], tuple[Cue, ...]]:
    """Return titles and subtitles on the film's frames, each inside its scene."""
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
    """One cue at a time: each ends where the next begins, and cues that begin together are merged."""
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


def burnt_caption(cue: Cue) -> Overlay:
    """Return a caption burnt into the picture. It does not fade, like one that a player shows."""
    title = Title(cue.text, Fraction(0), None, "bottom", _CAPTION, "#ffffff", "outline")
    return Overlay(title, cue.first, cue.frames)


def _span(clip: Clip, fps: int, start: Fraction, seconds: Fraction | None) -> tuple[int, int]:
    first = clip.at + round(start * fps)
    last = clip.until if seconds is None else min(clip.until, clip.at + round((start + seconds) * fps))
    return first, last - first
