"""Colours of clips, and the one way from them to BT.709 with limited range: ffmpeg filters.

Films, transitions, effects, posters and sheets all go this way. Code points are those of ITU-T H.273.
"""

from dataclasses import dataclass
from typing import NamedTuple

# ffmpeg's names of the matrices that its scaler knows, by code point; other matrices go through zscale.
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
# Names that the filter for primaries has for some of them; a constant luminance is taken for the usual one.
_LONG_NAMES = {8: "ycgco", 9: "bt2020ncl", 10: "bt2020ncl"}
_RGB, _BT709, _UNSPECIFIED, _BT601 = 0, 1, 2, 6
# Lines from which on an untagged picture is taken for BT.709; below for BT.601.
HD = 720

# Transfers that common screens show alike: BT.709, unspecified, BT.601, xvYCC, BT.1361, sRGB, BT.2020 (SDR).
_COMMON_CURVES = (0, 1, 2, 3, 6, 11, 12, 13, 14, 15)
_PQ, _HLG, _CINEMA = 16, 18, 17
# Primaries that are brought to those of BT.709, with their names in messages.
_PRIMARIES = {
    4: "NTSC of 1953",
    5: "BT.601 (PAL)",
    6: "BT.601 (NTSC)",
    7: "SMPTE 240M",
    8: "film",
    9: "BT.2020",
    10: "XYZ",
    11: "DCI-P3",
    12: "Display P3",
    22: "EBU 3213",
}
# ffmpeg's names of them.
_NAMES = {
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "film",
    9: "bt2020",
    10: "smpte428",
    11: "smpte431",
    12: "smpte432",
    22: "jedec-p22",
}
_TRANSFERS = {_PQ: "HDR (PQ)", _HLG: "HDR (HLG)"}

# HDR reference white in cd/m2 (ITU-R BT.2408), and the brightest light that is kept.
_WHITE, _BRIGHTEST = 203, 1000
# Curves that are pure powers of light, and their exponents; that of a screen for BT.709 is 2.4.
_POWERS = {4: 2.2, 5: 2.8, 8: 1.0, _CINEMA: 2.6}
_SCREEN = 2.4
SCALING = "flags=bicubic+accurate_rnd+full_chroma_int+bitexact"
# Sizes of frames may change on the way; filters that do not expect that come behind this one.
ONE_SIZE = "scale=iw:ih"
_ANY_YUV = "scale=out_color_matrix=bt709:out_range=tv:" + SCALING + ",format=yuv444p12le"
_FROM = "ispace={matrix}:irange={values}:iprimaries={primaries}:itrc=bt709"
_INTO = "space=bt709:range=tv:primaries=bt709:trc=bt709:format=yuv420p"


class Tags(NamedTuple):
    """What a file says of its colours."""

    primaries: int
    transfer: int
    matrix: int
    full: bool


@dataclass(frozen=True, slots=True)
class Colour:
    """The colours of a clip's pictures, with what the file leaves out filled in.

    ``primaries``, ``transfer`` and ``matrix`` are code points; ``full``: the full range of values is used.
    """

    primaries: int
    transfer: int
    matrix: int
    full: bool

    @classmethod
    def of(cls, tags: Tags, lines: int, rgb: bool = False) -> "Colour":
        """Fill in what ``tags`` leave out, as players do: ``lines`` is the shorter side of the picture in pixels."""
        primaries = tags.primaries if tags.primaries in _PRIMARIES else _BT709
        transfer = _BT709 if tags.transfer in _COMMON_CURVES else tags.transfer
        matrix = tags.matrix
        if rgb:
            matrix = _RGB
        elif matrix in (_RGB, _UNSPECIFIED, 3):
            matrix = _BT709 if lines >= HD else _BT601
        return cls(primaries, transfer, matrix, tags.full or rgb)

    @property
    def simple(self) -> bool:
        """Whether only matrix and range differ from BT.709, so that a scaler converts it exactly."""
        plain = self.matrix == _RGB or self.matrix in _MATRICES
        return plain and self.primaries == _BT709 and self.transfer == _BT709

    @property
    def foreign(self) -> str:
        """The name of these colours where a film cannot keep them, because players ignore such tags; "" otherwise."""
        if self.transfer != _BT709:
            return _TRANSFERS.get(self.transfer) or _PRIMARIES.get(self.primaries, "an unusual curve")
        return "" if self.primaries == _BT709 else _PRIMARIES[self.primaries]


def to_bt709(colour: Colour) -> str:
    """The filters that bring a picture to BT.709, separated by commas; "" for RGB.

    The last scaling converts matrix and range of what is ``simple``; these filters then only tell it what they are.
    """
    matrix, values = _MATRICES.get(colour.matrix), "pc" if colour.full else "tv"
    if colour.simple:
        return f"setparams=colorspace={matrix}:range={values}" if matrix else ""
    if colour.transfer in (_PQ, _HLG):
        return f"{ONE_SIZE},{_from_hdr(colour)}"
    steps = [ONE_SIZE]
    if matrix and colour.transfer in _POWERS:
        steps += [f"scale=in_color_matrix={matrix}:in_range={values}:{SCALING}"]
    if colour.transfer in _POWERS:
        change = f"maxval*pow(val/maxval\\,{_POWERS[colour.transfer] / _SCREEN:.4f})"
        steps += ["format=gbrp16le", f"lutrgb=r={change}:g={change}:b={change}"]
    if colour.transfer in _POWERS or colour.matrix == _RGB:
        matrix, values = "bt709", "tv"
        steps += [_ANY_YUV]
    primaries = _NAMES.get(colour.primaries, "bt709")
    given = _FROM.format(matrix=_LONG_NAMES.get(colour.matrix, matrix or "bt709"), values=values, primaries=primaries)
    return ",".join([*steps, f"colorspace={given}:{_INTO}"])


def _from_hdr(colour: Colour) -> str:
    given = f"rin={'full' if colour.full else 'limited'}:min={colour.matrix}:pin={colour.primaries}"
    linear = f"zscale={given}:tin={colour.transfer}:t=linear:npl={_WHITE},format=gbrpf32le,zscale=p=bt709"
    pressed = f"tonemap=tonemap=mobius:param=0.3:desat=0:peak={_BRIGHTEST / _WHITE:.3f}"
    return f"{linear},{pressed},zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
