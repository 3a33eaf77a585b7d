"""The splice: which bytes of a film are copied from the clips, and which few frames and blocks are made anew.

A film is two rows of pieces, without gaps. A row of pictures counts in frames of the film; a row of sound counts in
blocks of 1,024 samples. In both, a piece is one of two things:

    Copied(source, first, last)   the bytes of a clip's samples [first, last), as they are
    Rendered(key, length, how)    ``length`` frames or blocks that ``media/splice.py`` has to make as ``how`` says

``how`` is a frozen value: a ``Clip`` (its frames brought to the film's shape) or an ``Excerpt`` (its sound brought to
the film's sound format). Whatever else is to be rendered, a dissolve or a title, is a further kind of ``how``, made by
one more function there: ask ``copied`` which frames of a clip can be copied, and lay the rest as a ``Rendered``. ``key``
names all that decides the piece's bytes, so a piece that was made once is found again.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from storyboard.cut import MAKING, Clip, Cut
from storyboard.samples import BLOCK, Frames, Index, Sets, Sound

# The sound of a film in which no clip has any that can be copied.
HERTZ, CHANNELS = 48_000, 2

# Parameter sets in one avcC: the leader's own, foreign ones renumbered, and our encoder's (media/segment.py).
FOREIGN = 16


@dataclass(frozen=True, slots=True)
class Copied:
    """Frames, or blocks of sound, of the clip whose bytes are called ``source``: from ``first`` up to, not with, ``last``.

    ``sets`` is 0 where the frames decode with the leader's parameter sets; otherwise they are copied from a version
    of the clip whose sets have that number.
    """

    source: str
    first: int
    last: int
    sets: int = 0

    @property
    def length(self) -> int:
        return self.last - self.first


@dataclass(frozen=True, slots=True)
class Excerpt:
    """``blocks`` of a clip's sound, from ``start`` seconds after its first frame (before it, silence) on."""

    scene: str
    digest: str
    start: Fraction
    blocks: int


How = Clip | Excerpt


@dataclass(frozen=True, slots=True)
class Rendered:
    """``length`` frames, or blocks of sound, that are made as ``how`` says. ``key`` names all that decides them."""

    key: str
    length: int
    how: How


@dataclass(frozen=True, slots=True)
class Silent:
    """``length`` blocks of silence."""

    length: int


@dataclass(frozen=True, slots=True)
class Splice:
    """A film as pieces. ``pictures`` fill ``cut.frames`` frames and ``sound`` as many blocks as those frames take.

    ``leader`` is the clip whose look all frames share, ``sets`` are the parameter sets of the film: the leader's, then
    the foreign ones in the order of their numbers. ``form`` is the film's sound: hertz and channels.
    """

    cut: Cut
    pictures: tuple[Copied | Rendered, ...]
    sound: tuple[Copied | Rendered | Silent, ...]
    leader: str
    sets: tuple[Sets, ...]
    form: tuple[int, int]
