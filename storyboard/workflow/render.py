"""Render a storyboard: plan, approve, generate, pin the takes, cut. Read this module first."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import NamedTuple

from storyboard.film.registry import Film
from storyboard.model import events
from storyboard.model.cost import Cost
from storyboard.model.errors import (
    InputError,
    Interrupted,
    RebuyNeeded,
    SceneFailed,
    StoryboardError,
    submission_given_up,
    submission_undecided,
)
from storyboard.model.submission import ASKED_AGAIN, Submission
from storyboard.model.take import Outcome, Take, TakeId
from storyboard.model.text import one_line
from storyboard.planning.saved import plan_differences
from storyboard.planning.steps import Blocked, Keep, Make, Plan, take_id
from storyboard.system import signals
from storyboard.workflow.assemble import assemble
from storyboard.workflow.facts import (
    check_budget,
    check_scene_names,
    cost_so_far,
    current_plan,
    job_seconds,
    orphaned_submissions,
    pin_takes,
)
from storyboard.workflow.owed_jobs import owed_jobs
from storyboard.workflow.plan_again import Ended, with_takes_planned_again
from storyboard.workflow.preflight import document
from storyboard.workflow.proof_takes import proof_takes, scenes_shown_by_proofs
from storyboard.workflow.render_options import EventHandler, RenderOptions, film_path, ignore_events
from storyboard.workflow.summary import RenderResult, summarize
from storyboard.workflow.workspace import Workspace, with_bought_retakes

# How many differences of a saved plan are told, so that a refusal has ten lines below its first one.
_TOLD = 8

Run = Callable[[Callable[[], Coroutine[None, None, Ended]]], Ended]


class Approved(NamedTuple):
    """A plan that may be carried out: ``whole`` is that of all scenes, ``spent`` what was spent before it.

    ``owed`` are the jobs that are paid for and that the plan does not collect.
    """

    whole: Plan
    plan: Plan
    film: Path | None
    spent: Cost
    owed: tuple[Submission, ...]

    def has_work(self, outcomes: Mapping[TakeId, Outcome]) -> bool:
        """Whether a take has no outcome yet."""
        return len(outcomes) < len(self.plan.steps)


def render(workspace: Workspace, options: RenderOptions, run: Run = signals.run) -> RenderResult:
    """Generate what is missing and cut the film. ``run`` runs the event loop: by default with Ctrl-C handled.

    A scene that fails is a part of the result. Raise what concerns all scenes: Problems, InputError, OverBudget,
    LocalFault, and Interrupted at the second Ctrl-C. The storyboard is claimed by the caller.
    """
    approved = approve(workspace, options)
    outcomes, ended = known_outcomes(approved.plan, options.on_event), Ended({}, None)
    if approved.has_work(outcomes) or approved.owed:
        try:
            ended = run(lambda: generate(workspace, approved, options))
        except KeyboardInterrupt:
            hint = "what was submitted is in the ledger: run again to download it"
            raise Interrupted("interrupted", hint) from None
        outcomes |= ended.outcomes
    workspace = with_bought_retakes(with_takes_planned_again(workspace, ended))
    takes, film = pin(workspace, outcomes), None
    if path := film_to_cut(approved, takes, ended.stopped_by):
        film = assemble(workspace, takes, path, options.film)
    return _result(workspace, approved, outcomes, takes, film, ended.stopped_by, options)


async def render_async(workspace: Workspace, options: RenderOptions) -> RenderResult:
    """Do the same in the running event loop; the film is cut in another thread. Raise as ``render`` does."""
    approved = approve(workspace, options)
    outcomes, ended = known_outcomes(approved.plan, options.on_event), Ended({}, None)
    if approved.has_work(outcomes) or approved.owed:
        ended = await generate(workspace, approved, options)
        outcomes |= ended.outcomes
    workspace = with_bought_retakes(with_takes_planned_again(workspace, ended))
    takes, film = pin(workspace, outcomes), None
    if path := film_to_cut(approved, takes, ended.stopped_by):
        film = await _to_its_end(asyncio.to_thread(assemble, workspace, takes, path, options.film))
    return _result(workspace, approved, outcomes, takes, film, ended.stopped_by, options)


async def _to_its_end(work: Coroutine[None, None, Film]) -> Film:
    """Wait for ``work`` even if cancelled: the claim must not end before the last byte is written."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _result(
    workspace: Workspace,
    approved: Approved,
    outcomes: Mapping[TakeId, Outcome],
    takes: Mapping[str, Take],
    film: Film | None,
    stopped: StoryboardError | None,
    options: RenderOptions,
) -> RenderResult:
    paid, cut = cost_so_far(workspace) - approved.spent, (approved.film, film)
    made = {take.scene for take in outcomes}
    proofs = scenes_shown_by_proofs(workspace, takes, [scene for scene in takes if scene not in made])
    checksum, plan = options.checksum, approved.plan
    return summarize(workspace, plan, outcomes, cut, checksum=checksum, cost=paid, stopped_by=stopped, proofs=proofs)


def approve(workspace: Workspace, options: RenderOptions) -> Approved:
    """Plan, and have the plan approved. Raise InputError, OverBudget, LocalFault, what ``options.approve`` raises."""
    workspace.source_files.write_schema()
    for realm in workspace.all_realms:
        realm.sweep(workspace.lockfile.path, workspace.file.parent)
    whole = current_plan(workspace, options.agreed)
    asked = whole.picked_only() if options.picked else whole
    check_saved_plan(workspace, asked, options.saved_plan)
    plan = select_steps(workspace, asked, options.only)
    if options.exact_plan is not None:
        plan = whole.narrowed_to([take_id(step) for step in options.exact_plan.steps])
        check_saved_plan(workspace, plan, document(workspace, options.exact_plan))
    check_budget(workspace, plan)
    path = film_path(workspace, options.out) if options.cut else None
    before = cost_so_far(workspace)
    _announce(workspace, whole, plan, options)
    options.approve(workspace, plan)
    waive_lost_takes(workspace, plan)
    return Approved(whole, plan, path, before, tuple(job.submission for job in owed_jobs(workspace, plan)))


def waive_lost_takes(workspace: Workspace, plan: Plan) -> None:
    """Close the jobs of takes that are lost and that the plan buys again, as the user agreed. Raise LocalFault."""
    for step in plan.steps:
        entry = workspace.submission(step.shot.key) if isinstance(step, Make) else None
        if entry and entry.state == "taken":
            submissions = workspace.realm_of(entry).ledger.submissions
            submissions.record_failed(entry, ASKED_AGAIN, entry.code, time.time())


def known_outcomes(plan: Plan, on_event: EventHandler) -> dict[TakeId, Outcome]:
    """Return what is known of takes before anything is generated: kept ones, and blocked ones, which are told."""
    outcomes: dict[TakeId, Outcome] = {take_id(step): step.take for step in plan.steps if isinstance(step, Keep)}
    for step in plan.steps:
        if isinstance(step, Blocked):
            error = outcomes[take_id(step)] = _blocking_error(step)
            kind = _failed if isinstance(error, SceneFailed) else events.Unknown
            on_event(kind(step.scene, step.shot.take, error.message, error.hint))
    return outcomes


def _blocking_error(step: Blocked) -> StoryboardError:
    match step.need:
        case "settle":
            return submission_undecided(step.why)
        case "given-up":
            return submission_given_up(step.why)
        case "rebuy":
            return RebuyNeeded(step.cause, step.way)
        case "retry" | "source":
            return SceneFailed(step.cause, step.way)


async def generate(workspace: Workspace, approved: Approved, options: RenderOptions) -> Ended:
    """Generate and download what the plan says: the outcome of each take, and what stopped the run, if anything.

    Where there is nothing to do but to download what is owed, no error of that is raised.
    """
    from storyboard.workflow.prepare import BackgroundPreparation
    from storyboard.workflow.session import session

    plan, owed, on_event = approved.plan, approved.owed, options.on_event
    preparation = BackgroundPreparation(workspace, approved.whole, cut=options.cut, pieces=not options.reencode)
    try:
        cancelling, agreed = options.may_cancel, options.agreed
        return await session(workspace, plan, options.at_once, preparation, on_event, owed, cancelling, agreed)
    except StoryboardError as error:
        if approved.has_work(known_outcomes(plan, ignore_events)):
            raise
        on_event(events.Warned("", f"{len(owed)} owed clips were not downloaded: {error.message}"))
        return Ended({}, None)


def pin(workspace: Workspace, outcomes: Mapping[TakeId, Outcome]) -> dict[str, Take]:
    """Pin the takes among the outcomes; return those that the film uses, by scene. Raise InputError, LocalFault.

    Scenes that were not asked for are shown by a proof, where there is one.
    """
    takes = {take: outcome for take, outcome in outcomes.items() if isinstance(outcome, Take)}
    pin_takes(workspace, takes)
    asked = {take.scene for take in outcomes}
    proofs = proof_takes(workspace, [scene for scene in workspace.wanted if scene not in asked])
    return proofs | {
        take.scene: found for take, found in takes.items() if workspace.wanted[take.scene].used == take.number
    }


def film_to_cut(approved: Approved, takes: Mapping[str, Take], stopped: StoryboardError | None) -> Path | None:
    """Return where the film goes; None if none is wanted, the run was stopped, or a scene has no take."""
    complete = all(scene in takes for scene in approved.whole.film_steps)
    return approved.film if complete and not stopped else None


def check_saved_plan(workspace: Workspace, plan: Plan, saved: Mapping[str, object] | None) -> None:
    """Raise InputError, with all that differs, if a saved plan does not hold any more."""
    if saved is None:
        return
    differences = plan_differences(saved, document(workspace, plan))
    if differences:
        count = f"{len(differences)} difference{'' if len(differences) == 1 else 's'}"
        told = [one_line(each, 300) for each in differences[:_TOLD]]
        if len(differences) > _TOLD:
            told.append(f"and {len(differences) - _TOLD} more")
        what = "\n  ".join(told)
        raise InputError(
            f"the saved plan is out of date: {count}\n  {what}", "create a new one with `storyboard plan -o`"
        )


def select_steps(workspace: Workspace, whole: Plan, only: tuple[str, ...]) -> Plan:
    """Return the part of a plan for the scenes ``only``, with all that it keeps. Raise InputError for other names."""
    if not only:
        return whole
    check_scene_names(workspace, only)
    return whole.restricted_to(only)


def _announce(workspace: Workspace, whole: Plan, plan: Plan, options: RenderOptions) -> None:
    """Tell the warnings about the home and the storyboard, then the plan."""
    on_event = options.on_event
    if workspace.realm.narrowed:
        on_event(events.Warned("", workspace.realm.narrowed))
    for problem in workspace.storyboard.warnings:
        advice = f"; {problem.hint}" if problem.hint else ""
        on_event(events.Warned("", f"{problem.place}: {problem.message}{advice}"))
    for submission in orphaned_submissions(workspace, whole):
        why = "the answer to an earlier submission was lost, as status says; it may have been paid for"
        on_event(events.Warned(submission.scene, why))
    on_event(_planned(workspace, plan, options.at_once))


def _failed(scene: str, take: int, why: str, hint: str) -> events.Failed:
    return events.Failed(scene, take, None, why, hint)


def _planned(workspace: Workspace, plan: Plan, at_once: int) -> events.Planned:
    counts = (plan.count("make"), plan.count("collect"), plan.count("keep"), plan.count("blocked"))
    prices = workspace.prices
    money, seconds = prices.money(plan.cost), job_seconds(workspace, plan)
    return events.Planned(*counts, plan.cost, money, prices.currency, seconds, at_once, plan.at_most)
