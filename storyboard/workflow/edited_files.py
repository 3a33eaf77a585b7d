"""The storyboard's files as they would be after an edit that is not written yet; and the writing of it."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath

from storyboard.model.errors import InputError
from storyboard.model.take import Measure
from storyboard.model.text import one_line
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.project_files import ImageFile
from storyboard.parsing.scene_edit import SceneEdit, set_value
from storyboard.workflow.source_files import Project


@dataclass(frozen=True, slots=True)
class EditedFiles:
    """The files of a project, one of which is read as it is after ``edit``."""

    project: Project
    edit: SceneEdit

    def text(self, path: PurePosixPath) -> bytes:
        return self.edit.after if path == self.edit.path else self.project.text(path)

    def image(self, path: PurePosixPath) -> ImageFile:
        return self.project.image(path)

    def clip(self, path: PurePosixPath) -> Measure:
        return self.project.clip(path)

    def sound(self, path: PurePosixPath) -> Fraction:
        return self.project.sound(path)

    def effects(self) -> tuple[str, ...]:
        return self.project.effects()


def edit_scene(project: Project, scene: MappingNode, key: str, value: int | str) -> EditedFiles:
    """Return the project's files with ``key`` of a scene set to ``value``; nothing is written.

    Raise Problems as ``set_value`` does, InputError where the file cannot be read or has changed.
    """
    raw = project.text(scene.page.path)
    return EditedFiles(project, set_value(scene, key, value, raw))


def write_edit(files: EditedFiles) -> None:
    """Write the edited file, unless it says so already. Raise InputError where it was changed since, LocalFault."""
    edit = files.edit
    if edit.after != edit.before:
        files.project.rewrite(edit.path, edit.before, edit.after)


def no_takes(scene: MappingNode) -> InputError:
    """Return the error for a scene that no takes are generated of."""
    place, name = scene.page.place((*scene.path, "id")), one_line(str(scene.value["id"]), 80)
    return InputError(f"{place}: no takes are generated of scene {name}", "it is skipped, or shows a file of its own")
