"""The prompt of a scene as it is sent: filled in, with what is said in it, and checked."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from storyboard.model.model_catalogue import Catalogue
from storyboard.parsing import template
from storyboard.parsing.dialogue import SpokenLine
from storyboard.parsing.findings import Findings
from storyboard.parsing.source import KeyPath
from storyboard.parsing.structured_prompt import json_prompt, prompt_keys, prompt_texts
from storyboard.parsing.values import SceneValues, Value
from storyboard.parsing.variables import Names, Variables, written_members

# The key of a structured prompt that holds what is said.
DIALOGUE = "dialogue"


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt: its ``text``, and the ``members`` of the cast that it names, in order; in ``error``, neither is whole.

    ``former`` is the text with the numbers of vars spelt as in 0.1, ``former_members`` those that are written in the
    template, in branches that never run as well; each None if it is the same, or if no version of then could send it.
    """

    text: str = ""
    members: tuple[str, ...] = ()
    former: str | None = None
    former_members: tuple[str, ...] | None = None
    error: bool = True


class PromptTexts:
    """Fills in the prompts of scenes. Each problem is added to ``findings``."""

    def __init__(self, scope: Variables, catalogue: Catalogue, findings: Findings) -> None:
        self._scope = scope
        self._catalogue = catalogue
        self._findings = findings
        self._wrong = findings.add

    def scene(self, words: SceneValues, names: Names, lines: Sequence[SpokenLine]) -> PromptText:
        """The prompt of a scene in which ``lines`` are said. ``names`` are those that it can use."""
        word = words.get("prompt")
        if word is None:
            if not words.has("prompt"):
                message, hint = (
                    "the scene has no 'prompt', no 'file' and no 'still'",
                    "describe the shot: prompt: …",
                )
                self._wrong(words.own.problem(words.own.begins(), message, hint, key=True))
            return PromptText()
        before = self._findings.errors
        own, members = self._filled_in(word, names)
        if not own and self._findings.errors == before:
            self._wrong(word.problem("the prompt is empty", "describe what is seen and heard"))
        text = self._with_dialogue(word, own, lines)
        named = tuple(dict.fromkeys((*members, *(name for line in lines for name in line.members))))
        self._check(words, word, own, text, before)
        error = self._findings.errors > before
        if lines:
            return PromptText(text, named, error=error)
        written = tuple(dict.fromkeys(name for part in prompt_texts(word.value) for name in written_members(part)))
        former = self._scope.former_prompt(word.value, names) if isinstance(word.value, str) else None
        return PromptText(text, named, former if former != text else None, written if written != named else None, error)

    def _check(self, words: SceneValues, word: Value, own: str, text: str, before: int) -> None:
        """Check the prompt as it is sent (``text``), and ``own``, what the author wrote as the prompt."""
        asked = words.get("model")
        model = self._catalogue.model_for(str(asked.value) if asked else "")
        if len(text) > (limit := model.prompt_limit):
            message = f"the prompt has {len(text):,} characters; at most {limit:,} can be sent"
            self._wrong(word.problem(message, "shorten it"))
        elif self._findings.errors == before:
            self._scope.checks.length(word.page, word.path, text)
            self._scope.checks.signs(word.page, word.path, own, model.prompt_tags)

    def _filled_in(self, word: Value, names: Names) -> tuple[str, tuple[str, ...]]:
        """The text of a prompt (a mapping is JSON), and the members of the cast that it names."""
        members: list[str] = []

        def filled_in(path: KeyPath, source: str) -> str:
            text, named = self._scope.render_naming(word.page, path, source, names)
            members.extend(named)
            return text

        if isinstance(word.value, str):
            return filled_in(word.path, word.value).strip(), tuple(members)
        for path in prompt_keys(word.value, word.path):
            if not template.plain(str(path[-1])):
                message, hint = "a key is plain text, and this has a tag in it", "put the tag into its value"
                self._wrong(word.page.problem(path, message, hint, key=True))
        return json_prompt(word.value, word.path, filled_in), tuple(members)

    def _with_dialogue(self, word: Value, own: str, lines: Sequence[SpokenLine]) -> str:
        """The prompt with its lines: below it, or in a mapping under a key of its own."""
        sentences = [line.sentence for line in lines]
        if not sentences:
            return own
        if not isinstance(word.value, Mapping):
            return "\n".join((own, *sentences))
        if DIALOGUE in word.value:
            message = f"'say' is sent as '{DIALOGUE}', and this prompt has one"
            self._wrong(word.page.problem((*word.path, DIALOGUE), message, "give it another name", key=True))
        return f"{own[:-1]}, {json.dumps(DIALOGUE)}: {json.dumps(sentences, ensure_ascii=False)}}}"
