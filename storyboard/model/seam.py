"""Seams: cuts between two scenes, of which the one ends with the frame that the other begins with."""

from collections.abc import Sequence
from itertools import pairwise

from storyboard.model.storyboard import FrameSource, Generated, Scene, SceneFrame, WebImage

# Over so many frames of the film the colours of a scene come from those of the scene before it.
MATCHED_FRAMES = 12


def is_seam(before: Scene, scene: Scene) -> bool:
    """Whether ``before`` is shown up to the frame that ``scene``, cut directly behind it, begins with.

    One of the two is generated with that frame of the other, or both with one frame of a third. The same image for
    both counts only where ``scene`` says what shall be done at its seam: films made before there were seams stay.
    """
    ending, beginning = before.source, scene.source
    if not isinstance(ending, Generated) or not isinstance(beginning, Generated):
        return False
    if scene.finish.transition or scene.trim.start:
        return False
    first, last = beginning.first_frame, ending.last_frame
    if _is_frame(first, before.id, "last"):
        return True
    if before.trim.end is not None:
        return False
    return _is_frame(last, scene.id, "first") or _is_same(first, last, chosen=scene.finish.seam is not None)


def drops_frame(before: Scene, scene: Scene) -> bool:
    """Whether the last frame of ``before`` is left out, because ``scene`` begins with the same one."""
    return scene.finish.seam != "keep" and is_seam(before, scene)


def shortened_scenes(scenes: Sequence[Scene]) -> frozenset[str]:
    """Return the ids of the scenes whose last frame is left out in a film of ``scenes``."""
    return frozenset(before.id for before, scene in pairwise(scenes) if drops_frame(before, scene))


def _is_frame(image: FrameSource | None, scene: str, edge: str) -> bool:
    return isinstance(image, SceneFrame) and (image.scene, image.at) == (scene, edge)


def _is_same(first: FrameSource | None, last: FrameSource | None, *, chosen: bool) -> bool:
    if first is None or last is None or not (chosen or isinstance(first, SceneFrame)):
        return False
    return _identity(first) == _identity(last)


def _identity(image: FrameSource) -> object:
    if isinstance(image, SceneFrame):
        return image.scene, image.at
    return image.url if isinstance(image, WebImage) else image.digest
