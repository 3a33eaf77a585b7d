"""Glimpse: small grey frames and the sound of a clip, from the decoder that verifies it; and what they measure."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import numpy as np
import numpy.typing as npt

from storyboard.checks.clip_levels import ClipLevels
from storyboard.mp4 import reader

# A frame is measured in cells: SIDE across, SIDE down, whatever its shape. The codec's noise is averaged out in them.
SIDE = 64
# More frames than any clip that is believed has: 70 s at 60 fps.
_MOST_FRAMES = 4300
# The share of the cells of a frame that its level covers.
_SHARE = 0.98
_NO_SOUND = -120.0  # dBFS that stand for digital silence

Cells = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Glimpse:
    """``frames`` are arrays of (frame, SIDE, SIDE) with luma from 0 to 255; ``samples`` the sound, 16 bits; or None."""

    frames: Cells
    samples: npt.NDArray[np.int16] | None

    @property
    def ends(self) -> tuple[bytes, bytes]:
        """The first and the last frame."""
        return self.frames[0].tobytes(), self.frames[-1].tobytes()

    def levels(self, fps: Fraction) -> ClipLevels:
        """Measure the frames, shown at ``fps``, and the sound."""
        cells = self.frames.reshape(len(self.frames), -1)
        place = int(_SHARE * cells.shape[1])
        tops = np.partition(cells, place, axis=1)[:, place]
        before = np.maximum(0, np.arange(len(cells)) - max(1, round(fps / 2)))
        moves = np.abs(cells.astype(np.int16) - cells[before]).max(axis=1)
        moves[0] = moves[min(1, len(moves) - 1)]  # the first frame has none before it: it moves as the second does
        spreads = cells.std(axis=1, dtype=np.float32)
        return ClipLevels(fps, tops.tolist(), spreads.tolist(), moves.tolist(), self._peak())

    def _peak(self) -> float | None:
        if self.samples is None or not len(self.samples):
            return None
        highest = max(int(self.samples.max()), -int(self.samples.min()))
        return 20 * math.log10(highest / 32768) if highest else _NO_SOUND


@dataclass(frozen=True, slots=True)
class GlimpseFiles:
    """Temporary files that ffmpeg writes a glimpse to; ``samples`` is None for a clip without sound.

    ``seconds`` of it are written.
    """

    pictures: IO[bytes]
    samples: IO[bytes] | None
    seconds: int

    @property
    def descriptors(self) -> Sequence[int]:
        """The descriptors that ffmpeg needs."""
        return [file.fileno() for file in (self.pictures, self.samples) if file]

    @property
    def arguments(self) -> Sequence[str]:
        """The outputs, as arguments of ffmpeg."""
        small = f"scale={SIDE}:{SIDE}:flags=area:out_range=pc,format=gray"
        limit = ["-t", str(self.seconds), "-threads", "1"]
        found = ["-filter_threads", "1", "-map", "0:v:0", "-vf", small, *limit, "-fps_mode", "passthrough"]
        found += ["-frames:v", str(_MOST_FRAMES), "-f", "rawvideo", f"pipe:{self.pictures.fileno()}"]
        if self.samples:
            sound = ["-map", "0:a:0", "-ac", "2", "-ar", "16000", "-c:a", "pcm_s16le"]
            found += [*sound, *limit, "-f", "s16le", f"pipe:{self.samples.fileno()}"]
        return found

    def read(self) -> Glimpse | None:
        """Return what was written; None if there are no whole frames."""
        frames = np.frombuffer(_content(self.pictures), np.uint8)
        if not len(frames) or len(frames) % SIDE**2:
            return None
        samples = np.frombuffer(_content(self.samples), np.dtype("<i2")) if self.samples else None
        return Glimpse(frames.reshape(-1, SIDE, SIDE), samples)


@contextmanager
def glimpse_files(path: Path, seconds: int) -> Iterator[GlimpseFiles]:
    """Open files for a glimpse of the clip at ``path``. Raise LocalFault, BadMedia where its index is unreadable."""
    with ExitStack() as stack:
        pictures = stack.enter_context(TemporaryFile())
        sounding = reader.read(path).sound is not None
        yield GlimpseFiles(pictures, stack.enter_context(TemporaryFile()) if sounding else None, seconds)


def _content(file: IO[bytes]) -> bytes:
    size = os.fstat(file.fileno()).st_size
    content = os.pread(file.fileno(), size, 0)
    return content[: len(content) // 2 * 2]
