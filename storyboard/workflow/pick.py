"""Pick the take of a scene that the film uses, in the scene's file. Nothing else of the file changes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from storyboard.config.settings import Settings
from storyboard.costs.price_book import PriceBook
from storyboard.model.errors import Problems
from storyboard.model.problem import Problem
from storyboard.model.realm_kind import Kind
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.scene_edit import SceneEdit, find_scene
from storyboard.planning.steps import Plan, Step
from storyboard.workflow.edited_files import edit_scene, no_takes, write_edit
from storyboard.workflow.facts import current_plan
from storyboard.workflow.source_files import Project
from storyboard.workflow.workspace import open_workspace, relative_name


@dataclass(frozen=True, slots=True)
class Pick:
    """What was picked: take ``number`` of ``takes`` of ``scene``, where take ``before`` was used until now.

    ``edit`` is what was written; ``plan`` is that of the storyboard as it is now. ``dependents`` are the steps
    of scenes that were kept, and are made again because of it.
    """

    storyboard: str
    scene: str
    number: int
    takes: int
    before: int
    edit: SceneEdit
    plan: Plan
    prices: PriceBook
    dependents: tuple[Step, ...]

    @property
    def step(self) -> Step:
        """What a render does about the picked take."""
        return self.plan.film_steps[self.scene]


def pick_take(
    file: Path, scene: str, number: int, settings: Settings, realm: Kind | None, given: Mapping[str, str]
) -> Pick:
    """Set ``pick`` of a scene to ``number``, in the file that holds the scene.

    Raise Problems for a storyboard that has errors, another one than a wrong ``pick`` of this scene, and with the place
    for a number that the scene has no take of; InputError for another scene; LocalFault.
    """
    project, shown = Project(file.parent), relative_name(file)
    entry = find_scene(PurePosixPath(file.name), shown, project, scene)
    before = _plan_before(file, settings, realm, given, project, entry)
    if scene not in before.film_steps:
        raise no_takes(entry)
    count = sum(step.scene == scene for step in before.steps)
    if not 1 <= number <= count:
        raise Problems((_no_such_take(entry, number, count),))
    files = edit_scene(project, entry, "pick", number)
    with open_workspace(file, settings, realm, given=given, files=files, looking=True) as workspace:
        plan, prices = current_plan(workspace), workspace.prices
    write_edit(files)
    kept = {name for name, step in before.film_steps.items() if step.name == "keep" and name != scene}
    dependents = tuple(step for name, step in plan.film_steps.items() if name in kept and step.name != "keep")
    was = old if isinstance(old := entry.value.get("pick"), int) else before.film_steps[scene].shot.take
    return Pick(shown, scene, number, count, was, files.edit, plan, prices, dependents)


def _plan_before(
    file: Path,
    settings: Settings,
    realm: Kind | None,
    given: Mapping[str, str],
    project: Project,
    entry: MappingNode,
) -> Plan:
    """The plan of the file as it is; with take 1 picked, where the file picks one that the scene has not."""
    try:
        with open_workspace(file, settings, realm, given=given, looking=True) as workspace:
            return current_plan(workspace)
    except Problems:
        if "pick" not in entry.value:
            raise
    first = edit_scene(project, entry, "pick", 1)
    with open_workspace(file, settings, realm, given=given, files=first, looking=True) as workspace:
        return current_plan(workspace)


def _no_such_take(entry: MappingNode, number: int, count: int) -> Problem:
    """The problem of a number that the scene has no take of, at its ``takes``, else at its id."""
    many = f"take{'' if count == 1 else 's'}"
    hint = f"pick {'1' if count == 1 else f'1 to {count}'}, or have more with: storyboard retake"
    key = "takes" if "takes" in entry.value else "id"
    return entry.problem((key,), f"scene '{entry.value['id']}' has {count} {many}, and no take {number}", hint)
