"""What a scene shows if nothing is generated for it: a local clip or a still; and the trim of any clip."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import cast

from storyboard.model.capabilities import Model
from storyboard.model.problem import Problem
from storyboard.model.storyboard import LocalImage, Move, Output, OwnClip, Still, Trim
from storyboard.model.text import format_seconds, one_line
from storyboard.parsing.assets import Assets
from storyboard.parsing.values import SceneValues, Value

_MADE = (
    "model",
    "aspect",
    "first_frame",
    "last_frame",
    "references",
    "seed",
    "translate",
    "watermark",
    "resolution",
    "sound",
    "negative",
    "takes",
    "pick",
    "frozen",
    "if_refused",
    "retake",
    "say",
)  # fmt: skip
_KINDS = ("prompt", "file", "still")
_OWN = {"file": "a local clip", "still": "a local picture"}
_COLOR = re.compile("#[0-9a-fA-F]{6}")


class Sources:
    """Parses the sources of scenes; ``wrong`` is given each problem."""

    def __init__(self, found: Assets, wrong: Callable[[Problem], None]) -> None:
        self._found = found
        self._wrong = wrong

    def kind(self, words: SceneValues) -> str:
        """Which of 'prompt', 'file' and 'still' defines the scene. Its own key takes precedence over the defaults."""
        for entry in (words.own, words.defaults):
            said = [kind for kind in _KINDS if entry and entry.has(kind)]
            if len(said) > 1 and (word := words.get(said[1])):
                hint = f"a '{said[1]}' is {_OWN[said[1]]}: nothing is generated"
                self._wrong(word.problem(f"a scene has a '{said[0]}' or a '{said[1]}', not both", hint, key=True))
            if said:
                return said[-1]
        return "prompt"

    def local(self, words: SceneValues, kind: str, output: Output) -> tuple[OwnClip | Still | None, Fraction | None]:
        """The local clip or still of a scene and its duration in seconds; None for each that is unknown."""
        for name in _MADE if not words.own.has("prompt") else ():
            if name in words.own.value:
                message = f"{_OWN[kind]} has no '{name}': nothing is generated"
                hint = f"take the key out, or write a 'prompt', not a '{kind}'"
                self._wrong(words.own.problem((name,), message, hint, key=True))
        word = words.get(kind)
        if word is None:
            return None, None
        if kind == "still":
            still = self._still(words, word)
            return still, still.seconds if still else None
        found = self._found.clip(word.page, word.path, str(word.value))
        if found is None:
            return None, None
        if found.path == output.file:
            self._wrong(word.problem("the film would be written over this clip", "name another 'file' in 'output'"))
        return found, self._found.seconds(found)

    def check_lengths(self, words: SceneValues, kind: str, model: Model) -> None:
        """Report keys of the scene itself that say how a scene of another kind lasts or moves."""
        if kind != "still" and "move" in words.own.value and (word := words.get("move")):
            hint = "say in the prompt how the camera moves" if kind == "prompt" else "take the key out"
            self._wrong(word.problem(f"'move' is for a 'still', and this scene has a '{kind}'", hint, key=True))
        # Where the model offers lengths, this is a choice, which is checked with the others.
        free = kind == "still" or (kind == "prompt" and (model.lengths or words.model))
        if not free and "seconds" in words.own.value and (word := words.get("seconds")):
            self._seconds(word, kind, model)
        if kind == "still" and "trim" in words.own.value and (word := words.get("trim")):
            said = cast(Mapping[str, object], word.value)
            lasting = _number(said.get("to", 4)) - _number(said.get("from", 0))
            shown = format_seconds(lasting) if lasting > 0 else "4"
            hint = f"write 'seconds: {shown}': it says how long a still is shown"
            self._wrong(word.problem("a 'still' has no 'trim'", hint, key=True))

    def _seconds(self, word: Value, kind: str, model: Model) -> None:
        """Report ``seconds`` beside a clip, unless it is the length that the model makes."""
        seconds = _number(word.value)
        shown = format_seconds(seconds)
        if kind == "file":
            hint = f"write 'trim: {{to: {shown}}}' to show {shown} s of the clip"
            self._wrong(word.problem("'seconds' is for a 'still', and this scene has a 'file'", hint, key=True))
        elif seconds < model.seconds:
            hint = f"write 'trim: {{to: {shown}}}' to show {shown} s of it"
            self._wrong(word.problem(f"{model.name} makes clips of {model.seconds} s, not {shown} s", hint, key=True))
        elif seconds > model.seconds:
            hint = "leave 'seconds' out; a longer moment takes two scenes"
            self._wrong(word.problem(f"{model.name} makes clips of {model.seconds} s, not {shown} s", hint, key=True))

    def _still(self, words: SceneValues, word: Value) -> Still | None:
        seconds, move = words.get("seconds"), words.get("move")
        lasting = _number(seconds.value) if seconds else Fraction(4)
        going = cast(Move, move.value if move else "in")
        name, place = str(word.value), word.page.place(word.path)
        if name.startswith("#"):
            if not _COLOR.fullmatch(name):
                self._wrong(word.problem(f"'{one_line(name, 60)}' is not a colour", 'write it as "#rrggbb", in quotes'))
            return Still(None, name.lower(), lasting, "none", place)
        if "://" in name:
            self._wrong(word.problem("a still is a file of the project, not an address", "put it into the project"))
            return None
        image = self._found.image(word.page, word.path, name)
        return Still(image, "#000000", lasting, going, place) if isinstance(image, LocalImage) else None

    def trim(self, words: SceneValues, kind: str, seconds: Fraction | None) -> Trim:
        """The part that is shown of a clip that lasts ``seconds`` (None: unknown). A still is never trimmed."""
        word = words.get("trim")
        if word is None or kind == "still":
            return Trim()
        said = cast(Mapping[str, object], word.value)
        start = _number(said.get("from", 0))
        end = _number(said["to"]) if "to" in said else None
        if end is not None and end <= start:
            self._wrong(word.page.problem((*word.path, "to"), "'to' must be later than 'from'"))
        if seconds is not None and "from" in said and start >= seconds:
            self._late(word, "from", start, seconds)
        if seconds is not None and end is not None and end > seconds:
            self._late(word, "to", end, seconds)
        return Trim(start, end)

    def _late(self, word: Value, name: str, second: Fraction, seconds: Fraction) -> None:
        message = f"'{name}' is {format_seconds(second)} s, and the clip is only {format_seconds(seconds)} s long"
        self._wrong(word.page.problem((*word.path, name), message))


def _number(value: object) -> Fraction:
    return Fraction(str(value))
