"""Background for text: a dark gradient whose hue depends on a digest, and the colour of the text."""

from functools import lru_cache
from math import tau
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.random import default_rng
from PIL import Image

Size: TypeAlias = tuple[int, int]
Rgb: TypeAlias = tuple[int, int, int]
Field: TypeAlias = npt.NDArray[np.floating]

PAPER: Rgb = (250, 249, 246)
_COARSE = 8  # a gradient is computed on every eighth pixel


def hue(digest: str) -> float:
    """A hue in radians, computed from ``digest`` (hex)."""
    return int(digest[8:16], 16) / 0x100000000 * tau


def gradient(size: Size, mood: float) -> Image.Image:
    """A dark gradient around the hue ``mood`` (radians) with a soft highlight; fine noise prevents banding."""
    width, height = size
    columns, rows = width // _COARSE + 2, height // _COARSE + 2
    down, across = np.mgrid[0 : 1 : rows * 1j, 0 : 1 : columns * 1j]
    slant = np.clip(0.55 * across + 0.45 * down, 0, 1)
    far = ((across - 0.62) * width / height) ** 2 + (down - 0.3) ** 2
    light = np.exp(-far / 0.22)
    lightness = 0.38 - 0.18 * slant + 0.13 * light
    chroma = 0.062 - 0.022 * slant + 0.022 * light
    coarse = _srgb(lightness, chroma, mood + 0.7 * slant - 0.35 * light)
    bands = [Image.fromarray(coarse[..., i]).resize(size, Image.Resampling.BICUBIC) for i in range(3)]
    fine = np.stack([np.asarray(band) for band in bands], axis=2)
    fine *= 255
    fine += _grain(width, height)
    return Image.fromarray(np.clip(np.rint(fine, out=fine), 0, 255, out=fine).astype(np.uint8))


@lru_cache(maxsize=1)
def _grain(width: int, height: int) -> npt.NDArray[np.float32]:
    """Fine noise for each pixel, always the same."""
    return default_rng(7).uniform(-0.9, 0.9, (height, width, 1)).astype(np.float32)


def _srgb(lightness: Field, chroma: Field, angle: Field) -> Field:
    """Convert OKLCH to sRGB, 0 to 1 (Björn Ottosson's matrices): equal steps look equal in every hue."""
    a, b = chroma * np.cos(angle), chroma * np.sin(angle)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    cones = np.stack([long, medium, short], axis=-1)
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(cones @ to_rgb.T, 0, 1)
    light: Field = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return light.astype(np.float32)
