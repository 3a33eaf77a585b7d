"""Loudness of clips by EBU R128: measured once, cached as one small file per clip."""

import json
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path

from storyboard.film.audio import mixdown
from storyboard.film.audio.meter import measure_samples
from storyboard.film.audio.mix_plan import Loudness
from storyboard.media import workers
from storyboard.model.errors import StoryboardError
from storyboard.model.fingerprint import fingerprint
from storyboard.system.files import replace, scratch_dir
from storyboard.timeline.model import Clip

# Increase whenever the same clip would be measured differently.
_MAKING = 2
_FORM = (48_000, 2)
# Size limit of a cache file in bytes: ten hours take less; a larger file was not written by this program.
_LARGEST = 4_000_000
_FARTHEST = 200.0


class Known:
    """The cached loudness of parts of clips, in ``.storyboard/loudness`` of a project."""

    def __init__(self, project: Path) -> None:
        self._project = project

    def of(self, clip: Clip) -> Loudness | None:
        """The loudness of the visible part of the clip; None if it was not measured before."""
        try:
            with self._path(clip).open("rb") as file:
                return _read(file.read(_LARGEST))
        except OSError:
            return None

    def all(self, clips: Iterable[Clip], paths: Mapping[str, Path]) -> dict[Clip, Loudness]:
        """The loudness of each clip; missing ones are measured in parallel. Raise LocalFault, BadMedia."""
        clips = list(clips)
        found = {clip: known for clip in clips if (known := self.of(clip))}
        missing = {self._path(clip): clip for clip in clips if clip not in found}

        def job(clip: Clip) -> Callable[[workers.Watch], None]:
            def measured(watch: workers.Watch) -> None:
                self.measure(clip, paths[clip.digest], watch)

            return workers.of_scene(measured, clip.scene)

        workers.carry_out({path: job(clip) for path, clip in missing.items()}, lambda far: None)
        return found | {clip: known for clip in clips if clip not in found and (known := self.of(clip))}

    def prepare(self, clip: Clip, path: Path) -> None:
        """Measure ahead of the cut. Errors are ignored here; the cut reports them."""
        try:
            if not self.of(clip):
                self.measure(clip, path)
        except StoryboardError:
            return

    def measure(self, clip: Clip, path: Path, watch: workers.Watch = lambda frames: None) -> Loudness:
        """Measure the visible part of the clip, and cache the result. Raise LocalFault, BadMedia."""
        scratch_dir(self._project, "loudness")
        loudness = measure(path, clip.start, clip.end, watch, clip.level.track)
        kept = {"lufs": loudness.lufs, "peak": loudness.peak, "moments": loudness.moments}
        replace(self._path(clip), json.dumps(kept).encode())
        return loudness

    def _path(self, clip: Clip) -> Path:
        track = clip.level.track
        name = fingerprint(_MAKING, clip.digest, clip.start, clip.end, *((track,) if track else ()))
        return self._project / ".storyboard" / "loudness" / f"{name[:32]}.json"


def measure(
    path: Path, start: Fraction, end: Fraction, watch: workers.Watch = lambda frames: None, track: int = 0
) -> Loudness:
    """Measure the loudness of a clip from ``start`` to ``end``, in seconds. Raise LocalFault, BadMedia.

    ``track`` is the number of its sound track, from 1; 0 for the main one.
    """
    pieces = mixdown.samples(path, start, _FORM, clip=True, track=track)
    return measure_samples(pieces, round((end - start) * _FORM[0]), _FORM, watch)


def _read(content: bytes) -> Loudness | None:
    """Parse a cache file. None if it is invalid: a folder that came with a project may hold any content."""
    try:
        kept = json.loads(content)
        lufs, peak, moments = kept["lufs"], kept["peak"], kept["moments"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    levels = [peak, *(moments if isinstance(moments, list) else [None]), *([] if lufs is None else [lufs])]
    if not all(isinstance(level, float | int) and abs(level) <= _FARTHEST for level in levels):
        return None
    return Loudness(lufs, peak, tuple(moments))
