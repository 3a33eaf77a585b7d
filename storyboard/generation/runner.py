"""Run the steps of a plan at the same time: one task group. A scene that fails is a result and stops no other."""

import asyncio
from collections.abc import Awaitable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from storyboard.generation.clip_checks import facts_of_take, tell_remarks
from storyboard.generation.download import collect_clip, collect_upgrade
from storyboard.generation.next_retakes import buy_retakes, waits_for_retakes
from storyboard.generation.next_tries import with_fallbacks
from storyboard.generation.own_checks import installed_checks, run_check
from storyboard.generation.pinned import fetch_pinned, lost_take
from storyboard.generation.planned_again import step_at_its_turn
from storyboard.generation.recover import is_searchable, job_of_same_shot
from storyboard.generation.run_state import RunState, stop_run
from storyboard.generation.services import AllServices, RunServices
from storyboard.generation.submit import forget_uploads, recover_by_name, submit_shot
from storyboard.model import events
from storyboard.model.errors import (
    LocalFault,
    NotAsked,
    ProgramFault,
    RebuyNeeded,
    RunRefused,
    SceneFailed,
    StoryboardError,
    SubmissionUnknown,
    UpgradeRefused,
)
from storyboard.model.submission import Submission
from storyboard.model.take import Outcome, Take, TakeId
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Keep, Make, Plan, take_id
from storyboard.system.clock import wait_for_answers
from storyboard.system.traceback_file import keep_traceback

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# Seconds that a request which was sent is waited for when the run is cancelled.
_LAST_ANSWERS = 5


class Executor(Protocol):
    """Carries out the steps of one run. Steps wait for those in ``after`` before they take a slot."""

    @property
    def state(self) -> RunState:
        """The state of the run, which has its tasks."""
        ...

    def run(self, step: Make | Collect) -> Coroutine[None, None, Outcome]:
        """Return the take, or the error of this scene. Raise only what is a fault of ours, or a cancellation."""
        ...


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts the steps of a plan, each in a task of its own, through an executor."""

    executor: Executor

    async def carry_out(self, plan: Plan) -> Mapping[TakeId, Outcome]:
        """Return the outcome of each take to make or collect. Raise only for a fault of ours, or a cancellation."""
        state = self.executor.state
        state.standing.update({step.shot.key: step.take for step in plan.steps if isinstance(step, Keep)})
        try:
            async with asyncio.TaskGroup() as group:
                for step in plan.steps:
                    if isinstance(step, Make | Collect):
                        state.ended[take_id(step)] = asyncio.get_running_loop().create_future()
                        state.tasks[take_id(step)] = group.create_task(self.executor.run(step))
        finally:
            # A request that was sent is waited for even when we are cancelled: its answer is money.
            await wait_for_answers(list(state.requests), _LAST_ANSWERS)
        return {take: task.result() for take, task in state.tasks.items()} | state.retaken


@dataclass(frozen=True, slots=True)
class LocalExecutor:
    """Carries out steps in this process."""

    services: AllServices
    state: RunState

    async def run(self, step: Make | Collect) -> Outcome:
        """Return the take, or the error of this scene; report either as an event. Raise only a cancellation."""
        services = self.services.of(step.shot)
        outcome = await contain_faults(services, self._carry_out(step))
        step = self._as_planned_now(step)
        if isinstance(outcome, Take):
            further = await contain_faults(services, self._retaken(step, outcome))
            if isinstance(further, ProgramFault):
                await contain_faults(services, self._warned(step, "no more of its retakes were bought", further))
            outcome = self.state.retaken.get(take_id(step), outcome)
        self.state.ended[take_id(step)].set_result(outcome)
        if isinstance(outcome, ProgramFault):
            await contain_faults(services, self._told(step, outcome))
        if isinstance(outcome, Take):
            ahead = await contain_faults(services, self._prepared(step, outcome))
            if isinstance(ahead, ProgramFault):
                await contain_faults(services, self._warned(step, "its cut was not prepared", ahead))
        return outcome

    def _as_planned_now(self, step: Make | Collect) -> Make | Collect:
        """The step as it was carried out; nothing follows a take that was there already."""
        now = self.state.planned_again.get(take_id(step), step)
        return replace(step, retakes=None) if isinstance(now, Keep) else now

    async def _retaken(self, step: Make | Collect, take: Take) -> Outcome:
        """Buy the retakes that follow a take. Where this machine cannot read what came, nothing more is submitted."""
        services = self.services.of(step.shot)
        try:
            await buy_retakes(services, self.state, step, self._contained)
        except LocalFault as fault:
            stop_run(services, self.state, fault)
        return take

    async def _contained(self, step: Make | Collect) -> Outcome:
        return await contain_faults(self.services.of(step.shot), self._carry_out(step))

    async def _carry_out(self, step: Make | Collect) -> Outcome:
        services, state = self.services.of(step.shot), self.state
        try:
            now = await step_at_its_turn(services, state, step)
            take = now.take if isinstance(now, Keep) else await with_fallbacks(self.services, state, now, self._made)
        except StoryboardError as error:
            if isinstance(error, RunRefused | LocalFault):
                stop_run(services, state, error)
            if isinstance(error, SceneFailed) and services.provider.answers.texts.blames_an_image(error):
                forget_uploads(services, state, self._as_planned_now(step).shot)
            report_failure(services, step, error)
            return error
        finally:
            state.paid.discard(take_id(step))
        services.on_event(events.Finished(step.scene, step.shot.take, take.digest))
        return take

    async def _made(self, step: Make | Collect) -> Take:
        services = self.services.of(step.shot)
        take = await self._checked(step, await run_step(services, self.state, step))
        services.bring_in(step.shot)
        return take

    async def _checked(self, step: Make | Collect, take: Take) -> Take:
        """Have the installed checks look at a take; return it with their remarks. A check that fails is a warning."""
        services = self.services.of(step.shot)
        for point in installed_checks():
            blame = f"the check '{one_line(point.name, 80)}' failed"
            outcome = await contain_faults(services, self._looked_at(step, take, point), blame)
            if isinstance(outcome, Take):
                take = outcome
            elif isinstance(outcome, ProgramFault):
                services.on_event(events.Warned(step.scene, f"{outcome.message}; {outcome.hint}"))
        return take

    async def _looked_at(self, step: Make | Collect, take: Take, point: "EntryPoint") -> Outcome:
        services = self.services.of(step.shot)
        path = services.store.path(take.digest)
        async with self.state.checks:
            found = await asyncio.to_thread(run_check, point, path, facts_of_take(step, take))
        if not (new := tuple(remark for remark in found if remark not in take.remarks)):
            return take
        seen = replace(take, remarks=(*take.remarks, *new))
        services.ledger.takes.record_take(step.shot.key, seen, services.clock.wall())
        tell_remarks(services, step, new)
        return seen

    async def _prepared(self, step: Make | Collect, take: Take) -> Outcome:
        """Do ahead what the cut needs of a take that the film uses."""
        if not step.picked:
            return take
        async with self.state.checks:
            await asyncio.to_thread(self.services.of(step.shot).prepare, step.scene, take)
        return take

    async def _told(self, step: Make | Collect, fault: ProgramFault) -> Outcome:
        report_failure(self.services.of(step.shot), step, fault)
        return fault

    async def _warned(self, step: Make | Collect, what: str, fault: ProgramFault) -> Outcome:
        self.services.of(step.shot).on_event(events.Warned(step.scene, f"{what}: {fault.message}; {fault.hint}"))
        return fault


async def contain_faults(
    services: RunServices, work: Awaitable[Outcome], blame: str = "a fault of storyboard's own"
) -> Outcome:
    """Return what ``work`` returns. An exception that nobody foresaw is the fault of this scene alone."""
    try:
        return await work
    except Exception as error:  # Whatever it is: the other scenes are paid for, and go on (ARCHITECTURE.md).
        what = services.client.quote(f"{type(error).__name__}: {error}")
        return ProgramFault(f"{blame}: {what}", keep_traceback(error, services.client.mask))


async def run_step(services: RunServices, state: RunState, step: Make | Collect) -> Take:
    """Return the take of a step: submit or find its job, download the clip, and its upgrade if that is wanted.

    Raise StoryboardErrors.
    """
    if isinstance(step, Make):
        submission, ready = await submit_shot(services, state, step)
    else:
        state.paid.add(take_id(step))
        submission, ready = await job_to_collect(services, state, step), None
    model = services.model(step.shot)
    base = _stored_take(services, step, submission, model.base(step.resolution))
    if base is None:
        with lost_take(step, step.otherwise if isinstance(step, Collect) else ""):
            base = await collect_clip(services, state, step, submission, ready)
    if not model.upgrades(step.resolution):
        return base
    if upgraded := _stored_take(services, step, submission, step.resolution):
        return upgraded
    if waits_for_retakes(services, step):
        return base
    try:
        return await collect_upgrade(services, state, step, submission)
    except UpgradeRefused as refusal:
        return _without_upgrade(services, step, base, refusal)


def _stored_take(services: RunServices, step: Make | Collect, submission: Submission, resolution: str) -> Take | None:
    """Return the take if it is in the store; of a shot that was just bought again, only the take of the new job."""
    take = services.take_in_store(submission.key, resolution)
    return None if take and isinstance(step, Make) and take.job != submission.job else take


def _without_upgrade(services: RunServices, step: Make | Collect, base: Take, refusal: UpgradeRefused) -> Take:
    """Return the take whose upgrade was refused, with a warning. Raise the refusal where the take is gone."""
    if not services.store.holds(base.digest, base.bytes):
        raise refusal
    kept = f"its {base.resolution} take is used, and the next render asks for {step.resolution} again"
    services.on_event(events.Warned(step.scene, f"{refusal.message}: {kept}"))
    return base


async def job_to_collect(services: RunServices, state: RunState, step: Collect) -> Submission:
    """Return the submission to collect: of this ledger, or of the job that the lock names. Raise StoryboardErrors."""
    if step.pinned:
        return await fetch_pinned(services, state, step)
    lost = services.ledger.submissions.of_key(step.shot.key)
    if lost and is_searchable(services, lost):
        return await recover_by_name(services, state, step, lost)
    return await job_of_same_shot(services, state, step)


def report_failure(services: RunServices, step: Make | Collect, error: StoryboardError) -> None:
    """Report why a scene has no take. What stopped the whole run is reported once, by the run."""
    scene, take = step.scene, step.shot.take
    match error:
        case SubmissionUnknown() | RebuyNeeded():
            services.on_event(events.Unknown(scene, take, error.message, error.hint))
        case SceneFailed():
            services.on_event(events.Failed(scene, take, error.code, error.message, error.hint))
        case NotAsked() | RunRefused():
            pass
        case _:
            services.on_event(events.Failed(scene, take, None, error.message, error.hint))
