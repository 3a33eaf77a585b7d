"""H.264 bitstreams: read, merge and renumber parameter sets; find key frames. Nothing is decoded.

Section numbers are those of ITU-T H.264 (08/2021); the avcC is that of ISO/IEC 14496-15, 5.3.3.1.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from storyboard.model.errors import BadMedia
from storyboard.mp4.samples import ParameterSets, PictureFormat

SLICE, IDR, SEQUENCE, PICTURE = 1, 5, 7, 8
_HARMLESS = (6, 9, 12)  # SEI messages, access unit delimiters, filler: they refer to no parameter set

# Profiles whose sequence parameter sets contain the chroma format (7.3.2.1.1).
_HIGH = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)
_SQUARE, _ANY_SHAPE = (0, 1), 255  # 0 is "unspecified", which players treat as square
_UNSPECIFIED = 2

# The id of a picture parameter set takes 1 bit if it is 0, and 9 bits if it is 15 to 30 (ue(v), 9.1).
FIRST_FOREIGN = 15


@dataclass(frozen=True, slots=True)
class Said:
    """Contents of a sequence parameter set. ``plain``: 8 bits, 4:2:0, progressive, as rendered pieces are."""

    id: int
    plain: bool
    square: bool
    look: PictureFormat


class _Bits:
    """Reader of the bits of a NAL unit, without emulation prevention. Raise BadMedia after the last bit."""

    def __init__(self, nal: bytes) -> None:
        content = nal.replace(b"\0\0\3", b"\0\0")
        self._number, self._left = int.from_bytes(content), 8 * len(content)

    def take(self, bits: int) -> int:
        self._left -= bits
        if self._left < 0:
            raise BadMedia("damaged: a parameter set is cut short")
        return self._number >> self._left & (1 << bits) - 1

    def ue(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise BadMedia("damaged: a parameter set holds no number")
        return (1 << zeros) - 1 + self.take(zeros)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code % 2 else -(code // 2)

    def rest(self) -> tuple[int, int]:
        """The remaining bits, as a number and its length in bits."""
        return self._number & (1 << self._left) - 1, self._left


def parameter_sets(config: bytes) -> ParameterSets:
    """Read the parameter sets of an avcC.

    Raise BadMedia where it is damaged, contains no sets, or NAL unit lengths do not have 4 bytes.
    """
    if len(config) < 7 or config[0] != 1:
        raise BadMedia("damaged: its avcC is none")
    if config[4] & 3 != 3:
        raise BadMedia("lengths of 4 bytes were expected in its samples")
    at = 6
    sequences, at = _listed(config, at, config[5] & 31)
    if at >= len(config):
        raise BadMedia("damaged: its avcC is cut short")
    pictures, at = _listed(config, at + 1, config[at])
    if not sequences or not pictures:
        raise BadMedia("it keeps its parameter sets elsewhere")
    ids = tuple(sequence(one).id for one in sequences), tuple(_Bits(one[1:]).ue() for one in pictures)
    return ParameterSets(config[1:4], sequences, pictures, config[at:], ids)


def config(film: Sequence[ParameterSets]) -> bytes:
    """Write one avcC for the sets of several clips, whose ids must differ. Its level is the highest of theirs."""
    first = film[0]
    sequences = [one for some in film for one in some.sequences]
    pictures = [one for some in film for one in some.pictures]
    head = first.head[:2] + bytes([max(some.head[2] for some in film)])
    parts = [b"\1", head, b"\xff", bytes([0xE0 | len(sequences)])]
    parts += [len(one).to_bytes(2) + one for one in sequences]
    parts += [bytes([len(pictures)]), *(len(one).to_bytes(2) + one for one in pictures), first.tail]
    return b"".join(parts)


@lru_cache(maxsize=32)  # Clips of one service share their sets; a set has at most 64 KiB.
def sequence(nal: bytes) -> Said:
    """Read a sequence parameter set (7.3.2.1.1). Raise BadMedia where it is damaged."""
    if len(nal) < 5 or nal[0] & 31 != SEQUENCE:
        raise BadMedia("damaged: a sequence parameter set is none")
    bits = _Bits(nal[1:])
    profile = bits.take(8)
    bits.take(16)
    number = bits.ue()
    chroma, deep = _sampling(bits) if profile in _HIGH else (1, False)
    _skip_order(bits)
    across, down = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.take(1) == 1
    if not frames_only:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = [bits.ue() for _ in range(4)] if bits.take(1) else (0, 0, 0, 0)
    width = 16 * across - (left + right) * (1 if chroma in (0, 3) else 2)
    height = (16 * down - (top + bottom) * (2 if chroma == 1 else 1)) * (1 if frames_only else 2)
    square, colour = _usability(bits) if bits.take(1) else (True, (_UNSPECIFIED,) * 3 + (False,))
    plain = chroma == 1 and not deep and frames_only
    if not 0 < width <= 16384 or not 0 < height <= 16384:
        raise BadMedia("damaged: its parameter sets give no size")
    return Said(number, plain, square, PictureFormat(width, height, colour))


def renumber_sets(own: ParameterSets, number: int) -> ParameterSets:
    """Renumber the sets of a clip: sequence set ``number``, picture set 14 + ``number``. 1 <= ``number`` <= 16.

    The clip must have one set of each kind, both with id 0; its slices go through ``renumber_slices``.
    """
    bits = _Bits(own.sequences[0][1:])
    profile = bits.take(24)
    bits.ue()
    content, left = bits.rest()
    code, length = _ue(number)
    first = _nal(own.sequences[0][:1], (profile << length | code) << left | content, 24 + length + left)
    bits = _Bits(own.pictures[0][1:])
    bits.ue()
    bits.ue()
    content, left = bits.rest()
    picture, sequence = _ue(FIRST_FOREIGN - 1 + number), _ue(number)
    ids = picture[0] << sequence[1] | sequence[0]
    second = _nal(own.pictures[0][:1], ids << left | content, picture[1] + sequence[1] + left)
    ours = ((number,), (FIRST_FOREIGN - 1 + number,))
    return replace(own, sequences=(first,), pictures=(second,), ids=ours)


def renumber_slices(sample: bytes, number: int) -> bytes:
    """Change the slices of a sample from picture set 0 to 14 + ``number``; remove parameter sets from the sample.

    The new id takes 8 bits more than the old one, so that the following bits move by one byte unchanged.
    Raise BadMedia where a slice refers to another set, or the sample holds other types of NAL units.
    """
    made = []
    for nal in units(sample):
        kind = nal[0] & 31
        if kind in (SLICE, IDR):
            changed = _renumbered_slice(nal, FIRST_FOREIGN - 1 + number)
            made += [len(changed).to_bytes(4), changed]
        elif kind in _HARMLESS:
            made += [len(nal).to_bytes(4), nal]
        elif kind not in (SEQUENCE, PICTURE):
            raise BadMedia(f"it holds NAL units of type {kind}")
    return b"".join(made)


def units(sample: bytes) -> Iterator[bytes]:
    """The NAL units of a sample. Raise BadMedia where their lengths do not add up to its size."""
    at = 0
    while at < len(sample):
        length = int.from_bytes(sample[at : at + 4])
        if not 0 < length <= len(sample) - at - 4:
            raise BadMedia("damaged: a frame is not made of NAL units")
        yield sample[at + 4 : at + 4 + length]
        at += 4 + length


def is_reference(sample: bytes) -> bool:
    """Whether the frame may be a reference for others (nal_ref_idc, 7.4.1). Raise BadMedia where it is damaged."""
    return any(nal[0] & 0x60 for nal in units(sample) if nal[0] & 31 in (SLICE, IDR))


def is_idr(head: bytes, own: ParameterSets) -> bool:
    """Whether a sample is an IDR picture, by its first bytes. The flags in the index are not reliable.

    x264 marks frames with a recovery point as sync samples, although frames near them depend on earlier ones.
    Raise BadMedia where the sample contains parameter sets that are not in the avcC.
    """
    at = 0
    while at + 5 <= len(head):
        length, kind = int.from_bytes(head[at : at + 4]), head[at + 4] & 31
        if kind in (SLICE, IDR):
            return kind == IDR
        if kind in (SEQUENCE, PICTURE) and head[at + 4 : at + 4 + length] not in own.sequences + own.pictures:
            raise BadMedia("its parameter sets change on the way")
        at += 4 + length
    return False


def _listed(config: bytes, at: int, count: int) -> tuple[tuple[bytes, ...], int]:
    found = []
    for _ in range(count):
        length = int.from_bytes(config[at : at + 2])
        if not 0 < length <= len(config) - at - 2:
            raise BadMedia("damaged: its avcC is cut short")
        found.append(config[at + 2 : at + 2 + length])
        at += 2 + length
    return tuple(found), at


def _sampling(bits: _Bits) -> tuple[int, bool]:
    """The chroma format, and whether it is more than 8 bits, separate planes or lossless; skips scaling lists."""
    chroma = bits.ue()
    separate = bits.take(1) if chroma == 3 else 0
    deep = (bits.ue(), bits.ue()) != (0, 0)
    lossless = bits.take(1)
    if bits.take(1):
        for number in range(12 if chroma == 3 else 8):
            if bits.take(1):
                _skip_scaling(bits, 16 if number < 6 else 64)
    return chroma, bool(deep or separate or lossless)


def _skip_scaling(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se()) % 256
        last = following or last


def _skip_order(bits: _Bits) -> None:
    """Skip the fields of frame numbers, picture order counts and reference frames."""
    bits.ue()
    order = bits.ue()
    if order == 0:
        bits.ue()
    elif order == 1:
        bits.take(1)
        bits.ue()
        bits.ue()
        for _ in range(min(bits.ue(), 256)):
            bits.ue()
    bits.ue()
    bits.take(1)


def _usability(bits: _Bits) -> tuple[bool, tuple[int, int, int, bool]]:
    """Read the beginning of the VUI (E.1.1): whether pixels are square, and the colour as in PictureFormat."""
    square = True
    if bits.take(1):
        shape = bits.take(8)
        square = bits.take(16) == bits.take(16) if shape == _ANY_SHAPE else shape in _SQUARE
    if bits.take(1):
        bits.take(1)
    primaries = transfer = matrix = _UNSPECIFIED
    full = False
    if bits.take(1):
        bits.take(3)
        full = bits.take(1) == 1
        if bits.take(1):
            primaries, transfer, matrix = bits.take(8), bits.take(8), bits.take(8)
    return square, (primaries, transfer, matrix, full)


def _ue(value: int) -> tuple[int, int]:
    """Encode a number as ue(v): its bits as a number, and their count."""
    return value + 1, 2 * (value + 1).bit_length() - 1


def _nal(head: bytes, bits: int, length: int) -> bytes:
    """Build a parameter set from bits that end with the stop bit: drop zeros after it, then pad to whole bytes."""
    zeros = (bits & -bits).bit_length() - 1
    bits, length = bits >> zeros, length - zeros
    padding = -length % 8
    return head + _escaped((bits << padding).to_bytes((length + padding) // 8))


def _escaped(content: bytes) -> bytes:
    """Insert emulation prevention bytes (7.4.1)."""
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", content)


def _renumbered_slice(nal: bytes, number: int) -> bytes:
    """Change a slice from picture set 0 to ``number`` (7.3.3: first_mb, slice_type, pic_parameter_set_id)."""
    # The part is not cut after a zero byte, where emulation prevention would be ambiguous.
    end = next((at for at in range(12, min(len(nal), 64)) if nal[at - 1]), len(nal))
    content = nal[1:end].replace(b"\0\0\3", b"\0\0")
    bits = _Bits(nal[1:end])
    bits.ue()
    bits.ue()
    rest, left = bits.rest()
    if bits.ue() != 0:
        raise BadMedia("its slices do not name picture set 0")
    head = int.from_bytes(content) >> left
    made = (head << 9 | number + 1) << left - 1 | rest & (1 << left - 1) - 1
    return nal[:1] + _escaped(made.to_bytes(len(content) + 1)) + nal[end:]
