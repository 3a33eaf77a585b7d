"""Titles and captions on the timeline: overlays and cues."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate, zip_longest

from storyboard.model.storyboard import Scene, Title
from storyboard.timeline.model import Clip, Cue, Overlay

# Seconds in which a title fades in or out.
_FADE = Fraction(3, 10)
# The height of a caption's line as a share of the frame's shorter side.
CAPTION_SIZE = Fraction(6, 100)

# Breaks a caption into what is shown at a time; given its text, and the film's width and height in pixels.
CaptionBreaker = Callable[[str, int, int], Sequence[str]]


def one_cue(text: str, width: int, height: int) -> Sequence[str]:
    """Show a caption as it is written, in one cue."""
    return (text,)


def overlays_and_cues(
    scenes: Iterable[Scene], clips: Iterable[Clip], fps: Fraction
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


def timed_cues(cue: Cue, texts: Sequence[str]) -> Iterator[Cue]:
    """Yield a cue of several texts as cues in turn, each as long as its share of the characters, at least a frame."""
    texts = texts[: cue.frames]
    ends = list(accumulate(max(1, len(text)) for text in texts))
    first = 0
    for left, (text, end) in zip(range(len(texts) - 1, -1, -1), zip(texts, ends, strict=True), strict=True):
        last = min(cue.frames - left, max(first + 1, round(Fraction(cue.frames * end, ends[-1]))))
        yield Cue(text, cue.first + first, last - first)
        first = last


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


def burnt_caption(cue: Cue, language: str = "") -> Overlay:
    """Return a caption burnt into the picture. It does not fade, like one that a player shows."""
    title = Title(cue.text, Fraction(0), None, "bottom", CAPTION_SIZE, "#ffffff", "outline", language)
    return Overlay(title, cue.first, cue.frames)


def _span(clip: Clip, fps: Fraction, start: Fraction, seconds: Fraction | None) -> tuple[int, int]:
    first = clip.at + round(start * fps)
    last = clip.until if seconds is None else min(clip.until, clip.at + round((start + seconds) * fps))
    return first, last - first
