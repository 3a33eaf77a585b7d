"""Contact sheet as images: a grid of frames with captions, on one or more pages. Sizes are in pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image, ImageDraw

from storyboard.graphics import fonts as setting

# Frames on a page: with more, each would be too small on a screen.
COLUMNS, ROWS = 5, 6
_MARGIN, _GAP = 40, 24
_PAPER, _INK, _FAINT, _FRAME, _EMPTY = "#16181d", "#f2f0eb", "#9a9da5", "#5d616b", "#1f2229"
_WORDS = 48  # height of two lines of a prompt
_LINE = 30
_HEAD = 64


@dataclass(frozen=True, slots=True)
class Tile:
    """A scene on the sheet. ``picture`` is None if there is none; ``why`` is then the reason.

    ``name`` and ``time`` are on one line under it, ``words`` below them on at most two lines.
    """

    name: str
    time: str
    words: str
    picture: Image.Image | None
    why: str = ""


def box(count: int, size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of the frames on a sheet of ``count`` scenes: the fewer, the larger. ``size`` is the film's."""
    wide = {1: 720, 2: 528, 3: 400}.get(_columns(count), 320)
    across, down = (wide, wide * 9 / 16) if size[0] >= size[1] else (wide * 9 / 16, wide)
    factor = min(across / size[0], down / size[1])
    return max(96, round(size[0] * factor)), max(54, round(size[1] * factor))


def pages(
    title: str, about: str, tiles: Sequence[Tile], frame: tuple[int, int], columns: int | None = None
) -> Iterator[Image.Image]:
    """The sheet, page by page. ``frame`` is the size that ``box`` returns; ``about`` is shown beside the title.

    ``columns`` is the number of tiles in a row; None for one that suits the number of tiles.
    """
    columns, least = columns or _columns(len(tiles)), 560
    cell = (max(frame[0], 180), frame[1] + 10 + _LINE + _WORDS + _GAP)
    width = max(least, 2 * _MARGIN + columns * cell[0] + (columns - 1) * _GAP)
    held = columns * ROWS
    count = ceil(len(tiles) / held)
    for number in range(count):
        part = tiles[number * held : (number + 1) * held]
        page = Image.new("RGB", (width, 2 * _MARGIN + _HEAD + ceil(len(part) / columns) * cell[1] - _GAP), _PAPER)
        draw = ImageDraw.Draw(page)
        told = f"{about}, page {number + 1} of {count}" if count > 1 else about
        _both(draw, (_MARGIN, _MARGIN), width - 2 * _MARGIN, (title, told), (28, 18))
        for at, tile in enumerate(part):
            left = _MARGIN + at % columns * (cell[0] + _GAP)
            _tile(page, draw, tile, (left, _MARGIN + _HEAD + at // columns * cell[1]), (cell[0], frame[1]))
        yield page


def _columns(count: int) -> int:
    return next((columns for columns in range(1, COLUMNS) if count <= columns * columns), COLUMNS)


def _tile(
    page: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int], frame: tuple[int, int]
) -> None:
    left, top = corner
    if tile.picture:
        inside = ((frame[0] - tile.picture.width) // 2, (frame[1] - tile.picture.height) // 2)
        draw.rectangle((left, top, left + frame[0] - 1, top + frame[1] - 1), fill=_EMPTY)
        page.paste(tile.picture, (left + inside[0], top + inside[1]))
    else:
        draw.rectangle((left, top, left + frame[0] - 1, top + frame[1] - 1), _EMPTY, _FRAME)
        words = setting.fit(tile.why, (frame[0] - 32, frame[1] - 32), (20, 17, 15))
        _set(draw, words, (left + 16, top + (frame[1] - words.height) // 2), _FAINT)
    _both(draw, (left, top + frame[1] + 10), frame[0], (tile.name, tile.time), (19, 16))
    _set(draw, setting.fit(tile.words, (frame[0], _WORDS), (16,)), (left, top + frame[1] + 10 + _LINE), _FAINT)


def _both(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], width: int, texts: tuple[str, str], pixels: tuple[int, int]
) -> None:
    """Draw two texts on one line, left (bold) and right; shorten the left one if there is not enough space."""
    bold, plain = setting.face(pixels[0], 600), setting.face(pixels[1])
    right = setting.shorten(setting.readable(texts[1]), plain, width // 2)
    used = setting.width(right, plain)
    left = setting.shorten(setting.readable(texts[0]), bold, int(width - used - 12))
    base = corner[1] + pixels[0]
    draw.text((corner[0], base), left, _INK, bold, anchor="ls")
    draw.text((corner[0] + width - used, base), right, _FAINT, plain, anchor="ls")


def _set(draw: ImageDraw.ImageDraw, words: setting.Setting, corner: tuple[int, int], colour: str) -> None:
    for number, line in enumerate(words.lines):
        draw.text(
            (corner[0], corner[1] + number * words.leading), line, colour, setting.face(words.pixels, words.weight)
        )
