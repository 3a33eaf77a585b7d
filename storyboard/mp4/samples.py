"""Index: what the index of a clip's file says of its frames and its sound. Numbers only: no byte of media is in it."""

from dataclasses import dataclass
from fractions import Fraction

# Samples that one AAC-LC frame holds, in the variant that is in use (ISO/IEC 14496-3, frameLengthFlag 0).
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class SampleTable:
    """Where samples lie in their file, in the order of decoding: ``sizes`` in bytes, ``offsets`` from its beginning."""

    sizes: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """All that pictures must share, beside parameter sets that decode them, to stand in one track.

    ``width`` and ``height`` in pixels as they are shown; ``colour`` is primaries, transfer and matrix (the code points
    of ITU-T H.273; 2 is "unspecified"), and whether the full range of values is used.
    """

    width: int
    height: int
    colour: tuple[int, int, int, bool]


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The H.264 parameter sets of a clip, as its avcC has them: ``head`` is profile, compatibility and level.

    ``tail`` is what follows the sets in the avcC. ``ids`` are the numbers by which slices and sets find each other:
    those of the sequence sets, those of the picture sets.
    """

    head: bytes
    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    tail: bytes
    ids: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The frames of a clip. A frame's number is its place in the order in which they are seen, from 0.

    ``shown[i]`` is the number of the frame that is decoded as the i-th. ``starts`` are the frames at which decoding can
    begin: true IDR frames, behind everything that is seen earlier. Every frame lasts ``1 / fps`` seconds. ``begins``
    is when the first is seen, in seconds of the file's own time.
    """

    stored: SampleTable
    shown: tuple[int, ...]
    starts: tuple[int, ...]
    fps: Fraction
    begins: Fraction
    look: PictureFormat
    sets: ParameterSets


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The AAC-LC sound of a clip, in blocks of 1,024 samples: decoding the p-th AAC frame gives block p.

    ``priming`` is how many samples at the beginning are not heard; ``begins`` is when the first one that is heard
    comes, in seconds of the file's own time. ``config`` is the AudioSpecificConfig.
    """

    stored: SampleTable
    hertz: int
    channels: int
    priming: int
    begins: Fraction
    config: bytes

    @property
    def audio_format(self) -> tuple[int, int]:
        """What sounds must share to stand in one track: hertz and channels."""
        return self.hertz, self.channels


def audio_offset(frames: VideoTrack, sound: AudioTrack) -> Fraction:
    """Seconds from the beginning of block 0 of a clip's sound to that of its first frame."""
    return frames.begins - sound.begins + Fraction(sound.priming, sound.hertz)


@dataclass(frozen=True, slots=True)
class ClipIndex:
    """What can be copied of a clip: its ``frames`` and its ``sound``; or, in words, why they cannot be.

    ``sound`` is None where the clip has none at all.
    """

    frames: VideoTrack | str
    sound: AudioTrack | str | None
