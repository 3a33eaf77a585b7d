"""Titles and burnt captions: text rendered once, as YUV with a coverage mask, and composited onto its frames.

Drawn with Pillow: moviepy's text clips cut off descenders and strokes (assembly.md section 8). Only masks are drawn;
letters, outline and box have one colour each, so that no frame is converted to RGB.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from storyboard.graphics import fonts as setting
from storyboard.graphics.transitions import YuvPicture
from storyboard.model.storyboard import Placement, Title

# Free margin at each edge, as a share of the frame: the title-safe area of EBU R 95. Of an upright frame, the lowest
# part stays free as well: phones and sites put their buttons there.
MARGIN, LOWEST = Fraction(5, 100), Fraction(15, 100)
# The smallest font size, as a share of the frame's shorter side; text that is still too long ends in an ellipsis.
SMALLEST = Fraction(28, 1000)

WEIGHT = 600
_BASELINE = 0.76  # as a share of a line's height, from its top
_BOX = 0.72  # opacity of a box

Share = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.uint32]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Ink:
    """Rendered text to composite onto a picture at column ``left`` and row ``top``, both even.

    ``cover`` is the coverage, 0 to 256, and ``colour`` the Y, U and V values multiplied by it: one plane each for Y, U
    and V. ``box`` is the part that is not empty: left, top, right, bottom in the frame, in pixels.
    """

    left: int
    top: int
    colour: tuple[Numbers, ...]
    cover: tuple[Numbers, ...]
    box: Box

    def over(self, picture: YuvPicture, opacity: Fraction) -> YuvPicture:
        """A copy of the picture with the text on it. ``opacity`` is 0 to 1."""
        made = YuvPicture(picture.content.copy(), picture.width, picture.height)
        much = np.uint32(round(256 * opacity))
        for scale, plane, colour, cover in zip((1, 2, 2), made.planes, self.colour, self.cover, strict=True):
            top, left = self.top // scale, self.left // scale
            under = plane[top : top + cover.shape[0], left : left + cover.shape[1]]
            under[:] = (under * (65536 - cover * much) + colour * much + 32768) >> 16
        return made


@dataclass(frozen=True, slots=True)
class _Layer:
    """One colour ("#rrggbb") and its coverage, from 0 to 1."""

    color: str
    mask: Share


@lru_cache(maxsize=64)
def ink(title: Title, width: int, height: int) -> Ink:
    """Render a title for a frame of this size: always inside its safe area, in a smaller font if it does not fit."""
    area = _area(title.at, width, height)
    room = (area[2] - area[0], area[3] - area[1])
    wanted = font_pixels(title.size, width, height)
    sizes = _sizes(wanted, round(min(width, height) * SMALLEST))
    border = _border(title, wanted)
    inside = (max(1, room[0] - 2 * border), max(1, room[1] - 2 * border))
    while True:
        words = setting.fit_lines(title.text, inside, sizes, WEIGHT, title.language)
        layers = _drawn(title, words)
        high, wide = layers[0].mask.shape
        # Accents and slanted strokes extend beyond their lines.
        less = (max(1, inside[0] - max(0, wide - room[0])), max(1, inside[1] - max(0, high - room[1])))
        if less == inside:
            break
        inside = less
    layers = [_Layer(layer.color, layer.mask[: room[1], : room[0]]) for layer in layers]
    high, wide = layers[0].mask.shape
    left, top = _place(title.at, (wide, high), (width, height), area)
    return _ink(layers, left, top)


@lru_cache(maxsize=256)
def rows(title: Title, width: int, height: int) -> tuple[int, int]:
    """The first row that a title may cover in a frame of this size, and the one after its last."""
    area, border = _area(title.at, width, height), _border(title, font_pixels(title.size, width, height))
    room = (area[2] - area[0], area[3] - area[1])
    sizes = _sizes(font_pixels(title.size, width, height), round(min(width, height) * SMALLEST))
    inside = (max(1, room[0] - 2 * border), max(1, room[1] - 2 * border))
    words = setting.fit_lines(title.text, inside, sizes, WEIGHT, title.language)
    # Accents extend beyond the lines by less than half a line.
    high = min(room[1], words.height + 2 * border + words.leading // 2)
    top = _place(title.at, (1, high), (width, height), area)[1]
    return top, top + high


def _area(at: Placement, width: int, height: int) -> Box:
    """The part of the frame in which a title of this place is drawn: "edge" is the margin above the safe area."""
    left, top, right, bottom = safe_area(width, height)
    return (left, 0, right, top) if at == "edge" else (left, top, right, bottom)


def safe_area(width: int, height: int) -> Box:
    """The part of a frame that titles and captions keep to: left, top, right, bottom, in pixels."""
    across, down = round(width * MARGIN), round(height * MARGIN)
    return across, down, width - across, height - round(height * LOWEST) if height > width else height - down


def font_pixels(line: Fraction, width: int, height: int) -> int:
    """The font size of a line as high as ``line``, a share of the frame's shorter side."""
    return max(4, round(line * min(width, height) / Fraction(setting.LEADING)))


def _sizes(wanted: int, smallest: int) -> list[int]:
    sizes = [wanted]
    while sizes[-1] > max(4, smallest):
        sizes.append(max(4, min(sizes[-1] - 1, round(sizes[-1] * 0.93))))
    return sizes


def _border(title: Title, pixels: int) -> int:
    """The width of the outline or of the box's padding, in pixels."""
    match title.legibility:
        case "outline":
            return max(1, round(pixels / 14))
        case "box":
            return max(2, round(pixels / 3))
        case "plain":
            return 0


def _drawn(title: Title, words: setting.Setting) -> list[_Layer]:
    """The layers from bottom to top, all of one size, cropped to what is drawn and to the block of lines."""
    font, border = setting.face(words.pixels, words.weight), _border(title, words.pixels)
    lengths = [setting.width(line, font) for line in words.lines]
    wide, slack = round(max(lengths)), 2 * words.pixels + border
    size = (wide + 2 * slack, words.height + 2 * slack)
    free = {"left": 0.0, "right": 1.0}.get(_sides(title.at)[0], 0.5)

    def mask(stroke: int) -> Image.Image:
        canvas = Image.new("L", size)
        pen = ImageDraw.Draw(canvas)
        for number, (line, length) in enumerate(zip(words.lines, lengths, strict=True)):
            at = (slack + round((wide - length) * free), slack + round((number + _BASELINE) * words.leading))
            pen.text(at, line, 255, font, "ls", stroke_width=stroke)
        return canvas

    letters = mask(0)
    contrast = "#000000" if _yuv(title.color)[0] > 110 else "#ffffff"
    block = (slack, slack, slack + wide, slack + words.height)
    if title.legibility == "box":
        edges = _around(letters.getbbox(), block)
        behind = Image.new("L", size)
        edges = (edges[0] - border, edges[1] - border, edges[2] + border, edges[3] + border)
        ImageDraw.Draw(behind).rectangle((edges[0], edges[1], edges[2] - 1, edges[3] - 1), round(255 * _BOX))
        masks = [(contrast, behind), (title.color, letters)]
    elif title.legibility == "outline":
        masks = [(contrast, mask(border)), (title.color, letters)]
    else:
        masks = [(title.color, letters)]
    edges = _around(masks[0][1].getbbox(), block)
    return [_Layer(color, np.asarray(image.crop(edges), np.float32) / np.float32(255)) for color, image in masks]


def _around(one: Box | None, other: Box) -> Box:
    if one is None:
        return other
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _sides(at: str) -> tuple[str, str]:
    """The horizontal and the vertical position: thirds are at the left, as is usual for names of people."""
    if at.endswith("-third"):
        return "left", at
    if at == "edge":
        return "left", "center"
    words = at.split("-")
    across = next((word for word in words if word in ("left", "right")), "center")
    return across, next((word for word in words if word in ("top", "bottom")), "center")


def _place(at: str, own: tuple[int, int], frame: tuple[int, int], area: Box) -> tuple[int, int]:
    """Left and top, in the frame, of a block of the size ``own`` (width, height) inside ``area``."""
    across, down = _sides(at)
    spare = (frame[0] - own[0], frame[1] - own[1])
    last = (area[2] - own[0], area[3] - own[1])
    left = {"left": area[0], "right": last[0]}.get(across, spare[0] // 2)
    thirds = {"upper-third": frame[1] // 6, "lower-third": frame[1] * 5 // 6}
    if down in thirds:
        top = thirds[down] - own[1] // 2
    else:
        top = {"top": area[1], "bottom": last[1]}.get(down, spare[1] // 2)
    return max(0, min(left, last[0])), max(0, min(max(top, area[1]), last[1]))


def _ink(layers: Sequence[_Layer], left: int, top: int) -> Ink:
    """Composite the layers, and average the chroma of every two by two pixels."""
    high, wide = layers[0].mask.shape
    odd = (left % 2, top % 2)
    padding = ((odd[1], (high + odd[1]) % 2), (odd[0], (wide + odd[0]) % 2))
    cover = np.zeros((high, wide), np.float32)
    colour = np.zeros((3, high, wide), np.float32)
    for layer in layers:
        rest = 1 - layer.mask
        cover = cover * rest + layer.mask
        values = np.array(_yuv(layer.color), np.float32).reshape(3, 1, 1)
        colour = colour * rest + values * layer.mask
    cover, colour = np.pad(cover, padding), np.pad(colour, ((0, 0), *padding))
    planes = [(colour[0], cover), *((_quarter(plane), _quarter(cover)) for plane in colour[1:])]
    return Ink(
        left - odd[0],
        top - odd[1],
        tuple(np.rint(256 * one).astype(np.uint32) for one, _ in planes),
        tuple(np.rint(256 * other).astype(np.uint32) for _, other in planes),
        (left, top, left + wide, top + high),
    )


def _quarter(plane: Share) -> Share:
    sum = plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]
    return sum / np.float32(4)


def _yuv(color: str) -> tuple[float, float, float]:
    """Convert a colour "#rrggbb" to Y, U and V in the limited range (ITU-R BT.709, 3.2 and 4.6)."""
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 16 + 219 * luma, 128 + 224 * (blue - luma) / 1.8556, 128 + 224 * (red - luma) / 1.5748
