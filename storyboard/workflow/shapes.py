"""Clips that came in another shape than was asked for, or than can be known before they are there."""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from storyboard.model.aspect_ratio import is_alike, ratio_of
from storyboard.model.storyboard import Generated, Storyboard
from storyboard.model.take import Measure, Take
from storyboard.timeline.model import most_common


def misshapen_clips(
    storyboard: Storyboard, takes: Mapping[str, Take], size: tuple[int, int] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the scenes whose clips get black bars that the storyboard alone did not foretell, and what to say of each.

    ``takes`` are those that there are, by scene; ``size`` is the film's if it is known. What a remark on the take says
    of its shape is not said again.
    """
    measures = {scene: take.measure for scene, take in takes.items()}
    size = size or storyboard.output.size or _commonest(measures)
    if size is None or storyboard.output.fit != "pad":
        return
    for scene in storyboard.scenes:
        measure = measures.get(scene.id)
        if measure is None or not isinstance(scene.source, Generated) or _alike(measure, Fraction(*size)):
            continue
        ratio = ratio_of(scene.source.aspect)
        if ratio is None or not _alike(measure, ratio):
            is_told = any(remark.name == "wrong-shape" for remark in takes[scene.id].remarks)
            came = "" if is_told else f"its clip came as {measure.width}x{measure.height}, "
            yield scene.id, f"{came}the film is {size[0]}x{size[1]}: it gets black bars"


def _commonest(measures: Mapping[str, Measure]) -> tuple[int, int] | None:
    sizes = [(measure.width, measure.height) for measure in measures.values()]
    return most_common(sizes) if sizes else None


def _alike(measure: Measure, ratio: Fraction) -> bool:
    return is_alike(Fraction(measure.width, measure.height), ratio)
