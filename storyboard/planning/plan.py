"""Decide what to do about each take. Facts in, Plan out; each reason is written where the decision is made."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from storyboard.costs.price_book import PriceBook
from storyboard.model.capabilities import Model
from storyboard.model.chains import sources_first
from storyboard.model.cost import Cost
from storyboard.model.lock import known_takes
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.scene_shots import SceneShots
from storyboard.model.shot import Shot
from storyboard.model.storyboard import Generated, Resolution, Storyboard
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.take import Take, TakeId
from storyboard.planning.changes import changes
from storyboard.planning.fallbacks import fallback_shots, own_tries, standing_fallback
from storyboard.planning.retakes import counted_once, steps_with_retakes
from storyboard.planning.steps import (
    UNCHANGED,
    Blocked,
    Collect,
    Facts,
    Keep,
    Make,
    NextTry,
    Plan,
    Step,
    take_id,
)


def make_plan(
    storyboard: Storyboard, wanted: Mapping[str, SceneShots], facts: Facts, prices: PriceBook, catalogue: Catalogue
) -> Plan:
    """Return what to do about each take, why, and at what price. Raise InputError for a model without a price."""
    facts = _by_key(facts, wanted)
    steps: dict[str, list[Step]] = {}
    used: dict[str, Step] = {}
    asked: dict[str, list[Make | Collect]] = {}
    retaking: dict[str, tuple[TakeId, ...]] = {}
    priced: dict[str, Cost] = {}
    for scene in sources_first(storyboard.scenes):
        if not isinstance(scene.source, Generated):
            continue
        mine, found, bases = wanted[scene.id], list[Step](), dict[int, Take]()
        closed = scene.source.frozen and mine.stands
        for shot in mine.takes:
            known = _Known(scene.id, shot, scene.source, shot.take == mine.used, catalogue, facts, prices, closed)
            if closed and not shot.kept_key and not known.picked:
                continue
            step = _behind_sources(_standing(known) if known.stands else _step(known), used, retaking, facts)
            if isinstance(step, Collect) and known.lacks_upgrade and step.cost and not step.pinned:
                bases[shot.take] = known.held[known.base]
            if isinstance(step, Make | Collect):
                before = asked.setdefault(step.shot.key, [])
                step = _shared(step, before, prices, known.model) if before else step
                before.append(step)
            found.append(replace(step, picked=known.picked))
        found = steps_with_retakes(scene.source, mine, found, prices, catalogue, bases)
        steps[scene.id] = found = [counted_once(step, priced) for step in found]
        used[scene.id] = next(step for step in found if step.picked)
        retaking[scene.id] = tuple(take_id(step) for step in found if isinstance(step, Make | Collect) and step.retakes)
    return Plan(tuple(step for scene in storyboard.scenes for step in steps.get(scene.id, ())))


def _standing(shot: "_Known") -> Step:
    """The step of a take that stands whatever the scene says now: it is kept, or brought back, and never bought."""
    if shot.resolution in shot.held:
        return Keep(shot.scene, shot.wanted, shot.held[shot.resolution], _stands_because(shot))
    way = shot.otherwise
    if not shot.wanted.kept_key:
        what = f"the scene is frozen, and has no take {shot.wanted.take}"
        way = f"pick a take that it has, or remove 'frozen' from scene {shot.scene} to buy this one"
        return Blocked(shot.scene, shot.wanted, f"{what}; {way}", "rebuy", what, way)
    lost = f"{_gone(shot)}; {way}"
    pending = _pending(shot)
    if standing_fallback(shot.source, shot.wanted):
        pending = _with_tries(shot, pending)
    return pending or _lost(shot) or Blocked(shot.scene, shot.wanted, lost, "rebuy", _gone(shot), way)


def _stands_because(shot: "_Known") -> str:
    """Why a take is kept that stands; with what has changed since it was generated, as far as that is known."""
    wanted, before = shot.wanted, shot.facts.before.get(TakeId(shot.scene, shot.wanted.take), {})
    if not shot.closed and (fallback := standing_fallback(shot.source, wanted)):
        return f"made {fallback.how}, as the scene itself was refused for its content"
    word = "frozen" if shot.closed else "accepted"
    if wanted.key == wanted.own_key:
        return word
    since = f" ({changes(before, wanted)})" if before.get("prompt") else ""
    return f"{word}: the scene has changed since{since}"


def _behind_sources(
    step: Step, used: Mapping[str, Step], retaking: Mapping[str, tuple[TakeId, ...]], facts: Facts
) -> Step:
    """The step of a shot that begins or ends with frames of other scenes: it waits for the takes that lack there.

    Those that may become the ones that the film uses are waited for too.
    """
    if not isinstance(step, Make):
        return step
    names = tuple(dict.fromkeys(frame.frame.scene for frame in step.shot.take_frames))
    sources = [used[name] for name in names]
    for source in sources:
        if isinstance(source, Blocked):
            why = source.why if source.need == "source" else f"waits for {source.scene}, {_since(source, facts)}"
            way = "run again when that scene has a take"
            return Blocked(step.scene, step.shot, why, "source", f"not generated: {why}", way, after=(take_id(source),))
    waited = [take_id(source) for source in sources if not isinstance(source, Keep)]
    waited += [take for name in names for take in retaking[name]]
    return replace(step, after=tuple(dict.fromkeys(waited)))


def _since(source: Blocked, facts: Facts) -> str:
    """Since when a scene is blocked, in UTC."""
    entry = facts.entries.get(source.shot.key)
    return f"blocked since {rfc3339(entry.changed)[:16].replace('T', ' ')} UTC" if entry else "which is blocked"


def _by_key(facts: Facts, wanted: Mapping[str, SceneShots]) -> Facts:
    """The facts with the keys of the shots that the user agreed to, in place of their scenes."""

    def keys(scenes: Collection[str]) -> frozenset[str]:
        return frozenset(key for scene in scenes if scene in wanted for key in wanted[scene].keys.values())

    return replace(facts, rebuy=keys(facts.rebuy), retry=keys(facts.retry))


def _shared(step: Make | Collect, before: Sequence[Make | Collect], prices: PriceBook, model: Model) -> Collect:
    """The step of a scene whose shot an earlier scene generates: it is bought once, and its upgrade once."""
    first = before[0]
    added = model.upgrades(step.resolution) and all(other.resolution != step.resolution for other in before)
    extra = (prices.upgrade(step.shot) if isinstance(step, Make) else step.cost) if added else Cost()
    why = f"the same shot as {first.scene}"
    return Collect(step.scene, step.shot, step.resolution, None, why, extra, (take_id(first),))


def _step(shot: "_Known") -> Step:
    if shot.resolution in shot.held:
        why = _kept_because(shot.wanted, shot.source)
        return Keep(shot.scene, shot.wanted, shot.held[shot.resolution], why)
    if pending := _with_tries(shot, _pending(shot)) or _lost(shot):
        return pending
    first, *others = _tries(shot) or (None,)
    if first is None:
        return _refused(shot)
    price, agreed = first.cost + shot.upgrade, shot.may({*shot.facts.rebuy, *shot.facts.retry})
    return Make(shot.scene, first.shot, shot.resolution, first.why, price, agreed=agreed, tries=tuple(others))


def _with_tries(shot: "_Known", pending: Step | None) -> Step | None:
    """A step about an earlier submission, with what is tried if its job, which is in progress, ends as refused."""
    in_progress = shot.entry and shot.entry.state == "open" and shot.source.if_refused
    if isinstance(pending, Collect) and pending.job and in_progress:
        return replace(pending, tries=tuple(_tries(shot, shot.wanted.key)))
    return pending


def _tries(shot: "_Known", open_key: str = "") -> list[NextTry]:
    """What is tried for a shot until the provider accepts it: the shot itself, then what ``if_refused`` says.

    Nothing is there that was refused as often as it may be tried, whatever run that was in. ``open_key`` is the key of
    a job in progress: what is tried once that is refused as well.
    """
    source, wanted = shot.source, replace(shot.wanted, kept_key=None)
    refusals = {**shot.facts.refusals, open_key: shot.facts.refusals.get(open_key, 0) + 1}
    price = shot.price_of(wanted)
    left = own_tries(source) - refusals.get(wanted.key, 0)
    if shot.wanted.kept_key:
        left = 0
    if left <= 0 and shot.may({*shot.facts.retry, *shot.facts.rebuy}):
        left = 1
    again = NextTry(wanted, price, "refused for its content: the same again")
    found = [again if open_key else NextTry(wanted, price, _reason(shot))] if left > 0 else []
    if not source.if_refused:
        return found
    found += [again] if left > 1 else []
    for other, how in fallback_shots(source, wanted):
        if not refusals.get(other.key, 0):
            found.append(NextTry(other, shot.price_of(other), f"refused for its content: {how}"))
    return found


def _kept_because(wanted: Shot, source: Generated) -> str:
    if wanted.prompt != source.prompt:
        return "unchanged; its take was made with numbers as they were spelt before"
    if wanted.references != source.references:
        return "unchanged; its take was made with images of cast members that are not named any more"
    return UNCHANGED


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of one shot of a scene. ``picked``: the film uses it; only that one is upgraded.

    ``closed``: the scene is frozen and has a take, so that no further one is bought.
    """

    scene: str
    wanted: Shot
    source: Generated
    picked: bool
    catalogue: Catalogue
    facts: Facts
    prices: PriceBook
    closed: bool

    @property
    def model(self) -> Model:
        return self.catalogue.model(self.wanted)

    @property
    def resolution(self) -> Resolution:
        """The resolution that is wanted of the take; of a frozen one, the largest that there is."""
        wanted = self.source.resolution
        wanted = (
            wanted
            if self.picked or (self.is_retake and not self.takes)
            else self.model.quality(self.model.base(wanted)).name
        )
        if not self.closed or wanted in self.takes:
            return wanted
        return next((each.name for each in reversed(self.model.resolutions) if each.name in self.takes), wanted)

    @property
    def is_retake(self) -> bool:
        """Whether ``retake`` buys the take, past those of the scene: it is made as one that the film uses."""
        return self.wanted.take > self.source.takes

    @property
    def stands(self) -> bool:
        """Whether nothing is bought for the shot: a take stands for it, or others do in its frozen scene."""
        return self.wanted.kept_key is not None or self.closed

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
    def upgrade(self) -> Cost:
        """The price of the upgrade that the wanted resolution takes."""
        return self.prices.upgrade(self.wanted) if self.model.upgrades(self.resolution) else Cost()

    def price_of(self, shot: Shot) -> Cost:
        """The price of this shot, or of one that is tried in its place. Raise InputError."""
        return self.prices.shot(shot, self.catalogue.model(shot))

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
        if self.closed:
            return f"to buy what the scene says now, remove 'frozen' from scene {self.scene}"
        if self.stands and standing_fallback(self.source, self.wanted):
            return f"to buy another, change the prompt of scene {self.scene}"
        if self.stands:
            return f"to buy what the scene says now: storyboard accept --undo FILE {self.scene}"
        return self._again("it", self.price_of(self.wanted) + self.upgrade)

    @property
    def upgrade_otherwise(self) -> str:
        """What buys the upgrade again, where it was bought; "" where it was not."""
        bought = self.model.upgrades(self.resolution) and self.resolution in self.takes
        return self._again(f"its {self.resolution} version", self.upgrade) if bought else ""

    def _again(self, what: str, price: Cost) -> str:
        verb = "generates" if self.facts.kind == "rehearsal" else "buys"
        return f"--rebuy {self.scene} {verb} {what} again for {self.prices.bare(price)}"

    def may(self, agreed: Collection[str]) -> bool:
        """Whether the user agreed for a scene of this shot. A take that stands is not bought again."""
        return not self.stands and self.wanted.key in agreed


def _pending(shot: _Known) -> Step | None:
    """What an earlier submission of the shot leads to; None if there is none that still counts."""
    entry, facts = shot.entry, shot.facts
    if entry and entry.state in ("intent", "unknown"):
        if entry.state == "intent" and entry.run in facts.at_work:
            return Collect(shot.scene, shot.wanted, shot.resolution, None, "another render is submitting it now")
        if entry.nonce in facts.named:
            why = "its answer was lost, a callback names its job"
            return Collect(shot.scene, shot.wanted, shot.resolution, None, why, shot.upgrade)
        if entry.key in facts.searchable:
            why = "its answer was lost; its job is looked for by its name, and submitted again if there is none"
            return Collect(shot.scene, shot.wanted, shot.resolution, None, why, shot.upgrade)
        return Blocked(shot.scene, shot.wanted, entry.why or "its submission was cut off before an answer came")
    if entry and entry.state == "abandoned":
        return Blocked(shot.scene, shot.wanted, entry.why, "given-up")
    if entry and entry.job and entry.state in ("open", "taken"):
        gone = entry.state == "taken" and shot.base not in shot.held
        if (gone and shot.may(facts.rebuy)) or _is_upgraded_elsewhere(shot, entry):
            return None
        extra, otherwise = shot.upgrade if entry.hd is None else Cost(), shot.otherwise if gone else ""
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
            shot.upgrade if shot.resolution not in fetched else Cost(),
            pinned=tuple(takes[resolution] for resolution in dict.fromkeys(fetched)),
            otherwise=shot.otherwise,
            upgrade_otherwise=shot.upgrade_otherwise,
        )
    if agreed:
        return None
    if shot.resolution not in takes and shot.base in shot.held:
        return None
    job = over or "the lock names no job to download it by"
    gone, way = _gone(shot), shot.otherwise
    return Blocked(shot.scene, shot.wanted, f"{gone}; {way} ({job})", "rebuy", f"{gone}: {job}", way)


def _refused(shot: _Known) -> Blocked:
    """A shot that was refused for its content again and again: submitting it once more is the user's decision."""
    times = shot.facts.refusals.get(shot.wanted.key, 0)
    way = f"change the prompt or the image, or submit it once more with --retry {shot.scene}"
    refused = f"refused for its content {times} time{'' if times == 1 else 's'}"
    if shot.source.if_refused:
        refused += ", and so was all of 'if_refused'"
    said = shot.entry.why if shot.entry else ""
    return Blocked(shot.scene, shot.wanted, f"{refused}; {way} ({said})", "retry", f"{refused}: {said}", way)


def _collecting(shot: _Known, entry: Submission) -> str:
    if entry.state == "open":
        rehearsed = shot.facts.kind == "rehearsal"
        return f"{'accepted in a rehearsal' if rehearsed else 'paid for'}, not downloaded yet"
    if shot.lacks_upgrade:
        return f"resolution {shot.base} -> {shot.resolution}: the HD version of the same take"
    again = f"{_gone(shot)}: downloaded again"
    return f"{again} while the service has it; {shot.otherwise}" if _removed(shot) else again


def _fetching(shot: _Known) -> str:
    """Why a take is fetched by the job that is known of it."""
    if shot.lacks_upgrade:
        return f"resolution {shot.base} -> {shot.resolution}: the HD version of the same take"
    known = shot.wanted.key in shot.facts.takes and shot.facts.takes[shot.wanted.key]
    return (
        f"{_gone(shot)}: downloaded again"
        if known
        else "pinned by the lock, not on this machine: downloaded by its job"
    )


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
    if shot.is_retake:
        return "retake: what came has a remark that 'retake' names"
    pinned = facts.lock.scenes.get(shot.scene)
    if pinned and pinned.proof and not pinned.taken_keys:
        return "replaces its proof"
    before = facts.before.get(TakeId(shot.scene, shot.wanted.take))
    if before is not None:
        return changes(before, shot.wanted) or "no take yet"
    return "the scene has changed" if pinned and shot.wanted.take in pinned.all_keys else "no take yet"
