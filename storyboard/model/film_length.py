"""How long a film and its scenes are, as far as it is known before the cut."""

from collections.abc import Sequence
from fractions import Fraction

from storyboard.model.seam import shortened_scenes
from storyboard.model.storyboard import Scene
from storyboard.model.text import json_number


def scene_lengths(scenes: Sequence[Scene]) -> list[Fraction | None]:
    """Return how long each scene of a film is seen, its transitions included; None where that is not known."""
    shortened = shortened_scenes(scenes)
    return [
        # A scene of a single frame keeps it.
        scene.seconds - scene.frame_seconds
        if scene.seconds and scene.id in shortened and scene.seconds > scene.frame_seconds
        else scene.seconds
        for scene in scenes
    ]


def film_seconds(scenes: Sequence[Scene]) -> Fraction | None:
    """Return how long a film of these scenes is; None if a scene's length is not known."""
    total = Fraction(0)
    for index, (scene, seconds) in enumerate(zip(scenes, scene_lengths(scenes), strict=True)):
        if seconds is None:
            return None
        coming = scene.finish.transition
        total += seconds - (coming.seconds if coming and index and coming.over == "both" else 0)
    return total


def length_document(scenes: Sequence[Scene]) -> dict[str, object]:
    """Return the length of a film and of each scene as JSON, in seconds; null where it is not known."""
    return {
        "seconds": _number(film_seconds(scenes)),
        "scenes": [
            {"scene": scene.id, "seconds": _number(seconds)}
            for scene, seconds in zip(scenes, scene_lengths(scenes), strict=True)
        ],
    }


def _number(seconds: Fraction | None) -> int | float | None:
    return None if seconds is None else json_number(seconds)
