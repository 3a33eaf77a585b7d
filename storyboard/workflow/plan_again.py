"""How a run ended, and what was planned again in it: scenes that begin with a frame of a fallback or of a retake."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from storyboard.model.errors import StoryboardError
from storyboard.model.scene_shots import SceneShots
from storyboard.model.take import Outcome, TakeId
from storyboard.planning.steps import Plan
from storyboard.workflow.facts import Agreed, current_plan
from storyboard.workflow.workspace import Workspace, shots_now


class Ended(NamedTuple):
    """The outcome of each take, what stopped the run, if anything did, and which takes were planned again in it."""

    outcomes: Mapping[TakeId, Outcome]
    stopped_by: StoryboardError | None
    planned_again: frozenset[TakeId] = frozenset()


def plan_again(workspace: Workspace, agreed: Agreed) -> Plan:
    """Return the plan that holds now, of all scenes. Raise as ``current_plan`` does."""
    return current_plan(replace(workspace, wanted=shots_now(workspace)), agreed)


def with_takes_planned_again(workspace: Workspace, ended: Ended) -> Workspace:
    """Return the workspace once a run is over, with the shots of the takes that were planned again in it."""
    if not ended.planned_again:
        return workspace
    now = shots_now(workspace)
    wanted = {
        scene: _joined(scene, shots, now[scene], ended)
        if any(take.scene == scene for take in ended.planned_again)
        else shots
        for scene, shots in workspace.wanted.items()
    }
    return replace(workspace, wanted=wanted)


def _joined(scene: str, planned: SceneShots, now: SceneShots, ended: Ended) -> SceneShots:
    """The shots of a scene as they are now; those whose takes were there by the plan stay as they were planned."""
    stay = {
        shot.take: shot
        for shot in planned.takes
        if TakeId(scene, shot.take) in ended.outcomes and TakeId(scene, shot.take) not in ended.planned_again
    }
    return replace(now, takes=tuple(stay.get(shot.take, shot) for shot in now.takes))
