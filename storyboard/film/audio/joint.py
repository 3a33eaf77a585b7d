"""Joints: the one re-encoded AAC frame between two clips, where the first clip's sound ends and the second's begins.

Without it the last 21 ms of one clip or the first 21 ms of the next are destroyed, or each cut point adds 21 ms (an
encoder's first frame is silence). PyAV decodes the two blocks at the cut point; ``mp4.aac`` writes them as one frame.
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

# Header of a joint in the file: its name, and the size of the frame that follows, in bytes.
_ROW = Struct(">16sH")
# Size limit of the file in bytes. A joint has less than 1,600: this is enough for more scenes than any film has.
_LARGEST = 1 << 26


def joint(left: Pair, right: Pair, config: bytes, channels: int) -> bytes:
    """Encode the frame that replaces ``left[1]`` and ``right[0]``.

    ``left`` is the last two frames that are heard of the first clip; ``right`` is the frame before the first one that
    is heard of the second clip, and that one. ``config`` is their AudioSpecificConfig. Raise BadMedia where they do
    not decode.
    """
    import numpy

    from storyboard.mp4 import aac

    # One decoder for both, because creating one takes longer than decoding; a frame affects its block and the next.
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
    """Read the cached joints, by name; none where the file is missing or fails its checksum."""
    content, joints, at = read_checked(path, _LARGEST), {}, 0
    while at + _ROW.size <= len(content):
        name, size = _ROW.unpack_from(content, at)
        at += _ROW.size + size
        joints[name] = content[at - size : at]
    return joints


def write_joints(path: Path, joints: Mapping[bytes, bytes]) -> None:
    """Write the joints, each under a name of 16 bytes, replacing the file. Raise LocalFault."""
    write_checked(path, b"".join(_ROW.pack(name, len(frame)) + frame for name, frame in sorted(joints.items())))


def _sides(left: Pair, right: Pair, channels: int) -> Iterator[tuple["Sequence[Side]", "Sequence[Side]"]]:
    """The possible window halves of the frame, channel by channel: one, if the windows of all frames are known."""
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
