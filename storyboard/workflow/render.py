"""The whole story on one page: claim, read, plan, ask, run, pin the takes, cut. Read this first."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from storyboard.config.settings import Settings
from storyboard.film.registry import FilmRegistry
from storyboard.model import events
from storyboard.model.errors import (
    InputError,
    SceneFailed,
    StoryboardError,
    SubmissionUnknown,
    submission_given_up,
    submission_undecided,
)
from storyboard.model.take import Outcome, Take
from storyboard.model.text import one_line
from storyboard.planning.saved import plan_differences
from storyboard.planning.steps import Blocked, Keep, Plan
from storyboard.state.realm import claim_storyboard
from storyboard.system.files import sweep
from storyboard.workflow.assemble import Making, assemble, set_aside
from storyboard.workflow.desk import Desk, desk
from storyboard.workflow.partial import TolerantFiles, partial_path, slates_for_missing
from storyboard.workflow.preflight import document
from storyboard.workflow.source_files import Project
from storyboard.workflow.summary import done

Report = Callable[[events.Event], None]


@dataclass(frozen=True, slots=True)
class RenderOptions:
    """What the author asked for. ``only`` names the scenes to make (all if empty); ``out`` is where the film goes.

    ``promised`` is a saved plan, which must still hold; ``flags`` are those to type again if something is left to do.
    ``agree`` is shown the plan before anything is paid, and raises where it may not be carried out. ``reencode`` is
    whether every frame of the film is encoded anew, rather than copied where that can be; ``chapters``
    is whether a list of them is put beside it, ``summed`` whether the end says its SHA-256.
    """

    file: Path
    agree: Callable[[Desk, Plan], None]
    report: Report
    draft: bool = False
    only: tuple[str, ...] = ()
    at_once: int = 8
    given: Mapping[str, str] | None = None
    promised: Mapping[str, object] | None = None
    out: Path | None = None
    cut: bool = True
    reencode: bool = False
    chapters: bool = False
    summed: bool = False
    flags: str = ""

    @property
    def making(self) -> Making:
        """How the film is made of its takes."""
        return Making(self.report, self.reencode, self.chapters)


def render(order: RenderOptions, settings: Settings) -> events.Done:
    """Make the film; how it ended. Expected failures of scenes are in the answer, others are raised."""
    with (
        claim_storyboard(order.file),
        desk(order.file, settings, draft=order.draft, given=order.given) as at,
    ):
        at.keep_schema()
        at.sweep()
        whole = at.plan()
        check_saved_plan(order, at, whole)
        plan = select_steps(at, whole, order.only)
        at.afford(plan)
        path = film_path(at, order) if order.cut else None
        spent = at.spent()
        for problem in at.storyboard.warnings:
            order.on_event(events.Warned("", f"{problem.place}: {problem.message}"))
        for entry in at.forgotten(whole):
            why = "the answer to an earlier submission was lost, as status says; it may have been paid for"
            order.on_event(events.Warned(entry.scene, why))
        order.on_event(_planned(at, plan))
        order.approve(at, plan)
        outcomes, stopped = carry_out(at, plan, whole, order)
        takes = {scene: outcome for scene, outcome in outcomes.items() if isinstance(outcome, Take)}
        at.save_lock(takes)
        whole_film = path and not stopped and all(scene in takes for scene in at.wanted)
        film = assemble(at, takes, path, order.making) if path and whole_film else None
        return done(at, plan, outcomes, stopped, (path, film), at.spent() - spent, order.flags, summed=order.summed)


def cut_only(order: RenderOptions, settings: Settings) -> events.Done:
    """The film from takes that are there. Raises SceneFailed naming the scenes that have none."""
    with (
        claim_storyboard(order.file),
        desk(order.file, settings, draft=order.draft, given=order.given) as at,
    ):
        plan = at.plan()
        takes = _kept(plan)
        if lacking := [scene for scene in at.wanted if scene not in takes]:
            typed = f"storyboard render {shlex.quote(at.shown)}{order.flags}"
            todo = f"make {'it' if len(lacking) == 1 else 'them'} with: {typed}"
            raise SceneFailed(f"no take yet: {', '.join(lacking)}", todo)
        path = film_path(at, order)
        film = assemble(at, takes, path, order.making)
        return done(at, plan, takes, None, (path, film), Fraction(0), order.flags, summed=order.summed)


def cut_partial(order: RenderOptions, settings: Settings) -> events.Done:
    """The film from what is there, with slates for what is not: then beside the whole film, and its exit is 3."""
    files = TolerantFiles(Project(order.file.parent))
    with (
        claim_storyboard(order.file),
        desk(order.file, settings, draft=order.draft, given=order.given, files=files) as at,
    ):
        plan = at.plan()
        damaged = {scene: str(error) for scene, error in set_aside(at, _kept(plan)).items()}
        takes = {scene: take for scene, take in _kept(plan).items() if scene not in damaged}
        missing = slates_for_missing(at, plan, takes, files.troubles, damaged)
        path = film_path(at, order, partial=bool(missing))
        made = assemble(at, takes, path, order.making, missing)
        ended = done(at, plan, takes, None, (path, made), Fraction(0), order.flags, summed=order.summed)
        if not missing:
            return ended
        notes = [f"{'slate':<8} {scene}: {one_line(slate.why, 300)}" for scene, slate in missing.items()]
        return replace(ended, exit=SceneFailed.exit, notes=tuple(notes))


def _kept(plan: Plan) -> dict[str, Take]:
    return {step.scene: step.take for step in plan.steps if isinstance(step, Keep)}


def film_path(at: Desk, order: RenderOptions, *, partial: bool = False) -> Path:
    """Where the film goes, known to be writable before anything is paid for. Raises InputError."""
    films = FilmRegistry(at.folder)
    wanted = Path(at.storyboard.output.file)
    path = films.chosen_path(order.out) if order.out else films.default_path(wanted, at.kind)
    path = partial_path(path) if partial else path
    films.check_writable(path, at.own_clips())
    sweep(path)
    return path


def check_saved_plan(order: RenderOptions, at: Desk, plan: Plan) -> None:
    """Raises InputError, with all that has moved, where a saved plan does not hold any more."""
    if order.saved_plan is None:
        return
    differences = plan_differences(order.saved_plan, document(at, plan))
    if differences:
        what = "\n  ".join(differences)
        raise InputError(
            f"the saved plan does not hold any more:\n  {what}", "make a new one with `storyboard plan -o`"
        )


def select_steps(at: Desk, whole: Plan, only: tuple[str, ...]) -> Plan:
    """The part of a plan that is asked for: everything that is there already, and of the rest ``only`` these scenes."""
    if not only:
        return whole
    names = {scene.id for scene in at.storyboard.scenes}
    for scene in only:
        if scene not in names:
            raise InputError(f"there is no scene {scene!r}", f"scenes: {', '.join(sorted(names))}")
    needed = {*only, *(name for step in whole.steps if step.scene in only for name in step.after)}
    return Plan(tuple(step for step in whole.steps if step.scene in needed or isinstance(step, Keep)))


def carry_out(at: Desk, plan: Plan, whole: Plan, order: RenderOptions) -> tuple[Mapping[str, Outcome], StoryboardError | None]:
    """Make and collect what the plan says; what became of each scene, and what stopped the run, if anything did."""
    outcomes: dict[str, Outcome] = {step.scene: step.take for step in plan.steps if isinstance(step, Keep)}
    for step in plan.steps:
        if isinstance(step, Blocked):
            outcomes[step.scene] = error = (
                submission_given_up(step.why) if step.decided else submission_undecided(step.why)
            )
            kind = events.Unknown if isinstance(error, SubmissionUnknown) else _failed
            order.on_event(kind(step.scene, step.shot.take, error.message, error.hint))
    if len(outcomes) == len(plan.steps):
        return outcomes, None
    from storyboard.workflow.prepare import BackgroundPreparation
    from storyboard.workflow.session import session

    preparing = BackgroundPreparation(at, whole, pieces=order.cut and not order.reencode)
    made, stopped = session(at, plan, order.at_once, preparing, order.on_event)
    return {**outcomes, **made}, stopped


def _failed(scene: str, take: int, why: str, hint: str) -> events.Failed:
    return events.Failed(scene, take, None, why, hint)


def _planned(at: Desk, plan: Plan) -> events.Planned:
    counts = (plan.count("make"), plan.count("collect"), plan.count("keep"), plan.count("blocked"))
    return events.Planned(*counts, plan.credits, at.prices.money(plan.credits), at.prices.currency)
