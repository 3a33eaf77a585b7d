"""Rules that the JSON Schema cannot express, and the Storyboard with all defaults filled in and all units parsed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from storyboard.model.model_catalogue import Catalogue
from storyboard.model.storyboard import Output, Scene, Source, Storyboard
from storyboard.model.text import one_line
from storyboard.parsing import yaml
from storyboard.parsing.assets import Assets
from storyboard.parsing.dialogue import Dialogue, SpokenLine, spoken_captions
from storyboard.parsing.film_checks import film_problems
from storyboard.parsing.findings import Findings
from storyboard.parsing.finishing import Finishing
from storyboard.parsing.generation import Generating
from storyboard.parsing.includes import ENOUGH, MAX_PROBLEMS, MappingNode
from storyboard.parsing.keyframes import Keyframes, cycle_problem
from storyboard.parsing.model_names import check_given_model, with_aliases
from storyboard.parsing.output import read_output
from storyboard.parsing.project_files import Files
from storyboard.parsing.sources import Sources
from storyboard.parsing.values import ParsedScene, SceneValues
from storyboard.parsing.variables import Variables

# Files are named after scenes, and on Windows a file of such a name is a device.
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(10)})


class Rules:
    """Checks the storyboard called ``name`` and collects its problems in ``findings``.

    ``model`` generates every scene in place of the one that is written; "" for that. Raise InputError if it is none.
    """

    def __init__(
        self,
        name: str,
        top: MappingNode,
        scenes: Sequence[MappingNode],
        files: Files,
        catalogue: Catalogue,
        given: Mapping[str, str],
        model: str = "",
    ) -> None:
        self.findings = Findings()
        self._wrong = self.findings.add
        self._name = name
        self._top = top
        self._entries: Sequence[MappingNode] = scenes
        self._model = model
        self._scope = Variables(top, name, len(scenes), given, self._wrong)
        before = self.findings.errors
        self._catalogue = with_aliases(catalogue, top, self._wrong)
        if self.findings.errors > before:  # What a scene may choose of such a model is not known.
            self._entries = ()
        else:
            check_given_model(model, self._catalogue)
        self._found = Assets(files, self._wrong)
        self._keyframes = Keyframes(top, self._found, self._wrong)
        self._generating = Generating(self._found, self._keyframes, self._scope, self._catalogue, self.findings)
        self._sources = Sources(self._found, self._wrong)
        self._finishing = Finishing(self._found, self._wrong)

    def whole(self) -> Storyboard:
        """The Storyboard made of the valid parts. Use it only where ``findings`` has no error."""
        self._ids()
        top, defaults = self._top, self._top.inner("defaults")
        entry = top.inner("output") or MappingNode(top.page, (), yaml.Map())
        output = read_output(entry, self._name, self._scope, self._wrong)
        dialogue = Dialogue(top, self._scope, output.language, self.findings)
        film: list[ParsedScene] = []
        skipped: dict[str, ParsedScene | None] = {}
        for number, entry in enumerate(self._entries, 1):
            if self.findings.errors >= MAX_PROBLEMS:
                self._wrong(entry.problem((), *ENOUGH))
                break
            words = SceneValues(entry, defaults, self._model)
            scene = self._scene(words, number, output, dialogue)
            if (skip := words.get("skip")) and skip.value:
                skipped[str(entry.get("id"))] = ParsedScene(scene, words) if scene else None
            elif scene:
                film.append(ParsedScene(scene, words))
        if self._entries and len(skipped) == len(self._entries):
            self._wrong(top.problem(("scenes",), "every scene is skipped, so there is no film", key=True))
        self._check_frames(film, skipped)
        film, music = self._finishing.join_scenes(film), self._finishing.music(top)
        for problem in film_problems(top, output, film, music, self._found) if not self.findings.errors else ():
            self._wrong(problem)
        scenes = tuple(each.scene for each in film)
        return Storyboard(self._name, self._scope.title, scenes, tuple(skipped), output, music)

    def _check_frames(self, film: Sequence[ParsedScene], skipped: Mapping[str, ParsedScene | None]) -> None:
        """Report frames of scenes that do not exist, and scenes that wait for each other."""
        seen = {each.scene.id: each for each in film}
        known = tuple(str(entry.get("id")) for entry in self._entries if entry.get("id") is not None)
        self._keyframes.check(seen, skipped, known)
        if problem := cycle_problem(seen):
            self._wrong(problem)

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
                self._wrong(
                    entry.problem(("id",), same, f"the other is {where}; ids must differ in more than letter case")
                )

    def _scene(self, words: SceneValues, number: int, output: Output, dialogue: Dialogue) -> Scene | None:
        """The scene; None if it is not valid. Adds to ``findings``."""
        lines: tuple[SpokenLine, ...] = ()
        name, note = words.own.get("id"), words.get("note")
        source: Source | None
        whole: Fraction | None
        kind, known = self._sources.kind(words), self._scope.scene(words, number)
        if kind == "prompt":
            lines = dialogue.scene(words, known)
            made = self._generating.scene(words, known, lines)
            asked = self._catalogue.model(made or self._catalogue.usual_name)
            source, whole = made, asked.length(made.seconds if made else None)
        else:
            source, whole = self._sources.local(words, kind, output)
        model = self._catalogue.model_for(str(word.value) if (word := words.get("model")) else "")
        self._sources.check_lengths(words, kind, model)
        trim = self._sources.trim(words, kind, whole)
        seconds = None if whole is None else min(whole, trim.end or whole) - trim.start
        finish = self._finishing.scene(
            words, seconds, lambda page, path, text: self._scope.render(page, path, text, known)
        )
        if lines and whole is not None and seconds is not None:
            dialogue.check(words, lines, whole, trim)
            if words.get("caption") is None:
                finish = replace(finish, captions=spoken_captions(lines, seconds))
        if source is None or name is None:
            return None
        place = words.own.page.place((*words.own.path, *words.own.begins()), key=True)
        return Scene(str(name), number, source, trim, place, str(note.value) if note else "", finish, whole)
