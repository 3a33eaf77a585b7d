"""Decide what to do about each scene. Facts in, Plan out; each reason is written where the decision is made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.model.capabilities import Capabilities, Model
from storyboard.model.chains import sources_first
from storyboard.model.lock import known_takes
from storyboard.model.shot import Shot, TakeFrame, shot
from storyboard.model.storyboard import Generated, Resolution, Scene, SceneFrame, Storyboard
from storyboard.model.submission import Submission
from storyboard.model.take import Take
from storyboard.model.text import json_number
from storyboard.planning.changes import changes
from storyboard.planning.steps import UNCHANGED, Blocked, Collect, Facts, Keep, Make, Plan, Step

# So often a shot is submitted by itself, in all, if the service refuses it for its content each time.
MOST_REFUSALS = 2
NO_LABELS: Mapping[str, str] = {}


def shots(storyboard: Storyboard, provider: str, labels: Mapping[str, str] = NO_LABELS) -> Mapping[str, Shot]:
    """Return the shot of each scene that a provider generates. ``labels`` are those of drafts, by scene.

    A frame of another scene is named by the shot of that scene.
    """
    found: dict[str, Shot] = {}
    trims = {scene.id: scene.trim for scene in storyboard.scenes}

    def stand(frame: SceneFrame) -> TakeFrame:
        other = found[frame.scene]
        return TakeFrame(frame, other.key, other.take, trims[frame.scene])

    for scene in sources_first(storyboard.scenes):
        if isinstance(scene.source, Generated):
            found[scene.id] = shot(scene.source, provider, labels.get(scene.id), stand)
    return {scene.id: found[scene.id] for scene in storyboard.scenes if scene.id in found}


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
    facts = _by_key(facts, wanted)
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


def _by_key(facts: Facts, wanted: Mapping[str, Shot]) -> Facts:
    """The facts with the keys of the shots that the user agreed to, in place of their scenes."""

    def keys(scenes: Collection[str]) -> frozenset[str]:
        return frozenset(wanted[scene].key for scene in scenes if scene in wanted)

    return replace(facts, rebuy=keys(facts.rebuy), retry=keys(facts.retry))


def _shared(step: Make | Collect, before: Sequence[Make | Collect], prices: Prices, model: Model) -> Collect:
    """The step of a scene whose shot an earlier scene generates: it is bought once, and its upgrade once."""
    first = before[0]
    added = model.upgrades(step.resolution) and all(other.resolution != step.resolution for other in before)
    extra = (prices.hd if isinstance(step, Make) else step.credits) if added else Fraction(0)
    return Collect(
        step.scene, step.shot, step.resolution, None, f"the same shot as {first.scene}", extra, (first.scene,)
    )


def _step(scene: Scene, source: Generated, wanted: Shot, facts: Facts, prices: Prices, model: Model) -> Step:
    shot = _Known(scene.id, wanted, source.resolution, model, facts, prices)
    if shot.resolution in shot.held:
        former = wanted.prompt != source.prompt
        why = "unchanged; its take was made with numbers as they were spelt before" if former else UNCHANGED
        return Keep(scene.id, wanted, shot.held[shot.resolution], why)
    if pending := _pending(shot) or _lost(shot) or _refused(shot):
        return pending
    price = prices.shot(wanted.model) + shot.upgrade
    agreed = shot.may({*facts.rebuy, *facts.retry})
    return Make(scene.id, wanted, source.resolution, _reason(shot), price, agreed=agreed)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of the shot of one scene."""

    scene: str
    wanted: Shot
    resolution: Resolution
    model: Model
    facts: Facts
    prices: Prices

    @property
    def entry(self) -> Submission | None:
        return self.facts.entries.get(self.wanted.key)

    @property
    def takes(self) -> Mapping[str, Take]:
        key = self.wanted.key
        return known_takes(self.facts.lock.takes(key), self.facts.takes.get(key, {}))

    @property
    def held(self) -> Mapping[str, Take]:
        return {resolution: take for resolution, take in self.takes.items() if take.digest in self.facts.held}

    @property
    def base(self) -> str:
        """The resolution to generate: the wanted one, or that of which it is made."""
        return self.model.base(self.resolution)

    @property
    def upgrade(self) -> Fraction:
        """The price of the upgrade that the wanted resolution takes."""
        return self.prices.hd if self.model.upgrades(self.resolution) else Fraction(0)

    @property
    def lacks_upgrade(self) -> bool:
        """Whether the take is in the store, and its upgrade was never bought, or is bought again."""
        lost = self.resolution not in self.takes or self.may(self.facts.rebuy)
        return lost and self.base in self.held

    @property
    def is_free(self) -> bool:
        """Whether the takes cost nothing: a lost draft is simply generated again."""
        return self.facts.kind == "draft"

    @property
    def otherwise(self) -> str:
        """What buys the shot again."""
        return self._again("it", self.prices.shot(self.wanted.model) + self.upgrade)

    @property
    def upgrade_otherwise(self) -> str:
        """What buys the upgrade again, where it was bought; "" where it was not."""
        bought = self.model.upgrades(self.resolution) and self.resolution in self.takes
        return self._again(f"its {self.resolution} version", self.upgrade) if bought else ""

    def _again(self, what: str, price: Fraction) -> str:
        verb = "generates" if self.facts.kind == "rehearsal" else "buys"
        return f"--rebuy {self.scene} {verb} {what} again for {json_number(price)} credits"

    def may(self, agreed: Collection[str]) -> bool:
        """Whether the user agreed for a scene of this shot."""
        return self.wanted.key in agreed


def _pending(shot: _Known) -> Step | None:
    """What an earlier submission of the shot leads to; None if there is none that still counts."""
    entry, facts = shot.entry, shot.facts
    if entry and entry.state in ("intent", "unknown"):
        if entry.state == "intent" and entry.run in facts.at_work:
            return Collect(shot.scene, shot.wanted, shot.resolution, None, "another render is submitting it now")
        if entry.nonce in facts.named:
            why = "its answer was lost, a callback names its job"
            return Collect(shot.scene, shot.wanted, shot.resolution, None, why, shot.upgrade)
        return Blocked(shot.scene, shot.wanted, entry.why or "its submission was cut off before an answer came")
    if entry and entry.state == "abandoned":
        return Blocked(shot.scene, shot.wanted, entry.why, "given-up")
    if entry and entry.job and entry.state in ("open", "taken"):
        gone = entry.state == "taken" and shot.base not in shot.held
        if (gone and shot.may(facts.rebuy)) or _is_upgraded_elsewhere(shot, entry):
            return None
        extra, otherwise = shot.upgrade if entry.hd is None else Fraction(0), shot.otherwise if gone else ""
        why = _collecting(shot, entry)
        return Collect(shot.scene, shot.wanted, shot.resolution, entry.job, why, extra, otherwise=otherwise)
    return None


def _is_upgraded_elsewhere(shot: _Known, entry: Submission) -> bool:
    """Whether the lock pins the upgrade of this very job, and this ledger never requested one: it is bought."""
    pinned = shot.takes.get(shot.resolution)
    upgraded = entry.state == "taken" and entry.hd is None and shot.model.upgrades(shot.resolution)
    agreed = shot.may(shot.facts.rebuy)
    return upgraded and not agreed and pinned is not None and pinned.job == entry.job


def _lost(shot: _Known) -> Step | None:
    """What is done about a take that was bought and is not here, where the ledger has no job to fetch it by.

    It is fetched by the job that the lock names. Where that cannot be, buying it again is the user's decision.
    """
    entry, takes = shot.entry, shot.takes
    bought = [resolution for resolution in (shot.base, shot.resolution) if resolution in takes]
    if shot.is_free or not bought or (entry and entry.is_waived):
        return None
    base, agreed = takes.get(shot.base), shot.may(shot.facts.rebuy)
    over = entry.why if base and entry and entry.state == "failed" and entry.job == base.job else ""
    if base and base.job and not over and (shot.base in shot.held or not agreed):
        fetched = [resolution for resolution in bought if resolution == shot.base or not agreed]
        return Collect(
            shot.scene,
            shot.wanted,
            shot.resolution,
            base.job,
            _fetching(shot),
            shot.upgrade if shot.resolution not in fetched else Fraction(0),
            pinned=tuple(takes[resolution] for resolution in dict.fromkeys(fetched)),
            otherwise=shot.otherwise,
            upgrade_otherwise=shot.upgrade_otherwise,
        )
    if agreed:
        return None
    if shot.resolution not in takes and shot.base in shot.held:
        return None
    job = over or "the lock names no job to fetch it by"
    gone, way = _gone(shot), shot.otherwise
    return Blocked(shot.scene, shot.wanted, f"{gone}; {way} ({job})", "rebuy", f"{gone}: {job}", way)


def _refused(shot: _Known) -> Blocked | None:
    """A shot that was refused for its content again and again: submitting it once more is the user's decision."""
    times, agreed = shot.facts.refusals.get(shot.wanted.key, 0), {*shot.facts.retry, *shot.facts.rebuy}
    if times < MOST_REFUSALS or shot.may(agreed):
        return None
    way = f"change the prompt or the image, or submit it once more with --retry {shot.scene}"
    refused, said = f"refused for its content {times} times", shot.entry.why if shot.entry else ""
    return Blocked(shot.scene, shot.wanted, f"{refused}; {way} ({said})", "retry", f"{refused}: {said}", way)


def _collecting(shot: _Known, entry: Submission) -> str:
    if entry.state == "open":
        return "paid for, not downloaded yet"
    if shot.lacks_upgrade:
        return f"resolution {shot.base} -> {shot.resolution}: the HD version of the same take"
    again = f"{_gone(shot)}: fetched again"
    return f"{again} while the service has it; {shot.otherwise}" if _removed(shot) else again


def _fetching(shot: _Known) -> str:
    """Why a take is fetched by the job that is known of it."""
    if shot.lacks_upgrade:
        return f"resolution {shot.base} -> {shot.resolution}: the HD version of the same take"
    known = shot.wanted.key in shot.facts.takes and shot.facts.takes[shot.wanted.key]
    return f"{_gone(shot)}: fetched again" if known else "pinned by the lock, and never here: fetched by its job"


def _removed(shot: _Known) -> str:
    """The day on which `store gc` removed a take of the shot; "" if it did not."""
    removed = shot.facts.removed
    return max((removed[take.digest] for take in shot.takes.values() if take.digest in removed), default="")


def _gone(shot: _Known) -> str:
    """Why takes that are known are not in the store."""
    if removed := _removed(shot):
        return f"its take was removed by store gc on {removed}"
    if not shot.facts.takes.get(shot.wanted.key):
        return "the lock pins a take that was never here"
    rehearsed = shot.facts.kind == "rehearsal"
    return "its rehearsal take is not here any more" if rehearsed else "its take is missing from the store"


def _reason(shot: _Known) -> str:
    """Why a shot is submitted."""
    entry, facts = shot.entry, shot.facts
    if entry and entry.state in ("failed", "refused") and entry.why:
        return f"failed before: {entry.why}"
    if shot.held:
        first, last = shot.model.resolutions[0].name, shot.model.resolutions[-1].name
        return f"resolution {first} -> {last}, and the job of its take is not known here"
    if shot.takes:
        return _gone(shot)
    before = facts.before.get(shot.scene)
    if before is not None:
        return changes(before, shot.wanted) or "no take yet"
    return "the scene has changed" if shot.scene in facts.lock.scenes else "no take yet"
