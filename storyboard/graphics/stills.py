"""Stills: an image under a slow camera move, or a card of one colour.

The camera is a window on the image, positioned for each frame with subpixel precision, so that the picture does not
jitter. It moves at constant speed from the first frame to the last. A moving picture fills the frame; one without a
move is fitted by the film's ``fit``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, ImageFilter, ImageOps

from storyboard.graphics.moviepy import video_clip
from storyboard.media.encode import Picture
from storyboard.media.images import DAMAGED
from storyboard.model.aspect_ratio import in_shape
from storyboard.model.errors import BadMedia
from storyboard.model.storyboard import Fit, FrameFit, Move, Still

FORMATS = ("PNG", "JPEG", "WEBP")
# The smallest window as a share of the largest. Fixed, and close to 1, so that the move is slow.
CLOSE = 0.86
# If the picture exceeds the frame by less than this share, zoom in so that the camera can move.
LEAST = 0.1
# At most this many image pixels per frame pixel, in each direction: more are not visible.
_FINE = 2

Box = tuple[float, float, float, float]


def pictures(
    still: Still, content: bytes, size: tuple[int, int], fps: Fraction, frames: int, fit: Fit
) -> Iterator[Picture]:
    """The frames of a still. ``content`` is the image file's bytes, ignored for a card. Raise BadMedia."""
    if still.image is None:
        card = np.empty((size[1], size[0], 3), np.uint8)
        card[:] = [int(still.color[at : at + 2], 16) for at in (1, 3, 5)]
        return iter([card] * frames)
    image = _opened(content, size)
    if fit == "blur":
        image = _over_itself(image, size)
    if still.move == "none":
        fitted = np.asarray(_fitted(image, size, fit))
        return iter([fitted] * frames)
    return _moving(Camera(image.size, size, still.move), image, frames, fps)


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera move over a picture. ``picture`` and ``frame`` are width and height in pixels."""

    picture: tuple[int, int]
    frame: tuple[int, int]
    move: Move

    def window(self, way: float) -> Box:
        """The visible part of the picture (left, top, right, bottom, in pixels) after the share ``way`` of the move."""
        (width, height), (wide, tall) = self.picture, self.frame
        scale = min(width / wide, height / tall)
        whole = (wide * scale, tall * scale)
        across, down = 0.5, 0.5
        share = 1.0
        match self.move:
            case "in":
                share = 1 - (1 - CLOSE) * way
            case "out":
                share = CLOSE + (1 - CLOSE) * way
            case "left" | "right":
                share = 1.0 if width - whole[0] >= LEAST * whole[0] else CLOSE
                across = way if self.move == "right" else 1 - way
            case "up" | "down":
                share = 1.0 if height - whole[1] >= LEAST * whole[1] else CLOSE
                down = way if self.move == "down" else 1 - way
        seen = (whole[0] * share, whole[1] * share)
        left, top = max(0.0, (width - seen[0]) * across), max(0.0, (height - seen[1]) * down)
        return left, top, min(width, left + seen[0]), min(height, top + seen[1])


def _moving(camera: Camera, image: Image.Image, frames: int, fps: Fraction) -> Iterator[Picture]:
    left, _, right, _ = min((camera.window(way) for way in (0.0, 1.0)), key=lambda box: box[2] - box[0])
    factor = _FINE * camera.frame[0] / (right - left)
    if factor < 0.8:
        width, height = image.size
        image = image.resize((round(width * factor), round(height * factor)), Image.Resampling.LANCZOS)
        camera = Camera(image.size, camera.frame, camera.move)

    def seen(time: float) -> Picture:
        way = round(time * fps) / max(1, frames - 1)
        return np.asarray(image.resize(camera.frame, Image.Resampling.BICUBIC, box=camera.window(way)))

    clip = video_clip()(seen, duration=float(Fraction(frames, fps)))
    # Not iter_frames: it counts frames in floating point, and sometimes gives one too many.
    return (clip.get_frame(float(number / fps)) for number in range(frames))


def fit_image(content: bytes, fit: FrameFit) -> bytes:
    """An image in the shape of ``fit`` as PNG, 1920x1080 or 1080x1920: the same bytes each time. Raise BadMedia."""
    size = in_shape((1920, 1080), fit.aspect)
    image = _opened(content, size)
    made = _fitted(_over_itself(image, size) if fit.how == "blur" else image, size, fit.how)
    out = BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


def _fitted(image: Image.Image, size: tuple[int, int], fit: Fit) -> Image.Image:
    if fit == "pad":
        return ImageOps.pad(image, size, Image.Resampling.LANCZOS, color=(0, 0, 0))
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def _over_itself(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Extend the image to the film's aspect ratio with a blurred and dimmed copy behind it."""
    scale = max(image.width / size[0], image.height / size[1])
    whole = (round(size[0] * scale), round(size[1] * scale))
    larger = max(1.0, whole[0] / (_FINE * size[0]))
    whole = (round(whole[0] / larger), round(whole[1] / larger))
    front = ImageOps.contain(image, whole, Image.Resampling.LANCZOS)
    if abs(front.width - whole[0]) < 2 and abs(front.height - whole[1]) < 2:
        return image
    small = ImageOps.fit(image, (max(2, size[0] // 8), max(2, size[1] // 8)), Image.Resampling.BOX)
    dimmed = small.filter(ImageFilter.GaussianBlur(5)).point(lambda value: int(value * 0.6))
    behind = dimmed.resize(whole, Image.Resampling.BICUBIC)
    behind.paste(front, ((whole[0] - front.width) // 2, (whole[1] - front.height) // 2))
    return behind


def _opened(content: bytes, size: tuple[int, int]) -> Image.Image:
    """Decode: upright, in sRGB, on black if transparent, at no more resolution than is visible. Raise BadMedia."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as upright:
            profile = upright.info.get("icc_profile")
            upright.load()
            ImageOps.exif_transpose(upright, in_place=True)
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise BadMedia(f"its picture is damaged ({type(error).__name__})", "save it again") from error
    picture = _no_finer(upright, size)
    if picture.mode.startswith("I"):  # 16 bits a pixel
        picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        paper = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")
    picture = _in_srgb(picture, profile)
    return picture if picture.mode == "RGB" else picture.convert("RGB")  # a copy of 50 million pixels is 150 MB


def _no_finer(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Reduce the image to the resolution that is visible at the closest zoom, so that later steps copy less."""
    factor = max(side * _FINE / CLOSE / own for side, own in zip(size, image.size, strict=True))
    if factor >= 1 or "transparency" in image.info or image.mode not in ("RGB", "RGBA", "L", "LA", "CMYK"):
        return image
    width, height = image.size
    return image.resize((round(width * factor), round(height * factor)), Image.Resampling.LANCZOS, reducing_gap=3)


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert from the image's ICC profile to sRGB. Without a profile, or with a damaged one, return it unchanged."""
    if not profile:
        return image
    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        shown = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image
    return shown or image
