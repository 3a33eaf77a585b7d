"""Notes: what a film's file says of the film: its title, its chapters, and which lock it was made from.

Never a prompt, a path, a date or a name of a person: a film is handed on. The same film has the same notes.
"""

from fractions import Fraction

from storyboard.mp4.metadata import Chapter
from storyboard.timeline.model import Timeline


def chapters(cut: Timeline) -> tuple[Chapter, ...]:
    """A chapter for each scene."""
    return tuple(Chapter(_readable(clip.scene), clip.at) for clip in cut.clips)


def chapter_list(cut: Timeline) -> str:
    """The chapters in the form that video sites take in a description: "0:00 The lamp", a line each.

    Sites count whole seconds: of scenes that begin in the same one, the first has a line.
    """
    starts: dict[int, str] = {}
    for chapter in chapters(cut):
        starts.setdefault(int(Fraction(chapter.first, cut.fps)), chapter.name)
    return "".join(f"{chapter_time(second)} {name}\n" for second, name in starts.items())


def chapter_time(seconds: int) -> str:
    """Whole seconds as people write them: 0:07, 12:07, 1:00:07."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _readable(scene: str) -> str:
    words = scene.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
