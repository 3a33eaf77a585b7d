"""Chapters of a film: one per scene, for its metadata and as a list for video sites."""

from fractions import Fraction

from storyboard.mp4.metadata import Chapter
from storyboard.timeline.model import Timeline


def chapters(cut: Timeline) -> tuple[Chapter, ...]:
    """The chapters of a film, one per scene."""
    return tuple(Chapter(_readable(clip.scene), clip.at) for clip in cut.clips)


def chapter_list(cut: Timeline) -> str:
    """The chapters in the form that video sites accept in a description, one per line: "0:00 The lamp".

    Sites use whole seconds: where several scenes begin in the same second, only the first is listed.
    """
    starts: dict[int, str] = {}
    for chapter in chapters(cut):
        starts.setdefault(int(Fraction(chapter.first, cut.fps)), chapter.name)
    return "".join(f"{chapter_time(second)} {name}\n" for second, name in starts.items())


def chapter_time(seconds: int) -> str:
    """Whole seconds as M:SS or H:MM:SS: 0:07, 12:07, 1:00:07."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _readable(scene: str) -> str:
    words = scene.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
