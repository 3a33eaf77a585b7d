"""The note of a plan that one shared word would have a large part of the film bought again."""

import shlex
from collections.abc import Mapping
from pathlib import PurePosixPath

from storyboard.model.cost import Cost
from storyboard.model.problem import Place, Problem
from storyboard.model.text import one_line
from storyboard.parsing.yaml import load
from storyboard.planning.restyle import Restyle, find_restyle, find_variable
from storyboard.planning.steps import Make, Plan
from storyboard.workflow.facts import former_prompts
from storyboard.workflow.workspace import Workspace

# As many scenes are named in the command to type.
_NAMED = 20


def restyle_note(workspace: Workspace, plan: Plan) -> tuple[Problem, ...]:
    """Return a note if one change of words buys more than a third of the film's present takes again."""
    changed = [scene for scene, step in plan.film_steps.items() if isinstance(step, Make) and step.cost]
    if len(changed) < 2 or workspace.proof_model:
        return ()
    pinned = {scene for scene, entry in workspace.lockfile.read().scenes.items() if entry.taken_keys}
    before, steps = former_prompts(workspace), plan.film_steps
    prompts = {scene: (before[scene], steps[scene].shot.prompt) for scene in changed if scene in pinned & before.keys()}
    present = sum(scene in pinned for scene in workspace.wanted)
    restyle = find_restyle(prompts, present)
    if restyle is None:
        return ()
    cost = Cost.total(step.cost for step in plan.steps if step.scene in restyle.scenes)
    price, many = workspace.prices.describe(cost), len(restyle.scenes)
    what = f"{_words(restyle)}{_place(workspace, restyle)} buys {many} of the {present} scenes again: {price}"
    return (Problem(Place(workspace.shown, 1, 1), "", what, _ways_out(workspace, restyle), "warning"),)


def _words(restyle: Restyle) -> str:
    before, now = (f"'{one_line(words, 60)}'" if words else "" for words in (restyle.before, restyle.now))
    if before and now:
        return f"{before} -> {now}"
    return f"{now} added" if now else f"{before} removed"


def _place(workspace: Workspace, restyle: Restyle) -> str:
    """Where the file says these words, if it is in one of its variables."""
    name = workspace.file.name
    top = load(workspace.source_files.text(PurePosixPath(name)), name)
    variable = find_variable(restyle, top) if isinstance(top, Mapping) else ""
    return f" in {one_line(variable, 60)}" if variable else ""


def _ways_out(workspace: Workspace, restyle: Restyle) -> str:
    scenes = " ".join(restyle.scenes) if len(restyle.scenes) <= _NAMED else "SCENE..."
    typed = f"storyboard accept {shlex.quote(workspace.shown)} {scenes}"
    return f"to keep their takes: `{typed}`, or 'frozen: true' in a scene"
