"""Composed frames: transitions between clips, and overlays, drawn picture by picture.

Clips in the film's format are decoded from the last key frame before the part, by their index; others are converted by
ffmpeg. Memory: one picture of each visible clip.
"""

from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from storyboard.film import segment
from storyboard.film.film_plan import readable
from storyboard.film.pieces import Composed
from storyboard.graphics.colour_match import ColourMatch
from storyboard.graphics.titles import ink
from storyboard.graphics.transitions import YuvPicture, blend, fade_from_black
from storyboard.media import decode
from storyboard.model.errors import BadMedia
from storyboard.mp4.samples import ClipIndex, VideoTrack
from storyboard.timeline.model import Clip, Timeline

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Pictures = Generator[YuvPicture]


def compose_frames(
    how: Composed, cut: Timeline, known: Mapping[str, ClipIndex], paths: Mapping[str, Path]
) -> Generator[bytes]:
    """The frames in order: YUV 4:2:0 with 8 bits, plane by plane. Raise LocalFault, BadMedia."""
    inks = [(overlay, ink(overlay.title, cut.width, cut.height)) for overlay in how.overlays]
    with ExitStack() as open:
        decoded: dict[Clip, Pictures] = {}
        standing: dict[Clip, YuvPicture] = {}
        before = dict(how.matched)

        def opened(clip: Clip) -> Pictures:
            return open.enter_context(closing(_decoded(clip, cut, known, paths)))

        def taken(clip: Clip) -> YuvPicture:
            if clip in standing:
                return standing.pop(clip)
            if clip not in decoded:
                decoded[clip] = opened(clip)
                if clip in before:
                    decoded[clip] = _matched(clip, decoded[clip], next(opened(before[clip])))
            return next(decoded[clip])

        for frame in range(how.frames):
            seen = [clip for clip in how.clips if clip.at <= frame < clip.until]
            picture = _seen(frame, seen, [taken(clip) for clip in seen])
            for clip in how.clips:
                if clip.lead_in and clip.at - clip.lead_in.frames <= frame < clip.at:
                    standing[clip] = taken(clip)
                    part = Fraction(frame - clip.at + clip.lead_in.frames + 1, clip.lead_in.frames + 1)
                    picture = blend(clip.lead_in.kind, part, picture, standing[clip])
            for overlay, words in inks:
                if opacity := overlay.opacity(frame):
                    picture = words.over(picture, opacity)
            yield picture.content.tobytes()


def _seen(frame: int, seen: list[Clip], pictures: list[YuvPicture]) -> YuvPicture:
    coming = seen[-1]
    if not coming.joint or frame >= coming.at + coming.joint.frames:
        return pictures[-1]
    part = Fraction(frame - coming.at + 1, coming.joint.frames + 1)
    if len(pictures) == 1:
        return fade_from_black(part, pictures[0])
    return blend(coming.joint.kind, part, *pictures)


def _matched(clip: Clip, pictures: Pictures, before: YuvPicture) -> Pictures:
    """The clip's pictures, the first in the colours of ``before``; so do the next ones, by less and less."""
    frames, match = min(clip.match, clip.frames), None
    for number, picture in enumerate(pictures):
        match = match or ColourMatch.between(picture, before)
        yield match.apply(picture, 1 - Fraction(number, frames)) if number < frames else picture


def _decoded(clip: Clip, cut: Timeline, known: Mapping[str, ClipIndex], paths: Mapping[str, Path]) -> Pictures:
    """The clip's pictures. Behind damage the last one stands still; raise BadMedia where there is none."""
    frames, path = readable(clip, cut, known[clip.digest]), paths[clip.digest]
    count, last = 0, None
    try:
        for last in _read(clip, cut, frames, path) if frames else _brought(clip, cut, path):
            yield last
            count += 1
    except BadMedia:
        if last is None:
            raise
    if last is None:
        raise BadMedia("damaged: no frame of it decodes")
    yield from repeat(last, clip.frames - count)


def _brought(clip: Clip, cut: Timeline, path: Path) -> Pictures:
    with closing(segment.pictures(clip, cut, path)) as frames:
        for frame in frames:
            yield YuvPicture(np.frombuffer(frame, np.uint8), cut.width, cut.height)


def _read(clip: Clip, cut: Timeline, frames: VideoTrack, path: Path) -> Pictures:
    first = int(clip.start * cut.fps)
    last = first + clip.frames
    early: dict[int, YuvPicture] = {}
    due = first
    with closing(decode.pictures(path, frames, first, last)) as decoded:
        for frame in decoded:
            if frame.pts is not None and first <= frame.pts < last:
                early[frame.pts] = _picture(frame, cut)
            while due in early:
                yield early.pop(due)
                due += 1


def _picture(frame: "VideoFrame", cut: Timeline) -> YuvPicture:
    if (frame.width, frame.height, frame.format.name) != (cut.width, cut.height, "yuv420p"):
        raise BadMedia("damaged: the frame size changes")
    return YuvPicture(frame.to_ndarray().astype(np.uint8, copy=False).reshape(-1), cut.width, cut.height)
