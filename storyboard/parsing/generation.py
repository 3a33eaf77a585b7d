"""Generation settings of a scene (prompt, images, model), checked against the provider's capabilities."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from storyboard.model.capabilities import Model
from storyboard.model.model_catalogue import Catalogue, ModelName
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Aspect, Generated, Resolution, RetakeRule
from storyboard.model.text import one_line
from storyboard.parsing import template
from storyboard.parsing.assets import Assets
from storyboard.parsing.dialogue import SpokenLine
from storyboard.parsing.findings import Findings
from storyboard.parsing.keyframes import Keyframes
from storyboard.parsing.model_choices import ModelChoices
from storyboard.parsing.model_names import unknown_model
from storyboard.parsing.prompt_text import PromptTexts
from storyboard.parsing.refusal_rules import RefusalRules
from storyboard.parsing.scene_images import SceneImages
from storyboard.parsing.values import SceneValues, Value
from storyboard.parsing.variables import Names, Variables


class Generating:
    """Parses the generation settings of scenes. Each problem is added to ``findings``."""

    def __init__(
        self, found: Assets, keyframes: Keyframes, scope: Variables, catalogue: Catalogue, findings: Findings
    ) -> None:
        self._scope = scope
        self._catalogue = catalogue
        self._wrong = findings.add
        self._prompts = PromptTexts(scope, catalogue, findings)
        self._refusal_rules = RefusalRules(catalogue, findings.add)
        self._choices = ModelChoices(findings.add)
        self._images = SceneImages(found, keyframes, scope, catalogue, findings.add)

    def scene(self, words: SceneValues, names: Names, lines: Sequence[SpokenLine]) -> Generated | None:
        """The generation settings of a scene in which ``lines`` are said; None without a prompt.

        ``names`` are those its prompt can use.
        """
        prompt = self._prompts.scene(words, names, lines)
        model, aspect, resolution = words.get("model"), words.get("aspect"), words.get("resolution")
        wanted, name = self._model(model), str(words.own.get("id") or "")
        asked = self._catalogue.model(wanted)
        shape = cast(Aspect, aspect.value if aspect else "16:9" if "16:9" in asked.aspects else asked.aspects[0])
        first, last, references = self._images.choose(words)
        quality = cast(Resolution, resolution.value if resolution else asked.resolutions[0].name)
        made = Generated(
            prompt=prompt.text,
            provider=wanted.provider,
            model=wanted.model,
            aspect=shape,
            first_frame=self._images.frame(words, "first_frame", first, shape),
            last_frame=self._images.frame(words, "last_frame", last, shape),
            references=self._images.references(references, prompt, name) if references else (),
            seed=self._seed(words),
            translate=bool(word.value) if (word := words.get("translate")) else True,
            watermark=self._watermark(words),
            resolution=quality,
            former_prompt=prompt.former,
            former_references=self._images.former_references(references, prompt) if references else None,
            takes=int(cast(int, word.value)) if (word := words.get("takes")) else 1,
            pick=_pick(words, self._wrong),
            frozen=bool((word := words.get("frozen")) and word.value),
            retake=_retake(words),
            definition=asked.definition,
            seconds=self._choices.seconds(words, asked),
            requested=self._choices.resolution(asked, quality),
            sound=self._choices.sound(words, asked),
            negative=self._choices.negative(words, asked),
        )
        self._possible(words, made, first, references)
        self._choices.check(words, made, asked)
        return replace(made, if_refused=self._refusal_rules.of_scene(words, made)) if prompt.text else None

    def _model(self, word: Value | None) -> ModelName:
        if word is None:
            return self._catalogue.usual_name
        name = self._catalogue.find(written := str(word.value))
        if name is None:
            self._wrong(word.problem(*unknown_model(written, self._catalogue)))
        return name or ModelName(self._catalogue.usual, written)

    def _asked(self, words: SceneValues) -> Model:
        """The model whose limits apply to a scene."""
        word = words.get("model")
        return self._catalogue.model_for(str(word.value) if word else "")

    def _seed(self, words: SceneValues) -> int | None:
        word = words.get("seed")
        if word is None:
            return None
        seed, seeds = int(cast(int, word.value)), self._asked(words).seeds
        if seeds is None:
            self._wrong(word.problem("this model takes no seed", "remove it; each take differs all the same"))
        elif not seeds[0] <= seed <= seeds[1]:
            self._wrong(word.problem(f"a seed is a number from {seeds[0]} to {seeds[1]}"))
        return seed

    def _watermark(self, words: SceneValues) -> str | None:
        word = words.get("watermark")
        if word and not template.plain(str(word.value)):
            self._wrong(word.problem("a watermark is plain text, and this has a tag in it", "write it out"))
        if word:
            self._scope.checks.plain_text(word.page, word.path)
        return str(word.value) if word else None

    def _possible(self, words: SceneValues, made: Generated, first: Value | None, references: Value | None) -> None:
        """Report combinations of settings that the provider cannot generate."""
        self._shape(words, made, first or references)
        if references and made.references:
            self._referable(words, made, references)
        model, resolution = self._catalogue.model(made), words.get("resolution")
        names = [quality.name for quality in model.resolutions]
        if resolution and made.resolution not in names:
            message = f"{one_line(made.resolution, 40)} is no resolution of {made.model}"
            self._wrong(resolution.problem(message, f"there are: {', '.join(names)}"))
        known = model.upgrade_aspects
        if resolution and model.upgrades(made.resolution) and made.aspect not in known:
            message = f"{made.resolution} exists for {_only(known)}, this is {made.aspect}"
            self._wrong(
                _nearer(resolution, words.get("aspect") or resolution).problem(message, "leave 'resolution' out")
            )

    def _shape(self, words: SceneValues, made: Generated, image: Value | None) -> None:
        word, known = words.get("aspect"), self._catalogue.model(made).aspects
        if word and made.aspect not in known:
            message = f"{one_line(made.aspect, 40)} is no shape of {self._catalogue.model(made).name}"
            self._wrong(word.problem(message, f"there are: {', '.join(known)}"))
        elif word and made.aspect == "auto" and not image and not words.own.has("first_frame"):
            message = "'auto' takes the shape of the first frame, and there is none"
            self._wrong(word.problem(message, "add a 'first_frame', or write 16:9 or 9:16"))

    def _referable(self, words: SceneValues, made: Generated, references: Value) -> None:
        models, model = self._catalogue.referring, self._catalogue.model(made)
        aspects, word = model.reference_aspects, self._catalogue.word(ModelName(made.provider, made.model))
        if self._catalogue.find(word) and not model.references:
            message = f"references work with {_only(models)}, this is {word}"
            hint = _instead("model", models)
            self._wrong(_nearer(words.get("model"), references).problem(message, hint))
        if made.aspect not in aspects:
            message = f"references work in {_only(aspects)}, this is {made.aspect}"
            hint = _instead("aspect", aspects)
            self._wrong(_nearer(words.get("aspect"), references).problem(message, hint))


def _pick(words: SceneValues, wrong: Callable[[Problem], None]) -> int | None:
    """The number of the take that the film uses; None if the scene does not say. ``wrong`` is given a problem."""
    word, takes = words.get("pick"), words.get("takes")
    if word is None or (takes is None and words.has("takes")):
        return None
    pick, most = int(cast(int, word.value)), int(cast(int, takes.value)) if takes else 1
    if pick > most:
        message = f"'pick' is {pick}, and the scene has {most} take{'' if most == 1 else 's'}"
        wrong(word.problem(message, f"write 'takes: {pick}' to have so many, or a smaller 'pick'"))
    return pick


def _retake(words: SceneValues) -> RetakeRule | None:
    """When another take is bought by itself; None if never."""
    word = words.get("retake")
    if word is None or not isinstance(word.value, Mapping):
        return None
    rule = cast(Mapping[str, object], word.value)
    names, most = cast(Sequence[str], rule.get("on") or ()), int(cast(int, rule.get("at_most", 1)))
    return RetakeRule(frozenset(map(str, names)), most) if most else None


def _only(known: Sequence[str]) -> str:
    return f"{' and '.join(known)} only" if known else "nothing that this provider makes"


def _instead(key: str, known: Sequence[str]) -> str:
    frame = "begin with a 'first_frame'"
    return f"write '{key}: {known[0]}', or {frame}" if known else frame


def _nearer(one: Value | None, other: Value) -> Value:
    """The value to report when two conflict: one of the scene itself, preferably the first."""
    return one if one and (one.own or not other.own) else other
