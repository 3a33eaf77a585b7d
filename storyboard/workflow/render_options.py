"""What the author asked for, and what all verbs that make a film do first."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.film.registry import FilmRegistry
from storyboard.model import events
from storyboard.model.take import Take
from storyboard.parsing.project_files import Files
from storyboard.planning.steps import Keep, Plan
from storyboard.state.realm import claim_storyboard
from storyboard.system.files import sweep
from storyboard.workflow.assemble import Making
from storyboard.workflow.desk import Desk, desk

EventHandler = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the author asked for. ``only`` names the scenes to make (all if empty); ``out`` is where the film goes.

    ``approve`` is shown the plan before anything is paid, and raises where it may not be carried out. ``saved_plan`` is
    one that must still hold. ``on_event`` is told whatever happens. ``reencode`` is
    whether every frame of the film is encoded anew, rather than copied where that can be; ``chapters``
    is whether a list of them is put beside it, ``summed`` whether the end says its SHA-256.
    """

    file: Path
    approve: Callable[[Desk, Plan], None]
    on_event: EventHandler
    draft: bool = False
    only: tuple[str, ...] = ()
    at_once: int = 8
    given: Mapping[str, str] | None = None
    saved_plan: Mapping[str, object] | None = None
    out: Path | None = None
    cut: bool = True
    reencode: bool = False
    chapters: bool = False
    summed: bool = False

    @property
    def making(self) -> Making:
        """How the film is made of its takes."""
        return Making(self.on_event, self.reencode, self.chapters)


def takes_of(plan: Plan) -> dict[str, Take]:
    return {step.scene: step.take for step in plan.steps if isinstance(step, Keep)}


def film_path(at: Desk, options: RenderOptions, *, partial: bool = False) -> Path:
    """Where the film goes, known to be writable before anything is paid for. Raises InputError."""
    films = FilmRegistry(at.folder)
    wanted = Path(at.storyboard.output.file)
    path = films.chosen_path(options.out) if options.out else films.default_path(wanted, at.kind)
    path = partial_path(path) if partial else path
    films.check_writable(path, at.own_clips())
    sweep(path)
    return path


@contextmanager
def claimed_desk(options: RenderOptions, settings: Settings, files: Files | None = None) -> Iterator[Desk]:
    """Claim the storyboard for as long as the film is made, and read it, through ``files`` where they are given.

    Raises Busy, Problems and other StoryboardErrors.
    """
    with (
        claim_storyboard(options.file),
        desk(options.file, settings, draft=options.draft, given=options.given, files=files) as at,
    ):
        yield at


def partial_path(film: Path) -> Path:
    """Return where a film goes that has slates in it: never where the whole one does."""
    return film if film.stem.endswith(".partial") else film.with_name(f"{film.stem}.partial{film.suffix}")
