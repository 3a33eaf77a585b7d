"""The images of a generated scene: first and last frame, or references."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import cast

from storyboard.model.aspect_ratio import is_alike, ratio_of
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Aspect, Fit, FrameFit, FrameSource, Image, LocalImage, SceneFrame
from storyboard.parsing.assets import Assets
from storyboard.parsing.keyframes import Edge, Keyframes
from storyboard.parsing.prompt_text import PromptText
from storyboard.parsing.source import KeyPath, SourceFile
from storyboard.parsing.values import SceneValues, Value
from storyboard.parsing.variables import Variables


class SceneImages:
    """Parses the images of scenes; ``wrong`` is given each problem."""

    def __init__(
        self,
        found: Assets,
        keyframes: Keyframes,
        scope: Variables,
        catalogue: Catalogue,
        wrong: Callable[[Problem], None],
    ) -> None:
        self._found = found
        self._keyframes = keyframes
        self._scope = scope
        self._catalogue = catalogue
        self._wrong = wrong

    def choose(self, words: SceneValues) -> tuple[Value | None, Value | None, Value | None]:
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
                last.problem("'last_frame' needs a 'first_frame'", "name the image of the first frame", key=True)
            )
        return first, last, references

    def frame(self, words: SceneValues, key: str, word: Value | None, aspect: Aspect) -> FrameSource | None:
        """The image that a scene begins or ends with by its ``key``, or the frame of another one; None without one."""
        if word is None:
            return None
        edge: Edge = "first" if key == "first_frame" else "last"
        image = self._keyframes.frame(word.page, word.path, word.value, edge, str(words.own.get("id") or ""))
        how = words.get("frame_fit")
        fit = FrameFit(cast(Fit, how.value), aspect) if how and ratio_of(aspect) else None
        ratio = ratio_of(aspect)
        if isinstance(image, LocalImage) and ratio:
            if is_alike(Fraction(image.width, image.height), ratio):
                return image
            if fit is None:
                message = f"this image is {image.width}x{image.height}, the scene is {aspect}"
                hint = "the provider will crop it or fill it up; 'frame_fit: crop', 'pad' or 'blur' decides how"
                self._wrong(word.page.problem(word.path, message, hint, severity="warning"))
        return replace(image, fit=fit) if fit and isinstance(image, LocalImage | SceneFrame) else image

    def references(self, word: Value, prompt: PromptText, scene: str) -> tuple[FrameSource, ...]:
        """The references of ``scene``: a list of images, those of the cast in its prompt, or another scene's frames."""
        if isinstance(word.value, Mapping):
            if not word.own and word.value["scene"] == scene:  # the one that all others refer to
                return ()
            return (self._keyframes.sheet(word.page, word.path, word.value, scene),)
        places = [(word.page, (*word.path, index), text) for index, text in enumerate(cast(list[str], word.value))]
        said = f"{len(places)} references"
        if word.value == "cast":
            places = self._portraits(prompt.members)
            said = f"the cast in this prompt has {len(places)} images"
            if not places and word.own and not prompt.error:
                hint = "name one that has 'images', such as {{ cast.keeper }}"
                self._wrong(word.problem("the prompt names no member of the cast that has images", hint))
        if len(places) > self._most:
            self._wrong(word.problem(f"{said}; at most {self._most} can be sent", "list the ones that matter most"))
        return tuple(image for place in places[: self._most] if (image := self._found.image(*place)))

    def former_references(self, word: Value, prompt: PromptText) -> tuple[Image, ...] | None:
        """The references as they were while each member written in a prompt counted, in branches that never run too.

        None if they are the same, or if they could not be sent.
        """
        if word.value != "cast" or prompt.former_members is None:
            return None
        places = self._portraits(prompt.former_members)
        images = tuple(image for place in places if (image := self._found.quietly().image(*place)))
        same = places == self._portraits(prompt.members)
        return None if same or not len(images) == len(places) <= self._most else images

    @property
    def _most(self) -> int:
        """How many references can be sent, with the model that takes most."""
        return max(self._catalogue.model(name).references for name in self._catalogue.names)

    def _portraits(self, members: Sequence[str]) -> list[tuple[SourceFile, KeyPath, str]]:
        """The images of members of the cast, each once."""
        found: dict[str, tuple[SourceFile, KeyPath, str]] = {}
        for name in members:
            member = self._scope.members.get(name)
            images = member.get("images") if member else None
            for index, text in enumerate(cast(list[str], images or [])):
                assert member is not None
                found.setdefault(text, (member.page, (*member.path, "images", index), text))
        return list(found.values())
