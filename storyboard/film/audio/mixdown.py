"""Mixdown: read samples, resample them to one format, apply gains, add them; about a second of the film at a time.

Memory does not depend on the length of files: only the parts that are heard are read, and few files are open at once.
Samples are float32, (channels, samples), -1 to 1.
"""

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from storyboard.film.audio.meter import measure_encoded
from storyboard.film.audio.mix_plan import ENCODING, MARGIN, PEAK, AudioMix, AudioSource, Ramp, factor, part_of_mix
from storyboard.film.pieces import AudioExcerpt
from storyboard.media import decode, probe
from storyboard.model.errors import BadMedia
from storyboard.model.text import one_line
from storyboard.mp4 import reader
from storyboard.mp4.samples import BLOCK, AudioTrack, VideoTrack, audio_offset
from storyboard.system.files import atomic_output, disk_errors

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from storyboard.mp4.aac import Numbers, Samples, Whole

# Samples that are mixed at a time: 48 blocks, about a second.
_STRIDE = 48 * BLOCK
# Timestamps are rounded, in Matroska to 1 ms. A difference above this, in seconds, is a gap or an overlap.
_HOLE = Fraction(1, 20)
# Up to this start time, in seconds, a file is read from its beginning without a seek.
_NEAR = 10
# Duration of the crossfade from the end of a loop to its beginning, in seconds, so that it does not click.
_SEAM = 0.03
# Loops of up to this many seconds are kept in memory: opening the file for each round would be very slow.
_SHORT = 10

# How often a mix is encoded again for its peak, and by how much more than needed the ceiling is lowered, in dB.
_ATTEMPTS, _LOWER = 5, 0.2
# The limiter reduces the gain over twice this many seconds before and after a peak.
_SOFTENED = 0.01
_TAPS = 12

# Factors of the channels in a mix for two (ITU-R BS.775-4, table 2): the centre and the surround channels at -3 dB, no
# low-frequency effects. What becomes too loud is limited, as in any mix.
_HALF = math.sqrt(0.5)
_LEFT = {"FL": 1.0, "DL": 1.0, "FLC": 1.0, "FC": _HALF, "BL": _HALF, "SL": _HALF, "BC": 0.5, "WL": 1.0}
_RIGHT = {"FR": 1.0, "DR": 1.0, "FRC": 1.0, "FC": _HALF, "BR": _HALF, "SR": _HALF, "BC": 0.5, "WR": 1.0}

_AAC = {"aac_coder": "fast", "b": "192000", "threads": "1", "flags": "+bitexact"}  # as in film/segment.py
_NEUTRAL = {"fflags": "+bitexact"}

Watch = Callable[[int], None]
# Pairs of a position and samples. Positions count samples from the requested start; the first may be negative.
Placed: TypeAlias = "Generator[tuple[int, Samples]]"


def write(mix: AudioMix, paths: Mapping[str, Path], out: Path, watch: Watch) -> None:
    """Write a mix as AAC in MP4, its true peak under PEAK. ``watch`` is called repeatedly; an exception in it stops.

    Raise LocalFault, BadMedia.
    """
    with atomic_output(out) as staged:
        below_peak(
            lambda ceiling: write_aac(mix_samples(mix, paths, ceiling), mix.form, staged, watch),
            lambda: measure_encoded(staged, MARGIN, mix.last - mix.first - 2 * MARGIN, watch).peak,
        )


def below_peak(encode: Callable[[float], object], peak: Callable[[], float]) -> None:
    """Encode under a ceiling, in dBTP, that is lowered until the true peak of what was encoded is at most PEAK.

    What an encoder adds to broadband sound may be some decibels. ``peak`` measures what ``encode`` made.
    """
    ceiling = PEAK - ENCODING
    for _ in range(_ATTEMPTS):
        encode(ceiling)
        if (over := peak() - PEAK) <= 0:
            return
        ceiling -= over + _LOWER


def write_aac(pieces: Iterable["Samples"], form: tuple[int, int], path: Path, watch: Watch) -> None:
    """Write samples in ``form`` as AAC in MP4."""
    import av
    import numpy

    hertz, channels = form
    layout = "stereo" if channels == 2 else "mono"
    with av.open(f"file:{path}", "w", format="mp4", options=_NEUTRAL) as file:
        stream = file.add_stream("aac", rate=hertz, options=_AAC, layout=layout)
        at = 0
        for piece in pieces:
            watch(0)
            for begin in range(0, piece.shape[1], BLOCK):
                block = numpy.ascontiguousarray(piece[:, begin : begin + BLOCK])
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate, frame.pts = hertz, at
                file.mux(stream.encode(frame))
                at += block.shape[1]
        file.mux(stream.encode(None))


def write_excerpt(wanted: AudioExcerpt, form: tuple[int, int], path: Path, out: Path, watch: Watch) -> None:
    """Write a clip's sound as it is, in ``form``, with MARGIN samples more on either side, as ``write`` does."""
    length = wanted.blocks * BLOCK
    source = AudioSource(wanted.scene, wanted.digest, True, wanted.start, 0, length, 1.0, track=wanted.track)
    write(part_of_mix(AudioMix(form, 0, length, (source,)), 0, length), {wanted.digest: path}, out, watch)


def mix_samples(mix: AudioMix, paths: Mapping[str, Path], ceiling: float = PEAK - ENCODING) -> Iterator["Samples"]:
    """The samples of a mix, about a second at a time, with true peaks of at most ``ceiling`` dBTP.

    Raise LocalFault, BadMedia.
    """
    return _limited(add_samples(mix, paths), mix.form, factor(ceiling))


def to_int16(piece: "Samples") -> bytes:
    """Convert samples to 16-bit integers (s16le), channels interleaved."""
    import numpy

    return bytes(numpy.clip(numpy.rint(piece.T * 32768), -32768, 32767).astype("<i2").tobytes())


def samples(
    path: Path, start: Fraction, form: tuple[int, int], *, clip: bool, loop: bool = False, track: int = 0
) -> Iterator["Samples"]:
    """A file's sound in ``form`` (hertz, channels), from ``start`` seconds on. Empty if the file has no sound.

    If ``clip``, ``start`` counts from the first frame, else from the first sample. If ``loop``, ``start`` is ignored,
    and the sound repeats without end. ``track`` is a number from 1, or 0 for the main one. Raise LocalFault, BadMedia.
    """
    if loop:
        return _looped(lambda: _from(path, Fraction(0), form, clip=clip), form)
    return _from(path, start, form, clip=clip, track=track)


def add_samples(mix: AudioMix, paths: Mapping[str, Path]) -> Iterator["Samples"]:
    """The samples of a mix before its peaks are limited. Raise LocalFault, BadMedia."""
    import numpy

    with ExitStack() as files:
        readers: dict[AudioSource, _Reader] = {}
        for first in range(mix.first, mix.last, _STRIDE):
            last = min(mix.last, first + _STRIDE)
            heard = numpy.zeros((mix.form[1], last - first), numpy.float32)
            for strand in mix.strands:
                one, other = max(first, strand.first), min(last, strand.last)
                if one >= other:
                    continue
                if strand not in readers:
                    readers[strand] = files.enter_context(closing(_Reader(strand, paths[strand.digest], mix)))
                gains = _gains(strand, one, other)
                if not isinstance(gains, float) or gains:
                    heard[:, one - first : other - first] += gains * readers[strand].read(other - one)
                else:
                    readers[strand].read(other - one)
                if strand.last <= last:
                    readers.pop(strand).close()
            yield heard


class _Reader:
    """The samples of a source in order; silence after the end of the file."""

    def __init__(self, strand: AudioSource, path: Path, mix: AudioMix) -> None:
        self._name, self._channels = _named(strand, path), mix.form[1]
        self._stream = samples(path, strand.start, mix.form, clip=strand.clip, loop=strand.loop, track=strand.track)
        self._left: Samples | None = None
        # A loop that starts before the mix is read from its beginning, because the length of a round is unknown.
        for begin in range(strand.first, mix.first, _STRIDE):
            self.read(min(_STRIDE, mix.first - begin))

    def read(self, count: int) -> "Samples":
        import numpy

        heard = numpy.zeros((self._channels, count), numpy.float32)
        done = 0
        while done < count:
            piece = self._left if self._left is not None else self._next()
            if piece is None:
                break
            taken = min(count - done, piece.shape[1])
            heard[:, done : done + taken] = piece[:, :taken]
            self._left = piece[:, taken:] if taken < piece.shape[1] else None
            done += taken
        return heard

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()

    def _next(self) -> "Samples | None":
        try:
            return next(self._stream, None)
        except BadMedia as error:
            raise BadMedia(f"{self._name}: {error.message}", error.hint) from error


def _named(strand: AudioSource, path: Path) -> str:
    if strand.clip:
        return f"scene '{strand.scene}'"
    return f"the voice of scene '{strand.scene}'" if strand.scene else f"the music {one_line(path.name)}"


def _gains(strand: AudioSource, first: int, last: int) -> "Samples | float":
    """The gain of each sample as a factor; a single number if it is the same for all."""
    import numpy

    gain, curve = strand.gain, None
    for ramp in strand.ramps:
        if last <= ramp.first:
            gain *= ramp.one
        elif first >= ramp.last:
            gain *= ramp.other
        else:
            slope = _slope(ramp, numpy.arange(first, last))
            curve = slope if curve is None else curve * slope
    return gain if curve is None else (gain * curve).astype(numpy.float32)


def _slope(ramp: Ramp, at: "Whole") -> "Numbers":
    import numpy

    way = numpy.clip((at - ramp.first + 0.5) / max(1, ramp.last - ramp.first), 0, 1)
    if not ramp.one:
        return numpy.asarray(ramp.other * numpy.sin(math.pi / 2 * way))
    if not ramp.other:
        return numpy.asarray(ramp.one * numpy.cos(math.pi / 2 * way))
    return numpy.asarray(ramp.one * (ramp.other / ramp.one) ** way)


def _from(path: Path, start: Fraction, form: tuple[int, int], *, clip: bool, track: int = 0) -> Iterator["Samples"]:
    import numpy

    done = 0
    with closing(_of_clip(path, start, form, track) if clip else _of_file(path, None, start, form)) as placed:
        for at, piece in placed:
            while done < at:
                silence = min(at - done, _STRIDE)
                yield numpy.zeros((form[1], silence), numpy.float32)
                done += silence
            if at + piece.shape[1] > done:
                yield piece[:, done - at :]
                done = at + piece.shape[1]


def _of_clip(path: Path, start: Fraction, form: tuple[int, int], track: int) -> Placed:
    """The sound of a clip: decoded by its index if it is in ``form`` already, else through the demuxer."""
    index = reader.read(path)
    if (
        isinstance(index.frames, VideoTrack)
        and isinstance(index.sound, AudioTrack)
        and index.sound.audio_format == form
    ):
        return decode.sound(path, index.sound, start + audio_offset(index.frames, index.sound))
    return _of_file(path, probe.source(path).lead, start, form, track)


def _of_file(path: Path, lead: Fraction | None, start: Fraction, form: tuple[int, int], track: int = 0) -> Placed:
    kind = probe.sound_demuxer(path) if lead is None else probe.demuxer(path)
    with disk_errors(path), probe.open_clip(path, kind) as file:
        if stream := probe.sound_track(file, track):
            yield from _placed(file, stream, lead, start, form)


def _placed(
    file: "InputContainer", stream: "AudioStream", lead: Fraction | None, start: Fraction, form: tuple[int, int]
) -> Placed:
    """Resample a stream; positions count samples from ``start``, in seconds, and may be negative.

    ``lead`` is the time of a clip's first frame, in seconds; None counts from the first sample. One resampler serves
    all contiguous samples: only a gap or an overlap starts another.
    """
    import av

    hertz, channels = form
    base = stream.time_base or Fraction(1, stream.rate)
    origin = None if lead is None else Fraction(file.start_time or 0, 1_000_000) + lead + start
    if origin is not None and start > _NEAR:
        file.seek(int((origin - 1) * 1_000_000))
    resampler, form_of, expected, at = None, None, Fraction(0), 0
    for frame in _decoded(file, stream):
        begins = expected if frame.pts is None else frame.pts * base
        if origin is None:
            origin = begins + start
        now = (frame.layout.name, frame.sample_rate, frame.format.name)
        if resampler is None or now != form_of or abs(begins - expected) > _HOLE:
            if resampler:
                for late in resampler.resample(None):
                    yield at, _spread(late, channels)
            at, expected, form_of = round((begins - origin) * hertz), begins, now
            resampler = av.AudioResampler(format="fltp", layout=frame.layout.name, rate=hertz)
        expected += Fraction(frame.samples, frame.sample_rate)
        frame.pts = None
        for one in resampler.resample(frame):
            piece = _spread(one, channels)
            yield at, piece
            at += piece.shape[1]
    for late in resampler.resample(None) if resampler else ():
        piece = _spread(late, channels)
        yield at, piece
        at += piece.shape[1]


def _decoded(file: "InputContainer", stream: "AudioStream") -> "Iterator[AudioFrame]":
    """The frames of a stream. Packets that do not decode are left out, as players leave them out."""
    import av

    for packet in file.demux(stream):
        if not packet.size and packet.dts is not None:  # it would end the decoding
            continue
        with suppress(av.error.FFmpegError):
            yield from packet.decode()


def _spread(frame: "AudioFrame", channels: int) -> "Samples":
    """Convert to float32 with one or two ``channels``; mono goes to both unchanged."""
    import numpy

    piece = numpy.asarray(frame.to_ndarray(), numpy.float32)
    if piece.shape[0] == 1:
        return numpy.repeat(piece, channels, axis=0)
    names = [channel.name for channel in frame.layout.channels]
    left, right = ([factors.get(name, 0.0) for name in names] for factors in (_LEFT, _RIGHT))
    both = numpy.array([left, right], numpy.float32)
    if not both.any():  # channels without places
        both = numpy.full((2, piece.shape[0]), 1 / piece.shape[0], numpy.float32)
    mixed = piece if names == ["FL", "FR"] else both @ piece
    return numpy.asarray(mixed if channels == 2 else mixed.mean(axis=0, keepdims=True), numpy.float32)


def _looped(read: Callable[[], Iterator["Samples"]], form: tuple[int, int]) -> Iterator["Samples"]:
    """Repeat a sound without end, with a crossfade from its end to its beginning. Empty if there is no sound."""
    import numpy

    seam = int(_SEAM * form[0])
    kept, whole = _begun(read(), _SHORT * form[0])
    if not kept.shape[1]:
        return
    if whole and kept.shape[1] <= 4 * seam:
        again = numpy.tile(kept, (1, -(-_STRIDE // kept.shape[1])))
        while True:
            yield again
    tail = None
    while True:
        held: Samples = numpy.zeros((form[1], 0), numpy.float32)
        for piece in (kept,) if whole else read():
            held = numpy.concatenate([held, piece], axis=1)
            if tail is not None and held.shape[1] >= 2 * seam:
                held[:, :seam] = _crossed(tail, held[:, :seam])
                tail = None
            if tail is None and held.shape[1] > 2 * seam:
                yield held[:, :-seam]
                held = held[:, -seam:]
        if tail is not None:
            return
        if held.shape[1] > seam:
            yield held[:, :-seam]
        tail = held[:, -seam:]


def _begun(stream: Iterator["Samples"], most: int) -> tuple["Samples", bool]:
    """The beginning of a sound, slightly more than ``most`` samples, and whether that is all of it."""
    import numpy

    pieces, length = [], 0
    for piece in stream:
        pieces.append(piece)
        length += piece.shape[1]
        if length > most:
            return numpy.concatenate(pieces, axis=1), False
    return numpy.concatenate(pieces, axis=1) if pieces else numpy.zeros((1, 0), numpy.float32), True


def _crossed(one: "Samples", other: "Samples") -> "Samples":
    import numpy

    way = (numpy.arange(one.shape[1]) + 0.5) / one.shape[1] * math.pi / 2
    return numpy.asarray(one * numpy.cos(way) + other * numpy.sin(way), numpy.float32)


def _limited(pieces: Iterable["Samples"], form: tuple[int, int], ceiling: float) -> Iterator["Samples"]:
    """Limit the true peak: reduce the gain around peaks that are too high; leave the rest unchanged."""
    import numpy

    reach = int(_SOFTENED * form[0])
    around = 2 * reach + _TAPS
    silence = numpy.zeros((form[1], around), numpy.float32)
    held = silence
    for piece in chain(pieces, (silence,)):
        held = numpy.concatenate([held, piece], axis=1)
        ready = held.shape[1] - 2 * around
        if ready > 0:
            yield _softened(held, reach, ceiling)[:, around : around + ready]
            held = held[:, ready:]


def _softened(heard: "Samples", reach: int, ceiling: float) -> "Samples":
    import numpy

    if abs(heard).max() < ceiling / 2:  # true peaks are at most twice as high as the samples around them
        return heard
    peaks = _true_peaks(heard)
    if peaks.max() <= ceiling:
        return heard
    needed = numpy.minimum(1.0, ceiling / numpy.maximum(peaks, 1e-9))
    lowest = _lowest(needed, reach)
    sums = numpy.cumsum(numpy.pad(lowest, (reach + 1, reach), mode="edge"))
    gains = (sums[2 * reach + 1 :] - sums[: -2 * reach - 1]) / (2 * reach + 1)
    return numpy.asarray(heard * gains, numpy.float32)


def _true_peaks(heard: "Samples") -> "Numbers":
    """The maximum of each sample and three points after it, in any channel (ITU-R BS.1770-5, annex 2)."""
    import numpy

    peaks: Numbers = abs(heard).max(axis=0).astype(float)
    taps = numpy.arange(-_TAPS, _TAPS)
    for quarter in (0.25, 0.5, 0.75):
        weights = numpy.sinc(taps + quarter) * numpy.hanning(2 * _TAPS + 2)[1:-1]
        for channel in heard:
            between = abs(numpy.convolve(channel, weights, mode="same"))
            peaks = numpy.maximum(peaks, between)
    return peaks


def _lowest(values: "Numbers", reach: int) -> "Numbers":
    """The minimum within ``reach`` values around each value."""
    import numpy

    width, wanted = 1, 2 * reach + 1
    lowest: Numbers = numpy.pad(values, reach, mode="edge")
    while width < wanted:
        step = min(width, wanted - width)
        lowest = numpy.minimum(lowest[:-step], lowest[step:])
        width += step
    return numpy.asarray(lowest, numpy.float64)
