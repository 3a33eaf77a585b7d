"""Remarks on seams: a scene that does not begin with the picture, or in the colours, in which the one before ends."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from storyboard.model.aspect_ratio import is_alike
from storyboard.model.errors import BadMedia
from storyboard.model.fingerprint import fingerprint
from storyboard.model.problem import Problem
from storyboard.model.seam import is_seam
from storyboard.model.storyboard import Scene
from storyboard.model.take import Take
from storyboard.system.files import replace, scratch_dir
from storyboard.timeline.shown_frames import shown_frame
from storyboard.workflow.workspace import Workspace

# Increase whenever the same two frames would be measured differently.
_MAKING = 1
_LARGEST = 1000  # size limit of a cache file in bytes

# Measured on photographs under a moving camera (docs/cut.md, Seams): after encoding, in another size or 2 pixels aside
# a picture is above 0.93, half a second later below 0.54, another picture below 0.07.
LEAST_LIKENESS = 0.5
# In steps of 255. Encoding moves them by 0.7 at most; 5 % less light by 5.6, 10 % less contrast by 4.7 in the median.
MOST_LIGHT, MOST_TINT, MOST_CONTRAST = 4.0, 3.0, 4.0


@dataclass(frozen=True, slots=True)
class SeamMeasure:
    """The two frames of a seam: how alike they are (1: the same), and the step of light, tint and contrast (of 255)."""

    likeness: float
    light: float
    tint: float
    contrast: float

    def sentence(self, before: str, scene: str, *, matched: bool) -> tuple[str, str]:
        """What is wrong at the seam of two scenes, and what to do; empty if nothing is. ``matched``: colours are."""
        if self.likeness < LEAST_LIKENESS:
            message = f"scene '{scene}' does not begin with the frame that '{before}' ends with"
            return f"{message} (likeness {self.likeness:.2f} of 1)", "pick another take, or write a 'transition'"
        steps = {"light": (self.light, MOST_LIGHT), "contrast": (self.contrast, MOST_CONTRAST)}
        seen = [f"{name} {step:+.0f}" for name, (step, most) in steps.items() if abs(step) > most]
        seen += [f"tint {self.tint:.0f}"] if self.tint > MOST_TINT else []
        if matched or not seen:
            return "", ""
        message = f"scene '{scene}' begins in other colours than '{before}' ends in: {', '.join(seen)} of 255"
        return message, "write 'seam: match' in it, or pick another take"


def seam_remarks(workspace: Workspace, takes: Mapping[str, Take], *, measured: bool = False) -> tuple[Problem, ...]:
    """Return a warning for each seam between two takes at which the picture jumps. Takes that do not decode have none.

    Only what was ``measured`` before, or all, two seams at a time. Raise LocalFault.
    """
    pairs = [
        (before, scene)
        for before, scene in pairwise(workspace.storyboard.scenes)
        if before.id in takes and scene.id in takes and is_seam(before, scene)
    ]

    def look(pair: tuple[Scene, Scene]) -> SeamMeasure | None:
        return _measure(workspace, pair, (takes[pair[0].id], takes[pair[1].id]), measured=measured)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(look, pairs))
    return tuple(_problems(pairs, found))


def _problems(pairs: list[tuple[Scene, Scene]], found: list[SeamMeasure | None]) -> Iterator[Problem]:
    for (before, scene), measure in zip(pairs, found, strict=True):
        if measure is None:
            continue
        message, hint = measure.sentence(before.id, scene.id, matched=scene.finish.seam == "match")
        if message:
            yield Problem(scene.place, f"scenes[{scene.number - 1}].seam", message, hint, severity="warning")


def _measure(
    workspace: Workspace, pair: tuple[Scene, Scene], takes: tuple[Take, Take], *, measured: bool
) -> SeamMeasure | None:
    """What the last frame of one and the first of the other have in common; None if it is not known."""
    store, last = workspace.realm.store, shown_frame(takes[0].measure, pair[0].trim, "last")
    first = shown_frame(takes[1].measure, pair[1].trim, "first")
    shapes = [Fraction(take.measure.width, take.measure.height) for take in takes]
    if last is None or first is None or not is_alike(*shapes):  # a frame that was fitted is another picture
        return None
    name = fingerprint(_MAKING, takes[0].digest, last, takes[1].digest, first)
    folder = workspace.file.parent
    cache = folder / ".storyboard" / "seams" / f"{name[:32]}.json"
    if (known := _read(cache)) or measured:
        return known
    try:
        found = measure_seam((store.path(takes[0].digest), last), (store.path(takes[1].digest), first))
    except BadMedia:
        return None
    scratch_dir(folder, "seams")
    replace(cache, json.dumps(asdict(found)).encode())
    return found


def measure_seam(before: tuple[Path, int], behind: tuple[Path, int]) -> SeamMeasure:
    """Compare two frames, each a clip and the frame's number from 0. Raise BadMedia, LocalFault."""
    from storyboard.media import frames, likeness

    one, other = frames.frame(*before), frames.frame(*behind)
    step = likeness.colour_step(one, other)
    return SeamMeasure(round(likeness.structure(one, other), 3), *(round(each, 2) for each in asdict(step).values()))


def _read(path: Path) -> SeamMeasure | None:
    """A measurement of before. It is not trusted: the folder may come with somebody else's project."""
    try:
        with path.open("rb") as file:
            known: Any = json.loads(file.read(_LARGEST))
        found = SeamMeasure(**known)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    numbers = asdict(found).values()
    return found if all(isinstance(each, float | int) and abs(each) < _LARGEST for each in numbers) else None
