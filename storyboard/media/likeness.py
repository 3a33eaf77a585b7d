"""Likeness of two pictures: how far apart their colours are, and how alike what is seen in them is."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Values = npt.NDArray[np.float64]

# R'G'B' to Y'CbCr in steps of 255, full range: ITU-R BT.709, 3.2 and 3.3.
_BT709 = np.array(
    [
        [0.2126, 0.7152, 0.0722],
        [-0.2126 / 1.8556, -0.7152 / 1.8556, 0.9278 / 1.8556],
        [0.7874 / 1.5748, -0.7152 / 1.5748, -0.0722 / 1.5748],
    ]
)
# Pictures are compared at this many pixels on the longer side: grain and the codec's noise are gone there.
_SIDE = 160
_WINDOW = 8  # pixels of the windows in which structure is compared
_NOISE = 4.0  # the variance, in steps of 255, below which a window is flat
_GAINS = (0.5, 2.0)  # contrasts further apart than this are not made the same


@dataclass(frozen=True, slots=True)
class ColourStep:
    """How the colours of one picture differ from another's, in steps of 255 of Y'CbCr in BT.709.

    ``light`` is the difference of the means of Y', ``tint`` the distance of the means of Cb and Cr; ``contrast`` is the
    difference of the spreads (standard deviations) of Y'.
    """

    light: float
    tint: float
    contrast: float


def colour_step(before: Image.Image, behind: Image.Image) -> ColourStep:
    """The step of the colours from one picture to the next. They may differ in size."""
    one, other = (np.asarray(_small(picture), np.float64).reshape(-1, 3) @ _BT709.T for picture in (before, behind))
    light, blue, red = other.mean(axis=0) - one.mean(axis=0)
    contrast = other[:, 0].std() - one[:, 0].std()
    return ColourStep(float(light), float(np.hypot(blue, red)), float(contrast))


def structure(before: Image.Image, behind: Image.Image) -> float:
    """How alike what is seen in two pictures is: 1 for the same, about 0 for two that have nothing in common.

    The mean, over windows weighted by how much is seen in them, of the terms of contrast and structure of SSIM on the
    luma, once the contrast of the whole pictures is the same. Other light, tint and contrast do not count. (Wang et
    al., Image Quality Assessment, IEEE Transactions on Image Processing 13(4), 2004, equation 13.)
    """
    size = _small(before).size
    first, second = (_luma(picture.resize(size, Image.Resampling.BOX)) for picture in (before, behind))
    first = first * min(_GAINS[1], max(_GAINS[0], second.std() / max(first.std(), 1e-9)))
    mean, other_mean = _windows(first), _windows(second)
    variance = np.maximum(_windows(first * first) - mean * mean, 0)
    other_variance = np.maximum(_windows(second * second) - other_mean * other_mean, 0)
    shared = _windows(first * second) - mean * other_mean
    alike = (2 * shared + _NOISE) / (variance + other_variance + _NOISE)
    return float(np.average(alike, weights=np.sqrt(variance) + np.sqrt(other_variance) + np.sqrt(_NOISE)))


def _small(picture: Image.Image) -> Image.Image:
    scale = max(1.0, max(picture.size) / _SIDE)
    size = (max(_WINDOW, round(picture.width / scale)), max(_WINDOW, round(picture.height / scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.BOX)


def _luma(picture: Image.Image) -> Values:
    values: Values = np.asarray(picture.convert("RGB"), np.float64) @ _BT709[0]
    return values


def _windows(values: Values) -> Values:
    """The mean of each window of ``_WINDOW`` x ``_WINDOW`` pixels, at each place."""
    sums = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    sums[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
    rows = sums[_WINDOW:] - sums[:-_WINDOW]
    means: Values = (rows[:, _WINDOW:] - rows[:, :-_WINDOW]) / _WINDOW**2
    return means
