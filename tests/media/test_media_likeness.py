"""Likeness: what a codec or another size does to a picture is not seen in it; another picture, other colours are."""

import numpy as np
from PIL import Image, ImageChops, ImageEnhance

from storyboard.media.likeness import colour_step, structure


def picture(seed: int = 1, size: tuple[int, int] = (640, 360)) -> Image.Image:
    """Something like a photograph: large shapes, and smaller ones in them."""
    dice = np.random.default_rng(seed)
    layers = [dice.integers(60, 200, (rows, rows * 16 // 9, 3), dtype=np.uint8) for rows in (5, 23)]
    one, other = (Image.fromarray(layer).resize(size, Image.Resampling.BICUBIC) for layer in layers)
    return Image.blend(one, other, 0.4)


def test_what_is_seen_is_told_apart_from_how_light_it_is():
    """A jump would pass as a change of colour, or a change of colour as a jump."""
    seen = picture()
    noise = np.random.default_rng(2).normal(0, 4, (360, 640, 1))
    grainy = Image.fromarray(np.clip(np.asarray(seen) + noise, 0, 255).astype(np.uint8))
    for same in (seen, grainy, seen.resize((1280, 720)), ImageChops.offset(seen, 1, 0)):
        assert structure(seen, same) > 0.94
    for lighter in (ImageEnhance.Brightness(seen).enhance(0.8), ImageEnhance.Color(seen).enhance(0.3)):
        assert structure(seen, lighter) > 0.94
    for other in (picture(3), seen.transpose(Image.Transpose.FLIP_LEFT_RIGHT), ImageChops.offset(seen, 90, 40)):
        assert structure(seen, other) < 0.3
    flat = Image.new("RGB", (64, 36), (90, 90, 90))
    assert structure(flat, Image.new("RGB", (64, 36), (200, 30, 30))) > 0.999
    assert structure(flat, seen) < 0.3


def test_the_step_of_the_colours_is_in_values_of_bt709():
    """Light, tint and contrast would be mixed up, or be those of another standard."""
    grey, red = Image.new("RGB", (64, 36), (100, 100, 100)), Image.new("RGB", (128, 72), (200, 100, 100))
    step = colour_step(grey, red)
    assert abs(step.light - 100 * 0.2126) < 0.01
    assert abs(step.tint - np.hypot(-21.26 / 1.8556, 78.74 / 1.5748)) < 0.01
    assert abs(step.contrast) < 0.01
    seen = picture()
    assert colour_step(seen, seen) == colour_step(grey, grey)
    flatter = colour_step(seen, ImageEnhance.Contrast(seen).enhance(0.5))
    assert abs(flatter.light) < 1
    assert flatter.contrast < -5
