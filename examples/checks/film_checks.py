"""A check for storyboards: a function of a clip's path and of what is known of the clip, that returns remarks."""

from collections.abc import Iterator
from pathlib import Path

from storyboard import ClipFacts, Remark

# Bits for each pixel of each frame: below, faces fall into blocks.
LEAST = 0.02


def bitrate(path: Path, facts: ClipFacts) -> Iterator[Remark]:
    """Remark on a clip that was compressed too much."""
    measure = facts.measure
    bits = path.stat().st_size * 8 / (measure.frames * measure.width * measure.height)
    if bits < LEAST:
        yield Remark("bitrate", f"it has {bits:.3f} bits a pixel, less than {LEAST}", (("bits", round(bits, 4)),))
