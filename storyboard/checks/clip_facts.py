"""ClipFacts: what a check that somebody else wrote is told of a clip."""

from dataclasses import dataclass

from storyboard.model.remark import Remark
from storyboard.model.take import Measure


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """A clip that came for take number ``take`` of ``scene``; ``remarks`` are those of the checks before.

    ``prompt``, ``model`` and ``aspect`` are what was asked for, ``resolution`` is that of the take.
    """

    scene: str
    take: int
    prompt: str
    model: str
    aspect: str
    resolution: str
    measure: Measure
    remarks: tuple[Remark, ...]
