"""Remarks on the takes of a plan: those of the checks, and what only the other scenes show, such as their loudness."""

from collections.abc import Mapping

from storyboard.film.audio.mix_plan import loudness_remark
from storyboard.model.remark import Remark
from storyboard.model.take import TakeId
from storyboard.planning.steps import Keep, Plan, take_id
from storyboard.workflow.footage import clip_of_take, loudness_cache
from storyboard.workflow.workspace import Workspace


def scene_remarks(workspace: Workspace, plan: Plan) -> Mapping[TakeId, tuple[Remark, ...]]:
    """Return the remarks on each take of a plan that has some. Decodes nothing."""
    levels = scene_loudness(workspace, plan) if workspace.storyboard.output.loudness is None else {}
    found: dict[TakeId, tuple[Remark, ...]] = {}
    for step in plan.steps:
        if not isinstance(step, Keep):
            continue
        level = levels.get(step.scene) if step.picked else None
        others = [other for scene, other in levels.items() if scene != step.scene]
        loudness = loudness_remark(level, others) if level is not None else None
        if remarks := (*step.take.remarks, *((loudness,) if loudness else ())):
            found[take_id(step)] = remarks
    return found


def scene_loudness(workspace: Workspace, plan: Plan) -> Mapping[str, float]:
    """Return the loudness of the takes that the film uses in LUFS, as it is heard, by scene, where it was measured."""
    cache, found = loudness_cache(workspace), {}
    for step in plan.steps:
        clip = clip_of_take(workspace, step.scene, step.take) if isinstance(step, Keep) and step.picked else None
        loudness = cache.of(clip) if clip and not clip.level.mute else None
        if clip and loudness and loudness.lufs is not None:
            found[step.scene] = loudness.lufs + float(clip.level.gain)
    return found
