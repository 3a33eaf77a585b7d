"""Write the model of each scene that has its take into the scene, so that the default can change and buy nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from storyboard.config.settings import Settings
from storyboard.parsing.scene_edit import find_scene
from storyboard.planning.steps import Keep
from storyboard.workflow.edited_files import edit_scene, write_edit
from storyboard.workflow.facts import current_plan
from storyboard.workflow.source_files import Project
from storyboard.workflow.workspace import open_workspace, relative_name


@dataclass(frozen=True, slots=True)
class PinnedModel:
    """A scene that names its model now: ``word``, with the provider, at ``line`` (from 1) of the file ``name``."""

    scene: str
    word: str
    name: str
    line: int


def pin_models(file: Path, settings: Settings, given: Mapping[str, str]) -> tuple[PinnedModel, ...]:
    """Write the model into each scene that has its take and does not name one itself.

    The word has the provider in it: another usual provider would give a plain name another meaning. Raise Problems for
    a storyboard that has errors, and where a scene cannot be edited; InputError, LocalFault.
    """
    with open_workspace(file, settings, given=given, looking=True) as workspace:
        kept = [step for step in current_plan(workspace).film_steps.values() if isinstance(step, Keep)]
    words = {step.scene: f"{step.shot.provider}/{step.shot.model}" for step in kept if step.shot.kept_key is None}
    shown, found = relative_name(file), []
    for scene, word in words.items():
        # Each edit is written before the next: a file that holds several scenes is read anew.
        project = Project(file.parent)
        entry = find_scene(PurePosixPath(file.name), shown, project, scene)
        if entry.value.get("model") is not None:
            continue
        files = edit_scene(project, entry, "model", word)
        write_edit(files)
        found.append(PinnedModel(scene, word, files.edit.name, files.edit.line))
    return tuple(found)
