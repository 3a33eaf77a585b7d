"""AAC-LC frames as bytes: read the windows of a frame, write a silent frame, encode a frame with a given window.

AAC frames overlap by half, so two joined clips need one frame between them that fits both: its window must rise to fit
the first clip, and fall to fit the second. Other encoders choose windows by the signal; here the caller chooses.
Uses the maximum bit budget and no psychoacoustic model; a joint is only 21 ms.

Section numbers are those of ISO/IEC 14496-3:2009. Samples are as in PyAV: float32, (channels, samples), -1 to 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from storyboard.mp4.samples import BLOCK

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Samples = NDArray[numpy.float32]
    Numbers = NDArray[numpy.float64]
    Complex = NDArray[numpy.complex128]
    Whole = NDArray[numpy.int64]

# Bit budget of a channel's spectrum. A frame may have at most 6,144 bits per channel (4.5.3.1); the rest is for the
# other fields.
_SPECTRUM = 6000

_ONLY_LONG, _LONG_START, _EIGHT_SHORT, _LONG_STOP = range(4)
_SINGLE, _PAIR, _DATA, _FILL, _END = 0, 1, 4, 6, 7
_SHORT = 128
_ALPHA = {BLOCK: 4, _SHORT: 6}
_LONG_BANDS, _SHORT_BANDS = 49, 14  # at 44.1 and 48 kHz (4.5.4, tables 4.129 and 4.130)

# The global gain: the coarsest value, and the value for a factor of 1; steps of 1.5 dB (4.6.2).
_COARSEST, _UNIT = 255, 100
_LARGEST = 8191
# Values from this one on share its codeword, followed by an escape sequence.
_ESCAPE = 16

# Spectrum codebook 11 (4.A.1), determined by testing every codeword with a decoder: code in hex / length in bits, for
# each pair of values from 0 to 16, where 16 stands for all values from 16 on.
_WORDS = """
0/4 6/5 19/6 3d/7 9c/8 c6/8 1a7/9 390/10 3c2/10 3df/10 7e6/11 7f3/11 ffb/12 7ec/11 ffa/12 ffe/12 38e/10 5/5 1/4
8/5 14/6 37/7 42/7 92/8 af/8 191/9 1a5/9 1b5/9 39e/10 3c0/10 3a2/10 3cd/10 7d6/11 ae/8 17/6 7/5 9/5 18/6 39/7
40/7 8e/8 a3/8 b8/8 199/9 1ac/9 1c1/9 3b1/10 396/10 3be/10 3ca/10 9d/8 3c/7 15/6 16/6 1a/6 3b/7 44/7 91/8 a5/8
be/8 196/9 1ae/9 1b9/9 3a1/10 391/10 3a5/10 3d5/10 94/8 9a/8 36/7 38/7 3a/7 41/7 8c/8 9b/8 b0/8 c3/8 19e/9 1ab/9
1bc/9 39f/10 38f/10 3a9/10 3cf/10 93/8 bf/8 3e/7 3f/7 43/7 45/7 9e/8 a7/8 b9/8 194/9 1a2/9 1ba/9 1c3/9 3a6/10
3a7/10 3bb/10 3d4/10 9f/8 1a0/9 8f/8 8d/8 90/8 98/8 a6/8 b6/8 c4/8 19f/9 1af/9 1bf/9 399/10 3bf/10 3b4/10 3c9/10
3e7/10 a8/8 1b6/9 ab/8 a4/8 aa/8 b2/8 c2/8 c5/8 198/9 1a4/9 1b8/9 38c/10 3a4/10 3c4/10 3c6/10 3dd/10 3e8/10 ad/8
3af/10 192/9 bd/8 bc/8 18e/9 197/9 19a/9 1a3/9 1b1/9 38d/10 398/10 3b7/10 3d3/10 3d1/10 3db/10 7dd/11 b4/8
3de/10 1a9/9 19b/9 19c/9 1a1/9 1aa/9 1ad/9 1b3/9 38b/10 3b2/10 3b8/10 3ce/10 3e1/10 3e0/10 7d2/11 7e5/11 b7/8
7e3/11 1bb/9 1a8/9 1a6/9 1b0/9 1b2/9 1b7/9 39b/10 39a/10 3ba/10 3b5/10 3d6/10 7d7/11 3e4/10 7d8/11 7ea/11 ba/8
7e8/11 3a0/10 1bd/9 1b4/9 38a/10 1c4/9 392/10 3aa/10 3b0/10 3bc/10 3d7/10 7d4/11 7dc/11 7db/11 7d5/11 7f0/11
c1/8 7fb/11 3c8/10 3a3/10 395/10 39d/10 3ac/10 3ae/10 3c5/10 3d8/10 3e2/10 3e6/10 7e4/11 7e7/11 7e0/11 7e9/11
7f7/11 190/9 7f2/11 393/10 1be/9 1c0/9 394/10 397/10 3ad/10 3c3/10 3c1/10 3d2/10 7da/11 7d9/11 7df/11 7eb/11
7f4/11 7fa/11 195/9 7f8/11 3bd/10 39c/10 3ab/10 3a8/10 3b3/10 3b9/10 3d0/10 3e3/10 3e5/10 7e2/11 7de/11 7ed/11
7f1/11 7f9/11 7fc/11 193/9 ffd/12 3dc/10 3b6/10 3c7/10 3cc/10 3cb/10 3d9/10 3da/10 7d3/11 7e1/11 7ee/11 7ef/11
7f5/11 7f6/11 ffc/12 fff/12 19d/9 1c2/9 b5/8 a1/8 96/8 97/8 95/8 99/8 a0/8 a2/8 ac/8 a9/8 b1/8 b3/8 bb/8 c0/8
18f/9 4/5
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One half of a window. If ``short``, the slope takes 128 samples, else 1,024; ``kaiser`` shape, else sine."""

    short: bool
    kaiser: bool


@dataclass(frozen=True, slots=True)
class Window:
    """The window of one channel of one frame. The shape of its rising half is that in the frame before it."""

    sequence: int
    kaiser: bool

    @property
    def rises_short(self) -> bool:
        """Whether the rising slope takes 128 samples."""
        return self.sequence in (_EIGHT_SHORT, _LONG_STOP)

    @property
    def falls(self) -> Side:
        """The falling half."""
        return Side(self.sequence in (_EIGHT_SHORT, _LONG_START), self.kaiser)


def silent(channels: int) -> bytes:
    """Build a frame of silence for one or two channels."""
    part = "0" * 8 + "0" + "00" + "0" + "0" * 6 + "0" + "000"  # gain, window, no band, no prediction, no tools
    both = f"{_PAIR:03b}0000" + "0" + part * 2 if channels == 2 else f"{_SINGLE:03b}0000" + part
    return _whole(both + f"{_END:03b}")


def windows(frame: bytes, channels: int) -> list[Window | None]:
    """Read the window of each channel; None where reading it would require decoding the fields before it."""
    head = frame[:600]
    bits = f"{int.from_bytes(head):0{8 * len(head)}b}"
    at = _element(bits)
    if at is None:
        return [None] * channels
    pair = bits[at : at + 3] == f"{_PAIR:03b}"
    common = pair and bits[at + 7] == "1"
    start = at + 7 + pair + (0 if common else 8)
    first = Window(int(bits[start + 1 : start + 3], 2), bits[start + 3] == "1")
    return [first] if channels == 1 else [first, first if common else None]


def frame(samples: "Samples", rises: Sequence[Side], falls: Sequence[Side]) -> bytes:
    """Encode the frame for two blocks of ``samples`` (channels, 2048).

    ``rises`` and ``falls`` are the halves of its window, channel by channel: over the first and the second block.
    """
    parts = [_channel(one * 32768.0, *sides) for one, *sides in zip(samples.astype(float), rises, falls, strict=True)]
    head = f"{_PAIR:03b}0000" + "0" if len(parts) == 2 else f"{_SINGLE:03b}0000"
    return _whole(head + "".join(parts) + f"{_END:03b}")


def _element(bits: str) -> int | None:
    """The bit position of the channel element; fill and data elements may precede it. None if it is not found."""
    at = 0
    while at + 32 < len(bits):
        kind = int(bits[at : at + 3], 2)
        if kind in (_SINGLE, _PAIR):
            return at
        if kind == _FILL:
            count = int(bits[at + 3 : at + 7], 2)
            at += 7
            if count == 15:
                count += int(bits[at : at + 8], 2) - 1
                at += 8
            at += 8 * count
        elif kind == _DATA:
            aligned, count = bits[at + 7] == "1", int(bits[at + 8 : at + 16], 2)
            at += 16
            if count == 255:
                count += int(bits[at : at + 8], 2)
                at += 8
            at += (-at % 8 if aligned else 0) + 8 * count
        else:
            return None
    return None


def _channel(samples: "Numbers", rise: Side, fall: Side) -> str:
    """An individual_channel_stream with its own window (4.4.2.7) and the same scale factor for all bands."""
    sequence = ((_ONLY_LONG, _LONG_START), (_LONG_STOP, _EIGHT_SHORT))[rise.short][fall.short]
    short = sequence == _EIGHT_SHORT
    spectrum = _short_spectrum(samples, rise, fall) if short else _long_spectrum(samples, rise, fall)
    gain, numbers = _quantised(spectrum)
    window = f"0{sequence:02b}{fall.kaiser:d}"
    if short:
        window += f"{_SHORT_BANDS:04b}" + "0" * 7
        sections = (f"{11:04b}" + "111" + "111" + "000") * 8
        scales = "0" * 8 * _SHORT_BANDS
    else:
        window += f"{_LONG_BANDS:06b}" + "0"
        sections = f"{11:04b}" + f"{31:05b}{_LONG_BANDS - 31:05b}"
        scales = "0" * _LONG_BANDS
    return f"{gain:08b}" + window + sections + scales + "000" + _written(numbers)


def _long_spectrum(samples: "Numbers", rise: Side, fall: Side) -> "Numbers":
    import numpy

    return _transformed(samples * numpy.concatenate([_half(rise), _half(fall)[::-1]]))


def _short_spectrum(samples: "Numbers", rise: Side, fall: Side) -> "Numbers":
    """Eight transforms of 256 samples in the middle of the frame; the first rises in the shape of ``rise``."""
    import numpy

    begin = (BLOCK - _SHORT) // 2
    own = _slope(_SHORT, fall.kaiser)
    parts = [samples[begin + _SHORT * n : begin + _SHORT * (n + 2)] for n in range(8)]
    slopes = [_slope(_SHORT, rise.kaiser), *[own] * 7]
    windows = [numpy.concatenate([slope, own[::-1]]) for slope in slopes]
    return numpy.concatenate([_transformed(part * window) for part, window in zip(parts, windows, strict=True)])


def _half(side: Side) -> "Numbers":
    import numpy

    if not side.short:
        return _slope(BLOCK, side.kaiser)
    flat = (BLOCK - _SHORT) // 2
    return numpy.concatenate([numpy.zeros(flat), _slope(_SHORT, side.kaiser), numpy.ones(flat)])


@lru_cache
def _slope(length: int, kaiser: bool) -> "Numbers":
    """The rising half of a window (4.6.11.3.2)."""
    import numpy

    if kaiser:
        sums = numpy.cumsum(numpy.kaiser(length + 1, numpy.pi * _ALPHA[length]))
        slope: Numbers = numpy.sqrt(sums[:-1] / sums[-1])
    else:
        slope = numpy.sin(numpy.pi / (2 * length) * (numpy.arange(length) + 0.5))
    return slope


def _transformed(samples: "Numbers") -> "Numbers":
    """The MDCT (4.6.11.3.1), by an FFT of the same length."""
    import numpy
    from numpy.fft import fft  # the lazy import of `numpy.fft` is not thread-safe

    before, after = _turns(len(samples))
    return numpy.asarray(2 * (fft(samples * before)[: len(after)] * after).real)


@lru_cache
def _turns(length: int) -> "tuple[Complex, Complex]":
    """The factors of the samples before the FFT, and of its first half after it."""
    import numpy

    shift = (length / 2 + 1) / 2
    before = numpy.exp(-1j * numpy.pi / length * numpy.arange(length))
    return before, numpy.exp(-2j * numpy.pi / length * shift * (numpy.arange(length // 2) + 0.5))


def _quantised(spectrum: "Numbers") -> tuple[int, "Whole"]:
    """The finest gain at which the spectrum fits into the bit budget, and the quantised values (4.6.1)."""
    import numpy

    powered = abs(spectrum) ** 0.75
    low, high = 0, _COARSEST
    while low < high:
        gain = (low + high) // 2
        numbers = _rounded(powered, gain)
        fits = numbers.max() <= _LARGEST and _bits(numbers.astype(numpy.int64)) <= _SPECTRUM
        low, high = (low, gain) if fits else (gain + 1, high)
    return low, (numpy.sign(spectrum) * _rounded(powered, low)).astype(numpy.int64)


def _rounded(powered: "Numbers", gain: int) -> "Numbers":
    import numpy

    return numpy.asarray(numpy.floor(powered * 2.0 ** (-3 / 16 * (gain - _UNIT)) + 0.4054))


@lru_cache
def _codebook() -> tuple["Whole", "Whole"]:
    """Codebook 11: the codewords as numbers, and their lengths in bits."""
    import numpy

    words = [word.split("/") for word in _WORDS.split()]
    return numpy.array([int(code, 16) for code, _ in words]), numpy.array([int(length) for _, length in words])


def _bits(numbers: "Whole") -> int:
    """The size of the spectrum in bits, from its absolute values."""
    import numpy

    small = numpy.minimum(numbers, _ESCAPE)
    words = _codebook()[1][small[::2] * 17 + small[1::2]]
    return int(words.sum() + (numbers > 0).sum() + (2 * _beyond(numbers[numbers >= _ESCAPE]) + 5).sum())


def _beyond(large: "Whole") -> "Whole":
    """For values from 16 on: the number of bits after the leading one, less 4."""
    import numpy

    return numpy.log2(large).astype(numpy.int64) - 4


def _written(numbers: "Whole") -> str:
    """Write the values in pairs: the codeword, the signs, and the escape sequences of values above 15 (4.6.3)."""
    import numpy

    values = abs(numbers).reshape(-1, 2)
    small = numpy.minimum(values, _ESCAPE)
    book = small @ numpy.array([17, 1])
    more = _beyond(numpy.maximum(values, _ESCAPE))
    rest = (2**more - 1 << more + 5) + values - (1 << more + 4)
    fields = numpy.column_stack([_codebook()[0][book], numbers.reshape(-1, 2) < 0, rest]).ravel()
    lengths = numpy.column_stack([_codebook()[1][book], values > 0, numpy.where(values < _ESCAPE, 0, 2 * more + 5)])
    ends = lengths.ravel().cumsum()
    below = ends.repeat(lengths.ravel()) - 1 - numpy.arange(ends[-1])
    bits = fields.repeat(lengths.ravel()) >> below & 1
    text: bytes = (bits + ord("0")).astype(numpy.uint8).tobytes()
    return text.decode()


def _whole(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)
