"""python -m bench.likeness [IMAGE...]: how alike an image and a frame are, changed in each way, and of other images.

Without images, the frames of examples/keeper and six pictures that are made here. The figures of docs/checks.md are
of photographs: coffee, astronaut, motorcycle_left, rocket, chelsea, camera, coins, moon, brick, grass, retina and
hubble_deep_field of scikit-image, china and flower of scikit-learn, and the two of the example.
"""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import permutations
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from storyboard.media import ffmpeg
from storyboard.media.sent_image import likeness
from storyboard.media.verify import examine

SIZE = (1280, 720)
WIDE = Fraction(16, 9)
FRAMES = Path(__file__).parents[1] / "examples" / "keeper" / "frames"
Change = Callable[[Image.Image], Image.Image]


def main(paths: list[str]) -> None:
    """Print a line for each change of an image: the least, the median and the greatest likeness."""
    images = [Image.open(path).convert("RGB") for path in paths] or [*_examples()]
    images = [ImageOps.fit(image, SIZE, Image.Resampling.LANCZOS) for image in images]
    sent = [_png(image) for image in images]
    print(f"{'change':28} {'least':>6} {'median':>7} {'most':>6}")
    for name, change in CHANGES.items():
        _line(name, [_compare(one, change(image)) for one, image in zip(sent, images, strict=True)])
    for rate in ("18", "32"):
        _line(f"encoded, crf {rate}", [_encoded(one, image, rate) for one, image in zip(sent, images, strict=True)])
    _line("another image", [_compare(sent[one], images[other]) for one, other in permutations(range(len(images)), 2)])


def _line(name: str, found: list[float]) -> None:
    print(f"{name:28} {min(found):6.3f} {float(np.median(found)):7.3f} {max(found):6.3f}", flush=True)


def _compare(sent: bytes, seen: Image.Image) -> float:
    small = seen.convert("RGB").resize((64, 64), Image.Resampling.BOX)
    cells = np.rint(np.asarray(small) @ np.array((0.2126, 0.7152, 0.0722))).astype(np.uint8)
    found = likeness(sent, cells.tobytes(), WIDE)
    assert found is not None
    return found


def _encoded(sent: bytes, image: Image.Image, rate: str) -> float:
    """The likeness of the first frame of a clip of the image."""
    with tempfile.TemporaryDirectory() as name:
        clip, still = Path(name, "clip.mp4"), Path(name, "still.png")
        image.save(still)
        source = ["-loop", "1", "-framerate", "24", "-t", "1", "-i", f"file:{still}", "-pix_fmt", "yuv420p"]
        ffmpeg.run(["-y", *source, "-c:v", "libx264", "-crf", rate, f"file:{clip}"], seconds=60)
        ends = examine(clip).ends
    assert ends is not None
    found = likeness(sent, ends[0], WIDE)
    assert found is not None
    return found


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _examples() -> Iterator[Image.Image]:
    for path in sorted(FRAMES.glob("*.jpg")):
        yield Image.open(path).convert("RGB")
    for seed in range(6):  # noise in four octaves, as coarse as clouds and as fine as leaves
        dice, picture = np.random.default_rng(seed), np.zeros((SIZE[1], SIZE[0], 3))
        for octave in (4, 9, 20, 45):
            grain = Image.fromarray(dice.integers(0, 256, (octave * 9 // 16 + 1, octave, 3), dtype=np.uint8))
            picture += np.asarray(grain.resize(SIZE, Image.Resampling.BICUBIC), float) / octave * 2
        yield Image.fromarray(np.clip(picture * 255 / picture.max(), 0, 255).astype(np.uint8))


def _shifted(share: float) -> Change:
    way = (1, 0, share * SIZE[0], 0, 1, share * SIZE[1] / 2)
    return lambda image: image.transform(SIZE, Image.Transform.AFFINE, way, Image.Resampling.BICUBIC)


def _zoomed(by: float) -> Change:
    width, height = SIZE
    left, top = width * (1 - 1 / by) / 2, height * (1 - 1 / by) / 2
    return lambda image: image.resize(SIZE, Image.Resampling.LANCZOS, box=(left, top, width - left, height - top))


def _gamma(power: float) -> Change:
    return lambda image: image.point([round(255 * (value / 255) ** power) for value in range(256)] * 3)


def _marked(image: Image.Image) -> Image.Image:
    marked = image.copy()
    marked.paste((255, 255, 255), (1000, 640, 1260, 700))
    return marked


CHANGES: dict[str, Change] = {
    "none": lambda image: image,
    "320x180": lambda image: image.resize((320, 180)).resize(SIZE),
    "lighter by 15 %": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "contrast less by 20 %": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "gamma 0.7": _gamma(0.7),
    "gamma 1.3": _gamma(1.3),
    "warmer": lambda image: Image.fromarray((np.asarray(image) * (1.1, 1, 0.85)).clip(0, 255).astype(np.uint8)),
    "blurred, 4 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(4)),
    "watermark of 260x60": _marked,
    "moved by 1 %": _shifted(0.01),
    "moved by 3 %": _shifted(0.03),
    "enlarged by 3 %": _zoomed(1.03),
    "enlarged by 6 %": _zoomed(1.06),
    "moved by 6 %": _shifted(0.06),
    "moved by 20 %": _shifted(0.2),
    "left and right exchanged": ImageOps.mirror,
    "black": lambda image: Image.new("RGB", SIZE),
    "grey": lambda image: Image.new("RGB", SIZE, "gray"),
}

if __name__ == "__main__":
    main(sys.argv[1:])
