"""Backdrop: the picture behind the text of a draft: images cropped to the frame, cards, or a colour gradient."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from storyboard.emulator.drafts.brief import Brief
from storyboard.emulator.drafts.frame_images import FORMATS, Elsewhere, Photo, Still
from storyboard.graphics import fonts as setting
from storyboard.graphics.background import PAPER, Size, gradient, hue


def backdrops(brief: Brief, size: Size, unit: float) -> list[Image.Image]:
    """One picture of ``size`` pixels, or two where the first dissolves to the last. ``unit`` is 1.0 at 720p."""
    mood = hue(brief.mood)
    if not brief.pictures:
        return [gradient(size, mood)]
    if brief.order.mode == "REFERENCE_2_VIDEO":
        return [_shaded(_cards(brief.pictures, size, mood, unit), unit)]
    return [_behind_text(still, size, unit) for still in brief.pictures[:2]]


@lru_cache(maxsize=4)  # neighbouring scenes often have an image in common
def _behind_text(still: Still, size: Size, unit: float) -> Image.Image:
    return _shaded(_filling(still, size, unit), unit)


def fill_frame(photo: Photo, size: Size) -> Image.Image:
    """The image scaled to fill ``size`` and cropped around its centre, as the service does."""
    return ImageOps.fit(_opened(photo, size), size, Image.Resampling.LANCZOS)


def _filling(still: Still, size: Size, unit: float) -> Image.Image:
    if isinstance(still, Elsewhere):
        return _named(still.name, size, hue(still.digest), unit)
    return fill_frame(still, size)


def _opened(photo: Photo, size: Size) -> Image.Image:
    """The decoded image (a JPEG no larger than needed), upright by its EXIF orientation, without transparency."""
    with Image.open(photo.path, formats=FORMATS) as image:
        image.draft("RGB", size)
        upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        clear = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, (24, 24, 26, 255)), clear).convert("RGB")
    return upright.convert("RGB")


def _named(name: str, size: Size, mood: float, unit: float) -> Image.Image:
    """A placeholder for an image on another machine: an icon and its file name."""
    picture = gradient(size, mood)
    width, height = size
    sign = _sign(round(150 * unit))
    centre = round(height * 0.42)
    picture.paste(PAPER, ((width - sign.width) // 2, centre - sign.height), sign)
    font = setting.face(round(22 * unit), 500)
    text = setting.shorten(setting.readable(name), font, round(width * 0.8))
    ImageDraw.Draw(picture).text((width / 2, centre + 34 * unit), text, PAPER, font, "mm")
    return picture


def _sign(side: int) -> Image.Image:
    """A picture icon as a mask, drawn at four times its size for smooth lines."""
    wide, tall = side * 4, side * 3
    sign = Image.new("L", (wide, tall))
    pen = ImageDraw.Draw(sign)
    stroke = wide // 45
    pen.rounded_rectangle((0, 0, wide - 1, tall - 1), wide // 14, outline=160, width=stroke)
    hills = [(0.02, 0.80), (0.30, 0.45), (0.47, 0.64), (0.68, 0.34), (0.98, 0.74)]
    pen.line([(wide * x, tall * y) for x, y in hills], 160, stroke, "curve")
    pen.ellipse((wide * 0.18, tall * 0.17, wide * 0.31, tall * 0.34), outline=160, width=stroke)
    return sign.resize((side, side * 3 // 4), Image.Resampling.BOX)


def _cards(stills: Sequence[Still], size: Size, mood: float, unit: float) -> Image.Image:
    """The images side by side as cards of one height, each with its own aspect ratio (limited to 0.5 to 2.2)."""
    sheet = gradient(size, mood)
    gap = round(36 * unit)
    shapes = [still.width / still.height if isinstance(still, Photo) else 4 / 3 for still in stills]
    shapes = [min(2.2, max(0.5, shape)) for shape in shapes]
    room = size[0] * 0.70 - gap * (len(stills) - 1)
    height = min(round(size[1] * 0.46), int(room / sum(shapes)))
    left = (size[0] - round(sum(shapes) * height) - gap * (len(stills) - 1)) // 2
    top = round(size[1] * 0.43 - height / 2)
    for still, shape in zip(stills, shapes, strict=True):
        card = _filling(still, (round(height * shape), height), unit * 0.8)
        _lay(sheet, card, (left, top), unit)
        left += card.width + gap
    return sheet


def _lay(sheet: Image.Image, card: Image.Image, at: tuple[int, int], unit: float) -> None:
    """Draw a card with rounded corners and a soft shadow on the sheet; ``at`` is its left and top."""
    blur, radius = round(16 * unit), round(12 * unit)
    shadow = Image.new("L", (card.width + 4 * blur, card.height + 4 * blur))
    corners = (2 * blur, 2 * blur, 2 * blur + card.width, 2 * blur + card.height)
    ImageDraw.Draw(shadow).rounded_rectangle(corners, radius, fill=130)
    shadow = shadow.filter(ImageFilter.BoxBlur(blur * 0.7)).filter(ImageFilter.BoxBlur(blur * 0.7))
    sheet.paste((0, 0, 0), (at[0] - 2 * blur, at[1] - 2 * blur + blur // 2), shadow)
    mask = Image.new("L", (card.width * 2, card.height * 2))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, card.width * 2 - 1, card.height * 2 - 1), radius * 2, fill=255)
    sheet.paste(card, at, mask.resize(card.size, Image.Resampling.BOX))


def _shaded(picture: Image.Image, unit: float) -> Image.Image:
    """The picture darkened at top and bottom, behind the text. The camera moves sideways only, so the shade fits."""
    height = picture.height
    rows = np.arange(height, dtype=np.float32)
    top = 0.55 * _ease(1 - rows / (150 * unit))
    bottom = 0.80 * _ease(1 - (height - 1 - rows) / min(0.5 * height, 380 * unit))
    kept = ((1 - top) * (1 - bottom))[:, None, None]
    shaded = np.asarray(picture) * kept
    shaded += 0.5
    return Image.fromarray(shaded.astype(np.uint8))


def _ease(way: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    held = np.clip(way, 0, 1)
    smooth: npt.NDArray[np.float32] = held * held * (3 - 2 * held)
    return smooth
