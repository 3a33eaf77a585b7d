"""Drift: each scene that begins where another one ends is further from the picture that the first one began with."""

from collections.abc import Iterator, Mapping, Sequence

from storyboard.model.problem import Problem
from storyboard.model.storyboard import FrameSource, Generated, Scene, SceneFrame
from storyboard.parsing.values import ParsedScene

# The longest chain without a note.
_LONGEST = 4


def drift_problems(film: Sequence[ParsedScene]) -> Iterator[Problem]:
    """Yield a warning at the fifth scene of each chain. There is no cycle among the scenes."""
    scenes = {each.scene.id: each.scene for each in film}
    for scene, words in film:
        source, word = scene.source, words.get("first_frame")
        if not isinstance(source, Generated) or not isinstance(source.first_frame, SceneFrame) or word is None:
            continue
        if _generations(source.first_frame, scenes) == _LONGEST:
            message = f"this is scene {_LONGEST + 1} of a chain: colours and faces drift a little in each"
            before = source.first_frame.scene
            hint = f"let '{before}' end and this scene begin with one approved picture: see 'keyframes'"
            yield word.page.problem(word.path, message, hint, severity="warning")


def _generations(frame: FrameSource | None, scenes: Mapping[str, Scene]) -> int:
    """How many scenes the picture has passed through since it was an image; none beyond the longest chain are counted.

    A scene hands it on from its first to its last frame, unless it was given the last one too.
    """
    count = 0
    while isinstance(frame, SceneFrame) and count <= _LONGEST and (source := _generated(frame.scene, scenes)):
        if frame.at == "last" and source.last_frame:
            frame = source.last_frame
            continue
        count += frame.at != "first"
        frame = source.first_frame
    return count


def _generated(scene: str, scenes: Mapping[str, Scene]) -> Generated | None:
    """What a provider generates for a scene; None for another one."""
    source = scenes[scene].source if scene in scenes else None
    return source if isinstance(source, Generated) else None
