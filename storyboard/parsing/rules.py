"""Rules that the JSON Schema cannot express, and the Storyboard with all defaults filled in and all units parsed."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import PurePosixPath
from typing import cast

from storyboard.model.capabilities import Capabilities
from storyboard.model.problem import Problem
from storyboard.model.storyboard import (
    Captions,
    Fit,
    Output,
    Scene,
    Source,
    Storyboard,
)
from storyboard.model.text import one_line
from storyboard.parsing import yaml
from storyboard.parsing.assets import Assets, resolve_asset
from storyboard.parsing.finishing import Finishing
from storyboard.parsing.generation import Generating
from storyboard.parsing.includes import ENOUGH, MAX_PROBLEMS, MappingNode
from storyboard.parsing.project_files import Files
from storyboard.parsing.sources import Sources
from storyboard.parsing.values import SceneValues
from storyboard.parsing.variables import Variables

# Files are named after scenes, and on Windows a file of such a name is a device.
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})


class Rules:
    """Checks the storyboard called ``name`` and collects ``problems``."""

    def __init__(
        self,
        name: str,
        top: MappingNode,
        scenes: Sequence[MappingNode],
        files: Files,
        capabilities: Capabilities,
        given: Mapping[str, str],
    ) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._top = top
        self._entries = scenes
        self._capabilities = capabilities
        self._scope = Variables(top, name, len(scenes), given, self._wrong)
        self._found = Assets(files, self._wrong)
        self._generating = Generating(self._found, self._scope, capabilities, self.problems)
        self._sources = Sources(self._found, self._wrong)
        self._finishing = Finishing(self._found, self._wrong)

    def whole(self) -> Storyboard:
        """The Storyboard made of the valid parts. Use it only where ``problems`` has no error."""
        self._ids()
        top, output = self._top, self._output()
        defaults = top.inner("defaults")
        film: list[tuple[Scene, SceneValues, Fraction | None]] = []
        skipped: list[str] = []
        for number, entry in enumerate(self._entries, 1):
            if len(self.problems) >= MAX_PROBLEMS:
                self._wrong(entry.problem((), *ENOUGH))
                break
            words = SceneValues(entry, defaults)
            scene, seconds = self._scene(words, number, output)
            if (skip := words.get("skip")) and skip.value:
                skipped.append(str(entry.get("id")))
            elif scene:
                film.append((scene, words, seconds))
        if self._entries and len(skipped) == len(self._entries):
            self._wrong(top.problem(("scenes",), "every scene is skipped, so there is no film", key=True))
        scenes = self._finishing.join_scenes(film)
        return Storyboard(self._name, self._scope.title, scenes, tuple(skipped), output, self._finishing.music(top))

    def _wrong(self, problem: Problem) -> None:
        self.problems.append(problem)

    def _ids(self) -> None:
        first: dict[str, MappingNode] = {}
        for entry in self._entries:
            word = entry.value.get("id")
            if not isinstance(word, str):
                continue
            other = first.setdefault(word.casefold(), entry)
            if word.casefold() in _DEVICES:
                message = f"'{word}' cannot be an id: Windows has a device of that name"
                self._wrong(entry.problem(("id",), message, "choose another: files are named after scenes"))
            if other is not entry:
                place = other.page.place((*other.path, "id"))
                where = f"on line {place.line}" if place.file == entry.page.name else f"in {place.file}:{place.line}"
                said, before = one_line(word, 80), one_line(str(other.value["id"]), 80)
                same = (
                    f"the id '{said}' is taken"
                    if word == other.value["id"]
                    else f"'{said}' and '{before}' are too alike"
                )
                self._wrong(entry.problem(("id",), same, f"the other is {where}; ids differ in more than capitals"))

    def _output(self) -> Output:
        entry = self._top.inner("output") or MappingNode(self._top.page, (), yaml.Map())
        fps, fit = entry.get("fps"), cast(Fit, entry.get("fit") or "pad")
        file: PurePosixPath | Problem = PurePosixPath("out") / f"{self._name}.mp4"
        if word := entry.get("file"):
            file = resolve_asset(entry.page, (*entry.path, "file"), str(word))
        if isinstance(file, Problem):
            self._wrong(file)
            file = PurePosixPath("out")
        loudness, captions = entry.get("loudness"), cast(Captions, entry.get("captions") or "sidecar")
        level = None if loudness is None else Fraction(str(loudness))
        return Output(file, self._size(entry), int(cast(int, fps)) if fps else None, fit, level, captions)

    def _size(self, entry: MappingNode) -> tuple[int, int] | None:
        word = entry.get("size")
        if word is None:
            return None
        width, height = map(int, str(word).split("x"))
        if width % 2 or height % 2:
            self._wrong(entry.problem(("size",), "width and height must be even", "video is kept in pairs of pixels"))
        elif not (16 <= width <= 4096 and 16 <= height <= 4096):
            self._wrong(entry.problem(("size",), "width and height can be 16 to 4096 pixels"))
        return width, height

    def _scene(self, words: SceneValues, number: int, output: Output) -> tuple[Scene | None, Fraction | None]:
        """The scene, and its seconds on screen; None for each that is unknown. Adds to ``problems``."""
        name, note = words.own.get("id"), words.get("note")
        source: Source | None
        whole: Fraction | None
        kind, known = self._sources.kind(words), self._scope.scene(words, number)
        if kind == "prompt":
            made = self._generating.scene(words, known)
            source, whole = made, Fraction(self._capabilities.model(made.model if made else "").seconds)
        else:
            source, whole = self._sources.local(words, kind, output)
        trim = self._sources.trim(words, whole)
        seconds = None if whole is None else min(whole, trim.end or whole) - trim.start
        finish = self._finishing.scene(
            words, seconds, lambda page, path, text: self._scope.render(page, path, text, known)
        )
        if source is None or name is None:
            return None, seconds
        place = words.own.page.place((*words.own.path, *words.own.begins()), key=True)
        return Scene(str(name), number, source, trim, place, str(note.value) if note else "", finish), seconds
