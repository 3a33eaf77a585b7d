"""Caption cues: a caption broken into texts of at most two lines that fit the film's frame. Widths are in pixels."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from PIL.ImageFont import FreeTypeFont

from storyboard.graphics import fonts, titles
from storyboard.graphics.hyphens import break_word
from storyboard.timeline.captions import CAPTION_SIZE

LINES = 2
# The longest line as a multiple of the font size: about 42 characters, as many as are read at a glance.
_LONGEST = 23
# What it costs to end a cue at a comma, in the middle of a sentence, and in the middle of a word: see ``_cost``.
_COMMA, _UNFINISHED, _BROKEN = 0.15, 0.3, 0.9


@dataclass(frozen=True, slots=True)
class _Word:
    """A word, or a part of one at whose end a line may break. ``gap`` is the space before it on the same line."""

    text: str
    width: float
    gap: float


def caption_cues(text: str, size: tuple[int, int], language: str = "") -> Sequence[str]:
    """Return what is shown in turn of a caption in a film of ``size`` (width, height), lines parted by "\\n".

    Line breaks of the author stay. ``language`` is that of ``hyphens.break_word``.
    """
    pixels = titles.font_pixels(CAPTION_SIZE, *size)
    font = fonts.face(pixels, titles.WEIGHT)
    left, _, right, _ = titles.safe_area(*size)
    # The outline, and strokes that lean out of their line, need room as well.
    limit = max(1.0, min(right - left - pixels // 2, _LONGEST * pixels))
    cues: list[list[str]] = []
    for paragraph in filter(None, (line.strip() for line in text.splitlines())):
        words = list(_words(paragraph, font, limit, language))
        found = [_lines(words[first:last], limit) for first, last in pairwise(_cue_ends(words, limit))]
        if cues and len(found) == 1 and len(cues[-1]) + len(found[0]) <= LINES:
            cues[-1] += found[0]
        else:
            cues += found
    return tuple("\n".join(lines) for lines in cues)


def _words(text: str, font: FreeTypeFont, limit: float, language: str) -> Iterator[_Word]:
    space = fonts.width(" ", font)
    for word in text.split():
        gap = space
        for part in _parts(word):
            for piece in break_word(part, lambda piece: _width(piece, font) <= limit, language):
                yield _Word(piece, _width(piece, font), gap)
                gap = 0.0


def _parts(word: str) -> Iterator[str]:
    """A word as parts between which a line may break: scripts with wide characters put no spaces between words."""
    part = ""
    for char in word:
        ends = part and (_is_wide(part[-1]) or _is_wide(char)) and unicodedata.category(char) not in ("Pe", "Pf", "Po")
        if ends and not unicodedata.combining(char):
            yield part
            part = ""
        part += char
    yield part


def _is_wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in ("W", "F")


def _width(text: str, font: FreeTypeFont) -> float:
    """The width of a word; a wide character that the font lacks counts as high as it is wide."""
    wide = sum(map(_is_wide, text))
    rest = "".join(char for char in text if not _is_wide(char)) if wide else text
    return fonts.width(fonts.readable(rest), font) + wide * font.size


def _cue_ends(words: Sequence[_Word], limit: float) -> list[int]:
    """Where cues begin and end: the numbers of words, so that each fits its lines and they are few and alike."""
    best = [(0.0, 0)]
    for end in range(1, len(words) + 1):
        choices = [
            (best[first][0] + _cost(words[first:end], limit, last=end == len(words)), first)
            for first in range(end - 1, max(-1, end - 60), -1)
            if len(_wrapped(words[first:end], limit)) <= LINES
        ]
        best.append(min(choices))
    ends = [len(words)]
    while ends[-1]:
        ends.append(best[ends[-1]][1])
    return ends[::-1]


def _cost(words: Sequence[_Word], limit: float, *, last: bool) -> float:
    """One for each cue, and less than one for the room that it wastes and for where it ends."""
    wasted = 1 - _total(words) / (LINES * limit)
    end = words[-1].text[-1]
    where = _COMMA if end in ",;–—，、；" else _BROKEN if end == "-" else _UNFINISHED
    return 1 + max(0.0, wasted) ** 2 + (0.0 if last or end in ".!?…:。！？" else where)


def _total(words: Sequence[_Word]) -> float:
    return sum(word.width for word in words) + sum(word.gap for word in words[1:])


def _lines(words: Sequence[_Word], limit: float) -> list[str]:
    """The lines of one cue: as few as possible, and of much the same length."""
    fewest = len(_wrapped(words, limit))
    widths = {_total(words[:end]) for end in range(1, len(words) + 1)}
    narrow = next(
        (width for width in sorted(widths) if width <= limit and len(_wrapped(words, width)) <= fewest), limit
    )
    return [_joined(line) for line in _wrapped(words, narrow)]


def _wrapped(words: Sequence[_Word], limit: float) -> list[Sequence[_Word]]:
    lines: list[list[_Word]] = []
    used = 0.0
    for word in words:
        if lines and used + word.gap + word.width <= limit:
            lines[-1].append(word)
            used += word.gap + word.width
        else:
            lines.append([word])
            used = word.width
    return list(lines)


def _joined(words: Sequence[_Word]) -> str:
    first, *rest = words
    return first.text + "".join(f" {word.text}" if word.gap else word.text for word in rest)
