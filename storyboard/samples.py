"""Index: what the index of a clip's file says of its frames and its sound. Numbers only: no byte of media is in it."""

from dataclasses import dataclass
from fractions import Fraction

# Samples that one AAC frame holds (ISO/IEC 14496-3, AAC-LC without the 960 variant).
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """Where samples lie in their file, in the order of decoding: ``sizes`` in bytes, ``offsets`` from its beginning."""

    sizes: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """All that two pictures must share, beside their parameter sets, to stand in one track.

    ``width`` and ``height`` in pixels as they are shown; ``colour`` is primaries, transfer, matrix (the code points of
    ITU-T H.273; 2 is "unspecified") and whether all values are used (full range).
    """

    width: int
    height: int
    colour: tuple[int, int, int, bool]


@dataclass(frozen=True, slots=True)
class Sets:
    """The H.264 parameter sets of a clip, as its avcC has them, in order: ``head`` is profile, compatibility, level.

    ``tail`` is what follows the sets in an avcC. Equal sets decode alike.
    """

    head: bytes
    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    tail: bytes


@dataclass(frozen=True, slots=True)
class Frames:
    """The frames of a clip. Frames are numbered in the order in which they are seen, from 0.

    ``shown[i]`` is the number of the frame that is decoded as the i-th. ``starts`` are the frames at which decoding can
    begin: true IDR frames, behind everything that is seen earlier. ``fps`` is exact: every frame lasts equally long.
    ``begins`` is when the first is seen, in seconds of the file's own time. ``entry`` is the sample entry of the
    track without its avcC.
    """

    stored: Stored
    shown: tuple[int, ...]
    starts: tuple[int, ...]
    fps: Fraction
    begins: Fraction
    look: Look
    sets: Sets
    entry: bytes


@dataclass(frozen=True, slots=True)
class Sound:
    """The AAC-LC sound of a clip, in blocks of 1,024 samples. Decoding packet p gives block p.

    ``hertz`` and ``channels`` are what is heard; ``priming`` is how many samples at the beginning are not;
    ``begins`` is when the first one that is heard comes, in seconds of the file's own time. ``entry`` is the sample
    entry of the track, ``config`` its AudioSpecificConfig.
    """

    stored: Stored
    hertz: int
    channels: int
    priming: int
    begins: Fraction
    entry: bytes
    config: bytes

    @property
    def form(self) -> tuple[int, int]:
        return self.hertz, self.channels


@dataclass(frozen=True, slots=True)
class Index:
    """What can be copied of a clip. ``frames`` or ``sound`` is the reason, in words, where that part cannot be.

    ``silent`` is True where the clip has no sound at all.
    """

    frames: Frames | str
    sound: Sound | str
    silent: bool = False
