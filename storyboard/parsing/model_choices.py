"""What a scene chooses of its model (length, sound, options), and the model's rules: each checked against its data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from storyboard.model.capabilities import Model
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Generated, Resolution, WebImage
from storyboard.model.text import format_seconds
from storyboard.parsing.values import SceneValues, Value

# Keys of a scene that a model knows only if its data names them as options.
_OPTIONS = {
    "translate": "it takes each prompt as it is written",
    "watermark": "add a 'title' to the scene to show text",
    "negative": "say in the prompt what the clip shows",
}
_IMAGES = ("first_frame", "last_frame", "references")


@dataclass(frozen=True, slots=True)
class ModelChoices:
    """Reads the choices of scenes; ``wrong`` is given each problem.

    In place of another model (``words.model``), a choice that the model does not offer is left out without a problem.
    """

    wrong: Callable[[Problem], None]

    def seconds(self, words: SceneValues, model: Model) -> Fraction | None:
        """The length of the clip; None where the model has no choice of it."""
        word = words.get("seconds")
        if not model.lengths:
            return None
        seconds = Fraction(str(word.value)) if word else model.length(None)
        if word and seconds not in model.lengths:
            if words.model:
                return model.length(None)
            message = f"{model.name} makes no clips of {format_seconds(seconds)} s"
            self.wrong(word.problem(message, f"it offers {model.lengths}"))
        return seconds

    def resolution(self, model: Model, wanted: Resolution) -> Resolution | None:
        """The resolution to request; None where the model requests one only."""
        return model.base(wanted) if len(model.requested_resolutions) > 1 else None

    def sound(self, words: SceneValues, model: Model) -> bool | None:
        """Whether the clip has sound; None where the model has no choice of it."""
        word, switch = words.get("sound"), model.sound == "switch"
        if word and not switch and not words.model and word.value != (model.sound == "always"):
            always = model.sound == "always"
            hint = "write 'audio: {mute: true}' to silence it in the film" if always else "take the key out"
            self.wrong(word.problem(f"{model.name} makes all clips {'with' if always else 'without'} sound", hint))
        return (bool(word.value) if word else True) if switch else None

    def negative(self, words: SceneValues, model: Model) -> str | None:
        """What the clip must not show; None if that is not said, or the model has no such option."""
        word = words.get("negative")
        return str(word.value) if word and "negative" in model.options else None

    def check(self, words: SceneValues, made: Generated, model: Model) -> None:
        """Report options and images that the model does not have, and what its rules exclude."""
        for name, hint in _OPTIONS.items():
            word = words.get(name)
            if word and name not in model.options and not words.model:
                known = f"it has {', '.join(sorted(model.options))}" if model.options else "it has no such options"
                self.wrong(word.problem(f"{model.name} has no option '{name}'", f"{known}; {hint}", key=True))
        if made.first_frame and not model.first_frame:
            self._image(words, "first_frame", model)
        if made.last_frame and not model.last_frame:
            self._image(words, "last_frame", model)
        images = {"first_frame": (made.first_frame,), "last_frame": (made.last_frame,), "references": made.references}
        for name, sent in images.items():
            if not model.web_images and any(isinstance(image, WebImage) for image in sent):
                message = f"{model.name} takes no image by its address"
                self.wrong(_place(words, (name,))(message, "save the image in the project, and name its file"))
        values = _values(made, model)
        for rule in model.rules:
            for name, only in rule.only.items() if _meets(values, rule.when) else ():
                if values.get(name) not in only:
                    place = _place(words, (name, *rule.when))
                    self.wrong(place(rule.because, _instead(name, only)))

    def _image(self, words: SceneValues, name: str, model: Model) -> None:
        roles = {"first_frame": model.first_frame, "last_frame": model.last_frame, "references": model.references}
        taken = [f"'{role}'" for role, takes in roles.items() if takes]
        hint = f"it takes {', '.join(taken)}" if taken else "it takes no images: describe them in the prompt"
        self.wrong(_place(words, (name,))(f"{model.name} takes no '{name}'", hint))


def _values(made: Generated, model: Model) -> Mapping[str, object]:
    """The values of a scene by the names that rules use."""
    return {
        "aspect": made.aspect,
        "resolution": made.resolution,
        "seconds": model.length(made.seconds),
        "sound": model.has_sound(made.sound),
        "seed": made.seed,
        "first_frame": made.first_frame is not None,
        "last_frame": made.last_frame is not None,
        "references": bool(made.references),
    }


def _meets(values: Mapping[str, object], when: Mapping[str, object]) -> bool:
    return all(name in values and values[name] == value for name, value in when.items())


def _place(words: SceneValues, names: tuple[str, ...]) -> Callable[[str, str], Problem]:
    """The problem at the first of these keys that the scene itself has, else that the defaults have, else at its id."""
    found = [word for name in names if (word := words.get(name))]
    nearest: Value | None = next((word for word in found if word.own), found[0] if found else None)
    if nearest:
        return nearest.problem
    return lambda message, hint: words.own.problem(("id",), message, hint)


def _instead(name: str, only: tuple[object, ...]) -> str:
    """What to write so that a rule holds."""
    if name in _IMAGES:
        return f"add '{name}'" if True in only else f"leave '{name}' out"
    said = [_said(value) for value in only if value is not None]
    more = f", or {', '.join(said[1:])}" if said[1:] else ""
    return f"write '{name}: {said[0]}'{more}" if said else f"leave '{name}' out"


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
