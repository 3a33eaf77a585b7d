"""Loudness of clips by EBU R128: measured once by libavfilter's ebur128, cached as one small file per clip."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.film.audio import mixdown
from storyboard.film.audio.mix_plan import MOMENT, Loudness
from storyboard.media import workers
from storyboard.model.errors import LocalFault, StoryboardError
from storyboard.model.fingerprint import fingerprint
from storyboard.model.text import one_line
from storyboard.system.files import replace, scratch_dir
from storyboard.timeline.model import Clip

if TYPE_CHECKING:
    from av.filter import Graph

    from storyboard.mp4.aac import Samples

# Increase whenever the same clip would be measured differently.
_MAKING = 2
_FORM = (48_000, 2)
# Lower limit of levels, in LUFS and in dBTP: digital silence has no loudness.
_SILENCE = -120.0
# An integrated loudness at the absolute gate (ITU-R BS.1770-5, 2.7) means that nothing was above it.
_GATE = -70.0
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
    import av

    try:
        return _measured(path, start, end, watch, track)
    except av.error.FFmpegError as error:
        raise LocalFault(f"loudness cannot be measured: {one_line(error.strerror or '', 200)}") from error


def _measured(path: Path, start: Fraction, end: Fraction, watch: workers.Watch, track: int) -> Loudness:
    import numpy

    graph = _graph()
    moments: list[float] = []
    lufs, peak, at, length = _GATE, 0.0, 0, round((end - start) * _FORM[0])
    tenth = int(MOMENT * _FORM[0])
    padded = length + tenth  # the filter reports whole tenths of a second only
    pieces = mixdown.samples(path, start, _FORM, clip=True, track=track)
    while at < padded:
        watch(0)
        piece = next(pieces, None)
        if piece is None:
            if not at:
                return Loudness(None, _SILENCE, ())
            piece = numpy.zeros((_FORM[1], min(padded - at, 48_000)), numpy.float32)
        piece = piece[:, : padded - at].copy()
        piece[:, max(0, length - at) :] = 0
        for said in _through(graph, piece, at):
            moments.append(_level(said["lavfi.r128.M"]))
            lufs = _level(said["lavfi.r128.I"])
            peak = max(peak, float(said["lavfi.r128.true_peak"]))
        at += piece.shape[1]
    loud = None if lufs <= _GATE else lufs
    return Loudness(loud, round(20 * math.log10(peak), 3) if peak else _SILENCE, tuple(moments[: -(-length // tenth)]))


def _graph() -> "Graph":
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=_FORM[0], format="fltp", layout="stereo", time_base=Fraction(1, _FORM[0]))
    meter, sink = graph.add("ebur128", "peak=true:metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph


def _through(graph: "Graph", piece: "Samples", at: int) -> Iterator[Mapping[str, str]]:
    """Push samples into the filter; yield its metadata for each complete tenth of a second."""
    import av

    frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
    frame.sample_rate, frame.pts = _FORM[0], at
    graph.push(frame)
    while True:
        try:
            yield graph.pull().metadata
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _level(said: str) -> float:
    level = float(said)
    return max(_SILENCE, level) if math.isfinite(level) else _SILENCE


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
