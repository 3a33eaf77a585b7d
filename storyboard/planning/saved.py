"""A plan as JSON, and whether a saved one still holds."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.model.remark import Remark
from storyboard.model.shot import TakeFrame
from storyboard.model.storyboard import LocalImage
from storyboard.model.take import TakeId
from storyboard.model.text import json_number
from storyboard.planning.steps import Plan, most_credits, take_id

NO_REMARKS: Mapping[TakeId, Sequence[Remark]] = {}


def plan_document(
    plan: Plan,
    storyboard: str,
    provider: str,
    prices: Prices,
    leaving: Sequence[LocalImage],
    problems: Sequence[object],
    remarks: Mapping[TakeId, Sequence[Remark]] = NO_REMARKS,
) -> dict[str, object]:
    """Return the plan as JSON (schema plan.schema.json): what ``plan --json`` prints and ``plan -o`` saves."""
    money = prices.money(plan.credits)
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
                "credits": json_number(step.credits),
                "at_most": json_number(most_credits(step)),
                "after": list(dict.fromkeys(take.scene for take in step.after)),
                "remarks": [remark.document() for remark in remarks.get(take_id(step), ())],
            }
            for step in plan.steps
        ],
        "totals": {
            **{name: plan.count(name) for name in ("make", "collect", "keep", "blocked")},
            "credits": json_number(plan.credits),
            "at_most": json_number(plan.at_most),
            "money": None if money is None else json_number(money),
            "currency": prices.currency,
            "estimate": prices.estimate,
        },
        "uploads": [_image_document(image) for image in leaving],
        "frames": [_frame_document(frame) for frame in plan.frames_to_upload],
        "problems": list(problems),
    }


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


_FACTS = {"step": "the step", "model": "the model", "credits": "the price", "at_most": "the most that it may cost"}


def _moves(old: Mapping[str, object], new: Mapping[str, object]) -> list[str]:
    other = [] if old.get("key") == new.get("key") else ["it is another shot"]
    facts = ["model"] if _is_no_dearer(old, new) else list(_FACTS)
    moved = [fact for fact in facts if _fact(old, fact) != _fact(new, fact)]
    told = [fact for fact in moved if fact != "at_most" or "credits" not in moved]
    return other + [f"{_FACTS[fact]} was {_fact(old, fact)!s:.40}, is {_fact(new, fact)!s:.40}" for fact in told]


def _fact(step: Mapping[str, object], name: str) -> object:
    """A fact of a step; its price, where an older plan says nothing of the worst case."""
    return step.get(name, step.get("credits") if name == "at_most" else None)


def _is_no_dearer(old: Mapping[str, object], new: Mapping[str, object]) -> bool:
    """Whether the step of a scene costs no more than the saved one, and is not blocked since."""
    for fact in ("credits", "at_most"):
        before, now = _fact(old, fact), _fact(new, fact)
        if not isinstance(before, int | float) or not isinstance(now, int | float) or now > before:
            return False
    return new.get("step") != "blocked" or old.get("step") == "blocked"


def _by_take(document: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    steps = document.get("steps")
    if not isinstance(steps, list):
        return {}
    return {_take_name(step): step for step in steps if isinstance(step, dict)}


def _take_name(step: Mapping[str, object]) -> str:
    number = step.get("take", 1)
    return str(TakeId(str(step.get("scene")), number if isinstance(number, int) else 1))
