"""The film as far as it is there: which scenes are missing, why, and the slates that are seen in their place."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath

from storyboard.config.settings import Settings
from storyboard.model.errors import StoryboardError
from storyboard.model.storyboard import Generated, LocalImage, OwnClip, Scene, Still
from storyboard.model.take import Measure, Take
from storyboard.parsing.project_files import ClipFacts
from storyboard.planning.steps import Plan, Step
from storyboard.timeline.model import Slate
from storyboard.workflow.assemble import assemble, set_aside
from storyboard.workflow.desk import Desk
from storyboard.workflow.render_options import RenderOptions, claimed_desk, film_path, takes_of
from storyboard.workflow.source_files import Project
from storyboard.workflow.summary import RenderResult, summarize

# What a clip is taken for that cannot be read: long enough for whatever is said of it.
_UNKNOWN = Measure(24 * 3600, Fraction(24), 1280, 720, sound=False)


@dataclass(frozen=True, slots=True)
class TolerantFiles:
    """The author's files, of which clips and pictures may be missing or damaged: ``troubles`` says so, by path."""

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

    def image(self, path: PurePosixPath) -> ClipFacts:
        try:
            return self.project.image(path)
        except StoryboardError as error:
            self.troubles[path] = error.message
            return ClipFacts("", 0, _UNKNOWN.width, _UNKNOWN.height, "png")


def cut_partial(options: RenderOptions, settings: Settings) -> RenderResult:
    """Cut the film from what is there, with slates for what is not; with a slate in it, it goes beside the whole film.

    Raises Problems and other StoryboardErrors.
    """
    files = TolerantFiles(Project(options.file.parent))
    with claimed_desk(options, settings, files) as at:
        plan = at.plan()
        damaged = {scene: str(error) for scene, error in set_aside(at, takes_of(plan)).items()}
        takes = {scene: take for scene, take in takes_of(plan).items() if scene not in damaged}
        missing = slates_for_missing(at, plan, takes, files.troubles, damaged)
        path = film_path(at, options, partial=bool(missing))
        film = assemble(at, takes, path, options.making, missing)
        why = {scene: slate.why for scene, slate in missing.items()}
        return summarize(at, plan, takes, (path, film), summed=options.summed, slates=why)


def slates_for_missing(
    at: Desk, plan: Plan, takes: Mapping[str, Take], troubles: Mapping[PurePosixPath, str], damaged: Mapping[str, str]
) -> dict[str, Slate]:
    """A slate for each scene of the film that is not there. ``damaged`` says why a scene's take does not serve."""
    steps = {step.scene: step for step in plan.steps}
    found = {}
    for scene in at.storyboard.scenes:
        why = damaged.get(scene.id) or _why(scene, steps.get(scene.id), troubles)
        if why and scene.id not in takes:
            found[scene.id] = _slate(at, scene, why.strip())
    return found


def slates_for_pending(at: Desk, takes: Collection[str]) -> dict[str, Slate]:
    """A slate for each scene whose take is still to come."""
    scenes = at.storyboard.scenes
    lacking = (scene for scene in scenes if isinstance(scene.source, Generated) and scene.id not in takes)
    return {scene.id: _slate(at, scene, "") for scene in lacking}


def _slate(at: Desk, scene: Scene, why: str) -> Slate:
    last = max(scene.number for scene in at.storyboard.scenes)
    seconds = _seconds(scene, _clip_seconds(at, scene))
    return Slate(scene.number, last, scene.id, at.storyboard.title, _text(scene), why, seconds)


def _clip_seconds(at: Desk, scene: Scene) -> int:
    """How long a clip of the provider is, of the model that the scene asks for if it asks for one."""
    model = scene.source.model if isinstance(scene.source, Generated) else ""
    return at.provider.capabilities.model(model).seconds


def _why(scene: Scene, step: Step | None, troubles: Mapping[PurePosixPath, str]) -> str:
    """Why a scene is not there; "" for a clip or a picture of the author's own that is."""
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


def _seconds(scene: Scene, usual: int) -> Fraction:
    """How long the scene would be seen: as its trim says, or as long as a clip of the provider's is."""
    whole = scene.source.seconds if isinstance(scene.source, Still) else scene.trim.end
    if whole is None:
        whole = usual + (Fraction(0) if isinstance(scene.source, Generated) else scene.trim.start)
    return min(whole, scene.trim.end or whole) - scene.trim.start
