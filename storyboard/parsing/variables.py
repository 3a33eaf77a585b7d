"""Variables of templates (``vars``, ``cast``, ``title``, ``scene``), and the rendering of templates with them."""

import re
from collections.abc import Callable, Mapping

from storyboard.model.problem import Problem
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.parsing import template, template_limits, yaml
from storyboard.parsing.former_spelling import FormerSpelling
from storyboard.parsing.includes import MappingNode
from storyboard.parsing.source import KeyPath, SourceFile, position_of_name, position_of_text
from storyboard.parsing.template_language import cast_text
from storyboard.parsing.text_checks import TextChecks
from storyboard.parsing.values import SceneValues

Names = Mapping[str, object]


class Variables:
    """The variables that ``top`` defines for a storyboard of ``count`` scenes. ``wrong`` is called with each problem.

    ``title`` is the storyboard's title, or ``name`` where it has none; ``members`` are the cast. ``_blind`` is True
    where the vars or the cast are invalid, so that no template can be rendered. ``names`` are those that templates
    outside a scene can use; ``checks`` are those of texts.
    """

    def __init__(
        self, top: MappingNode, name: str, count: int, given: Mapping[str, str], wrong: Callable[[Problem], None]
    ) -> None:
        self._count = count
        self._wrong = wrong
        self._work = template_limits.TemplateWork()
        self._blind = any(top.has(key) and top.inner(key) is None for key in ("vars", "cast"))
        self.members: dict[str, MappingNode] = {}
        written, cast = top.inner("vars"), top.inner("cast")
        self.checks = TextChecks(written.value if written else (), cast.value if cast else (), wrong)
        self.title = str(self._plain(top, "title") or name)
        looks = self._cast(top)
        variables, others = self._vars(top, given, looks), {"cast": looks, "title": self.title}
        self.names: Names = variables | others
        numbers = {key: written.value[key] for key in variables} if written else {}
        self._former = FormerSpelling(numbers, given, others)

    def scene(self, words: SceneValues, number: int) -> Names:
        """The names that templates of the scene with this number (from 1) can use."""
        own = {"id": words.own.value.get("id"), "number": number, "count": self._count}
        return {**self.names, "scene": own}

    def render(self, page: SourceFile, path: KeyPath, source: str, names: Names) -> str:
        """The text of the template at ``path``. Each fault in it is reported as a problem.

        Returns ``source`` where it has no tags, or where the template cannot be parsed.
        """
        return self.render_naming(page, path, source, names)[0]

    def render_naming(self, page: SourceFile, path: KeyPath, source: str, names: Names) -> tuple[str, tuple[str, ...]]:
        """The text as ``render`` gives it, and the members of the cast that it names, in order."""
        if self._blind:
            return source, written_members(source)
        self.checks.template(page, path, source)
        if template.plain(source):
            return source, ()
        members: tuple[str, ...] = ()
        try:
            text, refused, members = template.parse(source).render_naming(names, self._work)
        except template_limits.TemplateRefused as error:
            text, refused = source, (error,)
        for each in refused:
            mark = re.escape(each.name) if each.name.startswith("{") else ""
            line, column, width = (
                position_of_text(page, path, mark) if mark else position_of_name(page, path, each.name, each.line)
            )
            self._wrong(page.at(line, column, each.message, each.hint, path, width))
        return text, members

    def former_prompt(self, source: str, names: Names) -> str | None:
        """The prompt as it was filled in when numbers in vars were not kept as written; None if that is the same."""
        return None if self._blind else self._former.prompt(source, {"scene": names.get("scene")})

    def _plain(self, entry: MappingNode, name: str) -> object:
        """The value of a key that is no template. Tags are a problem: they would be shown or sent unchanged."""
        value = entry.get(name)
        if isinstance(value, str) and not template.plain(value):
            hint = "only prompts, titles, captions and vars are templates: write it out"
            self._wrong(entry.problem((name,), f"'{name}' is plain text, and this has a tag in it", hint))
        elif isinstance(value, str):
            self.checks.plain_text(entry.page, (*entry.path, name))
        return value

    def _vars(self, top: MappingNode, given: Mapping[str, str], looks: Names) -> dict[str, object]:
        """The value of each var; it can use the vars above it and the cast."""
        entry = top.inner("vars") or MappingNode(top.page, top.begins(), yaml.Map())
        known = [key for key in entry.value if not key.startswith("x-")]
        if top.inner("vars") or not top.has("vars"):
            self._given(entry, known, given)
        scope: dict[str, object] = {"cast": looks} if looks else {}
        for key in known:
            scope[key] = given[key] if key in given else self._filled(entry, (key,), entry.value[key], scope)
        return {key: scope[key] for key in known}

    def _given(self, entry: MappingNode, known: list[str], given: Mapping[str, str]) -> None:
        for key, text in given.items():
            if key not in known:
                hint = did_you_mean(key, known) or "add it to 'vars', without a value if it is always given"
                self._wrong(entry.problem((), f"--var {one_line(key, 60)}: there is no such var", hint, key=True))
            elif yaml.UNSPEAKABLE.search(text):
                self._wrong(entry.problem((key,), f"--var {one_line(key, 60)}: an invisible character", key=True))

    def _filled(self, entry: MappingNode, path: KeyPath, value: object, scope: Names) -> object:
        """The value of a variable with its templates rendered; they can use the variables above it."""
        if isinstance(value, str):
            return cast_text(*self.render_naming(entry.page, (*entry.path, *path), value, scope))
        if isinstance(value, yaml.Map):
            return {key: self._filled(entry, (*path, key), part, scope) for key, part in value.items()}
        if isinstance(value, yaml.Items):
            return [self._filled(entry, (*path, index), part, scope) for index, part in enumerate(value)]
        if value is None and entry.page.is_commented_out((*entry.path, *path)):
            words = "this is a comment, because it begins with '#': there is no value"
            self._wrong(entry.page.problem((*entry.path, *path), words, "put the value in quotes", severity="warning"))
        return value

    def _cast(self, top: MappingNode) -> dict[str, object]:
        """The looks of each member; its name where they are missing, so that no problem is reported twice."""
        entry = top.inner("cast")
        looks: dict[str, object] = {}
        for name in entry.value if entry else ():
            member = entry.inner(name) if entry and not name.startswith("x-") else None
            if member:
                self.members[name] = member
            looks[name] = cast_text(str((self._plain(member, "looks") if member else None) or name), [name])
        return looks


def written_members(source: str) -> tuple[str, ...]:
    """The members of the cast that are written in a template, in order, in branches that never run as well."""
    try:
        return template.parse(source).members
    except template_limits.TemplateRefused:
        return ()
