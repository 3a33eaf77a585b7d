"""Checks of texts: what would be sent or shown in another way than its author means."""

import re
from collections.abc import Callable, Collection, Iterable

from yaml.events import ScalarEvent

from storyboard.model.problem import Problem
from storyboard.model.text import one_line
from storyboard.parsing.source import KeyPath, SourceFile, position_of_text

# A prompt that is longer than this many characters is a warning, whatever the provider takes.
LONG_PROMPT = 2_000

_CURLY = re.compile("[“”„‘]")
_TAG = re.compile(r"</?([A-Za-z][\w-]{0,30})(?:\s[^<>]{0,80})?/?>")
# A '#' that is not followed by a space, or by a number: "platform #9", "take # 9". Other comments are comments.
_CUT = re.compile(r"\s+#(?:[^\s#]|\s*[0-9])")


class TextChecks:
    """Checks texts, and calls ``wrong`` with a warning for each oddity. ``names`` are the vars and the cast."""

    def __init__(self, variables: Iterable[str], members: Iterable[str], wrong: Callable[[Problem], None]) -> None:
        expressions = {name: name for name in variables}
        for member in members:
            expressions[f"cast.{member}"] = f"cast.{member}"
            expressions.setdefault(member, f"cast.{member}")
        self._expressions = expressions
        self._wrong = wrong
        words = "|".join(sorted(map(re.escape, expressions), key=len, reverse=True))
        forms = rf"(?<![{{$])\{{\s*({words})\s*\}}(?!\}})|\$\{{\s*({words})\s*\}}|\$({words})\b|<\s*({words})\s*>"
        self._placeholder = re.compile(forms) if words else None

    def template(self, page: SourceFile, path: KeyPath, source: str) -> None:
        """Check a template as it is written: names that are not put in, and a text that ends at a '#'."""
        self.plain_text(page, path)
        if not self._placeholder or not any(sign in source for sign in "{$<"):
            return
        for found in self._placeholder.finditer(source):
            name = next(part for part in found.groups() if part)
            message = f"'{one_line(found[0], 60)}' stays as it is: the name of a var needs two braces"
            self._warn(page, path, re.escape(found[0]), message, f"write {{{{ {self._expressions[name]} }}}}")

    def plain_text(self, page: SourceFile, path: KeyPath) -> None:
        """Check a text without quotes: whether a '#' on its line cuts it short."""
        event = page.event(path)
        if not isinstance(event, ScalarEvent) or event.style or not event.value:
            return
        at = page.span(path)
        line = page.document.lines[at.end_line]
        if cut := _CUT.match(line, at.end_column):
            column = line.index("#", cut.start())
            message = "' #' begins a comment: the rest of this line is left out"
            hint = "put the text in quotes, or the comment on a line of its own"
            rest = len(line.rstrip()) - column
            self._wrong(page.at(at.end_line + 1, column + 1, message, hint, path, rest, "warning"))

    def length(self, page: SourceFile, path: KeyPath, text: str) -> None:
        """Check whether a model reads all of a prompt."""
        if len(text) > LONG_PROMPT:
            message = f"the prompt has {len(text):,} characters: of more than {LONG_PROMPT:,} a model leaves parts out"
            hint = "shorten it, or make two scenes of it"
            self._wrong(page.problem(path, message, hint, severity="warning"))

    def signs(self, page: SourceFile, path: KeyPath, text: str, tags: Collection[str] = ()) -> None:
        """Check the quotes and tags in a part of a prompt, as they are sent; the model knows ``tags``."""
        if curly := _CURLY.search(text):
            message = f"a curly quote ({curly[0]}): a model may print the quoted words"
            self._warn(page, path, curly[0], message, "write straight quotes, or none: She says: Come in.")
        for tag in _TAG.finditer(text):
            if tag[1] not in self._expressions and tag[1] not in tags:
                message = f"'{one_line(tag[0], 40)}' means nothing to a model, which may print it"
                self._warn(page, path, re.escape(tag[0]), message, "say it in words")

    def _warn(self, page: SourceFile, path: KeyPath, pattern: str, message: str, hint: str) -> None:
        line, column, width = position_of_text(page, path, pattern)
        self._wrong(page.at(line, column, message, hint, path, width, "warning"))
