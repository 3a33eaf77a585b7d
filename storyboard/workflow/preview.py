"""Preview: one scene of the film as it will be seen and heard, with its titles, captions and sound."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from storyboard.model.errors import InputError
from storyboard.model.storyboard import Scene, Storyboard
from storyboard.model.suggest import did_you_mean
from storyboard.model.take import Take
from storyboard.model.text import one_line
from storyboard.system import signals
from storyboard.workflow.assemble import assemble
from storyboard.workflow.facts import current_plan
from storyboard.workflow.render import Run, render
from storyboard.workflow.render_options import RenderOptions, film_path
from storyboard.workflow.summary import RenderResult, summarize
from storyboard.workflow.workspace import Workspace


def preview(workspace: Workspace, scene: str, options: RenderOptions, run: Run = signals.run) -> RenderResult:
    """Generate a scene if it has no take, and cut a film of it alone. The storyboard is claimed by the caller.

    Where the scene fails, the result says why and has no film. Raise as ``render`` does, and InputError for another
    name than that of a scene.
    """
    wanted = {name: shots for name, shots in workspace.wanted.items() if name == scene}
    alone = replace(workspace, storyboard=storyboard_of_scene(workspace.storyboard, scene), wanted=wanted)
    path = film_path(alone, options.out)
    outcome: RenderResult | None = None
    if scene in workspace.wanted:
        outcome = render(workspace, replace(options, only=(scene,), picked=True, cut=False), run)
    takes: Mapping[str, Take] = {}
    if outcome:
        takes = {name: take for name, take in outcome.outcomes.items() if name == scene and isinstance(take, Take)}
        if not takes or outcome.stopped_by:
            return replace(outcome, missing=())
    return _with_film(alone, takes, path, options, outcome)


def storyboard_of_scene(storyboard: Storyboard, scene: str) -> Storyboard:
    """Return a storyboard of one scene: cut, without what comes before it, and without the film's music.

    Raise InputError if no scene of the film has this name.
    """
    known = {found.id: found for found in storyboard.scenes}
    if scene not in known:
        hint = did_you_mean(scene, known) or f"there are: {', '.join([*known][:20])}"
        raise InputError(f"no scene of the film is called '{one_line(scene, 80)}'", hint)
    file = storyboard.output.file
    return replace(
        storyboard,
        name=f"{storyboard.name}.preview",
        scenes=(_cut_in(known[scene]),),
        music=(),
        output=replace(storyboard.output, file=file.with_name(f"{file.stem}.{scene}{file.suffix}")),
    )


def _cut_in(scene: Scene) -> Scene:
    return replace(scene, finish=replace(scene.finish, transition=None))


def _with_film(
    alone: Workspace, takes: Mapping[str, Take], path: Path, options: RenderOptions, outcome: RenderResult | None
) -> RenderResult:
    """Cut the film of the scene; return ``outcome`` with it."""
    film = assemble(alone, takes, path, options.film)
    made = outcome or summarize(alone, current_plan(alone), {}, (path, film), checksum=options.checksum)
    seconds, size = Fraction(film.frames) / Fraction(film.fps), (film.width, film.height)
    return replace(made, missing=(), film=path, frames=film.frames, seconds=seconds, size=size)
