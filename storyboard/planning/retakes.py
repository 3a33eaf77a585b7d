"""Retakes: the takes past a scene's own that ``retake`` buys, where what came has a remark that it names."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile

from storyboard.costs.price_book import PriceBook
from storyboard.model.cost import Cost
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.scene_shots import SceneShots
from storyboard.model.shot import Shot
from storyboard.model.storyboard import Generated, RetakeRule
from storyboard.model.take import Take
from storyboard.planning.steps import Collect, Keep, Make, NextRetakes, NextTry, Step

# The names of the remarks of a shot's take; None if it has no take.
Remarked = frozenset[str] | None

# These may come with an upgrade alone: a take that has none is not better for being without them.
_OF_UPGRADES = frozenset(("wrong-size",))


def is_unknown(shot: Shot) -> Remarked:
    """What is known of a shot's take: nothing, where there is no ledger to ask."""
    return None


def remark_names(takes: Iterable[Take]) -> Remarked:
    """Return the names of the remarks of a shot's take, given in all its resolutions."""
    known = [*takes]
    return frozenset(remark.name for take in known for remark in take.remarks) if known else None


def with_retakes(
    source: Generated, shots: SceneShots, is_bought: Callable[[Shot], bool], remarked: Callable[[Shot], Remarked]
) -> SceneShots:
    """Return the shots with those of the spares that were bought among the takes; the best take is used."""
    rule = source.retake
    if rule is None:
        return shots
    bought = tuple(takewhile(lambda spare: spare.kept_key is not None or is_bought(spare), shots.spares))
    takes = (*shots.takes, *bought)
    used = min(shots.used, len(takes))
    found = replace(shots, takes=takes, used=used, spares=shots.spares[len(bought) :])
    if source.pick is not None:
        return found
    return replace(found, used=best_take(rule, {take.take: remarked(take) for take in _rivals(source, found)}, used))


def _rivals(source: Generated, shots: SceneShots) -> list[Shot]:
    """The takes that may be better one than the other: that of the scene which the film would use, and its retakes.

    The scene's other takes are the author's choice, by ``pick``.
    """
    own = shots.used if shots.used <= source.takes else 1
    return [take for take in shots.takes if take.take == own or take.take > source.takes]


def best_take(rule: RetakeRule, remarked: dict[int, Remarked], used: int) -> int:
    """Return the number of the take with the fewest remarks of those that the rule names, then of all, then the first.

    Of equal ones it is the take that is ``used``, as long as that is there. Takes that are not there do not count.
    """
    ranks = {
        number: (len(names & rule.on), len(names - _OF_UPGRADES), number != used, number)
        for number, names in remarked.items()
        if names is not None
    }
    return min(ranks, key=ranks.__getitem__, default=used)


def with_due_retake(source: Generated, shots: SceneShots, remarked: Callable[[Shot], Remarked]) -> SceneShots:
    """Return the shots with the next spare among the takes, if it is to be bought: no take is free of the remarks.

    None is while a take is on its way, and for takes that stand whatever the scene says.
    """
    rule = source.retake
    if rule is None or not shots.spares or shots.stands:
        return shots
    for take in _rivals(source, shots):
        names = remarked(take)
        if names is None or not names & rule.on:
            return shots
    return replace(shots, takes=(*shots.takes, shots.spares[0]), spares=shots.spares[1:])


def steps_with_retakes(
    source: Generated,
    shots: SceneShots,
    steps: Sequence[Step],
    prices: PriceBook,
    catalogue: Catalogue,
    bases: Mapping[int, Take],
) -> list[Step]:
    """Return the steps of a scene, where the last one that a retake may follow says which ones do, and at what price.

    None follows a take that stands whatever the scene says. ``bases`` are the takes in the store that the plan only
    upgrades, by number: while a retake is on its way, such an upgrade waits for the take that the film uses then.
    """
    found = [*steps]
    if source.retake is None or source.frozen:
        return found
    for at in range(len(found) - 1, -1, -1):
        step = found[at]
        is_retake = step.shot.take > source.takes
        if isinstance(step, Make | Collect) and (step.picked or is_retake):
            if step.shot.kept_key is None and (shots.spares or is_retake):
                model = catalogue.model(step.shot)
                extra = prices.upgrade(step.shot) if model.upgrades(source.resolution) else Cost()
                spares = tuple(NextTry(spare, prices.shot(spare, model) + extra, "") for spare in shots.spares)
                found[at] = replace(step, retakes=NextRetakes(source.retake, spares, shots.shot, source.pick is None))
            if is_retake and source.pick is None:
                found = [_waiting(each, source, bases) for each in found]
            break
    return found


def _waiting(step: Step, source: Generated, bases: Mapping[int, Take]) -> Step:
    """The step of a take, which is kept as it is where its upgrade waits."""
    if not step.picked or step.shot.take not in bases:
        return step
    why = f"its {source.resolution} version waits for the retake: only the take that the film uses gets one"
    return Keep(step.scene, step.shot, bases[step.shot.take], why)


def counted_once(step: Step, priced: dict[str, Cost]) -> Step:
    """Return a step without the price of retakes that are in ``priced`` by their keys; those of the step are added."""
    if not isinstance(step, Make | Collect) or step.retakes is None:
        return step
    costs = {each.shot.key: each.cost for each in step.retakes.shots}
    before = {key: cost.overlap(priced.get(key, Cost())) for key, cost in costs.items()}
    priced.update({key: cost + priced.get(key, Cost()) - before[key] for key, cost in costs.items()})
    return replace(step, retakes=step.retakes._replace(counted=Cost.total(before.values())))
