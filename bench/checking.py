"""Checking: what the checks of a clip that came cost beside its verification, which decodes it anyway.

The clips are like those that are bought: 8 s, 1280x720, 24 frames a second, sound. Each is verified without and with
its measurements, judged, and its first and its last frame are compared with images of 1920x1080.
"""

import io
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median

from PIL import Image

from bench import clips
from bench.row import Row
from storyboard.checks.judge import AskedFor, FrameLikeness, judge
from storyboard.media.frames import frame
from storyboard.media.sent_image import likeness
from storyboard.media.verify import examine, verify

CLIPS, RUNS = 3, 3


def rows() -> list[Row]:
    """The CPU of all checks of a clip, and of the comparison with two images that it does not show."""
    with tempfile.TemporaryDirectory() as name:
        clips.many(Path(name), CLIPS)
        paths = clips.named(Path(name), CLIPS)
        images = [_image(path) for path in paths]
        strange = [*images[1:], images[0]]
        plain = _seconds(lambda: [verify(path, None) for path in paths])
        shown = _seconds(lambda: [_check(path, image) for path, image in zip(paths, images, strict=True)])
        unlike = _seconds(lambda: [_check(path, image) for path, image in zip(paths, strange, strict=True)])
    return [
        Row("verification of a clip of 8 s at 1280x720, CPU", plain, "s"),
        Row("its checks beside that, CPU", shown - plain, "s", 0.35),
        Row("the same, of a clip that shows neither of its two images", unlike - plain, "s", 0.35),
    ]


def _check(path: Path, image: bytes) -> None:
    seen = examine(path)
    assert seen.ends
    ratio = Fraction(seen.measure.width, seen.measure.height)
    alike = FrameLikeness(*(likeness(image, end, ratio) for end in seen.ends))
    judge(AskedFor(Fraction(8), "16:9", "720p"), seen.measure, seen.levels, alike)


def _seconds(work: Callable[[], object]) -> float:
    """The CPU seconds of a clip, children included: the median of several runs."""
    found = []
    for _ in range(RUNS):
        before = _cpu()
        work()
        found.append((_cpu() - before) / CLIPS)
    return median(found)


def _cpu() -> float:
    return sum(sum(getrusage(who)[:2]) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))


def _image(path: Path) -> bytes:
    file = io.BytesIO()
    frame(path, 0).resize((1920, 1080), Image.Resampling.BICUBIC).save(file, "PNG", compress_level=1)
    return file.getvalue()
