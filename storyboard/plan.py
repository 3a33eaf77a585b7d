"""Decide what to make. Facts in, Plan out; nothing is touched. The reason is written where the decision is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Literal

from storyboard.entry import Entry
from storyboard.lock import Lock
from storyboard.model.capabilities import Capabilities, Model
from storyboard.price import Prices
from storyboard.shot import DEFAULTS, Recipe, Shot, shot
from storyboard.story import Generated, LocalImage, Resolution, Scene, Storyboard
from storyboard.take import Take


@dataclass(frozen=True, slots=True)
class Keep:
    """The take is in the store."""

    scene: str
    shot: Shot
    take: Take
    why: str
    credits: Fraction = Fraction(0)
    after: tuple[str, ...] = ()
    name: Literal["keep"] = "keep"


@dataclass(frozen=True, slots=True)
class Collect:
    """Already asked for: fetch it. ``credits`` is 0, or the price of the HD version of a take that is here.

    ``job`` is None where another render is just asking, or where a scene in ``after`` asks for the same shot.
    """

    scene: str
    shot: Shot
    resolution: Resolution
    job: str | None
    why: str
    credits: Fraction = Fraction(0)
    after: tuple[str, ...] = ()
    name: Literal["collect"] = "collect"


@dataclass(frozen=True, slots=True)
class Make:
    """To be asked for and paid."""

    scene: str
    shot: Shot
    resolution: Resolution
    why: str
    credits: Fraction
    after: tuple[str, ...] = ()
    name: Literal["make"] = "make"


@dataclass(frozen=True, slots=True)
class Blocked:
    """A submission whose answer was lost, or that was given up: it is never sent again by itself.

    ``decided`` is True where the author has said what he thinks of it (settle --abandon).
    """

    scene: str
    shot: Shot
    why: str
    decided: bool = False
    credits: Fraction = Fraction(0)
    after: tuple[str, ...] = ()
    name: Literal["blocked"] = "blocked"


Step = Keep | Collect | Make | Blocked


@dataclass(frozen=True, slots=True)
class Facts:
    """The world as it was read, once: all that a plan depends on beside the storyboard.

    ``entries`` and ``takes`` are the ledger's word on each key, ``held`` the digests whose bytes are in the store,
    ``before`` what each scene last had (its recipe), ``at_work`` the runs that are alive just now, ``removed`` the day
    on which `store gc` took a take (its digest) out of the store, ``named`` the nonces of attempts whose job a callback
    has named.
    """

    lock: Lock = field(default_factory=Lock)
    entries: Mapping[str, Entry] = field(default_factory=dict)
    takes: Mapping[str, Mapping[Resolution, Take]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    before: Mapping[str, Recipe] = field(default_factory=dict)
    at_work: frozenset[str] = frozenset()
    removed: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """A step for every scene that a provider makes, in the film's order."""

    steps: tuple[Step, ...]

    def count(self, name: str) -> int:
        return sum(step.name == name for step in self.steps)

    @property
    def credits(self) -> Fraction:
        return sum((step.credits for step in self.steps), Fraction(0))

    @property
    def leaving(self) -> tuple[LocalImage, ...]:
        """The local files that will be handed to the provider, each once."""
        images = (image for step in self.steps if isinstance(step, Make) for image in step.shot.images)
        local = {image.digest: image for image in images if isinstance(image, LocalImage)}
        return tuple(local.values())


def shots(storyboard: Storyboard, provider: str, *, labelled: bool = False) -> Mapping[str, Shot]:
    """The shot of each scene that a provider makes. ``labelled`` ones (drafts) carry the scene's number and id."""
    last = max((scene.number for scene in storyboard.scenes), default=0)
    return {
        scene.id: shot(scene.source, provider, f"{scene.number}/{last} {scene.id}" if labelled else None)
        for scene in storyboard.scenes
        if isinstance(scene.source, Generated)
    }


def plan(
    storyboard: Storyboard, wanted: Mapping[str, Shot], facts: Facts, prices: Prices, capabilities: Capabilities
) -> Plan:
    """What will be done about each scene, why, and at what price. Raises InputError for a model without a price."""
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
    """The step of a scene that wants a shot which a scene before it asks for: bought once, HD added once."""
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
        return Keep(scene.id, wanted, held[resolution], "unchanged")
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
    entry: Entry, resolution: Resolution, facts: Facts, takes: Mapping[Resolution, Take], prices: Prices, model: Model
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
    anew = f"made anew (settle --again) it costs {number(price)} credits"
    return f"{gone}: fetched again while the service has it; {anew}"


_LOST = "its take is gone from the store"


def _gone(facts: Facts, takes: Mapping[Resolution, Take]) -> str:
    """Why takes that are known are not held."""
    days = [facts.removed[take.digest] for take in takes.values() if take.digest in facts.removed]
    return f"its take was removed by store gc on {max(days)}" if days else _LOST


def _reason(
    scene: Scene,
    wanted: Shot,
    facts: Facts,
    takes: Mapping[Resolution, Take],
    held: Mapping[Resolution, Take],
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


def changes(before: Recipe, now: Recipe) -> str:
    """What differs between two recipes, field by field, as an author would say it; "" where nothing does."""
    return "; ".join(
        _change(name, before.get(name, DEFAULTS.get(name)), now.get(name, DEFAULTS.get(name)))
        for name in _FIELDS
        if before.get(name, DEFAULTS.get(name)) != now.get(name, DEFAULTS.get(name))
    )


_FIELDS = (
    *("prompt", "model", "aspect", "first_frame", "last_frame", "references", "seed", "translate", "watermark"),
    *("take", "provider", "label"),
)


def _change(name: str, before: object, now: object) -> str:
    match name:
        case "prompt":
            count = _words(str(before or ""), str(now or ""))
            return f"prompt: {count} word{'' if count == 1 else 's'}" if count else "prompt: spaces"
        case "first_frame" | "last_frame" if before and now:
            what = "another address" if _is_address(before) or _is_address(now) else "other bytes"
            return f"frame image {name} has {what}"
        case "references" if isinstance(before, list) and isinstance(now, list):
            return _references(before, now)
    if before is None:
        return f"{name} added"
    if now is None:
        return f"{name} removed"
    return f"{name} {_said(before)} -> {_said(now)}"


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_address(value: object) -> bool:
    return str(value).startswith("https:")


def _references(before: list[object], now: list[object]) -> str:
    if len(before) != len(now):
        return f"references: {len(before)} -> {len(now)} images"
    if sorted(map(str, before)) == sorted(map(str, now)):
        return "references: another order"
    numbers = [str(at) for at, (one, other) in enumerate(zip(before, now, strict=True), 1) if one != other]
    return f"references: image {', '.join(numbers)} {'has' if len(numbers) == 1 else 'have'} other bytes"


def _words(before: str, now: str) -> int:
    """How many words were put in, taken out or exchanged."""
    old, new = before.split(), now.split()
    moves = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return sum(max(i2 - i1, j2 - j1) for what, i1, i2, j1, j2 in moves if what != "equal")


def document(
    plan: Plan,
    storyboard: str,
    provider: str,
    prices: Prices,
    leaving: Sequence[LocalImage],
    problems: Sequence[object],
) -> dict[str, object]:
    """The plan as JSON (schema plan.schema.json): what ``plan --json`` prints and ``plan -o`` saves."""
    money = prices.money(plan.credits)
    return {
        "storyboard": storyboard,
        "provider": provider,
        "steps": [
            {
                "scene": step.scene,
                "take": step.shot.take,
                "step": step.name,
                "why": step.why,
                "key": step.shot.key,
                "model": step.shot.model,
                "credits": number(step.credits),
                "after": list(step.after),
            }
            for step in plan.steps
        ],
        "totals": {
            **{name: plan.count(name) for name in ("make", "collect", "keep", "blocked")},
            "credits": number(plan.credits),
            "money": None if money is None else number(money),
            "currency": prices.currency,
            "estimate": prices.estimate,
        },
        "uploads": [{"file": str(image.path), "bytes": image.bytes, "sha256": image.digest} for image in leaving],
        "problems": list(problems),
    }


def number(value: Fraction) -> int | float:
    """A fraction as JSON has it: whole where it is whole, else rounded to six places."""
    return int(value) if value.denominator == 1 else round(float(value), 6)


def moved(saved: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """What differs between a saved plan and the present one, a sentence each; [] where it may be carried out."""
    old, new = _by_scene(saved), _by_scene(now)
    found = [f"{scene}: not in the storyboard any more" for scene in old if scene not in new]
    found += [f"{scene}: new since the plan was saved" for scene in new if scene not in old]
    for scene in new:
        if scene in old:
            found += [f"{scene}: {what}" for what in _moves(old[scene], new[scene])]
    if list(old) != list(new) and not found:
        found.append("the scenes are in another order")
    found += [
        f"{fact} was {saved.get(fact)!s:.60}, is {now.get(fact)!s:.60}"
        for fact in ("provider",)
        if saved.get(fact) != now.get(fact)
    ]
    return found


_FACTS = {"step": "the step", "model": "the model", "credits": "the price"}


def _moves(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    other = [] if old.get("key") == new.get("key") else ["it is another shot"]
    return other + [
        f"{said} was {old.get(fact)!s:.40}, is {new.get(fact)!s:.40}"
        for fact, said in _FACTS.items()
        if old.get(fact) != new.get(fact)
    ]


def _by_scene(document: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    steps = document.get("steps")
    if not isinstance(steps, list):
        return {}
    return {str(step.get("scene")): step for step in steps if isinstance(step, dict)}
