"""A plan as JSON, and whether a saved one still holds."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from storyboard.costs.price_book import PriceBook, costs_by_unit
from storyboard.model.cost import Cost
from storyboard.model.remark import Remark
from storyboard.model.shot import TakeFrame
from storyboard.model.storyboard import LocalImage
from storyboard.model.take import TakeId
from storyboard.model.text import json_number
from storyboard.planning.steps import Plan, highest_cost, take_id

NO_REMARKS: Mapping[TakeId, Sequence[Remark]] = {}


def plan_document(
    plan: Plan,
    storyboard: str,
    provider: str,
    prices: PriceBook,
    leaving: Sequence[LocalImage],
    problems: Sequence[object],
    remarks: Mapping[TakeId, Sequence[Remark]] = NO_REMARKS,
) -> dict[str, object]:
    """Return the plan as JSON (schema plan.schema.json): what ``plan --json`` prints and ``plan -o`` saves."""
    money = prices.money(plan.cost)
    return {
        "storyboard": storyboard,
        "provider": provider,
        "steps": [
            {
                "scene": step.scene,
                "take": step.shot.take,
                "picked": step.picked,
                "step": step.name,
                "why": step.why,
                "key": step.shot.key,
                "model": step.shot.model,
                **_amounts(step.cost, highest_cost(step), prices),
                "after": list(dict.fromkeys(take.scene for take in step.after)),
                "remarks": [remark.document() for remark in remarks.get(take_id(step), ())],
            }
            for step in plan.steps
        ],
        "totals": {
            **{name: plan.count(name) for name in ("make", "collect", "keep", "blocked")},
            **_amounts(plan.cost, plan.at_most, prices),
            "money": None if money is None else json_number(money),
            "currency": prices.currency,
            "estimate": prices.is_estimate(plan.at_most),
        },
        "uploads": [_image_document(image) for image in leaving],
        "frames": [_frame_document(frame) for frame in plan.frames_to_upload],
        "problems": list(problems),
    }


def _amounts(cost: Cost, most: Cost, prices: PriceBook) -> dict[str, object]:
    """What is expected to be paid, and at most: credits of the default provider; with others, all of it by unit."""
    credits = {name: prices.document(each)["credits"] for name, each in (("credits", cost), ("at_most", most))}
    return credits if prices.is_plain(most) else {**credits, "costs": costs_by_unit(cost), "most": costs_by_unit(most)}


def _image_document(image: LocalImage) -> dict[str, object]:
    document = {"file": str(image.path), "bytes": image.bytes, "sha256": image.digest}
    return {**document, "fit": image.fit.how} if image.fit else document


def _frame_document(frame: TakeFrame) -> dict[str, object]:
    moment = frame.frame.at
    return {"scene": frame.frame.scene, "at": json_number(moment) if isinstance(moment, Fraction) else moment}


def plan_differences(saved: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Return what differs between a saved plan and the present one, a line for each take; [] if it still holds.

    A step that costs no more than it did is no difference: what was agreed to pay is not exceeded.
    """
    old, new = _by_take(saved), _by_take(now)
    found = [f"{scene}: not in the storyboard any more" for scene in old if scene not in new]
    found += [f"{scene}: new since the plan was saved" for scene in new if scene not in old]
    moves = ((scene, "; ".join(_moves(old[scene], new[scene]))) for scene in new if scene in old)
    found += [f"{scene}: {what}" for scene, what in moves if what]
    if list(old) != list(new) and not found:
        found.append("the scenes are in another order")
    found += [
        f"{fact} was {saved.get(fact)!s:.60}, is {now.get(fact)!s:.60}"
        for fact in ("provider",)
        if saved.get(fact) != now.get(fact)
    ]
    return found


_FACTS = {
    "step": "the step",
    "model": "the model",
    "credits": "the price",
    "at_most": "the most that it may cost",
    "costs": "the price by unit",
    "most": "the most by unit",
}


def _moves(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    other = [] if old.get("key") == new.get("key") else ["it is another shot"]
    facts = ["model"] if _is_no_dearer(old, new) else list(_FACTS)
    moved = [fact for fact in facts if _fact(old, fact) != _fact(new, fact)]
    told = [fact for fact in moved if _PRICES.get(fact) not in moved]
    return other + [f"{_FACTS[fact]} was {_fact(old, fact)!s:.40}, is {_fact(new, fact)!s:.40}" for fact in told]


# The worst case is told where the price itself is as it was.
_PRICES = {"at_most": "credits", "most": "costs"}


def _fact(step: Mapping[str, object], name: str) -> object:
    """A fact of a step; its price, where an older plan says nothing of the worst case."""
    return step.get(name, step.get("credits") if name == "at_most" else None)


def _is_no_dearer(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether the step of a scene costs no more than the saved one, and is not blocked since."""
    for fact in ("credits", "at_most"):
        before, now = _fact(old, fact), _fact(new, fact)
        if not isinstance(before, int | float) or not isinstance(now, int | float) or now > before:
            return False
    for fact in ("costs", "most"):
        old_by_unit, new_by_unit = _by_unit(old, fact), _by_unit(new, fact)
        if any(amount > old_by_unit.get(unit, 0) for unit, amount in new_by_unit.items()):
            return False
    return new.get("step") != "blocked" or old.get("step") == "blocked"


def _by_unit(step: Mapping[str, object], fact: str) -> Mapping[str, float]:
    """Amounts by unit, where a step costs anything but credits of the default provider."""
    found = step.get(fact)
    table = found if isinstance(found, Mapping) else {}
    return {unit: amount for unit, amount in table.items() if isinstance(amount, int | float)}


def _by_take(document: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    steps = document.get("steps")
    if not isinstance(steps, list):
        return {}
    return {_take_name(step): step for step in steps if isinstance(step, dict)}


def _take_name(step: Mapping[str, object]) -> str:
    number = step.get("take", 1)
    return str(TakeId(str(step.get("scene")), number if isinstance(number, int) else 1))
