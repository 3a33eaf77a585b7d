"""Frame sheet: nine frames of a clip side by side in one image, as a reference for another shot."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image

from storyboard.media import frames

_SIDE = 640  # pixels of the longer side of one frame
_ACROSS = 3
_GAP, _PAPER = 6, "#16181d"


def images_png(path: Path, numbers: Sequence[int]) -> tuple[bytes, tuple[int, int]]:
    """A frame of a clip by its number from 0, or a sheet of several, as a PNG image with its width and height.

    The same frames give the same bytes. Raise BadMedia, LocalFault.
    """
    if len(numbers) == 1:
        return frames.frame_png(path, numbers[0])
    sheet = draw_sheet(frames.frame(path, number) for number in numbers)
    out = BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue(), sheet.size


def draw_sheet(pictures: Iterable[Image.Image]) -> Image.Image:
    """The pictures in rows of three, in their order, each scaled to the size of the first. There is no text."""
    shown = list(pictures)
    scale = _SIDE / max(shown[0].size)
    width, height = round(shown[0].width * scale), round(shown[0].height * scale)
    rows = -(-len(shown) // _ACROSS)
    size = (_ACROSS * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    for at, picture in enumerate(shown):
        place = (at % _ACROSS * (width + _GAP), at // _ACROSS * (height + _GAP))
        sheet.paste(picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), place)
    return sheet
