"""Images in another shape: exactly that shape, nothing stretched, upright, the same bytes each time."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from storyboard.graphics.stills import fit_image
from storyboard.model.errors import BadMedia
from storyboard.model.storyboard import FrameFit

RED, BLUE = (200, 30, 30), (30, 30, 200)


def picture(size: tuple[int, int], kind: str = "PNG", turned: int = 1) -> bytes:
    """Blue, with a red square of a fifth of the shorter side in the middle."""
    image, side = Image.new("RGB", size, BLUE), min(size) // 5
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    image.paste(RED, (left, top, left + side, top + side))
    exif, out = Image.Exif(), BytesIO()
    exif[0x0112] = turned
    image.save(out, kind, exif=exif)
    return out.getvalue()


def shown(content: bytes) -> np.ndarray:
    image = Image.open(BytesIO(content))
    assert (image.format, image.mode, image.getexif().get(0x0112)) == ("PNG", "RGB", None)
    return np.asarray(image).astype(int)


def square(pixels: np.ndarray) -> tuple[int, int]:
    """Width and height of the red square."""
    red = np.abs(pixels - RED).max(axis=2) < 40
    return int(red.any(axis=0).sum()), int(red.any(axis=1).sum())


@pytest.mark.ci
def test_a_square_is_cropped_padded_or_laid_over_itself() -> None:
    """What the provider would do to it is not known; a stretched face would be paid for."""
    cut = shown(fit_image(picture((1000, 1000)), FrameFit("crop", "16:9")))
    assert cut.shape == (1080, 1920, 3)
    assert all(abs(side - 384) <= 2 for side in square(cut))
    padded = shown(fit_image(picture((1000, 1000)), FrameFit("pad", "16:9")))
    assert padded.shape == (1080, 1920, 3)
    assert all(abs(side - 216) <= 2 for side in square(padded))
    assert (padded[:, :400] == 0).all()
    blurred = shown(fit_image(picture((1000, 1000)), FrameFit("blur", "16:9")))
    assert all(abs(side - 216) <= 2 for side in square(blurred))
    assert (blurred[:, :400].max(axis=2) > 60).all()
    assert (np.abs(blurred[:, 430:1490] - padded[:, 430:1490]).max(axis=2) < 8).all()
    tall = shown(fit_image(picture((1600, 900)), FrameFit("crop", "9:16")))
    assert tall.shape == (1920, 1080, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_an_image_is_fitted_upright(kind: str) -> None:
    """A photograph that lies on its side would be cropped across, and sent so."""
    content = picture((900, 1600), kind, turned=6)
    made = fit_image(content, FrameFit("crop", "16:9"))
    assert made == fit_image(content, FrameFit("crop", "16:9"))
    assert all(abs(side - 216) <= 4 for side in square(shown(made)))


def test_what_does_not_decode_is_said() -> None:
    with pytest.raises(BadMedia, match="damaged"):
        fit_image(picture((64, 64))[:60], FrameFit("pad", "16:9"))
