"""Retake a scene: more takes of it, through the same plan and question as a render; then the file says how many."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from storyboard.config.settings import Settings
from storyboard.model.errors import Problems
from storyboard.model.realm_kind import Kind
from storyboard.model.storyboard import Generated
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.scene_edit import find_scene
from storyboard.planning.steps import Plan
from storyboard.state.realm import claim_storyboard
from storyboard.workflow.edited_files import EditedFiles, edit_scene, no_takes, write_edit
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.source_files import Project
from storyboard.workflow.summary import RenderResult
from storyboard.workflow.workspace import Workspace, open_workspace, relative_name


@dataclass(frozen=True, slots=True)
class Retake:
    """A storyboard that is claimed, and read as it is with more takes of ``scene``; its file is not written yet.

    ``before`` is how many takes the scene had, ``after`` how many it is to have.
    """

    workspace: Workspace
    scene: str
    before: int
    after: int
    files: EditedFiles


@contextmanager
def claimed_retake(
    file: Path, scene: str, more: int, settings: Settings, realm: Kind | None, given: Mapping[str, str]
) -> Iterator[Retake]:
    """Claim a storyboard, and read it as it is with ``more`` takes of a scene.

    Raise Problems, with the place, for a storyboard with errors, a frozen scene and too many takes; InputError for
    another scene and for one that has no takes; Busy, LocalFault.
    """
    with claim_storyboard(file):
        project = Project(file.parent)
        entry = find_scene(PurePosixPath(file.name), relative_name(file), project, scene)
        with open_workspace(file, settings, realm, given=given, looking=True) as workspace:
            before = _takes_before(workspace, entry)
        files = edit_scene(project, entry, "takes", before + more)
        with open_workspace(file, settings, realm, given=given, files=files) as workspace:
            yield Retake(workspace, scene, before, before + more, files)


def _takes_before(workspace: Workspace, entry: MappingNode) -> int:
    source = next((each.source for each in workspace.storyboard.scenes if each.id == entry.value["id"]), None)
    if not isinstance(source, Generated):
        raise no_takes(entry)
    if source.frozen:
        key = "frozen" if "frozen" in entry.value else "id"
        what = f"scene '{entry.value['id']}' is frozen: no takes are bought"
        raise Problems((entry.problem((key,), what, "to have another take, write 'frozen: false' in the scene"),))
    # Those that the rule ``retake`` has bought are takes already.
    shots = workspace.wanted[str(entry.value["id"])]
    bought = [number for number, key in shots.keys.items() if workspace.submission(key)]
    return max(source.takes, *bought, 0)


def render_retake(
    retake: Retake, options: RenderOptions, on_edit: Callable[[Retake], None] = lambda retake: None
) -> RenderResult:
    """Render the scene with its new takes. Once ``options.approve`` has agreed, the file says how many there are.

    ``on_edit`` is called when that is written. Raise as ``render`` does, and InputError where the file was changed
    meanwhile: then nothing is bought.
    """

    def approve(workspace: Workspace, plan: Plan) -> None:
        options.approve(workspace, plan)
        write_edit(retake.files)
        on_edit(retake)

    return render(retake.workspace, replace(options, approve=approve, only=(retake.scene,)))
