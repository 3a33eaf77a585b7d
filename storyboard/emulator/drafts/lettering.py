"""Lettering: the overlays of a draft clip: text, guides, progress line, running time."""

from fractions import Fraction
from itertools import product

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from storyboard.emulator.drafts.brief import RATE, Brief
from storyboard.emulator.drafts.planes import Cutout, Specks, cutout, specks, stencil
from storyboard.graphics import fonts as setting
from storyboard.graphics.background import PAPER
from storyboard.graphics.titles import MARGIN

# The height of the least room that a prompt is drawn in, in pixels at 720p: a line.
_LEAST = 32


class Lettering:
    """The layout of one brief, in pixels of its frame. ``unit`` is 1.0 at 720p.

    The heading and the foot are in the margins above and below the safe area, where no title or caption ever lies. The
    prompt is in the largest part of the frame that titles and captions leave free.
    """

    def __init__(self, brief: Brief, unit: float) -> None:
        self.brief = brief
        self.unit = unit
        self.size = brief.size
        self.margin = round(min(self.size) * 0.075)
        self.strip = round(self.size[1] * MARGIN)
        self._label = brief.order.draft_label
        self._small = setting.face(self._px(17), 500)
        self._drawn: dict[tuple[str, int], Cutout] = {}
        self._base = self.size[1] - self.strip + self._px(3)  # y of the progress line

    @property
    def line(self) -> tuple[int, int, int, int]:
        """The progress line: left, top, width, height."""
        return self.margin, self._base, self.size[0] - 2 * self.margin, max(2, self._px(2))

    def inks(self) -> list[Cutout]:
        """The words that are the same in every frame, and the track of the progress line."""
        prompt = self._prompt_on_picture() if self.brief.pictures else self._prompt_on_card()
        return [ink for layer in (self._heading(), prompt, self._foot()) for ink in _inks(layer)]

    def clock(self, number: int) -> list[Cutout]:
        """The times of frame ``number`` in the clip and, if that is known, in the film: minutes, seconds, frames."""
        words = [*_time(number)]
        if self._label.seconds is not None:
            words += ["   film ", *_time(number + round(self._label.seconds * RATE))]
        starts = [sum(self._advance(before) for before in words[:at]) for at in range(len(words))]
        return [self._written(word, self.margin + round(start)) for word, start in zip(words, starts, strict=True)]

    def _written(self, word: str, left: int) -> Cutout:
        """A part of a time, drawn once: most of the frames of a clip share it."""
        if (word, left) not in self._drawn:
            mask = Image.new("L", (round(self._advance(word)) + 2, self._px(26)))
            ImageDraw.Draw(mask).text((0, self._px(19)), word, 235, self._small, "ls")
            self._drawn[word, left] = stencil(mask, PAPER, left, self._base + self._px(4))
        return self._drawn[word, left]

    def _advance(self, word: str) -> float:
        return setting.width(word, self._small)

    def _px(self, length: float) -> int:
        return round(length * self.unit)

    @property
    def _inner(self) -> int:
        return self.size[0] - 2 * self.margin

    def _layer(self) -> Image.Image:
        return Image.new("RGBA", self.size, (*PAPER, 0))

    def guides(self) -> list[Specks]:
        """On a card: the lines of thirds, a mark at each crossing, and the corners of the safe area."""
        if self.brief.pictures:
            return []
        width, height = self.size
        across, down = (width // 3, width * 2 // 3), (height // 3, height * 2 // 3)
        bars = [(x, 0, 1, height, 16) for x in across] + [(0, y, width, 1, 16) for y in down]
        arm = self._px(9)
        for x, y in product(across, down):
            bars += [(x - arm, y, 2 * arm + 1, 1, 56), (x, y - arm, 1, 2 * arm + 1, 56)]
        edge, arm = self.margin // 2, self._px(22)
        for x, y in product((edge, width - 1 - edge), (edge, height - 1 - edge)):
            bars += [(x if x == edge else x - arm, y, arm + 1, 1, 96), (x, y if y == edge else y - arm, 1, arm + 1, 96)]
        return specks((_bar(*bar) for bar in bars), width)

    def _heading(self) -> Image.Image:
        """The scene's number and id on the left; model, aspect ratio and seed on the right."""
        layer = self._layer()
        pen = ImageDraw.Draw(layer)
        order = self.brief.order
        details = "  ·  ".join([order.model, order.aspect, f"seed {order.seed}"])
        small = setting.face(self._px(17), 400)
        baseline = self.strip // 2 + self._px(8)
        pen.text((self.size[0] - self.margin, baseline), details, (*PAPER, 190), small, "rs")
        number, name = _parted(self._label.heading)
        room = self._inner - setting.width(details, small) - self._px(40)
        light, strong = setting.face(self._px(24), 300), setting.face(self._px(24), 600)
        pen.text((self.margin, baseline), number, (*PAPER, 200), light, "ls")
        used = setting.width(number, light) + self._px(14) if number else 0
        name = setting.shorten(setting.readable(name), strong, round(room - used))
        pen.text((self.margin + used, baseline), name, (*PAPER, 255), strong, "ls")
        return layer

    def _free(self) -> list[tuple[int, int]]:
        """The rows that titles and captions leave free between heading and foot, from above: (first, last)."""
        share = Fraction(self.strip, self.size[1])
        gap, height = self._px(14), self.size[1]
        bands = self._label.free(share, 1 - share)
        rows = [(round(top * height) + gap, round(bottom * height) - gap) for top, bottom in bands]
        return [(top, bottom) for top, bottom in rows if bottom - top >= self._px(_LEAST)]

    def _prompt_on_card(self) -> Image.Image:
        """The prompt, large and left-aligned, slightly above the middle of the largest free part of the frame."""
        layer = self._layer()
        top, bottom = max(self._free(), key=lambda rows: rows[1] - rows[0], default=(0, 0))
        if top < bottom:
            wide = min(self._inner, self._px(920))
            sizes = [self._px(size) for size in (46, 42, 38, 34, 31, 28, 26, 24, 22)]
            words = setting.fit(self.brief.order.prompt, (wide, bottom - top), sizes, 400)
            self._lines(layer, words, top + round((bottom - top - words.height) * 0.45), 255)
        return layer

    def _prompt_on_picture(self) -> Image.Image:
        """The prompt, small, as low in the frame as it has room, with a shadow for legibility."""
        layer = self._layer()
        wide = min(self._inner, self._px(980))
        high = self._px(200 if self.brief.portrait else 112)
        roomy = [rows for rows in self._free() if rows[1] - rows[0] >= high]
        top, bottom = (roomy or self._free() or [(0, 0)])[-1]
        if top < bottom:
            sizes = [self._px(size) for size in (26, 24, 22, 20)]
            words = setting.fit(self.brief.order.prompt, (wide, min(high, bottom - top)), sizes, 400)
            self._lines(layer, words, bottom - words.height, 250)
        shadow = layer.getchannel("A").filter(ImageFilter.GaussianBlur(self._px(3))).point(lambda value: value * 3 // 4)
        dark = Image.merge("RGBA", [*Image.new("RGB", self.size, (0, 0, 0)).split(), shadow])
        return Image.alpha_composite(dark, layer)

    def _lines(self, layer: Image.Image, words: setting.Setting, top: int, opacity: int) -> None:
        pen = ImageDraw.Draw(layer)
        font = setting.face(words.pixels, words.weight)
        for i, line in enumerate(words.lines):
            baseline = top + i * words.leading + round(words.leading * 0.76)
            pen.text((self.margin, baseline), line, (*PAPER, opacity), font, "ls")

    def _foot(self) -> Image.Image:
        """The track of the progress line, the word "draft", and the requested watermark."""
        layer = self._layer()
        pen = ImageDraw.Draw(layer)
        left, top, width, height = self.line
        pen.rectangle([left, top, left + width - 1, top + height - 1], (*PAPER, 62))
        font = setting.face(self._px(17), 400)
        right = setting.readable(self.brief.order.watermark) or "draft"
        text = setting.shorten(right, font, self._inner // 2)
        pen.text((left + width, top + self._px(23)), text, (*PAPER, 170), font, "rs")
        return layer


def _time(number: int) -> tuple[str, str]:
    """Frame ``number`` as minutes and seconds, and frames; what is not seen in the film lies before its beginning."""
    seconds, frames = divmod(max(0, number), RATE)
    return f"{seconds // 60:02d}:{seconds % 60:02d}:", f"{frames:02d}"


def _parted(label: str) -> tuple[str, str]:
    """Number and name of a label: "3/8 lamp" has both; any other label is a name, with number ""."""
    number, _, name = label.partition(" ")
    return (number, name) if name and number.replace("/", "").isdigit() else ("", label)


def _inks(layer: Image.Image) -> list[Cutout]:
    """The drawn parts of a layer, one per run of non-empty rows: blending empty pixels would cost as much."""
    rows = np.flatnonzero(np.asarray(layer.getchannel("A")).any(axis=1))
    if not rows.size:
        return []
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    bands = [layer.crop((0, int(run[0]), layer.width, int(run[-1]) + 1)) for run in runs]
    inks = []
    for run, band in zip(runs, bands, strict=True):
        left, _, right, _ = band.getchannel("A").getbbox() or (0, 0, 0, 0)
        inks.append(cutout(band.crop((left, 0, right, band.height)), left, int(run[0])))
    return inks


def _bar(left: int, top: int, width: int, height: int, opacity: int) -> Cutout:
    return stencil(Image.new("L", (width, height), opacity), PAPER, left, top, faint=True)
