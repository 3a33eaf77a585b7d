"""What the user asked of a render or a cut, and what both begin with: where the film goes, which takes exist."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from storyboard.film.registry import FilmRegistry, chosen_path
from storyboard.film.write import FilmOptions
from storyboard.model import events
from storyboard.model.take import Take
from storyboard.planning.steps import Keep, Plan
from storyboard.system.files import sweep
from storyboard.workflow.facts import NOTHING_AGREED, Agreed
from storyboard.workflow.footage import local_media
from storyboard.workflow.workspace import Workspace

EventHandler = Callable[[events.Event], None]


def never(jobs: int) -> bool:
    """Cancel no job."""
    return False


def approve_all(workspace: Workspace, plan: Plan) -> None:
    """Approve any plan."""


def ignore_events(event: events.Event) -> None:
    """Show no event to anybody."""


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the user asked for. ``only`` names the scenes to generate (all if empty); ``picked``: of each only the take
    that the film uses; ``out`` is the film's path.

    ``approve`` is given the plan before anything is paid, and raises if it must not be carried out. ``saved_plan`` is a
    plan as JSON that must still hold, ``exact_plan`` the same as a value. ``on_event`` is given each event.
    ``at_once`` is how many jobs may be in progress. ``reencode``: re-encode every frame, rather than copy where that
    is possible; ``chapters``: write the list of chapters; ``checksum``: give the film's SHA-256. ``agreed`` names the
    scenes that may be bought or submitted again. ``may_cancel`` is given the number of jobs in progress at the second
    Ctrl-C, and says within 3 seconds whether they are cancelled.
    """

    approve: Callable[[Workspace, Plan], None] = approve_all
    on_event: EventHandler = ignore_events
    only: tuple[str, ...] = ()
    picked: bool = False
    at_once: int = 8
    saved_plan: Mapping[str, object] | None = None
    exact_plan: Plan | None = None
    out: Path | None = None
    cut: bool = True
    reencode: bool = False
    chapters: bool = False
    checksum: bool = False
    agreed: Agreed = NOTHING_AGREED
    may_cancel: Callable[[int], bool] = never

    @property
    def film(self) -> FilmOptions:
        """How the film is made of its takes."""
        return FilmOptions(self.on_event, self.reencode, self.chapters)


def takes_of(plan: Plan) -> dict[str, Take]:
    """Return the takes that a plan keeps of those that the film uses, by scene."""
    return {scene: step.take for scene, step in plan.film_steps.items() if isinstance(step, Keep)}


def film_path(workspace: Workspace, out: Path | None, *, partial: bool = False) -> Path:
    """Return where the film goes: ``out``, or as the storyboard says. Raise InputError if it cannot be written.

    ``partial``: the film has slates in it, and goes beside the whole one.
    """
    registry = FilmRegistry(workspace.file.parent)
    default = Path(workspace.storyboard.output.file)
    path = chosen_path(out) if out else registry.default_path(default, workspace.realm.kind)
    path = partial_path(path) if partial else path
    registry.check_writable(path, local_media(workspace))
    sweep(path)
    return path


def partial_path(film: Path) -> Path:
    """Return where a film goes that has slates in it: never where the whole one does."""
    return film if film.stem.endswith(".partial") else film.with_name(f"{film.stem}.partial{film.suffix}")
