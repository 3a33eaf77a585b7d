"""The whole story on one page: claim, read, plan, ask, run, pin the takes, cut. Read this first."""

from collections.abc import Mapping

from storyboard.config.settings import Settings
from storyboard.model import events
from storyboard.model.errors import (
    InputError,
    StoryboardError,
    SubmissionUnknown,
    submission_given_up,
    submission_undecided,
)
from storyboard.model.take import Outcome, Take
from storyboard.planning.saved import plan_differences
from storyboard.planning.steps import Blocked, Keep, Plan
from storyboard.workflow.assemble import assemble
from storyboard.workflow.desk import Desk
from storyboard.workflow.preflight import document
from storyboard.workflow.render_options import EventHandler, RenderOptions, claimed_desk, film_path
from storyboard.workflow.summary import RenderResult, summarize


def render(options: RenderOptions, settings: Settings) -> RenderResult:
    """Make the film; how it ended. Expected failures of scenes are in the answer, others are raised."""
    with claimed_desk(options, settings) as at:
        at.keep_schema()
        at.sweep()
        whole = at.plan()
        check_saved_plan(options, at, whole)
        plan = select_steps(at, whole, options.only)
        at.afford(plan)
        path = film_path(at, options) if options.cut else None
        before = at.spent()
        _announce(at, whole, plan, options.on_event)
        options.approve(at, plan)
        outcomes, stopped = carry_out(at, plan, whole, options)
        takes = {scene: outcome for scene, outcome in outcomes.items() if isinstance(outcome, Take)}
        at.save_lock(takes)
        whole_film = path and not stopped and all(scene in takes for scene in at.wanted)
        film = assemble(at, takes, path, options.making) if path and whole_film else None
        spent = at.spent() - before
        return summarize(at, plan, outcomes, (path, film), summed=options.summed, spent=spent, stopped_by=stopped)


def _announce(at: Desk, whole: Plan, plan: Plan, on_event: EventHandler) -> None:
    """Tell the warnings about the storyboard, then the plan."""
    for problem in at.storyboard.warnings:
        on_event(events.Warned("", f"{problem.place}: {problem.message}"))
    for entry in at.forgotten(whole):
        why = "the answer to an earlier submission was lost, as status says; it may have been paid for"
        on_event(events.Warned(entry.scene, why))
    on_event(_planned(at, plan))


def check_saved_plan(options: RenderOptions, at: Desk, plan: Plan) -> None:
    """Raises InputError, with all that has moved, where a saved plan does not hold any more."""
    if options.saved_plan is None:
        return
    differences = plan_differences(options.saved_plan, document(at, plan))
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


def carry_out(
    at: Desk, plan: Plan, whole: Plan, options: RenderOptions
) -> tuple[Mapping[str, Outcome], StoryboardError | None]:
    """Make and collect what the plan says; what became of each scene, and what stopped the run, if anything did."""
    outcomes: dict[str, Outcome] = {step.scene: step.take for step in plan.steps if isinstance(step, Keep)}
    for step in plan.steps:
        if isinstance(step, Blocked):
            outcomes[step.scene] = error = (
                submission_given_up(step.why) if step.decided else submission_undecided(step.why)
            )
            kind = events.Unknown if isinstance(error, SubmissionUnknown) else _failed
            options.on_event(kind(step.scene, step.shot.take, error.message, error.hint))
    if len(outcomes) == len(plan.steps):
        return outcomes, None
    from storyboard.workflow.prepare import BackgroundPreparation
    from storyboard.workflow.session import session

    preparing = BackgroundPreparation(at, whole, pieces=options.cut and not options.reencode)
    made, stopped = session(at, plan, options.at_once, preparing, options.on_event)
    return {**outcomes, **made}, stopped


def _failed(scene: str, take: int, why: str, hint: str) -> events.Failed:
    return events.Failed(scene, take, None, why, hint)


def _planned(at: Desk, plan: Plan) -> events.Planned:
    counts = (plan.count("make"), plan.count("collect"), plan.count("keep"), plan.count("blocked"))
    return events.Planned(*counts, plan.credits, at.prices.money(plan.credits), at.prices.currency)
