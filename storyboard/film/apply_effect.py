"""Effects written by the author, applied to clips: the pictures in the film's format are changed, the sound is not.

The author's code may fail in any way: an error names the scene and the effect, and the traceback goes into a file.
"""

import traceback
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from PIL import Image

from storyboard.film import effects, segment
from storyboard.film.audio import mixdown
from storyboard.film.audio.mix_plan import MARGIN
from storyboard.film.pieces import AudioExcerpt
from storyboard.film.sound_plan import block_at
from storyboard.graphics.moviepy import video_clip
from storyboard.media import encode, probe
from storyboard.media.encode import Picture
from storyboard.model.errors import LocalFault
from storyboard.model.text import one_line
from storyboard.mp4 import reader
from storyboard.mp4.samples import AudioTrack
from storyboard.system.files import atomic_output, disk_errors
from storyboard.system.files import replace as put
from storyboard.timeline.model import Clip, EffectClip, Timeline

_HERTZ = 48_000


def apply_effect(
    drawn: EffectClip, scene: str, cut: Timeline, source: Path, out: Path, watch: Callable[[int], None]
) -> None:
    """Write the clip with the effect applied to each frame, and with the source's sound.

    Runs in this thread, so that Ctrl-C stops an effect that never ends. Raise LocalFault, BadMedia, InputError.
    """
    clip = drawn.clip
    log = out.parent / f"effect-{drawn.effect}.log"
    with (
        disk_errors(out),
        TemporaryDirectory(dir=out.parent, prefix=".effect-") as folder,
        atomic_output(out) as staging,
    ):
        before = Path(folder, "before.mp4")
        segment.make(clip, cut, source, before, watch)
        with _Frames(before, cut.fps, clip.frames) as frames:
            pictures = _through(drawn, scene, cut, frames, log)
            encode.mp4(
                staging,
                (cut.width, cut.height),
                cut.fps,
                _watched(pictures, watch),
                _sound(clip, cut, source, Path(folder), watch),
            )


def _watched(pictures: Iterator[Picture], watch: Callable[[int], None]) -> Iterator[Picture]:
    for number, picture in enumerate(pictures):
        watch(number)
        yield picture


def _through(drawn: EffectClip, scene: str, cut: Timeline, frames: "_Frames", log: Path) -> Iterator[Picture]:
    clip_of_moviepy = video_clip()  # before the author's code imports moviepy with the keys in the environment
    blame = _Blame(drawn.effect, scene, log)
    seconds = Fraction(drawn.clip.frames, cut.fps)
    rate = cut.fps.numerator if cut.fps.denominator == 1 else float(cut.fps)
    given = clip_of_moviepy(lambda time: frames.at(round(time * cut.fps)), duration=float(seconds)).with_fps(rate)
    with blame:
        result = effects.load(drawn.effect)(given, drawn.seed)
    if not isinstance(result, clip_of_moviepy):
        raise blame.fault(f"it returned {type(result).__name__}, and no moviepy clip")
    if result.duration is None or abs(result.duration - float(seconds)) > 0.5 / cut.fps:
        said = "no duration" if result.duration is None else f"{result.duration:.3f} s"
        raise blame.fault(f"its clip has {said}; it was given one of {float(seconds):.3f} s")
    for number in range(drawn.clip.frames):
        with blame:
            picture = np.asarray(result.get_frame(float(number / cut.fps)))
        yield _brought(picture, (cut.width, cut.height), blame)


def _brought(picture: Any, size: tuple[int, int], blame: "_Blame") -> Picture:
    """Convert the effect's picture to 8-bit RGB in the film's size."""
    if picture.ndim != 3 or picture.shape[2] not in (3, 4) or not all(picture.shape):
        raise blame.fault(f"its frame is an array of shape {picture.shape}; (height, width, 3) is a picture")
    whole: Picture = np.clip(np.nan_to_num(picture[..., :3]), 0, 255).astype(np.uint8)
    if whole.shape[1::-1] == size:
        return whole
    return np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.LANCZOS))


def _sound(
    clip: Clip, cut: Timeline, source: Path, folder: Path, watch: Callable[[int], None]
) -> tuple[Path, Fraction] | None:
    """A file with the clip's sound as AAC, and where the clip begins in it, in seconds; None without sound."""
    found = probe.source(source)
    if not found.measure.sound:
        return None
    if found.format == "mp4" and isinstance(reader.read(source).sound, AudioTrack):
        with probe.open_clip(source, "mp4") as file:
            return source, Fraction(file.start_time or 0, 1_000_000) + found.lead + clip.start
    whole = Timeline((clip,), cut.width, cut.height, cut.fps, cut.fit)
    encoded = folder / "sound.m4a"
    blocks = block_at(clip.frames, whole, _HERTZ)
    wanted = AudioExcerpt(clip.scene, clip.digest, clip.start, blocks, clip.level.track)
    mixdown.write_excerpt(wanted, (_HERTZ, 2), source, encoded, watch)
    return encoded, Fraction(MARGIN, _HERTZ)


class _Frames:
    """The frames of a clip by number, in any order; ascending order is fastest."""

    def __init__(self, path: Path, fps: Fraction, count: int) -> None:
        self._path, self._fps, self._count = path, fps, count
        self._reformatter = VideoReformatter()

    def __enter__(self) -> "_Frames":
        self._file = av.open(str(self._path), "r", format="mp4")
        self._at, self._seen = -1, np.empty(0, np.uint8)
        self._next = self._file.decode(video=0)
        return self

    def __exit__(self, *failure: object) -> None:
        self._file.close()

    def at(self, number: int) -> Picture:
        """A copy of frame ``number``, which the caller may change. Out of range, the first or the last frame."""
        wanted = min(max(number, 0), self._count - 1)
        if not self._at <= wanted <= self._at + 2 * self._fps:
            stream = self._file.streams.video[0]
            assert stream.time_base
            self._file.seek(round(Fraction(wanted, self._fps) / stream.time_base), stream=stream)
            self._next, self._at = self._file.decode(video=0), -1
        while self._at != wanted:
            frame = next(self._next)
            assert frame.pts is not None
            assert frame.time_base
            self._at = round(frame.pts * frame.time_base * self._fps)
            if self._at == wanted:
                self._seen = self._rgb(frame)
        return self._seen.copy()

    def _rgb(self, frame: av.VideoFrame) -> Picture:
        shown = self._reformatter.reformat(
            frame,
            format="rgb24",
            src_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.JPEG,
            interpolation=encode.SCALING,
        )
        return cast(Picture, shown.to_ndarray())


class _Blame:
    """Turn exceptions of the author's code into a LocalFault that names the effect; the traceback goes into ``log``."""

    def __init__(self, effect: str, scene: str, log: Path) -> None:
        self._what, self._log = f"scene '{scene}': the effect '{effect}' failed", log

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if isinstance(error, Exception | SystemExit):
            put(self._log, "".join(traceback.format_exception(error)).encode("utf-8", "replace"))
            said = str(error).strip().partition("\n")[0]
            why = f"{type(error).__name__}{': ' if said else ''}{one_line(said, 200)}"
            raise self.fault(why, f"its traceback is in {self._log}") from error

    def fault(self, why: str, hint: str = "fix it, or remove it from the scene") -> LocalFault:
        """The error to raise, naming the scene and the effect."""
        return LocalFault(f"{self._what}: {why}", hint)
