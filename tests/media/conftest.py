"""Real clips, made once a session by the bundled ffmpeg: flat colours that can be told apart, a flash and a click."""

import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy
import pytest

from storyboard.cut import Clip, Cut
from storyboard.media import ffmpeg, probe

RED, GREEN, BLUE, GREY = (200, 40, 40), (40, 180, 60), (50, 60, 200), (128, 128, 128)
Colour = tuple[int, int, int]
Clips = Callable[..., Path]

TAGS = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "20", *TAGS)


@pytest.fixture(autouse=True)
def _bundled_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STORYBOARD_FFMPEG", raising=False)
    monkeypatch.delenv("IMAGEIO_FFMPEG_EXE", raising=False)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Makes a clip, or gives the one that was made before: a colour, white for one frame at each whole second.

    Its sound, where there is any, is a quiet tone with a click of 4 ms at each whole second.
    """
    folder = tmp_path_factory.mktemp("clips")
    made: dict[object, Path] = {}

    def clip(
        colour: Colour = GREY,
        *,
        seconds: float = 1,
        fps: int | str = 24,
        size: tuple[int, int] = (320, 180),
        sound: str = "stereo",
        hertz: int = 48000,
        codec: tuple[str, ...] = H264,
        sound_codec: tuple[str, ...] = ("-c:a", "aac", "-b:a", "128k"),
        sound_seconds: float | None = None,
        filters: str = "",
        suffix: str = "mp4",
        extra: tuple[str, ...] = (),
    ) -> Path:
        wanted = (colour, seconds, fps, size, sound, hertz, codec, sound_codec, sound_seconds, filters, suffix, extra)
        if wanted not in made:
            out = folder / f"{len(made):03d}.{suffix}"
            red, green, blue = colour
            picture = f"color=c=0x{red:02x}{green:02x}{blue:02x}:s={size[0]}x{size[1]}:r={fps}:d={seconds}"
            flash = f"drawbox=c=white:t=fill:enable='lt(mod(t+0.001,1),1/{fps})'"
            chain = f"{picture},format=rgb24,{flash},scale=out_color_matrix=bt709:out_range=tv,format=yuv420p{filters}"
            command = [ffmpeg.binary(), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", chain]
            if sound:
                tone = "0.02*sin(2*PI*300*t)+0.7*sin(2*PI*3000*t)*lt(mod(t,1),0.004)"
                channels = "|".join([tone] * (1 if sound == "mono" else 2))
                length = seconds if sound_seconds is None else sound_seconds
                command += ["-f", "lavfi", "-i", f"aevalsrc='{channels}':s={hertz}:d={length}", *sound_codec]
            subprocess.run([*command, *codec, *extra, str(out)], check=True, capture_output=True)
            made[wanted] = out
        return made[wanted]

    return clip


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


@pytest.fixture(scope="session")
def see() -> Callable[[Path], Seen]:
    def look(path: Path) -> Seen:
        with av.open(str(path)) as film:
            frames, times, sound = [], [], [numpy.zeros((2, 0), dtype=numpy.float32)]
            hertz = film.streams.audio[0].rate if film.streams.audio else 48000
            for frame in film.decode():
                if isinstance(frame, av.VideoFrame):
                    frames.append(frame.to_ndarray(format="rgb24"))
                    times.append(frame.pts * frame.time_base)
                else:
                    sound.append(frame.to_ndarray())
            return Seen(frames, times, numpy.concatenate(sound, axis=1), hertz)

    return look


def close(colour: Colour, wanted: Colour, within: int = 12) -> bool:
    return all(abs(one - other) <= within for one, other in zip(colour, wanted, strict=True))


def laid(paths: Mapping[str, Path], *, size: tuple[int, int] = (320, 180), fps: int = 24, fit: str = "pad") -> Cut:
    """A cut of whole clips, each named by its key."""
    parts, begins = [], Fraction(0)
    for name, path in paths.items():
        measure = probe.measure(path)
        at, ends = round(begins * fps), round((begins + measure.seconds) * fps)
        parts.append(Clip(name, name, Fraction(0), measure.seconds, at, ends - at))
        begins += measure.seconds
    return Cut(tuple(parts), size[0], size[1], fps, fit)


def files(folder: Path) -> Iterator[str]:
    return (path.name for path in sorted(folder.rglob("*")) if path.is_file())
