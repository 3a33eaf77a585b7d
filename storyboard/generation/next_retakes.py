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
    services: RunServices, state: RunState, step: Make | Collect, buy: Callable[[Make | Collect], Awaitable[Outcome]]
) -> None:
    """Buy with ``buy`` what follows a step by its rule; the outcomes are in ``state.retaken``.

    If the film uses another take than the plan said, the shot of that one is in ``state.replaced`` by its key. An
    upgrade that waited for retakes is bought of the take that the film uses in the end.
    """
    if (retakes := step.retakes) is None:
        return
    shots, current = [retakes.used, step.shot], step.shot
    for at, following in enumerate(retakes.shots, 1):
        found = sorted((_remarked(services, current) or frozenset()) & retakes.rule.on)
        if not found:
            break
        current = following.shot
        why = f"retake: take {shots[-1].take} has {', '.join(found)}"
        services.on_event(events.Warned(step.scene, f"{why}: buying take {current.take}"))
        left = retakes._replace(shots=retakes.shots[at:])
        retake = Make(step.scene, current, step.resolution, why, following.cost, picked=False, retakes=left)
        state.retaken[take_id(retake)] = outcome = await buy(retake)
        if not isinstance(outcome, Take):
            break
        shots.append(current)
    remarked = {shot.take: _remarked(services, shot) for shot in shots}
    used = best_take(retakes.rule, remarked, retakes.used.take) if retakes.may_replace else retakes.used.take
    if used != retakes.used.take:
        state.replaced.add(retakes.used.key)
    for shot in shots:
        if shot.take == used and _lacks_upgrade(services, step, shot):
            why = f"the take that the film uses, in {step.resolution}"
            upgrade = Collect(step.scene, shot, step.resolution, None, why, state.prices.upgrade(shot))
            state.retaken[take_id(upgrade)] = await buy(upgrade)


def waits_for_retakes(services: RunServices, step: Make | Collect) -> bool:
    """Whether the upgrade of a step's take waits: the take has a remark, and the film may use another one."""
    retakes = step.retakes
    if retakes is None or not (retakes.shots or step.shot.take != retakes.used.take):
        return False
    return bool((_remarked(services, step.shot) or frozenset()) & retakes.rule.on)


def _lacks_upgrade(services: RunServices, step: Make | Collect, shot: Shot) -> bool:
    known = services.ledger.takes.of_key(shot.key)
    return services.model(shot).upgrades(step.resolution) and bool(known) and step.resolution not in known


def _remarked(services: RunServices, shot: Shot) -> Remarked:
    return remark_names(services.ledger.takes.of_key(shot.key).values())
