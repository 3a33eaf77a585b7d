"""Chains: scenes that begin or end with a frame of another scene, in the order in which they can be generated."""

from collections.abc import Sequence

from storyboard.model.storyboard import Generated, Scene


def sources(scene: Scene) -> tuple[str, ...]:
    """Return the ids of the scenes whose frames a scene begins or ends with, each once."""
    if not isinstance(scene.source, Generated):
        return ()
    return tuple(dict.fromkeys(frame.scene for frame in scene.source.scene_frames))


def sources_first(scenes: Sequence[Scene]) -> list[Scene]:
    """Return the scenes, each behind those whose frames it begins or ends with; else in their order.

    There is no cycle among them: the parser refuses it.
    """
    known, found = {scene.id: scene for scene in scenes}, dict[str, Scene]()
    for scene in scenes:
        waiting = [scene]
        while waiting:
            lacking = [known[name] for name in sources(waiting[-1]) if name not in found]
            if lacking:
                waiting += lacking
            else:
                done = waiting.pop()
                found[done.id] = done
    return list(found.values())
