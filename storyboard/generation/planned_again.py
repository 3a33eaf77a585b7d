"""Plan a step again within the run: the film uses another take of a scene that it begins or ends with a frame of."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.errors import SceneFailed, StoryboardError
from storyboard.planning.steps import Blocked, Collect, Keep, Make, Plan, Step, highest_cost, take_id

_LATER = "run again: the plan says what it starts from, and at what price"


async def step_at_its_turn(services: RunServices, state: RunState, step: Make | Collect) -> Keep | Make | Collect:
    """Return a step once the takes that it waits for have ended: as it is, or as it is planned now.

    It is planned again if the film uses another take of a scene than the plan said, because a fallback or a retake
    came there. It then costs no more than was approved; ``state.planned_again`` has it.
    Raise NotAsked, SceneFailed: nothing is paid.
    """
    if not step.after:
        return step
    if isinstance(step, Make):
        await _wait_for_sources(state, step)
    else:  # The same shot as in another scene.
        await asyncio.gather(*(asyncio.shield(state.ended[other]) for other in step.after))
    # Of a scene that was refused before, the plan names a fallback, and what begins with it names the scene's own shot.
    there = state.standing.keys() - state.replaced
    moved = [frame.frame.scene for frame in step.shot.take_frames if frame.key not in there]
    if not moved:
        return step
    state.may_submit(step.shot.provider)
    found = _planned_now(services, state, step, moved[0])
    state.planned_again[take_id(step)] = found
    if found.shot.key != step.shot.key:
        state.replaced.add(step.shot.key)
    said = f"starts from the take of {', '.join(dict.fromkeys(moved))} that the film uses now, at no higher price"
    services.on_event(events.Warned(step.scene, said))
    return found


async def _wait_for_sources(state: RunState, step: Make) -> None:
    """Wait for the takes that a step needs. Raise NotAsked, SceneFailed if there is none to take a frame of."""
    outcomes = {other: await asyncio.shield(state.ended[other]) for other in step.after}
    known = state.standing.keys() | state.replaced
    lacking = {frame.frame.scene for frame in step.shot.take_frames if frame.key not in known}
    for other, outcome in outcomes.items():
        if other.scene in lacking and isinstance(outcome, StoryboardError):
            state.may_submit(step.shot.provider)
            raise SceneFailed(f"not generated: waits for {other}, which has no take", "run again when it has one")


def _planned_now(services: RunServices, state: RunState, step: Make | Collect, moved: str) -> Keep | Make | Collect:
    """The step of the same take in the plan that holds now. Raise SceneFailed if that is not what was approved."""
    plan = services.plan_again()
    found = next((each for each in plan.steps if take_id(each) == take_id(step)), None)
    _keep_what_is_there(state, plan, step.scene)
    match found:
        case Keep():
            return found
        case Blocked():
            raise SceneFailed(found.cause or f"not generated: {found.why}", found.way or _LATER)
        case Make() | Collect() if all(other in state.ended for other in found.after):
            if highest_cost(found).exceeds(highest_cost(step)):  # What is tried, or bought, behind it was not approved.
                found = replace(found, tries=(), retakes=None)
            if not highest_cost(found).exceeds(highest_cost(step)):
                return found
    raise SceneFailed(f"not generated: the film uses another take of {moved} now, which was not planned", _LATER)


def _keep_what_is_there(state: RunState, plan: Plan, scene: str) -> None:
    """Take the other takes of a scene as they are: they were bought for what it begins with now."""
    for step in plan.steps:
        if isinstance(step, Keep) and step.scene == scene:
            state.standing[step.shot.key] = step.take
            if take_id(step) not in state.ended:
                state.retaken[take_id(step)] = step.take


def outdated_notes(state: RunState, plan: Plan) -> Iterator[events.Warned]:
    """Yield a note for each take that was bought before with a frame of a take that the film does not use any more."""
    for step in plan.steps:
        moved = [frame.frame.scene for frame in step.shot.take_frames if frame.key in state.replaced]
        if moved and _is_outdated(state, step):
            said = f"has a frame of a take of {moved[0]} that the film does not use any more: the next render plans it"
            way = f"again; to keep it: storyboard accept FILE {step.scene}"
            yield events.Warned(step.scene, f"{said} {way}")


def _is_outdated(state: RunState, step: Step) -> bool:
    is_bought = isinstance(step, Keep | Collect) and step.shot.kept_key is None
    return is_bought and take_id(step) not in state.planned_again
