"""Cut the film from takes that exist."""

from storyboard.config.settings import Settings
from storyboard.model.errors import SceneFailed
from storyboard.workflow.assemble import assemble
from storyboard.workflow.render_options import RenderOptions, claimed_desk, film_path, takes_of
from storyboard.workflow.summary import RenderResult, summarize


class TakesMissing(SceneFailed):
    """Scenes of the film have no take yet. ``storyboard`` is the path of its file, as ``RenderResult`` has it."""

    def __init__(self, storyboard: str, scenes: tuple[str, ...]) -> None:
        super().__init__(f"no take yet: {', '.join(scenes)}", f"make {'it' if len(scenes) == 1 else 'them'} first")
        self.storyboard = storyboard
        self.scenes = scenes


def cut_only(options: RenderOptions, settings: Settings) -> RenderResult:
    """Cut the film from takes that are in the store. Raises TakesMissing, naming the scenes that have none."""
    with claimed_desk(options, settings) as at:
        plan = at.plan()
        takes = takes_of(plan)
        if lacking := tuple(scene for scene in at.wanted if scene not in takes):
            raise TakesMissing(at.shown, lacking)
        path = film_path(at, options)
        film = assemble(at, takes, path, options.making)
        return summarize(at, plan, takes, (path, film), summed=options.summed)
