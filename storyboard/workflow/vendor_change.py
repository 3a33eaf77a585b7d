"""Another service for scenes that have takes: what buying them again costs, and the decision that it needs."""

import shlex
from collections.abc import Sequence

from storyboard.model.cost import Cost
from storyboard.model.errors import RebuyNeeded
from storyboard.model.problem import Place, Problem
from storyboard.model.shot import provider_of_recipe
from storyboard.planning.restyle import SHARE
from storyboard.planning.steps import Make, Plan
from storyboard.workflow.facts import former_recipes
from storyboard.workflow.workspace import Workspace


def moved_scenes(workspace: Workspace, plan: Plan) -> Sequence[Make]:
    """Return the steps that buy a take of a scene again because another service makes it now. Raise InputError."""
    changed = [step for step in plan.film_steps.values() if isinstance(step, Make) and step.cost]
    if not changed or workspace.proof_model:
        return ()
    pinned = {scene for scene, entry in workspace.lockfile.read().scenes.items() if entry.taken_keys}
    before = former_recipes(workspace)
    return [
        step
        for step in changed
        if step.scene in pinned & before.keys() and provider_of_recipe(before[step.scene]) != step.shot.provider
    ]


def vendor_note(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Return a warning with the whole cost if another service makes scenes that have takes. Raise InputError."""
    moved = moved_scenes(workspace, plan)
    if not moved:
        return ()
    message, hint = (
        _said(workspace, plan, moved),
        "to keep their takes: 'frozen: true' in a scene, or storyboard accept",
    )
    return (Problem(Place(workspace.shown, 1, 1), "", message, hint, "warning"),)


def check_vendor_change(workspace: Workspace, plan: Plan) -> None:
    """Raise RebuyNeeded if another service would make over a third of the film's present takes again, unattended.

    The user agrees to it with --rebuy, scene by scene.
    """
    moved = moved_scenes(workspace, plan)
    present = sum(1 for entry in workspace.lockfile.read().scenes.values() if entry.taken_keys)
    if len(moved) <= SHARE * present or all(step.agreed for step in moved):
        return
    flags = " ".join(f"--rebuy {shlex.quote(step.scene)}" for step in moved)
    raise RebuyNeeded(_said(workspace, plan, moved), f"approve it with {flags}, or answer the question at a terminal")


def _said(workspace: Workspace, plan: Plan, moved: Sequence[Make]) -> str:
    scenes, names = {step.scene for step in moved}, sorted({step.shot.provider for step in moved})
    cost = Cost.total(step.cost for step in plan.steps if step.scene in scenes)
    count = f"{len(scenes)} scene{'s' if len(scenes) > 1 else ''} with takes"
    return f"{' and '.join(names)} makes {count} again, as another service did: {workspace.prices.describe(cost)}"
