"""Slates: the picture shown in place of a missing scene, with its number, name, prompt, and why it is missing."""

from hashlib import sha256

import numpy as np
from PIL import ImageDraw

from storyboard.graphics import fonts as setting
from storyboard.graphics.background import PAPER, Rgb, gradient, hue
from storyboard.media.encode import Picture
from storyboard.timeline.model import Slate

AMBER: Rgb = (255, 190, 92)


def picture(slate: Slate, size: tuple[int, int]) -> Picture:
    """The picture of a slate in ``size`` (width, height), for all of its frames. Text is shortened to fit inside."""
    unit = min(size) / 720

    def px(length: float) -> int:
        return max(1, round(length * unit))

    drawn = gradient(size, hue(sha256(slate.scene.encode()).hexdigest()))
    pen = ImageDraw.Draw(drawn)
    margin = round(min(size) * 0.075)
    inner = size[0] - 2 * margin
    top, base = margin + px(70), size[1] - margin - px(150)
    pen.rectangle([margin, base + px(30), size[0] - margin - 1, base + px(30) + max(1, px(2)) - 1], fill=AMBER)

    number = f"{slate.number}/{slate.last}"
    light, strong, small = setting.face(px(28), 300), setting.face(px(28), 600), setting.face(px(17), 400)
    title = setting.shorten(setting.readable(slate.title), small, inner // 3)
    pen.text((size[0] - margin, margin + px(20)), title, PAPER, small, "rs")
    pen.text((margin, margin + px(20)), number, PAPER, light, "ls")
    used = setting.width(number, light) + px(14)
    room = round(inner - used - setting.width(title, small) - px(40))
    pen.text((margin + used, margin + px(20)), setting.shorten(slate.scene, strong, max(1, room)), PAPER, strong, "ls")

    sizes = [px(points) for points in (46, 42, 38, 34, 31, 28, 26, 24, 22)]
    words = setting.fit(slate.text, (min(inner, px(920)), max(1, base - top)), sizes, 400)
    _lines(pen, words, (margin, top + round((base - top - words.height) * 0.45)), PAPER)

    missing = f"missing: {slate.why}" if slate.why else "missing"
    why = setting.fit(missing, (inner, px(88)), [px(points) for points in (26, 24, 22, 20)], 500)
    _lines(pen, why, (margin, base + px(44)), AMBER)
    seconds = f"{float(slate.seconds):.3f}".rstrip("0").rstrip(".")
    pen.text((size[0] - margin, size[1] - margin), f"{seconds} s", PAPER, small, "rs")
    return np.asarray(drawn)


def _lines(pen: ImageDraw.ImageDraw, words: setting.Setting, at: tuple[int, int], colour: Rgb) -> None:
    font = setting.face(words.pixels, words.weight)
    for number, line in enumerate(words.lines):
        baseline = at[1] + number * words.leading + round(words.leading * 0.76)
        pen.text((at[0], baseline), line, colour, font, "ls")
