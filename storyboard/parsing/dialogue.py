"""Dialogue: what is said in a scene (``say``), as it is sent in its prompt and as it is read in its caption."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import cast

from storyboard.model.storyboard import Caption, Trim
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import format_seconds, one_line
from storyboard.parsing.findings import Findings
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.source import KeyPath, SourceFile
from storyboard.parsing.speech_rates import letters, speech_seconds
from storyboard.parsing.values import SceneValues
from storyboard.parsing.variables import Names, Variables

# How a line is sent, unless the file has a `say_template`: part of the prompt, and so of the shot's key. Another one
# here would buy every scene with dialogue again.
SAY_TEMPLATE = '{{ who ~ " says" if who else "Words spoken in the shot" }}{{ ", " ~ how if how }}: "{{ line }}"'

_ID = re.compile(r"[\w-]+")
_LINE = re.compile(r"\bline\b")


@dataclass(frozen=True, slots=True)
class SpokenLine:
    """A line of dialogue: ``text`` as it is read, ``sentence`` as it is sent, ``members`` of the cast that it names."""

    text: str
    sentence: str
    members: tuple[str, ...]


class Dialogue:
    """Parses what is said in scenes. ``language`` is that of the film, "" if unknown."""

    def __init__(self, top: MappingNode, scope: Variables, language: str, findings: Findings) -> None:
        self._top = top
        self._scope = scope
        self._language = language
        self._findings = findings
        self._wrong = findings.add
        self._template, self._place = SAY_TEMPLATE, top.path
        if own := top.get("say_template"):
            self._template, self._place = str(own), (*top.path, "say_template")
            scope.checks.signs(top.page, self._place, self._template)
            if not _LINE.search(self._template):
                message = "'say_template' leaves out what is said"
                self._wrong(top.problem(("say_template",), message, "put {{ line }} where the words belong"))

    def scene(self, words: SceneValues, names: Names) -> tuple[SpokenLine, ...]:
        """The lines of a scene, in order. ``names`` are those that its templates can use."""
        word = words.get("say")
        if word is None:
            return ()
        if isinstance(word.value, str):
            return (self._line(word.page, word.path, word.path, {"line": word.value}, names),)
        if isinstance(word.value, Mapping):
            return (self._line(word.page, word.path, (*word.path, "line"), word.value, names),)
        lines = enumerate(cast(Sequence[Mapping[str, object]], word.value))
        return tuple(
            self._line(word.page, (*word.path, at), (*word.path, at, "line"), line, names) for at, line in lines
        )

    def _line(
        self, page: SourceFile, path: KeyPath, place: KeyPath, said: Mapping[str, object], names: Names
    ) -> SpokenLine:
        """The line at ``path``; its words are at ``place``."""
        before = self._findings.errors
        text, named = self._text(page, place, str(said["line"]), names)
        if not text and self._findings.errors == before:
            self._wrong(page.problem(place, "the line is empty", "write what is said"))
        who, speaker = self._text(page, (*path, "who"), str(said.get("who", "")), names) if "who" in said else ("", ())
        how, manner = self._text(page, (*path, "how"), str(said.get("how", "")), names) if "how" in said else ("", ())
        if who in self._scope.members:
            speaker = (who,)
            who = str(cast(Names, names["cast"])[who])
        elif near := did_you_mean(who, self._scope.members) if _ID.fullmatch(who) else "":
            message = f"no member of the cast is called '{one_line(who, 60)}': it is sent as it is"
            self._wrong(page.problem((*path, "who"), message, near, severity="warning"))
        # A double quote ends the words of the template, so that a model would speak a part of them only.
        own = {**names, "who": who, "how": how, "line": text.replace('"', "'")}
        sentence = self._scope.render(self._top.page, self._place, self._template, own).strip()
        return SpokenLine(text, sentence[:1].upper() + sentence[1:], (*speaker, *manner, *named))

    def _text(self, page: SourceFile, path: KeyPath, source: str, names: Names) -> tuple[str, tuple[str, ...]]:
        """A text with its templates filled in, on one line, and the members of the cast that it names."""
        filled, members = self._scope.render_naming(page, path, source, names)
        text = " ".join(filled.split())
        self._scope.checks.signs(page, path, text)
        return text, members

    def check(self, words: SceneValues, lines: Sequence[SpokenLine], clip: Fraction, trim: Trim) -> None:
        """Report what cannot be said in a clip of so many seconds, or in the part of it that is shown."""
        word = words.get("say")
        assert word is not None
        text = " ".join(line.text for line in lines)
        needed, shown = speech_seconds(text, self._language), min(clip, trim.end or clip) - trim.start
        if needed > clip:
            self._wrong(word.problem(*_too_long(text, needed, clip, "the clip is")))
        elif needed > shown > 0:
            message, hint = _too_long(text, needed, shown, "'trim' shows")
            self._wrong(word.page.problem(word.path, message, hint, severity="warning"))
        if self._language and not self._language.startswith("en") and words.get("translate") is None:
            message = "the provider translates the prompt to English, and what is said with it"
            hint = f"write 'translate: false' to have it said in '{self._language}'"
            self._wrong(word.page.problem(word.path, message, hint, severity="warning"))


def _too_long(text: str, needed: Fraction, there: Fraction, where: str) -> tuple[str, str]:
    """Message and hint for a text that takes more seconds than there are."""
    count = letters(text)
    over = count - int(count * there / needed)
    spoken = f"{ceil(needed * 10) / 10:.1f}".removesuffix(".0")
    long = " long" if where.endswith("is") else ""
    many = f"{over} character{'s' * (over > 1)} too many"
    message = f"this takes {spoken} s to say, and {where} {format_seconds(there)} s{long}: {many}"
    return message, "shorten it, or let two scenes share it"


def spoken_captions(lines: Sequence[SpokenLine], seconds: Fraction) -> tuple[Caption, ...]:
    """The lines as captions of a scene of so many seconds: each in turn, for its share of the characters."""
    whole = sum(len(line.text) for line in lines)
    captions, before = [], 0
    for line in lines:
        captions.append(Caption(line.text, Fraction(before, max(1, whole)) * seconds, None))
        before += len(line.text)
    return tuple(captions)
