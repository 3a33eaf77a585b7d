"""Notes: what a film's file says of the film: its title, its chapters, and which lock it was made from.

Never a prompt, a path, a date or a name of a person: a film is handed on. The same film has the same notes.
"""

from dataclasses import dataclass
from fractions import Fraction

from storyboard.cut import Cut


@dataclass(frozen=True, slots=True)
class Chapter:
    """A scene by a name that can be read, and the film frame on which it comes in."""

    name: str
    first: int


@dataclass(frozen=True, slots=True)
class Notes:
    """What is written into a film. ``lock`` is the SHA-256 (hex) of the lock's bytes. "" is left out.

    ``tool`` is what made the film, with its version.
    """

    title: str = ""
    tool: str = ""
    lock: str = ""
    chapters: tuple[Chapter, ...] = ()

    @property
    def comment(self) -> str:
        """How the lock is named in the file."""
        return f"lock sha256:{self.lock}" if self.lock else ""


def chapters(cut: Cut) -> tuple[Chapter, ...]:
    """A chapter for each scene."""
    return tuple(Chapter(_readable(clip.scene), clip.at) for clip in cut.clips)


def listed(cut: Cut) -> str:
    """The chapters in the form that video sites take in a description: "0:00 The lamp", a line each.

    Sites count whole seconds: of scenes that begin in the same one, the first has a line.
    """
    starts: dict[int, str] = {}
    for chapter in chapters(cut):
        starts.setdefault(int(Fraction(chapter.first, cut.fps)), chapter.name)
    return "".join(f"{clock(second)} {name}\n" for second, name in starts.items())


def clock(seconds: int) -> str:
    """Whole seconds as people write them: 0:07, 12:07, 1:00:07."""
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _readable(scene: str) -> str:
    words = scene.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
