"""Models that their services are about to switch off, or have: what is said of the scenes that use them."""

from datetime import UTC, date, datetime, timedelta

from storyboard.model.model_catalogue import Catalogue, ModelName
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Generated, Storyboard

# So long before its end a model is warned of.
_BEFORE = timedelta(days=60)


def day_of(now: float) -> date:
    """Return the day of a time in seconds since 1970, in UTC."""
    return datetime.fromtimestamp(now, UTC).date()


def ending_models(storyboard: Storyboard, catalogue: Catalogue, today: date) -> tuple[Problem, ...]:
    """Return a warning for each scene whose model ends within 60 days, and an error where it has ended."""
    found = []
    for scene in storyboard.scenes:
        source = scene.source
        if not isinstance(source, Generated) or (ends := (model := catalogue.model(source)).ends) is None:
            continue
        if ends - _BEFORE > today:
            continue
        gone = ends < today
        word = catalogue.word(ModelName(source.provider, source.model))
        message = f"scene '{scene.id}': {word} {'ended' if gone else 'ends'} on {ends.isoformat()}"
        following = catalogue.word(ModelName(source.provider, model.successor)) if model.successor else ""
        hint = f"use its successor: model: {following}" if following else "choose another model: storyboard models"
        path = f"scenes[{scene.number - 1}].model"
        found.append(Problem(scene.place, path, message, hint, "error" if gone else "warning"))
    return tuple(found)
