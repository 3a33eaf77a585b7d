"""A film of the scenes that exist, with slates in place of those that are missing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath

from storyboard.model.errors import StoryboardError
from storyboard.model.storyboard import Generated, LocalImage, OwnClip, Scene, Still
from storyboard.model.take import Measure, Take
from storyboard.parsing.project_files import ImageFile
from storyboard.planning.steps import Plan, Step
from storyboard.timeline.model import Slate
from storyboard.workflow.assemble import assemble, set_damaged_aside
from storyboard.workflow.facts import current_plan
from storyboard.workflow.proof_takes import proof_takes
from storyboard.workflow.render_options import RenderOptions, film_path, takes_of
from storyboard.workflow.source_files import Project
from storyboard.workflow.summary import RenderResult, of_film, summarize
from storyboard.workflow.workspace import Workspace

# Measurements assumed of a clip that cannot be read: long enough for any trim.
_UNKNOWN = Measure(24 * 3600, Fraction(24), 1280, 720, sound=False)


@dataclass(frozen=True, slots=True)
class TolerantFiles:
    """The storyboard's files, some of which may be missing or damaged: ``troubles`` says why, by path."""

    project: Project
    troubles: dict[PurePosixPath, str] = field(default_factory=dict)

    def text(self, path: PurePosixPath) -> bytes:
        return self.project.text(path)

    def sound(self, path: PurePosixPath) -> Fraction:
        return self.project.sound(path)

    def effects(self) -> tuple[str, ...]:
        return self.project.effects()

    def clip(self, path: PurePosixPath) -> Measure:
        try:
            return self.project.clip(path)
        except StoryboardError as error:
            self.troubles[path] = error.message
            return _UNKNOWN

    def image(self, path: PurePosixPath) -> ImageFile:
        try:
            return self.project.image(path)
        except StoryboardError as error:
            self.troubles[path] = error.message
            return ImageFile("", 0, _UNKNOWN.width, _UNKNOWN.height, "png")


def cut_partial(workspace: Workspace, options: RenderOptions, troubles: Mapping[PurePosixPath, str]) -> RenderResult:
    """Cut the film from what exists, with slates for what does not; a film with slates goes beside the whole one.

    The workspace was opened with ``TolerantFiles``, which say the ``troubles``. Raise InputError, LocalFault,
    BadMedia.
    """
    plan = current_plan(workspace)
    damaged = {scene: str(error) for scene, error in set_damaged_aside(workspace, takes_of(plan)).items()}
    takes = {scene: take for scene, take in takes_of(plan).items() if scene not in damaged}
    takes |= (proofs := proof_takes(workspace, [scene for scene in workspace.wanted if scene not in takes]))
    missing = slates_for_missing(workspace, plan, takes, troubles, damaged)
    path = film_path(workspace, options.out, partial=bool(missing))
    film = assemble(workspace, takes, path, options.film, missing)
    why = {scene: slate.why for scene, slate in missing.items()}
    of, cut = of_film(workspace, takes), (path, film)
    return summarize(workspace, plan, of, cut, checksum=options.checksum, slates=why, proofs=tuple(proofs))


def slates_for_missing(
    workspace: Workspace,
    plan: Plan,
    takes: Mapping[str, Take],
    troubles: Mapping[PurePosixPath, str],
    damaged: Mapping[str, str],
) -> dict[str, Slate]:
    """Return a slate for each missing scene. ``damaged`` says why a scene's take cannot be used."""
    steps = plan.film_steps
    found = {}
    for scene in workspace.storyboard.scenes:
        why = damaged.get(scene.id) or _why(scene, steps.get(scene.id), troubles)
        if why and scene.id not in takes:
            found[scene.id] = _slate(workspace, scene, why.strip())
    return found


def slates_for_troubles(workspace: Workspace, troubles: Mapping[PurePosixPath, str]) -> dict[str, Slate]:
    """Return a slate for each local clip or picture that cannot be read."""
    own = (scene for scene in workspace.storyboard.scenes if not isinstance(scene.source, Generated))
    return {scene.id: _slate(workspace, scene, why) for scene in own if (why := _why(scene, None, troubles))}


def slates_for_pending(workspace: Workspace, takes: Collection[str]) -> dict[str, Slate]:
    """Return a slate for each scene whose take is not generated yet."""
    scenes = workspace.storyboard.scenes
    lacking = (scene for scene in scenes if isinstance(scene.source, Generated) and scene.id not in takes)
    return {scene.id: _slate(workspace, scene, "") for scene in lacking}


def _slate(workspace: Workspace, scene: Scene, why: str) -> Slate:
    last = max(scene.number for scene in workspace.storyboard.scenes)
    seconds = _seconds(scene, _clip_seconds(workspace, scene))
    return Slate(scene.number, last, scene.id, workspace.storyboard.title, _text(scene), why, seconds)


def _clip_seconds(workspace: Workspace, scene: Scene) -> Fraction:
    """The seconds of the scene's clip as it is generated, or of one of the provider's usual model."""
    catalogue = workspace.catalogue
    if isinstance(scene.source, Generated):
        return catalogue.model(scene.source).length(scene.source.seconds)
    return catalogue.model(catalogue.usual_name).length(None)


def _why(scene: Scene, step: Step | None, troubles: Mapping[PurePosixPath, str]) -> str:
    """Why a scene is missing; "" for a local clip or picture that exists."""
    match scene.source:
        case OwnClip(path):
            return troubles.get(path, "")
        case Still(image):
            return troubles.get(image.path, "") if image else ""
        case Generated() as source:
            images = (source.first_frame, source.last_frame, *source.references)
            named = [
                troubles[image.path] for image in images if isinstance(image, LocalImage) and image.path in troubles
            ]
            if named:
                return named[0]
    if step is None:
        return ""
    changed = step.name == "make" and not step.why.startswith(("failed before", "no take", "its take"))
    return f"no take since it was changed: {step.why}" if changed else step.why


def _text(scene: Scene) -> str:
    match scene.source:
        case Generated() as source:
            return source.prompt
        case OwnClip(path):
            return str(path)
        case Still(image):
            return str(image.path) if image else ""


def _seconds(scene: Scene, usual: Fraction) -> Fraction:
    """The seconds on screen: as the trim says, or as long as a generated clip is."""
    whole = scene.source.seconds if isinstance(scene.source, Still) else scene.trim.end
    if whole is None:
        whole = usual + (Fraction(0) if isinstance(scene.source, Generated) else scene.trim.start)
    return min(whole, scene.trim.end or whole) - scene.trim.start
