"""Cut the film from takes that exist."""

from storyboard.model.errors import SceneFailed
from storyboard.model.take import Take
from storyboard.planning.steps import Plan
from storyboard.workflow.assemble import assemble
from storyboard.workflow.facts import current_plan
from storyboard.workflow.proof_takes import proof_takes, scenes_shown_by_proofs
from storyboard.workflow.render_options import RenderOptions, film_path, takes_of
from storyboard.workflow.summary import RenderResult, of_film, summarize
from storyboard.workflow.workspace import Workspace


class TakesMissing(SceneFailed):
    """Scenes of the film have no take yet. ``storyboard`` is the path of its file, as ``RenderResult`` has it."""

    def __init__(self, storyboard: str, scenes: tuple[str, ...]) -> None:
        super().__init__(f"no take yet: {', '.join(scenes)}", f"make {'it' if len(scenes) == 1 else 'them'} first")
        self.storyboard = storyboard
        self.scenes = scenes


def cut_only(workspace: Workspace, options: RenderOptions) -> RenderResult:
    """Cut the film from takes that are in the store. Raise TakesMissing, naming the scenes that have none."""
    plan = current_plan(workspace)
    takes = complete_takes(workspace, plan)
    path = film_path(workspace, options.out)
    film = assemble(workspace, takes, path, options.film)
    proofs = scenes_shown_by_proofs(workspace, takes, takes.keys() - takes_of(plan).keys())
    of = of_film(workspace, takes)
    return summarize(workspace, plan, of, (path, film), checksum=options.checksum, proofs=proofs)


def complete_takes(workspace: Workspace, plan: Plan) -> dict[str, Take]:
    """Return the take of each scene, or its proof. Raise TakesMissing, naming the scenes that have neither."""
    takes = takes_of(plan)
    takes |= proof_takes(workspace, [scene for scene in workspace.wanted if scene not in takes])
    if missing := tuple(scene for scene in workspace.wanted if scene not in takes):
        raise TakesMissing(workspace.shown, missing)
    return takes
