"""The JSON Schema of storyboards for one user: with the words for the models that are configured, and their choices."""

import json
from typing import Any

from storyboard.model.capabilities import Lengths, Model
from storyboard.model.model_catalogue import Catalogue
from storyboard.parsing.schema import text


def configured_text(catalogue: Catalogue) -> str:
    """Return the schema in JSON; the published one if the catalogue has one provider alone.

    Words of a storyboard's own for models stay possible, so an editor suggests the words and refuses none.
    """
    if len(catalogue.offers) == 1:
        return text()
    schema: dict[str, Any] = json.loads(text())
    defs, models = schema["$defs"], {catalogue.word(name): catalogue.model(name) for name in catalogue.names}
    defs["model"] |= {
        "description": "Video model, as `storyboard models` lists them.",
        "anyOf": [{"enum": [*models]}, {}],
        "default": catalogue.word(catalogue.usual_name),
        "examples": [*models][:3],
    }
    for key, words in (("aspect", _aspects(models)), ("resolution", _resolutions(models))):
        defs[key]["anyOf"] = [{"enum": words}, {}]
    defs["scene"].setdefault("allOf", []).extend(_rule(word, model) for word, model in models.items())
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _aspects(models: dict[str, Model]) -> list[str]:
    return [*dict.fromkeys(aspect for model in models.values() for aspect in model.aspects)]


def _resolutions(models: dict[str, Model]) -> list[str]:
    return [*dict.fromkeys(quality.name for model in models.values() for quality in model.resolutions)]


def _rule(word: str, model: Model) -> dict[str, Any]:
    """What a scene may choose that names this model."""
    choices: dict[str, Any] = {
        "aspect": {"enum": [*model.aspects]},
        "resolution": {"enum": [quality.name for quality in model.resolutions]},
    }
    if model.lengths:
        choices["seconds"] = _seconds(model.lengths)
    if model.seeds is not None:
        choices["seed"] = {"minimum": model.seeds[0], "maximum": model.seeds[1]}
    return {"if": {"properties": {"model": {"const": word}}, "required": ["model"]}, "then": {"properties": choices}}


def _seconds(lengths: Lengths) -> dict[str, Any]:
    if lengths.choices:
        return {"enum": [_number(each) for each in lengths.choices]}
    step = {"multipleOf": _number(lengths.step)} if lengths.step and lengths.least % lengths.step == 0 else {}
    return {"minimum": _number(lengths.least), "maximum": _number(lengths.most), **step}


def _number(value: Any) -> int | float:
    return int(value) if value.denominator == 1 else float(value)
