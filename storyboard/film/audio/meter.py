"""The meter: loudness and true peak of samples by EBU R128, measured by libavfilter's ebur128."""

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.film.audio.mix_plan import MOMENT, Loudness
from storyboard.media import decode, workers
from storyboard.model.errors import LocalFault
from storyboard.model.text import one_line
from storyboard.mp4 import reader
from storyboard.mp4.samples import AudioTrack

if TYPE_CHECKING:
    from av.filter import Graph

    from storyboard.mp4.aac import Samples

# Lower limit of levels, in LUFS and in dBTP: digital silence has no loudness.
_SILENCE = -120.0
# An integrated loudness at the absolute gate (ITU-R BS.1770-5, 2.7) means that nothing was above it.
_GATE = -70.0


def measure_samples(pieces: Iterable["Samples"], length: int, form: tuple[int, int], watch: workers.Watch) -> Loudness:
    """Measure ``length`` samples in ``form``, hertz and channels. Raise LocalFault, and what ``pieces`` raises."""
    import av

    try:
        return _heard(_long(pieces, form[0]), length, form, watch)
    except av.error.FFmpegError as error:
        raise LocalFault(f"loudness cannot be measured: {one_line(error.strerror or '', 200)}") from error


def measure_encoded(path: Path, first: int, length: int, watch: workers.Watch) -> Loudness:
    """Measure ``length`` samples of an MP4 with AAC sound from sample ``first`` on.

    Raise LocalFault, BadMedia.
    """
    sound = reader.read(path).sound
    if not isinstance(sound, AudioTrack):
        raise LocalFault(f"{path} has no sound that can be read", "unset STORYBOARD_FFMPEG and try again")
    start = Fraction(first + sound.priming, sound.hertz)
    pieces = (piece[:, max(0, -at) :] for at, piece in decode.sound(path, sound, start))
    return measure_samples(pieces, length, sound.audio_format, watch)


def _heard(pieces: Iterator["Samples"], length: int, form: tuple[int, int], watch: workers.Watch) -> Loudness:
    """Measure ``length`` samples; silence where there are fewer."""
    import numpy

    graph = _graph(form)
    moments: list[float] = []
    lufs, peak, at = _GATE, 0.0, 0
    tenth = int(MOMENT * form[0])
    padded = length + tenth  # the filter reports whole tenths of a second only
    while at < padded:
        watch(0)
        piece = next(pieces, None)
        if piece is None:
            if not at:
                return Loudness(None, _SILENCE, ())
            piece = numpy.zeros((form[1], min(padded - at, 48_000)), numpy.float32)
        piece = piece[:, : padded - at].copy()
        piece[:, max(0, length - at) :] = 0
        for said in _through(graph, piece, at, form):
            moments.append(_level(said["lavfi.r128.M"]))
            lufs = _level(said["lavfi.r128.I"])
            peak = max(peak, float(said["lavfi.r128.true_peak"]))
        at += piece.shape[1]
    loud = None if lufs <= _GATE else lufs
    return Loudness(loud, round(20 * math.log10(peak), 3) if peak else _SILENCE, tuple(moments[: -(-length // tenth)]))


def _long(pieces: Iterable["Samples"], least: int) -> Iterator["Samples"]:
    """Pieces of at least so many samples each: the filter takes as long for a short one as for a second of sound."""
    import numpy

    kept: list[Samples] = []
    count = 0
    for piece in pieces:
        kept.append(piece)
        count += piece.shape[1]
        if count >= least:
            yield numpy.concatenate(kept, axis=1)
            kept, count = [], 0
    if kept:
        yield numpy.concatenate(kept, axis=1)


def _layout(form: tuple[int, int]) -> str:
    return "stereo" if form[1] == 2 else "mono"


def _graph(form: tuple[int, int]) -> "Graph":
    import av

    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=form[0], format="fltp", layout=_layout(form), time_base=Fraction(1, form[0]))
    meter, sink = graph.add("ebur128", "peak=true:metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    return graph


def _through(graph: "Graph", piece: "Samples", at: int, form: tuple[int, int]) -> Iterator[Mapping[str, str]]:
    """Push samples into the filter; yield its metadata for each complete tenth of a second."""
    import av

    frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout=_layout(form))
    frame.sample_rate, frame.pts = form[0], at
    graph.push(frame)
    while True:
        try:
            yield graph.pull().metadata
        except (av.error.BlockingIOError, av.error.EOFError):
            return


def _level(said: str) -> float:
    level = float(said)
    return max(_SILENCE, level) if math.isfinite(level) else _SILENCE
