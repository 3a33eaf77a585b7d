"""The sound of a draft: a quiet chord over room noise, different for each scene, faded at both ends."""

from fractions import Fraction
from functools import cache

import numpy as np
from numpy.fft import irfft, rfft, rfftfreq
from numpy.random import Generator, default_rng

from storyboard.emulator.drafts.clip_writer import SAMPLE_RATE, Samples

_ROOTS = (98.0, 110.0, 123.47, 130.81, 146.83, 164.81)  # Hz: a pentatonic scale, so that neighbouring scenes harmonise
_CHORDS = ((1.0, 1.5, 2.0), (1.0, 1.5, 2.25), (1.0, 4 / 3, 2.0), (1.0, 1.5, 2.5))
_LEVEL = 0.028  # about -31 dBFS: audible, but quiet
_FADE = 0.6  # seconds


def bed(digest: str, seconds: Fraction) -> Samples:
    """Some ``seconds`` of stereo sound derived from ``digest`` (hex)."""
    dice = default_rng(int(digest[:16], 16))
    time = np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)
    root, chord = dice.choice(_ROOTS), _CHORDS[dice.integers(len(_CHORDS))]
    sides = [_chord(time, root, chord, dice) + 0.35 * _room(time.size, dice) for _ in range(2)]
    sound: Samples = (_LEVEL * np.stack(sides, axis=1) * _envelope(time, float(seconds))[:, None]).astype(np.float32)
    return sound


def _chord(time: Samples, root: float, chord: tuple[float, ...], dice: Generator) -> Samples:
    """One channel of the chord. Each note has its own slow tremolo, and a slight random detuning per channel."""
    notes = np.zeros_like(time)
    for i, ratio in enumerate(chord):
        pitch = root * ratio * (1 + dice.uniform(-0.0015, 0.0015))
        swell = 0.7 + 0.3 * np.sin(2 * np.pi * (time * dice.uniform(0.08, 0.2) + dice.random()), dtype=np.float32)
        notes += swell * np.sin(2 * np.pi * (time * np.float32(pitch) + dice.random()), dtype=np.float32) / (i + 1.2)
    return notes


def _room(count: int, dice: Generator) -> Samples:
    """Noise that falls off above 300 Hz, with an RMS of 1: always the same, which begins at another sample."""
    return np.roll(_noise(count), dice.integers(count))


@cache
def _noise(count: int) -> Samples:
    """Noise of ``count`` samples that has no seam where its end meets its beginning."""
    spectrum = rfft(default_rng(0).standard_normal(count).astype(np.float32))
    pitch = rfftfreq(count, 1 / SAMPLE_RATE)
    noise = irfft(spectrum * (pitch > 30) / (1 + (pitch / 300) ** 2), count)
    room: Samples = (noise / noise.std()).astype(np.float32)
    return room


def _envelope(time: Samples, seconds: float) -> Samples:
    edge = np.clip(np.minimum(time, seconds - time) / _FADE, 0, 1)
    rise: Samples = (0.5 - 0.5 * np.cos(np.pi * edge)).astype(np.float32)
    return rise
