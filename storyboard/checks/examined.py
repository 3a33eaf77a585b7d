"""Examined: a verified clip, and what its checks need of it."""

from dataclasses import dataclass

from storyboard.checks.clip_levels import ClipLevels
from storyboard.model.take import Measure


@dataclass(frozen=True, slots=True)
class Examined:
    """The measure of a verified clip, the levels of its picture and sound, its first and its last frame.

    The frames are 64 x 64 bytes of luma each. ``levels`` and ``ends`` are None where they could not be measured.
    """

    measure: Measure
    levels: ClipLevels | None = None
    ends: tuple[bytes, bytes] | None = None
