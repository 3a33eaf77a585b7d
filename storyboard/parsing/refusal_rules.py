"""``if_refused``: what to try once a scene is refused, checked against the provider's capabilities."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from storyboard.model.capabilities import Model
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Fallback, Generated
from storyboard.parsing.model_names import unknown_model
from storyboard.parsing.values import SceneValues, Value


class RefusalRules:
    """Parses the rules of scenes for a refusal; ``wrong`` is given each problem."""

    def __init__(self, catalogue: Catalogue, wrong: Callable[[Problem], None]) -> None:
        self._catalogue = catalogue
        self._wrong = wrong

    def of_scene(self, words: SceneValues, made: Generated) -> tuple[Fallback, ...]:
        """The rules of a scene, ``made`` as it says, in order; those that are wrong are reported and left out."""
        word = words.get("if_refused")
        if word is None or not isinstance(word.value, list):
            return ()
        found: list[Fallback] = []
        for at, rule in enumerate(word.value):
            place = replace(word, value=rule, path=(*word.path, at))
            if rule == "again" and at:
                self._wrong(place.problem("'again' comes first, and once", "the scene itself is tried twice at most"))
                continue
            fallback = _fallback(rule)
            if fallback.without == "first_frame" and made.aspect == "auto":
                message = "'auto' takes the shape of the first frame, and this leaves it out"
                self._wrong(place.problem(message, "write 'aspect: 16:9' or 9:16"))
                continue
            made = _without(made, fallback.without)
            if fallback.model is None or self._can(place, made, fallback.model):
                found.append(self._defined(fallback))
        return tuple(found)

    def _defined(self, fallback: Fallback) -> Fallback:
        """The same with the name of its model in place of the author's word for it, and what it is defined by."""
        name = self._catalogue.find(fallback.model) if fallback.model else None
        if name is None:
            return fallback
        definition = self._catalogue.model(name).definition
        return replace(fallback, provider=name.provider, model=name.model, definition=definition)

    def _can(self, place: Value, made: Generated, name: str) -> bool:
        """Whether a model exists, and can generate the scene; else that is reported."""
        if self._catalogue.find(name) is None:
            self._wrong(_at_model(place).problem(*unknown_model(name, self._catalogue)))
            return False
        if why := obstacle(self._catalogue.model(made), self._catalogue.model_for(name), made):
            message, hint = (
                f"{name} cannot make this scene: {why}",
                "write {without: ...} before it, or leave the rule out",
            )
            self._wrong(_at_model(place).problem(message, hint))
        return not why


def obstacle(own: Model, instead: Model, made: Generated) -> str:
    """Return what the model ``instead`` cannot do of what a scene asks of its ``own`` one; "" if it can do all."""
    resolution, most = made.resolution, instead.references
    upgrades, names = instead.upgrades(resolution), [quality.name for quality in instead.resolutions]
    found = (
        (len(made.references) > most, f"it takes {f'at most {most}' if most else 'no'} references"),
        (made.references and made.aspect not in instead.reference_aspects, f"it takes no references in {made.aspect}"),
        (made.aspect not in instead.aspects, f"{made.aspect} is no shape of it"),
        (resolution not in names or own.upgrades(resolution) != upgrades, f"{resolution} is no resolution of it"),
        (upgrades and made.aspect not in instead.upgrade_aspects, f"it has no {resolution} in {made.aspect}"),
        (_chooses_otherwise(made, instead), "it offers other lengths, resolutions or sound to choose from"),
        (made.negative is not None and "negative" not in instead.options, "it has no option 'negative'"),
        (made.first_frame is not None and not instead.first_frame, "it takes no first frame"),
        (made.last_frame is not None and not instead.last_frame, "it takes no last frame"),
        (len(made.prompt) > instead.prompt_limit, f"it takes prompts of at most {instead.prompt_limit:,} characters"),
        (
            made.seed is not None and own.seeds != instead.seeds,
            f"its seeds are from {instead.seeds[0]} to {instead.seeds[1]}" if instead.seeds else "it takes no seed",
        ),
    )
    return next((why for is_so, why in found if is_so), "")


def _chooses_otherwise(made: Generated, instead: Model) -> bool:
    """Whether what a scene chose, which its fallback keeps, is no choice of the model ``instead``, or lacks one."""
    length = bool(instead.lengths) if made.seconds is None else made.seconds not in instead.lengths
    sound = (made.sound is None) == (instead.sound == "switch")
    return length or sound or (made.requested is None) == (len(instead.requested_resolutions) > 1)


def _fallback(rule: object) -> Fallback:
    if not isinstance(rule, Mapping):
        return Fallback()
    without, model = rule.get("without"), rule.get("model")
    return Fallback(None if without is None else str(without), None if model is None else str(model))


def _without(made: Generated, setting: str | None) -> Generated:
    """The scene as it is generated without a setting."""
    match setting:
        case "references":
            return replace(made, references=())
        case "seed":
            return replace(made, seed=None)
    return made


def _at_model(place: Value) -> Value:
    return replace(place, path=(*place.path, "model"))
