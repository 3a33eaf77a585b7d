"""The rules that no schema can say, and the storyboard made whole: every default filled in, every unit parsed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePosixPath
from typing import cast
from urllib.parse import urlsplit

from storyboard.errors import StoryboardError
from storyboard.offer import Offer
from storyboard.plain import show
from storyboard.reading import template, yaml
from storyboard.reading.files import Facts, Files
from storyboard.reading.gather import Entry, Gathered, resolve
from storyboard.reading.near import did_you_mean
from storyboard.reading.page import Page, Path, named
from storyboard.story import (
    Aspect,
    Fit,
    Generated,
    Image,
    LocalImage,
    Output,
    OwnClip,
    Problem,
    Resolution,
    Scene,
    Storyboard,
    Trim,
    WebImage,
)
from storyboard.take import Measure

_MADE = (
    "prompt",
    "model",
    "aspect",
    "first_frame",
    "last_frame",
    "references",
    "seed",
    "translate",
    "watermark",
    "resolution",
    "takes",
    "pick",
)
_FRAMES = ("first_frame", "last_frame")
_DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10)))
)
_SHAPES = {"16:9": Fraction(16, 9), "9:16": Fraction(9, 16)}


@dataclass(frozen=True, slots=True)
class Word:
    """A value that somebody wrote, and where: the scene itself, or the defaults."""

    value: object
    page: Page
    path: Path
    own: bool

    def problem(self, message: str, hint: str = "", *, key: bool = False) -> Problem:
        return self.page.problem(self.path, message, hint, key=key)


class Words:
    """What a scene says: its own words, and the defaults where it is silent."""

    def __init__(self, entry: Entry, defaults: Entry | None) -> None:
        self.entry = entry
        self._defaults = defaults

    def said(self, name: str) -> bool:
        """Whether the scene itself has this key, sound or not."""
        return name in self.entry.value or name in self.entry.unsound

    def get(self, name: str) -> Word | None:
        """The sound value of a key; None where nobody wrote one, or where the schema has something against it."""
        if self.said(name):
            return self._word(self.entry, name, True)
        return self._word(self._defaults, name, False) if self._defaults else None

    def lacks(self, name: str) -> bool:
        """Whether neither the scene nor the defaults have this key, sound or not."""
        return not self.said(name) and (
            self._defaults is None or (name not in self._defaults.value and name not in self._defaults.unsound)
        )

    def _word(self, entry: Entry, name: str, own: bool) -> Word | None:
        if name in entry.unsound or name not in entry.value:
            return None
        return Word(entry.value[name], entry.page, (*entry.path, name), own)


def storyboard(
    name: str, gathered: Gathered, files: Files, offer: Offer, given: Mapping[str, str]
) -> tuple[Storyboard | None, list[Problem]]:
    """The storyboard, or None where it has errors; and all problems that the rules find."""
    if gathered.top is None:
        return None, []
    return _Rules(name, gathered, gathered.top, files, offer).whole(given)


class _Rules:
    """One reading: what is in scope, what has been looked at already, what was found."""

    def __init__(self, name: str, gathered: Gathered, top: Entry, files: Files, offer: Offer) -> None:
        self.name = name
        self.top = top
        self.entries = gathered.scenes
        self.files = files
        self.offer = offer
        self.problems: list[Problem] = []
        self.work = template.Work()
        self.scope: dict[str, object] = {}
        self._facts: dict[PurePosixPath, Facts | StoryboardError] = {}
        self._clips: dict[PurePosixPath, Measure | StoryboardError] = {}

    def whole(self, given: Mapping[str, str]) -> tuple[Storyboard | None, list[Problem]]:
        title = self.top.get("title") or self.name
        self.scope = self._vars(given) | {"cast": self._cast(), "title": title}
        self._ids()
        defaults = self._defaults()
        scenes = [self._scene(Words(entry, defaults), number) for number, entry in enumerate(self.entries, 1)]
        output = self._output()
        skipped = {index for index, entry in enumerate(self.entries) if self._skipped(Words(entry, defaults))}
        if self.entries and len(skipped) == len(self.entries):
            self._wrong(self.top.problem(("scenes",), "every scene is skipped, so there is no film", key=True))
        if output is None or None in scenes:
            return None, self.problems
        film = tuple(scene for index, scene in enumerate(scenes) if scene and index not in skipped)
        out = tuple(scene.id for index, scene in enumerate(scenes) if scene and index in skipped)
        return Storyboard(self.name, str(title), film, out, output), self.problems

    def _wrong(self, problem: Problem) -> None:
        self.problems.append(problem)

    # -- what all scenes share

    def _vars(self, given: Mapping[str, str]) -> dict[str, object]:
        words = self.top.get("vars")
        scope: dict[str, object] = {}
        known = [key for key in words if not key.startswith("x-")] if isinstance(words, yaml.Map) else []
        if "vars" not in self.top.unsound:
            self._given(given, known)
        for key in known:
            assert isinstance(words, yaml.Map)
            if key in given:
                scope[key] = given[key]
            elif words[key] is not None:
                scope[key] = self._filled(("vars", key), words[key], scope)
        return scope

    def _given(self, given: Mapping[str, str], known: list[str]) -> None:
        path: Path = ("vars",) if "vars" in self.top.value else self.top.begins()
        for key, text in given.items():
            if key not in known:
                hint = did_you_mean(key, known) or "add it to 'vars', without a value if it is always given"
                self._wrong(self.top.problem(path, f"--var {show(key, 60)}: there is no such var", hint, key=True))
            elif yaml.UNSPEAKABLE.search(text):
                self._wrong(self.top.problem((*path, key), f"--var {key}: an invisible character", key=True))

    def _filled(self, path: Path, value: object, scope: Mapping[str, object]) -> object:
        """A var with its own templates carried out, over the vars above it."""
        if isinstance(value, str):
            return self._rendered(self.top.page, (*self.top.path, *path), value, scope)
        if isinstance(value, yaml.Map):
            return {key: self._filled((*path, key), part, scope) for key, part in value.items()}
        if isinstance(value, yaml.Items):
            return [self._filled((*path, index), part, scope) for index, part in enumerate(value)]
        return value

    def _cast(self) -> dict[str, object]:
        cast_ = self.top.get("cast")
        looks: dict[str, object] = {}
        for name, member in cast_.items() if isinstance(cast_, yaml.Map) else ():
            if name.startswith("x-") or not isinstance(member, yaml.Map):
                continue
            looks[name] = member.get("looks", "")
            if not template.plain(str(looks[name])):
                words = "what somebody looks like is plain text, not a template"
                self._wrong(self.top.problem(("cast", name, "looks"), words, "write it out, or put it in the prompt"))
        return looks

    def _defaults(self) -> Entry | None:
        value = self.top.value.get("defaults")
        if not isinstance(value, yaml.Map) or "defaults" in self.top.unsound:
            return None
        return Entry(self.top.page, (*self.top.path, "defaults"), value, self.unsound)
