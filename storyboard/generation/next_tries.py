"""Try what a step says in place of a shot that the provider refuses for its content: one after another."""

from collections.abc import Awaitable, Callable

from storyboard.generation.run_state import RunState
from storyboard.generation.services import AllServices, RunServices
from storyboard.model import events
from storyboard.model.cost import Cost
from storyboard.model.errors import SceneFailed
from storyboard.model.take import Take
from storyboard.planning.steps import Collect, Make, NextTry, take_id


async def with_fallbacks(
    services: AllServices, state: RunState, step: Make | Collect, run: Callable[[Make | Collect], Awaitable[Take]]
) -> Take:
    """Return the take of a step, by ``run``; where its content is refused, of the next that it says. Raise as ``run``.

    Each is a submission of its own, recorded as such, so that a run after this one goes on where it was cut off.
    """
    first = step.shot.key
    for following in step.tries:
        asked = services.of(step.shot)
        try:
            return await _standing(state, step, first, run)
        except SceneFailed as refusal:
            if not asked.provider.answers.texts.blames_content(refusal):
                raise
            asked.on_event(events.Warned(step.scene, f"{refusal.message}: {following.why}"))
            state.paid.discard(take_id(step))
            step = _next(services.of(following.shot), state, step, following)
    return await _standing(state, step, first, run)


async def _standing(
    state: RunState, step: Make | Collect, first: str, run: Callable[[Make | Collect], Awaitable[Take]]
) -> Take:
    """The take of one try: it stands for its own shot; what begins with the shot ``first`` begins with it."""
    take = state.standing[step.shot.key] = await run(step)
    if step.shot.key != first:
        state.replaced.add(first)
    return take


def _next(services: RunServices, state: RunState, step: Make | Collect, following: NextTry) -> Make:
    has_upgrade = services.model(following.shot).upgrades(step.resolution)
    upgrade = state.prices.upgrade(following.shot) if has_upgrade else Cost()
    price, why = following.cost + upgrade, following.why
    return Make(step.scene, following.shot, step.resolution, why, price, step.after, picked=step.picked)
