"""The joint: the one AAC frame between two clips, in which the first one's sound ends and the second one's begins.

Without it the last 21 ms of one clip or the first 21 ms of the next are destroyed, or 21 ms are too many at each joint
(an encoder's first frame is silence). PyAV decodes the two blocks at the joint; ``aac`` writes them as one frame.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

from storyboard.media import aac
from storyboard.media.aac import Side, Window
from storyboard.media.decode import blocks
from storyboard.samples import BLOCK

if TYPE_CHECKING:
    from storyboard.media.aac import Samples

Pair = tuple[bytes, bytes]


def joint(left: Pair, right: Pair, config: bytes, channels: int) -> bytes:
    """The frame that takes the place of the last frame of ``left`` and of the first one of ``right``.

    Each is two frames of a clip: the last two that are heard of it, or the one before its first and its first.
    ``config`` is their AudioSpecificConfig. Raises BadMedia where they do not decode.
    """
    import numpy

    wanted = numpy.concatenate([_decoded(left, config)[:, BLOCK:], _decoded(right, config)[:, BLOCK:]], axis=1)
    made = (aac.frame(wanted, *sides) for sides in _sides(left, right, channels))
    first = next(made)
    others = list(made)
    if not others:
        return first

    def error(frame: bytes) -> float:
        heard = _decoded((left[0], frame, right[1]), config)[:, BLOCK:]
        return float(((heard - wanted) ** 2).sum())

    return min([first, *others], key=error)


def _sides(left: Pair, right: Pair, channels: int) -> Iterator[tuple[Sequence[Side], Sequence[Side]]]:
    """How the frame can rise and fall, channel by channel: one way, where the frames say all of their windows."""
    before, over, next = (aac.windows(frame, channels) for frame in (left[0], left[1], right[0]))
    ways: list[list[tuple[Side, Side]]] = []
    for one, two, three in zip(before, over, next, strict=True):
        if one and two and three:
            ways.append([(Side(two.rises_short, one.kaiser), three.falls)])
        else:
            shapes = [_kaiser(before, one), _kaiser(next, three)]
            ways.append([(Side(a, shapes[0]), Side(b, shapes[1])) for a, b in product((False, True), repeat=2)])
    for way in product(*ways):
        yield [rise for rise, _ in way], [fall for _, fall in way]


def _kaiser(all: Sequence[Window | None], own: Window | None) -> bool:
    known = own or all[0]
    return known is None or known.kaiser


def _decoded(frames: Sequence[bytes], config: bytes) -> "Samples":
    import numpy

    return numpy.concatenate(list(blocks(frames, config)), axis=1)
