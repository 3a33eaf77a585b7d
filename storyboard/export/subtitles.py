"""Subtitles: the cues of a film as SubRip (.srt) and WebVTT (.vtt), exact to the frame.

Captions are plain text, and markup characters in them are shown literally. WebVTT has escapes for them. SubRip has
none, so a word joiner (U+2060, zero width) is put between the characters of markup.
"""

import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction

from storyboard.timeline.model import Timeline

_JOINER = "\u2060"
# Right-to-left embedding and its end: players lay SubRip lines out from left to right without it.
_RIGHT_TO_LEFT, _END = "\u202b", "\u202c"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def srt(cut: Timeline) -> str:
    """The film's cues as SubRip; "" where there are none."""
    return _written(cut, "srt", _subrip)


def vtt(cut: Timeline) -> str:
    """The film's cues as WebVTT (W3C, 2019); "" where there are none."""
    return _written(cut, "vtt", lambda line: line.translate(_ESCAPES))


def _written(cut: Timeline, form: str, safe: Callable[[str], str]) -> str:
    if not cut.cues:
        return ""
    from pysubs2 import SSAEvent, SSAFile

    file = SSAFile()
    for cue in cut.cues:
        # pysubs2 reads a backslash as the start of a command.
        lines = [safe(line).replace("\\", f"\\{_JOINER}") for line in _lines(cue.text)]
        if lines:
            start, end = _milliseconds(cue.first, cut.fps), _milliseconds(cue.first + cue.frames, cut.fps)
            file.append(SSAEvent(start, end, r"\N".join(lines)))
    return file.to_string(form, keep_ssa_tags=True) if file.events else ""


def _milliseconds(frame: int, fps: Fraction) -> int:
    """The time of a frame, rounded down: a player that shows frame n at n / fps shows a cue on exactly its frames."""
    return int(Fraction(frame * 1000, fps))


def _lines(text: str) -> list[str]:
    """The non-empty lines: an empty line would end the cue."""
    printed = (re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", line).strip() for line in text.splitlines())
    return [line for line in printed if line]


def _subrip(line: str) -> str:
    line = re.sub(r"([<{])", rf"\1{_JOINER}", line).replace("-->", f"--{_JOINER}>")
    if line.isdecimal():
        line = f"{_JOINER}{line}"  # Without it, a line with only a number could be read as the number of a cue.
    return f"{_RIGHT_TO_LEFT}{line}{_END}" if _from_the_right(line) else line


def _from_the_right(line: str) -> bool:
    """Whether the first letter is of a right-to-left script (Unicode Annex 9, rule P2)."""
    ways = (unicodedata.bidirectional(char) for char in line)
    return next((way for way in ways if way in ("L", "R", "AL")), "L") != "L"
