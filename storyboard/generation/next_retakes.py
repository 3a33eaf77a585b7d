"""Buy the retakes of a step, one after another, as long as what came has a remark that the scene's rule names."""

from collections.abc import Awaitable, Callable

from storyboard.generation.run_state import RunState
from storyboard.generation.services import RunServices
from storyboard.model import events
from storyboard.model.shot import Shot
from storyboard.model.take import Outcome, Take
from storyboard.planning.retakes import Remarked, best_take, remark_names
from storyboard.planning.steps import Collect, Make, take_id


async def buy_retakes(
    services: RunServices, state: RunState, step: Make | Collect, buy: Callable[[Make], Awaitable[Outcome]]
) -> None:
    """Buy with ``buy`` what follows a step by its rule; the outcomes are in ``state.retaken``.

    If the film uses another take than the plan said, the shot of that one is in ``state.replaced`` by its key.
    """
    if (retakes := step.retakes) is None:
        return
    shots, current = [retakes.used, step.shot], step.shot
    for following in retakes.shots:
        found = sorted((_remarked(services, current) or frozenset()) & retakes.rule.on)
        if not found:
            break
        current = following.shot
        why = f"retake: take {shots[-1].take} has {', '.join(found)}"
        services.on_event(events.Warned(step.scene, f"{why}: buying take {current.take}"))
        retake = Make(step.scene, current, step.resolution, why, following.credits, picked=False)
        state.retaken[take_id(retake)] = outcome = await buy(retake)
        if not isinstance(outcome, Take):
            break
        shots.append(current)
    remarked = {shot.take: _remarked(services, shot) for shot in shots}
    if retakes.may_replace and best_take(retakes.rule, remarked, retakes.used.take) != retakes.used.take:
        state.replaced.add(retakes.used.key)


def _remarked(services: RunServices, shot: Shot) -> Remarked:
    return remark_names(services.ledger.takes.of_key(shot.key).values())
