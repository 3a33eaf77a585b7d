"""The joint: the one AAC frame between two clips, in which the first one's sound ends and the second one's begins.

Without it the last 21 ms of one clip or the first 21 ms of the next are destroyed, or 21 ms are too many at each joint
(an encoder's first frame is silence). PyAV decodes the two blocks at the joint; ``aac`` writes them as one frame.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING

from storyboard.media.decode import blocks
from storyboard.mp4.samples import BLOCK
from storyboard.system.files import read_checked, write_checked

if TYPE_CHECKING:
    from storyboard.mp4.aac import Samples, Side, Window

Pair = tuple[bytes, bytes]

# Name and size of a joint, which is what follows.
_ROW = Struct(">16sH")
# A joint has less than 1,600 bytes: this is room for more scenes than any film has.
_LARGEST = 1 << 26


def joint(left: Pair, right: Pair, config: bytes, channels: int) -> bytes:
    """The frame that takes the place of the last frame of ``left`` and of the first one of ``right``.

    Each is two frames of a clip: the last two that are heard of it, or the one before its first and its first.
    ``config`` is their AudioSpecificConfig. Raises BadMedia where they do not decode.
    """
    import numpy

    from storyboard.mp4 import aac

    # In one decoder, which takes longer to make than to use: a frame is heard in its own block and in the next.
    _, end, _, begin = blocks((*left, *right), config)
    wanted = numpy.concatenate([end, begin], axis=1)
    made = (aac.frame(wanted, *sides) for sides in _sides(left, right, channels))
    first = next(made)
    others = list(made)
    if not others:
        return first

    def error(frame: bytes) -> float:
        heard = _decoded((left[0], frame, right[1]), config)[:, BLOCK:]
        return float(((heard - wanted) ** 2).sum())

    return min([first, *others], key=error)


def read_joints(path: Path) -> dict[bytes, bytes]:
    """The joints that were made before, by name; none where they are not what was written."""
    content, joints, at = read_checked(path, _LARGEST), {}, 0
    while at + _ROW.size <= len(content):
        name, size = _ROW.unpack_from(content, at)
        at += _ROW.size + size
        joints[name] = content[at - size : at]
    return joints


def write_joints(path: Path, joints: Mapping[bytes, bytes]) -> None:
    """Write joints down, each under a name of 16 bytes, in place of those that were there. Raises LocalFault."""
    write_checked(path, b"".join(_ROW.pack(name, len(frame)) + frame for name, frame in sorted(joints.items())))


def _sides(left: Pair, right: Pair, channels: int) -> Iterator[tuple["Sequence[Side]", "Sequence[Side]"]]:
    """How the frame can rise and fall, channel by channel: one way, where the frames say all of their windows."""
    from storyboard.mp4 import aac

    before, over, next = (aac.windows(frame, channels) for frame in (left[0], left[1], right[0]))
    ways: list[list[tuple[aac.Side, aac.Side]]] = []
    for one, two, three in zip(before, over, next, strict=True):
        if one and two and three:
            ways.append([(aac.Side(two.rises_short, one.kaiser), three.falls)])
        else:
            shapes = [_kaiser(before, one), _kaiser(next, three)]
            ways.append([(aac.Side(a, shapes[0]), aac.Side(b, shapes[1])) for a, b in product((False, True), repeat=2)])
    for way in product(*ways):
        yield [rise for rise, _ in way], [fall for _, fall in way]


def _kaiser(all: "Sequence[Window | None]", own: "Window | None") -> bool:
    known = own or all[0]
    return known is None or known.kaiser


def _decoded(frames: Sequence[bytes], config: bytes) -> "Samples":
    import numpy

    return numpy.concatenate(list(blocks(frames, config)), axis=1)
