"""What tests of moving pictures share: colours that can be told apart, a cut of whole clips, what a player gets."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy

from storyboard.media import probe
from storyboard.model.storyboard import TransitionKind
from storyboard.timeline.model import Clip, TimedTransition, Timeline

RED, GREEN, BLUE, GREY = (200, 40, 40), (40, 180, 60), (50, 60, 200), (128, 128, 128)
Colour = tuple[int, int, int]
Clips = Callable[..., Path]
# A digest, its first and last frame at 24 fps, the transition before it and its frames, whether over the tail.
Part = tuple[str, int, int, TransitionKind | None, int, bool]
Planes = tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]

TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", *TAGS)


@dataclass(frozen=True)
class Seen:
    """What a player would get from a film: every frame (height, width, RGB), its times, and the sound (channels)."""

    frames: list[numpy.ndarray]
    times: list[Fraction]
    sound: numpy.ndarray
    hertz: int

    def colour(self, frame: int) -> Colour:
        """The colour in the middle of a frame."""
        picture = self.frames[frame]
        height, width = picture.shape[:2]
        return self.at(frame, width // 2, height // 2)

    def at(self, frame: int, x: int, y: int) -> Colour:
        red, green, blue = self.frames[frame][y, x]
        return int(red), int(green), int(blue)

    def flashes(self) -> list[int]:
        return [number for number in range(len(self.frames)) if min(self.colour(number)) > 225]

    def clicks(self) -> list[float]:
        """When the clicks begin, in seconds."""
        loud = numpy.flatnonzero(abs(self.sound[0]) > 0.2)
        begins = [sample for sample, before in zip(loud, [-self.hertz, *loud], strict=False) if sample - before > 2000]
        return [float(sample) / self.hertz for sample in begins]


def look(path: Path) -> Seen:
    """Decode everything in a film."""
    with av.open(str(path)) as film:
        frames, times, sound = [], [], []
        hertz = film.streams.audio[0].rate if film.streams.audio else 48000
        for frame in film.decode([*film.streams.video, *film.streams.audio]):
            if isinstance(frame, av.VideoFrame):
                frames.append(frame.to_ndarray(format="rgb24"))
                times.append(frame.pts * frame.time_base)
            else:
                sound.append(frame.to_ndarray())
        return Seen(frames, times, numpy.concatenate(sound or [numpy.zeros((2, 0))], axis=1), hertz)


def planes(path: Path) -> list[Planes]:
    """Every frame as it is decoded: Y, U, V."""

    with av.open(str(path)) as film:
        return [parted(frame) for frame in film.decode(video=0)]


def decibels(frame: Planes, wanted: Planes) -> float:
    """The peak signal-to-noise ratio over all planes."""
    errors = [((one.astype(float) - other) ** 2).reshape(-1) for one, other in zip(frame, wanted, strict=True)]
    noise = numpy.concatenate(errors).mean()
    return float("inf") if not noise else 10 * numpy.log10(255**2 / noise)


def parted(frame: av.VideoFrame) -> Planes:
    flat, (height, width) = frame.to_ndarray().reshape(-1), (frame.height, frame.width)
    luma, chroma, half = width * height, width * height // 4, (height // 2, width // 2)
    y, u, v = flat[:luma], flat[luma : luma + chroma], flat[luma + chroma :]
    return y.reshape(height, width), u.reshape(half), v.reshape(half)


def close(colour: Colour, wanted: Colour, within: int = 12) -> bool:
    return all(abs(one - other) <= within for one, other in zip(colour, wanted, strict=True))


def laid(paths: Mapping[str, Path], *, size: tuple[int, int] = (320, 180), fps: int = 24, fit: str = "pad") -> Timeline:
    """A cut of whole clips, each named by its key."""
    parts, begins = [], Fraction(0)
    for name, path in paths.items():
        measure = probe.measure(path)
        at, ends = round(begins * fps), round((begins + measure.seconds) * fps)
        parts.append(Clip(name, name, Fraction(0), measure.seconds, at, ends - at))
        begins += measure.seconds
    return Timeline(tuple(parts), size[0], size[1], fps, fit)


def clips_in_order(parts: Iterable[Part]) -> tuple[Clip, ...]:
    """Clips that follow each other; the first can only be faded in."""
    clips: list[Clip] = []
    for number, (digest, first, last, kind, length, tail) in enumerate(parts):
        first, tail = min(first, last - 16), tail and bool(clips)
        joint = TimedTransition(kind if clips else "fade", length) if kind and length else None
        at = clips[-1].until - (joint.frames if joint and not tail else 0) if clips else 0
        own = {"lead_in": joint} if tail else {"joint": joint}
        span = (Fraction(first, 24), Fraction(last, 24))
        clips.append(Clip(str(number), digest, *span, at, last - first, **own))
    return tuple(clips)


def files(folder: Path) -> Iterator[str]:
    return (path.name for path in sorted(folder.rglob("*")) if path.is_file())
