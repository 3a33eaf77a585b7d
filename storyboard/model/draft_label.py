"""The label of a draft: what its card says of the scene's place in the film, and which rows it leaves free.

As text it has four lines, such as "3/8 lamp", "16.5", "0.76-0.96" and "first": the heading, the film's second at the
clip's first frame, what titles and captions cover, and which frames are those of other drafts. Empty ones at the end
are left out.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

# A part of the frame's height, from its top: 0 to 1.
Band = tuple[Fraction, Fraction]

_NUMBER = r"-?\d{1,6}(?:\.\d{1,3})?"
_BAND = re.compile(r"([01](?:\.\d{1,2})?)-([01](?:\.\d{1,2})?)")
_STEPS = 100  # a band begins and ends on a hundredth of the height


@dataclass(frozen=True, slots=True)
class DraftLabel:
    """``heading`` has the number and the id of the scene; ``seconds`` is None if the place in the film is unknown.

    ``chained`` names the given frames, "first" and "last", that were taken from other drafts.
    """

    heading: str
    seconds: Fraction | None = None
    covered: tuple[Band, ...] = ()
    chained: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The label as text, in which the heading is the first line."""
        seconds = "" if self.seconds is None else f"{float(self.seconds):.3f}".rstrip("0").rstrip(".")
        bands = (f"{float(top):.2f}-{float(bottom):.2f}" for top, bottom in _merged(self.covered))
        return "\n".join([self.heading, seconds, " ".join(bands), " ".join(self.chained)]).rstrip("\n")

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the label of a text that may come from any client: what cannot be read is left out."""
        heading, seconds, bands, chained, *_ = [*text.split("\n"), "", "", "", ""]
        found = (_BAND.fullmatch(band) for band in bands.split()[:20])
        covered = [(Fraction(band[1]), Fraction(band[2])) for band in found if band]
        return cls(
            heading,
            Fraction(seconds) if re.fullmatch(_NUMBER, seconds) else None,
            tuple((top, min(Fraction(1), bottom)) for top, bottom in covered if top < bottom),
            tuple(place for place in ("first", "last") if place in chained.split()),
        )

    def free(self, top: Fraction, bottom: Fraction) -> tuple[Band, ...]:
        """The bands between ``top`` and ``bottom`` that nothing covers, from above."""
        bands: list[Band] = []
        for first, last in [*_merged(self.covered), (bottom, bottom)]:
            if min(first, bottom) > top:
                bands.append((top, min(first, bottom)))
            top = max(top, last)
        return tuple(bands)


def label_of_take(text: str, number: int) -> str:
    """Return the label of another take of the scene: its heading has the number of the take."""
    heading, *rest = text.split("\n")
    return "\n".join([f"{heading} take {number}", *rest])


def _merged(bands: tuple[Band, ...]) -> list[Band]:
    """The bands on whole steps, in order, those that touch as one."""
    merged: list[Band] = []
    for top, bottom in sorted(bands):
        first, last = Fraction(math.floor(top * _STEPS), _STEPS), Fraction(math.ceil(bottom * _STEPS), _STEPS)
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged
