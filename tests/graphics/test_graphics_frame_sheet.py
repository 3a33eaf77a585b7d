"""Frame sheets: nine frames of what the film shows of a take, in order, the same bytes each time."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from filming import clips
from moving import RED
from PIL import Image

from storyboard.graphics.frame_sheet import draw_sheet, images_png
from storyboard.media.frames import frame, frame_png
from storyboard.model.storyboard import Trim
from storyboard.model.take import Measure
from storyboard.timeline.shown_frames import shown_frames

__all__ = ["clips"]

VEO = Measure(192, Fraction(24), 1280, 720, sound=True)


@pytest.mark.parametrize(
    ("trim", "numbers"),
    [
        (Trim(), (10, 32, 53, 74, 96, 117, 138, 160, 181)),
        (Trim(Fraction(1), Fraction(4)), (28, 36, 44, 52, 60, 68, 76, 84, 92)),
        (Trim(Fraction(1), Fraction(25, 24)), (24,) * 9),
        (Trim(Fraction(9)), ()),
    ],
)
def test_a_sheet_has_the_middle_of_each_ninth(trim: Trim, numbers: tuple[int, ...]) -> None:
    """It would show what was trimmed away, or nine times the same."""
    assert shown_frames(VEO, trim, "sheet") == numbers
    assert shown_frames(VEO, Trim(), "last") == (191,)


@pytest.mark.ci
def test_a_sheet_shows_its_frames_in_order(clips, tmp_path: Path) -> None:
    """A reference of frames in another order, or of another clip, would be sent and paid for."""
    path = clips(RED, seconds=1, size=(320, 180), filters=",drawgrid=w=24:h=18:t=3:c=white@0.3,scroll=h=0.02")
    numbers = (0, 3, 5, 8, 11, 14, 17, 20, 23)
    content, size = images_png(path, numbers)
    sheet = Image.open(BytesIO(content))
    assert (sheet.size, size, sheet.mode) == ((1932, 1092), (1932, 1092), "RGB")
    for at, number in enumerate(numbers):
        left, top = at % 3 * 646, at // 3 * 366
        seen = np.asarray(sheet.crop((left, top, left + 640, top + 360))).astype(int)
        wanted = np.asarray(frame(path, number).resize((640, 360), Image.Resampling.LANCZOS)).astype(int)
        assert (seen == wanted).all(), number
    assert images_png(path, numbers)[0] == content
    assert images_png(path, (5,)) == frame_png(path, 5)
    tall = draw_sheet([Image.new("RGB", (72, 128), "red")] * 9)
    assert tall.size == (3 * 366 - 6, 3 * 646 - 6)
