"""Generation settings of a scene (prompt, images, model), checked against the provider's capabilities."""

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

from storyboard.model.capabilities import Capabilities, Model
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Aspect, Generated, Image, LocalImage, Resolution
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.parsing import template, template_limits
from storyboard.parsing.assets import Assets
from storyboard.parsing.source import KeyPath, SourceFile
from storyboard.parsing.values import SceneValues, Value
from storyboard.parsing.variables import Names, Variables

_SHAPES = {"16:9": Fraction(16, 9), "9:16": Fraction(9, 16)}
_ALIKE = Fraction(2, 100)


class Generating:
    """Parses the generation settings of scenes. Each problem is added to ``problems``."""

    def __init__(self, found: Assets, scope: Variables, capabilities: Capabilities, problems: list[Problem]) -> None:
        self._found = found
        self._scope = scope
        self._capabilities = capabilities
        self._problems = problems
        self._wrong = problems.append

    def scene(self, words: SceneValues, names: Names) -> Generated | None:
        """The generation settings of a scene; None without a prompt. ``names`` are those its prompt can use."""
        prompt = self._prompt(words, names)
        model, aspect, resolution = words.get("model"), words.get("aspect"), words.get("resolution")
        shape = cast(Aspect, aspect.value if aspect else "16:9")
        first, last, references = self._images(words)
        wanted = self._model(model)
        usual = self._capabilities.model(wanted).resolutions[0].name
        made = Generated(
            prompt=prompt or "",
            model=wanted,
            aspect=shape,
            first_frame=self._frame(first, shape),
            last_frame=self._frame(last, shape),
            references=self._references(references, words) if references else (),
            seed=self._seed(words),
            translate=bool(word.value) if (word := words.get("translate")) else True,
            watermark=self._watermark(words),
            resolution=cast(Resolution, resolution.value if resolution else usual),
        )
        self._possible(words, made, first, references)
        return made if prompt else None

    def _prompt(self, words: SceneValues, names: Names) -> str | None:
        word = words.get("prompt")
        if word is None:
            if not words.has("prompt"):
                message, hint = (
                    "the scene has no 'prompt', no 'file' and no 'still'",
                    "say what is to be seen: prompt: …",
                )
                self._wrong(words.own.problem(words.own.begins(), message, hint, key=True))
            return None
        before = len(self._problems)
        text = self._scope.render(word.page, word.path, str(word.value), names).strip()
        if not text and len(self._problems) == before:
            self._wrong(word.problem("the prompt is empty", "say what is to be seen and heard"))
        limit = self._asked(words).prompt_limit
        if len(text) > limit:
            self._wrong(
                word.problem(f"the prompt has {len(text):,} characters; at most {limit:,} can be sent", "shorten it")
            )
        return text

    def _model(self, word: Value | None) -> str:
        known = self._capabilities.names
        if word is None:
            return self._capabilities.usual
        name = str(word.value)
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
            self._wrong(word.problem(f"'{one_line(name, 60)}' is not a model", hint))
        return name

    def _asked(self, words: SceneValues) -> Model:
        """The model whose limits apply to a scene."""
        word = words.get("model")
        return self._capabilities.model(str(word.value) if word else "")

    def _seed(self, words: SceneValues) -> int | None:
        word = words.get("seed")
        if word is None:
            return None
        seed, (least, most) = int(cast(int, word.value)), self._asked(words).seeds
        if not least <= seed <= most:
            self._wrong(word.problem(f"a seed is a number from {least} to {most}"))
        return seed

    def _watermark(self, words: SceneValues) -> str | None:
        word = words.get("watermark")
        if word and not template.plain(str(word.value)):
            self._wrong(word.problem("a watermark is plain text, and this has a tag in it", "write it out"))
        return str(word.value) if word else None

    def _images(self, words: SceneValues) -> tuple[Value | None, Value | None, Value | None]:
        """First frame, last frame, references.

        Frames of the scene itself replace references of the defaults, and the other way round.
        """
        first, last, references = words.get("first_frame"), words.get("last_frame"), words.get("references")
        own_frames = words.own.has("first_frame") or words.own.has("last_frame")
        if own_frames and references and not references.own:
            references = None
        elif words.own.has("references") and not own_frames:
            first = last = None
        if references and (first or last):
            hint = "frames say where the shot begins and ends, references what is in it"
            self._wrong(references.problem("a scene has frames or references, not both", hint, key=True))
        if last and not first and not words.own.has("first_frame"):
            self._wrong(
                last.problem("'last_frame' needs a 'first_frame'", "name the image that the shot begins with", key=True)
            )
        return first, last, references

    def _frame(self, word: Value | None, shape: str) -> Image | None:
        if word is None:
            return None
        image = self._found.image(word.page, word.path, str(word.value))
        if isinstance(image, LocalImage) and shape in _SHAPES:
            ratio = Fraction(image.width, image.height) / _SHAPES[shape]
            if abs(ratio - 1) > _ALIKE:
                message = f"this image is {image.width}x{image.height}, the scene is {shape}"
                hint = "the provider will crop it or fill it up"
                self._wrong(word.page.problem(word.path, message, hint, severity="warning"))
        return image

    def _references(self, word: Value, words: SceneValues) -> tuple[Image, ...]:
        places = [(word.page, (*word.path, index), text) for index, text in enumerate(cast(list[str], word.value))]
        said = f"{len(places)} references"
        if word.value == "cast":
            places = self._portraits(words)
            said = f"the cast in this prompt has {len(places)} images"
            if not places and word.own:
                hint = "name one that has 'images', such as {{ cast.keeper }}"
                self._wrong(word.problem("the prompt names no member of the cast that has images", hint))
        most = max(model.references for model in self._capabilities.models)
        if len(places) > most:
            self._wrong(word.problem(f"{said}; at most {most} can be sent", "list the ones that matter most"))
        return tuple(image for place in places[:most] if (image := self._found.image(*place)))

    def _portraits(self, words: SceneValues) -> list[tuple[SourceFile, KeyPath, str]]:
        """The images of the cast members that the prompt names, in the order of the prompt."""
        prompt = words.get("prompt")
        try:
            names = template.parse(str(prompt.value)).members if prompt else ()
        except template_limits.TemplateRefused:
            return []
        found: dict[str, tuple[SourceFile, KeyPath, str]] = {}
        for name in names:
            member = self._scope.members.get(name)
            images = member.get("images") if member else None
            for index, text in enumerate(cast(list[str], images or [])):
                assert member is not None
                found.setdefault(text, (member.page, (*member.path, "images", index), text))
        return list(found.values())

    def _possible(self, words: SceneValues, made: Generated, first: Value | None, references: Value | None) -> None:
        """Report combinations of settings that the provider cannot generate."""
        self._shape(words, made, first or references)
        if references and made.references:
            self._referable(words, made, references)
        model, resolution = self._capabilities.model(made.model), words.get("resolution")
        known = model.upgrade_aspects
        if resolution and model.upgrades(made.resolution) and made.aspect not in known:
            message = f"{made.resolution} exists for {_only(known)}, this is {made.aspect}"
            self._wrong(
                _nearer(resolution, words.get("aspect") or resolution).problem(message, "leave 'resolution' out")
            )

    def _shape(self, words: SceneValues, made: Generated, image: Value | None) -> None:
        word, known = words.get("aspect"), self._capabilities.model(made.model).aspects
        if word and made.aspect not in known:
            self._wrong(word.problem(f"{made.aspect} is no shape of this provider", f"there are: {', '.join(known)}"))
        elif word and made.aspect == "auto" and not image and not words.own.has("first_frame"):
            message = "'auto' takes the shape of the first frame, and there is none"
            self._wrong(word.problem(message, "add a 'first_frame', or write 16:9 or 9:16"))

    def _referable(self, words: SceneValues, made: Generated, references: Value) -> None:
        models = tuple(model.name for model in self._capabilities.referring)
        aspects = self._capabilities.model(made.model).reference_aspects
        if made.model in self._capabilities.names and made.model not in models:
            message = f"references work with {_only(models)}, this is {made.model}"
            hint = _instead("model", models)
            self._wrong(_nearer(words.get("model"), references).problem(message, hint))
        if made.aspect not in aspects:
            message = f"references work in {_only(aspects)}, this is {made.aspect}"
            hint = _instead("aspect", aspects)
            self._wrong(_nearer(words.get("aspect"), references).problem(message, hint))


def _only(known: Sequence[str]) -> str:
    return f"{' and '.join(known)} only" if known else "nothing that this provider makes"


def _instead(key: str, known: Sequence[str]) -> str:
    frame = "begin with a 'first_frame'"
    return f"write '{key}: {known[0]}', or {frame}" if known else frame


def _nearer(one: Value | None, other: Value) -> Value:
    """The value to report when two conflict: one of the scene itself, preferably the first."""
    return one if one and (one.own or not other.own) else other
