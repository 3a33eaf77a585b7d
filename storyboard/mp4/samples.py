"""Clip indexes: the tables of a clip's frames and sound. They hold numbers and parameter sets, no media."""

from dataclasses import dataclass
from fractions import Fraction

# Samples in one AAC-LC frame, in the usual variant (ISO/IEC 14496-3, frameLengthFlag 0).
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class SampleTable:
    """Samples of a file in decoding order: ``sizes`` and ``offsets`` in bytes, from the beginning of the file."""

    sizes: tuple[int, ...]
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PictureFormat:
    """What pictures must have in common, besides compatible parameter sets, to be in one track.

    ``width`` and ``height`` are in pixels, as displayed; ``colour`` is primaries, transfer and matrix (code points of
    ITU-T H.273; 2 is "unspecified"), and whether the full range of values is used.
    """

    width: int
    height: int
    colour: tuple[int, int, int, bool]


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """The H.264 parameter sets in the avcC of a clip. ``head`` is profile, compatibility and level.

    ``tail`` is the rest of the avcC after the sets. ``ids`` are the ids of the sequence sets and of the picture sets,
    by which slices refer to them.
    """

    head: bytes
    sequences: tuple[bytes, ...]
    pictures: tuple[bytes, ...]
    tail: bytes
    ids: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The frames of a clip. A frame's number is its position in display order, from 0.

    ``shown[i]`` is the number of the i-th frame in decoding order. ``starts`` are the frames at which decoding can
    begin: IDR frames that are decoded after all frames displayed before them. Every frame lasts ``1 / fps`` seconds.
    ``begins`` is the display time of the first frame, in seconds on the file's time line.
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
    """The AAC-LC sound of a clip, in blocks of 1,024 samples: AAC frame p decodes to block p.

    ``priming`` is the number of samples at the beginning that are not heard; ``begins`` is the time of the first one
    that is heard, in seconds on the file's time line. ``config`` is the AudioSpecificConfig.
    """

    stored: SampleTable
    hertz: int
    channels: int
    priming: int
    begins: Fraction
    config: bytes

    @property
    def audio_format(self) -> tuple[int, int]:
        """What sounds must have in common to be in one track: hertz and channels."""
        return self.hertz, self.channels


def audio_offset(frames: VideoTrack, sound: AudioTrack) -> Fraction:
    """The time from the beginning of block 0 of a clip's sound to its first frame, in seconds."""
    return frames.begins - sound.begins + Fraction(sound.priming, sound.hertz)


@dataclass(frozen=True, slots=True)
class ClipIndex:
    """The tracks of a clip that can be copied; or, as text, the reason why a track cannot be.

    ``sound`` is None if the clip has no sound. Of several pictures ``frames`` is the main one; ``others`` is the number
    of pictures and sounds that are left out.
    """

    frames: VideoTrack | str
    sound: AudioTrack | str | None
    others: int = 0
