"""Text setting: the bundled font, the characters that it lacks, and line breaking.

The font is Noto Sans (Latin, Greek, Cyrillic, each with its extensions). All sizes and widths are in pixels.
"""

import re
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path

from PIL.ImageFont import FreeTypeFont, truetype

from storyboard.graphics.hyphens import break_word
from storyboard.model.text import one_line

ELLIPSIS = "…"
_TOWER = re.compile("([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]{3})[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff]+")
LEADING = 1.32  # lines of Noto Sans closer than this touch where accents meet descenders


@dataclass(frozen=True, slots=True)
class Setting:
    """Text broken into lines that fit: ``pixels`` is the font size, ``weight`` that of ``face``."""

    lines: tuple[str, ...]
    pixels: int
    weight: int

    @property
    def leading(self) -> int:
        """The distance between baselines, in pixels."""
        return round(self.pixels * LEADING)

    @property
    def height(self) -> int:
        """The height of all lines, in pixels."""
        return self.leading * len(self.lines)


@cache
def face(pixels: int, weight: int = 400) -> FreeTypeFont:
    """The font in a size (pixels) and a weight (100 thin to 900 black)."""
    font = truetype(str(_file()), pixels)
    axes = {"wght": weight, "wdth": 100}
    font.set_variation_by_axes([axes[tag] for tag in _axes()])
    return font


@lru_cache(maxsize=1024)
def missing_characters(text: str) -> tuple[str, ...]:
    """The characters of ``text`` that the font lacks, each once, in order of appearance."""
    known = _covered()
    return tuple(dict.fromkeys(char for char in _plain(text) if ord(char) not in known))


def missing_characters_sentence(text: str, font: str = "the draft font") -> str:
    """A sentence for the author that lists the characters that ``font`` lacks; "" if it lacks none."""
    missing = missing_characters(text)
    if not missing:
        return ""
    named = ", ".join(f"{one_line(char)} (U+{ord(char):04X})" for char in missing[:5])
    more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
    count = f"{len(missing)} character{'' if len(missing) == 1 else 's'}"
    return f"{font} lacks {count}: {named}{more}; the picture shows {_replacement()} instead"


def readable(text: str) -> str:
    """``text`` on one line, with a visible replacement for each character that the font lacks."""
    known = _covered()
    return "".join(char if ord(char) in known else _replacement() for char in _plain(text))


@lru_cache(maxsize=4096)
def width(text: str, font: FreeTypeFont) -> float:
    """The width of ``text`` on one line, in pixels."""
    return font.getlength(text)


def fit(text: str, box: tuple[int, int], sizes: Sequence[int], weight: int = 400) -> Setting:
    """Set ``text`` in the largest of ``sizes`` (in descending order) at which it fits ``box`` (width, height).

    If even the smallest is too large, the text ends in an ellipsis: nothing is ever drawn outside the box.
    """
    return _fitted([readable(text)], box, sizes, weight)


def fit_lines(text: str, box: tuple[int, int], sizes: Sequence[int], weight: int = 400, language: str = "") -> Setting:
    """Set ``text`` as ``fit`` does, but keep its line breaks.

    Its size is reduced by up to a third before a word is broken. ``language`` is that of ``hyphens.break_word``.
    """
    paragraphs = [readable(paragraph) for paragraph in text.splitlines()] or [""]
    words = {word for paragraph in paragraphs for word in paragraph.split(" ")}
    large = [pixels for pixels in sizes if 3 * pixels >= 2 * sizes[0]]
    whole = [pixels for pixels in large if all(width(word, face(pixels, weight)) <= box[0] for word in words)]
    return _fitted(
        paragraphs, box, [*whole, *(size for size in sizes if size not in large)] if whole else sizes, weight, language
    )


def _fitted(
    paragraphs: Sequence[str], box: tuple[int, int], sizes: Sequence[int], weight: int, language: str = ""
) -> Setting:
    for pixels in [pixels for pixels in sizes if round(pixels * LEADING) <= box[1]] or sizes[-1:]:
        font, room = face(pixels, weight), max(1, box[1] // round(pixels * LEADING))
        wrapped = (line for paragraph in paragraphs for line in wrap(paragraph, font, box[0], language))
        lines = list(islice(wrapped, room + 1))
        if len(lines) <= room:
            return Setting(tuple(lines), pixels, weight)
    last = shorten(lines[room - 1] + ELLIPSIS, font, box[0])
    return Setting((*lines[: room - 1], last), pixels, weight)


def wrap(text: str, font: FreeTypeFont, limit: int, language: str = "") -> Iterator[str]:
    """Break ``text`` into lines at most ``limit`` wide; a word wider than that is broken with a hyphen."""
    gap = width(" ", font)
    line: list[str] = []
    used = 0.0
    for word in _words(text, font, limit, language):
        wide = width(word, font)
        if line and used + gap + wide > limit:
            yield " ".join(line)
            line, used = [], 0.0
        used += wide + (gap if line else 0)
        line.append(word)
    yield " ".join(line)


def shorten(text: str, font: FreeTypeFont, limit: int) -> str:
    """Shorten ``text``, with an ellipsis, to a width of at most ``limit``."""
    if width(text, font) <= limit:
        return text
    clusters = _clusters(text.rstrip(ELLIPSIS))
    while clusters and width("".join(clusters).rstrip() + ELLIPSIS, font) > limit:
        clusters.pop()
    return "".join(clusters).rstrip(" ,;:.–—-") + ELLIPSIS


def _words(text: str, font: FreeTypeFont, limit: int, language: str) -> Iterator[str]:
    for word in text.split(" "):
        yield from break_word(word, lambda piece: width(piece, font) <= limit, language)


def _clusters(text: str) -> list[str]:
    """Split ``text`` into characters, each with its combining marks."""
    clusters: list[str] = []
    for char in text:
        if clusters and unicodedata.combining(char):
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _plain(text: str) -> str:
    """Normalise to NFC on one line, without invisible characters, at most three combining marks in a row."""
    seen = "".join(char for char in unicodedata.normalize("NFC", text) if not _invisible(char))
    low = _TOWER.sub(r"\1", seen)
    return re.sub(r"[ \t\n\r\f\v\u2028\u2029]+", " ", low).strip()


def _invisible(char: str) -> bool:
    selector = "\ufe00" <= char <= "\ufe0f"
    return selector or (unicodedata.category(char) in ("Cc", "Cf") and char not in "\t\n\r\f\v")


@cache
def _replacement() -> str:
    return next(sign for sign in "\ufffd□?" if ord(sign) in _covered())


@cache
def _file() -> Path:
    import fontpkg

    file: Path = fontpkg.path("Noto Sans", 400)
    return file


@cache
def _axes() -> tuple[str, ...]:
    """The tags of the font's variation axes, in the order in which their values are set (OpenType "fvar")."""
    table = _table(b"fvar")
    start, count, size = struct.unpack_from(">HxxHH", table, 4)
    return tuple(table[start + i * size : start + i * size + 4].decode() for i in range(count))


@cache
def _covered() -> frozenset[int]:
    """The code points for which the font has a glyph, from its character map (OpenType "cmap", format 12)."""
    table = _table(b"cmap")
    records = (struct.unpack_from(">HHI", table, 4 + 8 * i) for i in range(struct.unpack_from(">H", table, 2)[0]))
    offsets = [offset for _, _, offset in records]
    formats = {struct.unpack_from(">H", table, offset)[0]: offset for offset in offsets}
    offset = formats[12]
    count = struct.unpack_from(">I", table, offset + 12)[0]
    groups = (struct.unpack_from(">II", table, offset + 16 + 12 * i) for i in range(count))
    return frozenset(code for first, last in groups for code in range(first, last + 1))


@cache
def _table(tag: bytes) -> bytes:
    font = _file().read_bytes()
    for i in range(struct.unpack_from(">H", font, 4)[0]):
        name, _, start, length = struct.unpack_from(">4sIII", font, 12 + 16 * i)
        if name == tag:
            return font[start : start + length]
    raise LookupError(f"{_file()} has no table {tag.decode()}")
