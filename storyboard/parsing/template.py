"""Templates: Jinja2 syntax, parsed by Jinja2 and interpreted here node by node, never compiled to code.

Jinja2's compiler folds constants, so ``{{ 'a' * 10**9 }}`` hangs it before a limit applies, and its sandbox was
escaped five times in nine years (reliability.md C2). Here, only the node types in the tables of template_language.py
are allowed, names reach only keys of mappings and items of lists, and all work is counted.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes

from storyboard.model.text import one_line
from storyboard.parsing.template_language import Names, Rendering, check_nodes
from storyboard.parsing.template_limits import MAX_SOURCE, MAX_WORK, TemplateRefused, TemplateWork, WorkSpent

_SYNTAX = Environment(autoescape=False)

_REMARK = ("'{#' begins a remark, which is not sent, and no '#}' ends it", "to send '{#' itself, write {{ \"{#\" }}")
_TAG = ("'{%' begins a tag such as '{% if night %}'", "to send '{%' itself, write {{ \"{%\" }}")


@dataclass(frozen=True, slots=True)
class Template:
    """A template with allowed nodes only. ``members`` are the keys of ``cast`` that are written in it, in order."""

    body: tuple[nodes.Node, ...]
    members: tuple[str, ...]

    def render(self, scope: Names, work: TemplateWork) -> tuple[str, tuple[TemplateRefused, ...]]:
        """The text and all faults. Values in ``scope`` are plain data: tags in them are not interpreted."""
        text, refused, _ = self.render_naming(scope, work)
        return text, refused

    def render_naming(
        self, scope: Names, work: TemplateWork
    ) -> tuple[str, tuple[TemplateRefused, ...], tuple[str, ...]]:
        """The text, all faults, and the members of the cast that were named, in order."""
        run = Rendering(dict(scope), min(MAX_WORK, work.left))
        before = run.left
        try:
            run.statements(self.body)
        except WorkSpent as spent:
            run.refuse(TemplateRefused(str(spent)))
        work.left -= before - run.left
        return "".join(run.pieces), tuple(run.refused), tuple(run.members)


def plain(source: str) -> bool:
    """Whether the text has no template tags."""
    return "{" not in source or not any(tag in source for tag in ("{{", "{%", "{#"))


@lru_cache(maxsize=4096)
def parse(source: str) -> Template:
    """The template in ``source``. Raise TemplateRefused for invalid or forbidden syntax, and past MAX_SOURCE."""
    if (written := source.rstrip()).endswith("{#"):  # Jinja2 would leave it out without a word.
        raise TemplateRefused(*_REMARK, written.count("\n") + 1, "{#")
    if plain(source):
        return Template((nodes.Output([nodes.TemplateData(source)]),), ())
    if len(source) > MAX_SOURCE:
        raise TemplateRefused(f"a template longer than {MAX_SOURCE // 1024} KiB")
    try:
        tree = _SYNTAX.parse(source)
    except TemplateSyntaxError as error:
        raise _syntax(error) from None
    except RecursionError:
        raise TemplateRefused("nested too deeply for a template") from None
    except ValueError:
        raise TemplateRefused("a number that is too long") from None
    for node in tree.body:
        check_nodes(node, 0, 0)
    members = dict.fromkeys(_members(tree))
    return Template(tuple(tree.body), tuple(members))


def _members(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        match node:
            case nodes.Getattr(node=nodes.Name(name="cast"), attr=key):
                yield key
            case nodes.Getitem(node=nodes.Name(name="cast"), arg=nodes.Const(value=str() as key)):
                yield key


def _syntax(error: TemplateSyntaxError) -> TemplateRefused:
    """The fault for a Jinja2 syntax error, with a message for authors."""
    words = error.message or ""
    if words.startswith("Missing end of comment tag"):
        return TemplateRefused(*_REMARK, error.lineno, "{#")
    if words == "tag name expected":
        return TemplateRefused(*_TAG, error.lineno, "{%")
    if words.lower().startswith(("unexpected end of template", "unexpected 'end of template'")):
        return TemplateRefused(
            "a tag is never closed", "'{{' ends with '}}', '{% if %}' with '{% endif %}'", error.lineno
        )
    if unknown := re.match(r"Encountered unknown tag '(\w+)'", words):
        return TemplateRefused(
            f"unknown tag '{one_line(unknown[1], 60)}'", "there are: if, for", error.lineno, unknown[1]
        )
    if odd := re.match(r"expected token .*, got '(.*)'$", words):
        return TemplateRefused(f"'{one_line(odd[1], 60)}' is not expected here", "", error.lineno, odd[1])
    return TemplateRefused(one_line(words[:1].lower() + words[1:].rstrip("."), 120), "", error.lineno)
