"""Decide what to do about each scene. Facts in, Plan out; each reason is written where the decision is made."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.model.capabilities import Capabilities, Model
from storyboard.model.shot import Shot, shot
from storyboard.model.storyboard import Generated, Resolution, Scene, Storyboard
from storyboard.model.submission import Submission
from storyboard.model.take import Take
from storyboard.model.text import json_number
from storyboard.planning.changes import changes
from storyboard.planning.steps import UNCHANGED, Blocked, Collect, Facts, Keep, Make, Plan, Step


def shots(storyboard: Storyboard, provider: str, *, labelled: bool = False) -> Mapping[str, Shot]:
    """Return the shot of each scene that a provider generates; a ``labelled`` one (a draft's) carries number and id."""
    last = max((scene.number for scene in storyboard.scenes), default=0)
    return {
        scene.id: shot(scene.source, provider, f"{scene.number}/{last} {scene.id}" if labelled else None)
        for scene in storyboard.scenes
        if isinstance(scene.source, Generated)
    }


def former_shots(storyboard: Storyboard, wanted: Mapping[str, Shot]) -> Mapping[str, Shot]:
    """Return the shots of scenes whose prompts had the numbers of vars spelt in another way up to 0.1."""
    return {
        scene.id: replace(wanted[scene.id], prompt=scene.source.former_prompt)
        for scene in storyboard.scenes
        if isinstance(scene.source, Generated) and scene.source.former_prompt
    }


def make_plan(
    storyboard: Storyboard, wanted: Mapping[str, Shot], facts: Facts, prices: Prices, capabilities: Capabilities
) -> Plan:
    """Return what to do about each scene, why, and at what price. Raise InputError for a model without a price."""
    steps: list[Step] = []
    asked: dict[str, list[Make | Collect]] = {}
    for scene in storyboard.scenes:
        if not isinstance(scene.source, Generated):
            continue
        shot = wanted[scene.id]
        model = capabilities.model(shot.model)
        step = _step(scene, scene.source, shot, facts, prices, model)
        if isinstance(step, Make | Collect):
            before = asked.setdefault(step.shot.key, [])
            step = _shared(step, before, prices, model) if before else step
            before.append(step)
        steps.append(step)
    return Plan(tuple(steps))


def _shared(step: Make | Collect, before: Sequence[Make | Collect], prices: Prices, model: Model) -> Collect:
    """The step of a scene whose shot an earlier scene generates: it is bought once, and its upgrade once."""
    first = before[0]
    added = model.upgrades(step.resolution) and all(other.resolution != step.resolution for other in before)
    extra = (prices.hd if isinstance(step, Make) else step.credits) if added else Fraction(0)
    return Collect(
        step.scene, step.shot, step.resolution, None, f"the same shot as {first.scene}", extra, (first.scene,)
    )


def _step(scene: Scene, source: Generated, wanted: Shot, facts: Facts, prices: Prices, model: Model) -> Step:
    takes = {**facts.lock.takes(wanted.key), **facts.takes.get(wanted.key, {})}
    held = {resolution: take for resolution, take in takes.items() if take.digest in facts.held}
    entry = facts.entries.get(wanted.key)
    resolution = source.resolution
    upgrade = prices.hd if model.upgrades(resolution) else Fraction(0)
    if resolution in held:
        former = wanted.prompt != source.prompt
        why = "unchanged; its take was made with numbers as they were spelt before" if former else UNCHANGED
        return Keep(scene.id, wanted, held[resolution], why)
    if entry and entry.state in ("intent", "unknown"):
        if entry.state == "intent" and entry.run in facts.at_work:
            return Collect(scene.id, wanted, resolution, None, "another render is asking for it now")
        if entry.nonce in facts.named:
            return Collect(scene.id, wanted, resolution, None, "its answer was lost, a callback names its job", upgrade)
        return Blocked(scene.id, wanted, entry.why or "its submission was cut off before an answer came")
    if entry and entry.state == "abandoned":
        return Blocked(scene.id, wanted, entry.why, decided=True)
    if entry and entry.job and entry.state in ("open", "taken"):
        extra = upgrade if entry.hd is None else Fraction(0)
        why = _collecting(entry, resolution, facts, takes, prices, model)
        return Collect(scene.id, wanted, resolution, entry.job, why, extra)
    price = prices.shot(wanted.model) + upgrade
    return Make(scene.id, wanted, resolution, _reason(scene, wanted, facts, takes, held, model), price)


def _collecting(
    entry: Submission,
    resolution: Resolution,
    facts: Facts,
    takes: Mapping[str, Take],
    prices: Prices,
    model: Model,
) -> str:
    if entry.state == "open":
        return "paid for, not fetched yet"
    first, upgraded = model.base(resolution), model.upgrades(resolution)
    base = takes.get(first)
    if upgraded and resolution not in takes and base and base.digest in facts.held:
        return f"resolution {first} -> {resolution}: the HD version of the same take"
    gone = _gone(facts, takes)
    if gone == _LOST:
        return f"{gone}: fetched again"
    price = prices.shot(entry.model) + (prices.hd if upgraded else 0)
    anew = f"made anew (settle --again) it costs {json_number(price)} credits"
    return f"{gone}: fetched again while the service has it; {anew}"


_LOST = "its take is gone from the store"


def _gone(facts: Facts, takes: Mapping[str, Take]) -> str:
    """Why takes that are known are not in the store."""
    days = [facts.removed[take.digest] for take in takes.values() if take.digest in facts.removed]
    return f"its take was removed by store gc on {max(days)}" if days else _LOST


def _reason(
    scene: Scene,
    wanted: Shot,
    facts: Facts,
    takes: Mapping[str, Take],
    held: Mapping[str, Take],
    model: Model,
) -> str:
    entry = facts.entries.get(wanted.key)
    if entry and entry.state in ("failed", "refused") and entry.why:
        return f"failed before: {entry.why}"
    if held:
        first, last = model.resolutions[0].name, model.resolutions[-1].name
        return f"resolution {first} -> {last}, and the job of its take is not known here"
    if takes:
        return _gone(facts, takes)
    before = facts.before.get(scene.id)
    if before is not None:
        return changes(before, wanted.recipe) or "no take yet"
    return "the scene has changed" if scene.id in facts.lock.scenes else "no take yet"
