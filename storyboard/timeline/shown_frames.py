"""Which frame of a clip the film shows first, last, or at a second of its scene."""

from fractions import Fraction

from storyboard.model.frame_rate import nominal_rate
from storyboard.model.storyboard import FrameAt, Trim
from storyboard.model.take import Measure

# Frames on a sheet.
_SHEET = 9


def shown_frames(measure: Measure, trim: Trim, moment: FrameAt) -> tuple[int, ...]:
    """Return the numbers of the frames that ``moment`` means: one, those of a sheet, or none if it is past the end.

    A sheet has the middle of each ninth of the scene.
    """
    if moment != "sheet":
        number = shown_frame(measure, trim, moment)
        return () if number is None else (number,)
    first, last = shown_frame(measure, trim, "first"), shown_frame(measure, trim, "last")
    if first is None or last is None:
        return ()
    return tuple(first + (last + 1 - first) * (2 * part + 1) // (2 * _SHEET) for part in range(_SHEET))


def shown_frame(measure: Measure, trim: Trim, moment: FrameAt) -> int | None:
    """Return the number of a frame, from 0, as the film counts the frames of a scene; None if it is past the end.

    ``moment`` is "first", "last", or seconds of the scene after its ``trim``. The last frame follows from the end of
    the trim alone: where a trim does not lie on frames, the film may show one frame less.
    """
    fps = nominal_rate(measure.fps, measure.frames)
    first = round(trim.start * fps)
    behind = measure.frames if trim.end is None else min(measure.frames, max(first + 1, round(trim.end * fps)))
    if moment == "last":
        return max(0, behind - 1)
    number = first + (int(moment * fps) if isinstance(moment, Fraction) else 0)
    return number if number < behind else None


def is_empty(measure: Measure, trim: Trim) -> bool:
    """Whether a trim ends where it begins, to the nearest frame: the film has no frame of the scene."""
    fps = nominal_rate(measure.fps, measure.frames)
    return trim.end is not None and round(trim.end * fps) <= round(trim.start * fps)
