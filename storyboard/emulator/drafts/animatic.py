"""Animatic: a draft clip of the scene's images under a slow camera move, or of a card in the scene's colour.

Its first and its last frame are those that it was given, bare, so that one draft continues another.
moviepy composes the clip, Pillow draws its static layers once, and each frame is a window on a picture wider than the
frame: a clip takes about half a second of CPU. The camera moves by whole and half pixels, so that the picture does not
jitter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from threading import Event

from storyboard.emulator.drafts.backdrop import backdrops
from storyboard.emulator.drafts.bed import bed
from storyboard.emulator.drafts.brief import RATE, Brief
from storyboard.emulator.drafts.clip_writer import aac, mp4
from storyboard.emulator.drafts.given_frames import GivenFrames, given_frames
from storyboard.emulator.drafts.lettering import Lettering
from storyboard.emulator.drafts.planes import Cutout, Specks, WidePicture, mix_pictures, wide_picture, yuv_colour
from storyboard.graphics.background import PAPER
from storyboard.graphics.moviepy import video_clip
from storyboard.graphics.transitions import Plane, YuvPicture

_TRAVEL = 0.15  # travel of the camera in a clip, in frame widths
_DISSOLVE = (Fraction(3, 8), Fraction(5, 8))  # of the clip: the dissolve from the first image to the last


class Stopped(Exception):
    """The emulator is closing; the clip is abandoned."""


def film(path: Path, brief: Brief, stop: Event) -> None:
    """Write the clip for ``brief``. Takes about half a second of one core. Raise OSError, av.FFmpegError, Stopped."""
    stage = set_stage(brief)
    clip = video_clip()(lambda time: stage.frame(round(time * RATE)).content, duration=(brief.frames + 0.5) / RATE)
    form = brief.order.clip
    sound = aac(bed(brief.mood, form.seconds)) if form.sound else None
    mp4(path, brief.size, _until(stop, clip.iter_frames(fps=RATE)), sound)


@dataclass(frozen=True, slots=True)
class Stage:
    """A clip before its frames are rendered.

    ``wide`` is the picture, ``later`` the one that it dissolves to, None for none. ``pace`` is the speed of the camera
    in half pixels per frame, negative to the left.
    """

    size: tuple[int, int]
    frames: int
    wide: WidePicture
    later: WidePicture | None
    pace: int
    inks: tuple[Cutout | Specks, ...]
    lettering: Lettering
    given: GivenFrames

    def frame(self, number: int) -> YuvPicture:
        """Frame ``number``, from 0."""
        picture = self._window(number)
        planes = picture.planes
        for ink in (*self.inks, *self.lettering.clock(number)):
            ink.over(planes)
        left, top, width, height = self.lettering.line
        right = left + width * (number + 1) // self.frames
        for scale, plane, value in zip((1, 2, 2), planes, yuv_colour(PAPER), strict=True):
            plane[top // scale : -(-(top + height) // scale), left // scale : -(-right // scale)] = value
        return self.given.over(picture, number)

    def _window(self, number: int) -> YuvPicture:
        steps, width = self.pace * number if self.pace > 0 else -self.pace * (self.frames - 1 - number), self.size[0]
        share = _share(number, self.frames) if self.later else 0
        if not self.later or share == 0:
            return self.wide.window(steps, width)
        if share == 256:
            return self.later.window(steps, width)
        return mix_pictures(self.wide.window(steps, width), self.later.window(steps, width), share)


def set_stage(brief: Brief) -> Stage:
    """Draw everything that is the same in all frames."""
    size, unit, frames = brief.size, min(brief.size) / 720, brief.frames
    pace = max(1, round(size[0] * _TRAVEL * 2 / frames))
    travel = pace * (frames - 1) // 2
    wide = (size[0] + travel + travel % 2 + 2, size[1])
    pictures = [wide_picture(picture, pace) for picture in backdrops(brief, wide, unit)]
    lettering = Lettering(brief, unit)
    return Stage(
        size=size,
        frames=frames,
        wide=pictures[0],
        later=pictures[1] if len(pictures) > 1 else None,
        pace=pace if int(brief.mood[0], 16) % 2 else -pace,
        inks=(*lettering.guides(), *lettering.inks()),
        lettering=lettering,
        given=given_frames(brief, size, frames),
    )


def _share(number: int, frames: int) -> int:
    """The share of the last image in frame ``number``, of 256: 0, then a smoothstep over _DISSOLVE, then 256."""
    begin, end = (round(part * frames) for part in _DISSOLVE)
    way = min(1.0, max(0.0, (number - begin) / max(1, end - begin)))
    return round(256 * way * way * (3 - 2 * way))


def _until(stop: Event, pictures: Iterator[Plane]) -> Iterator[Plane]:
    for picture in pictures:
        if stop.is_set():
            raise Stopped
        yield picture
