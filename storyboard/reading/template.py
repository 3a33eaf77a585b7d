"""Templates: Jinja2's words, read by Jinja2 and carried out here, one node at a time. No code is ever made of them.

Jinja2's own compiler folds constants, so ``{{ 'a' * 10**9 }}`` hangs it before anything can be refused, and its
sandbox has been left five times in nine years (reliability.md C2). Here a node that has no row in the tables
below does not exist, a name reaches keys of mappings and nothing else, and all work is counted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.filters import do_capitalize, do_title

from storyboard.plain import show
from storyboard.reading.near import did_you_mean
from storyboard.reading.yaml import UNSPEAKABLE

MAX_SOURCE = 16 * 1024
MAX_OUTPUT = 20_000
MAX_DEPTH = 40
MAX_LOOPS = 2
MAX_WORK = 50_000
MAX_TEXT = 64 * 1024
MAX_REFUSED = 20

Scope = Mapping[str, object]

_SYNTAX = Environment(autoescape=False)
_NOTHING = object()


class Refused(Exception):
    """The template cannot be carried out. ``line`` counts from 1 in the template; ``name`` is what to point at."""

    def __init__(self, message: str, hint: str = "", line: int = 1, name: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.line = line
        self.name = name


@dataclass(slots=True)
class Work:
    """What all templates of one reading may do together. A node gone through is one, and four characters handled."""

    left: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Template:
    """A template whose every node is known. ``members`` are the names it takes from ``cast``, in order."""

    body: tuple[nodes.Node, ...]
    members: tuple[str, ...]

    def render(self, scope: Scope, work: Work) -> tuple[str, tuple[Refused, ...]]:
        """The text, and all that went wrong. Names in ``scope`` are data: they are never templates themselves."""
        run = _Run(dict(scope), min(MAX_WORK, work.left))
        before = run.left
        try:
            run.statements(self.body)
        except _Spent as spent:
            run.refuse(Refused(str(spent)))
        work.left -= before - run.left
        return "".join(run.pieces), tuple(run.refused)


def plain(source: str) -> bool:
    """Whether the text has no tags, and so stands for itself."""
    return "{" not in source or not any(tag in source for tag in ("{{", "{%", "{#"))


@lru_cache(maxsize=4096)
def parse(source: str) -> Template:
    """The template in ``source``. Raises Refused for syntax that does not exist here."""
    if plain(source):
        return Template((nodes.Output([nodes.TemplateData(source)]),), ())
    if len(source) > MAX_SOURCE:
        raise Refused(f"a template longer than {MAX_SOURCE // 1024} KiB")
    try:
        tree = _SYNTAX.parse(source)
    except TemplateSyntaxError as error:
        raise _syntax(error) from None
    except RecursionError:
        raise Refused("nested too deeply for a template") from None
    except ValueError:
        raise Refused("a number that is too long") from None
    for node in tree.body:
        _check(node, 0, 0)
    members = dict.fromkeys(_members(tree))
    return Template(tuple(tree.body), tuple(members))


def _members(tree: nodes.Template) -> Iterator[str]:
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        match node:
            case nodes.Getattr(node=nodes.Name(name="cast"), attr=key):
                yield key
            case nodes.Getitem(node=nodes.Name(name="cast"), arg=nodes.Const(value=str() as key)):
                yield key


class _Spent(Exception):
    """More work or more text than a template is given."""


class _Run:
    """One rendering: the names in scope, what has been written, what is left to spend."""

    def __init__(self, names: dict[str, object], left: int) -> None:
        self.names = names
        self.left = left
        self.room = MAX_OUTPUT
        self.pieces: list[str] = []
        self.refused: list[Refused] = []

    def handle(self, value: object) -> None:
        """Pay for going through a text or a collection once."""
        if isinstance(value, str):
            self.spend(len(value) // 4)
        elif isinstance(value, list | tuple | Mapping):
            self.spend(len(value))

    def spend(self, work: int) -> None:
        if work > self.left:
            self.left = 0
            raise _Spent("this template takes too much work")
        self.left -= work

    def write(self, text: str) -> None:
        self.handle(text)
        self.room -= len(text)
        if self.room < 0:
            raise _Spent(f"the text grows past {MAX_OUTPUT:,} characters")
        self.pieces.append(text)

    def statements(self, body: Sequence[nodes.Node]) -> None:
        for node in body:
            self.spend(1)
            try:
                _STATEMENTS[type(node)](node, self)
            except Refused as refused:
                self.refuse(refused)

    def refuse(self, refused: Refused) -> None:
        """Note what is wrong and go on: an author mends all of it in one go."""
        if len(self.refused) < MAX_REFUSED:
            self.refused.append(refused)

    def value(self, node: nodes.Node) -> object:
        self.spend(1)
        return _VALUES[type(node)](node, self)


# Statements write; values are worked out. Each function takes the node and the run.


def _output(node: nodes.Output, run: _Run) -> None:
    for child in node.nodes:
        if type(child) is nodes.TemplateData:
            run.write(child.data)
            continue
        try:
            run.write(_text(run.value(child), child))
        except Refused as refused:
            run.refuse(refused)


def _if(node: nodes.If, run: _Run) -> None:
    if run.value(node.test):
        run.statements(node.body)
        return
    for other in node.elif_:
        if run.value(other.test):
            run.statements(other.body)
            return
    run.statements(node.else_)


def _for(node: nodes.For, run: _Run) -> None:
    items = run.value(node.iter)
    if not isinstance(items, list | tuple | Mapping):
        raise Refused(f"'for' goes through a list, this is {kind(items)}", line=node.lineno, name=_spoken(node.iter))
    outer = run.names
    run.handle(items)
    chosen = [item for item in items if node.test is None or _chosen(node, outer, item, run)]
    for index, item in enumerate(chosen):
        loop = {
            "index": index + 1,
            "index0": index,
            "first": index == 0,
            "last": index == len(chosen) - 1,
            "length": len(chosen),
        }
        run.names = outer | {"loop": loop} | _bound(node.target, item)
        run.statements(node.body)
    run.names = outer
    if not chosen:
        run.statements(node.else_)


def _chosen(node: nodes.For, outer: dict[str, object], item: object, run: _Run) -> bool:
    run.names = outer | _bound(node.target, item)
    try:
        return bool(run.value(node.test)) if node.test else True
    finally:
        run.names = outer


def _bound(target: nodes.Node, item: object) -> dict[str, object]:
    if isinstance(target, nodes.Name):
        return {target.name: item}
    assert isinstance(target, nodes.Tuple)
    if not isinstance(item, list | tuple) or len(item) != len(target.items):
        raise Refused(f"'for' wants {len(target.items)} values in each item", line=target.lineno)
    return {
        name: value
        for part, value in zip(target.items, item, strict=True)
        for name, value in _bound(part, value).items()
    }


def _name(node: nodes.Name, run: _Run) -> object:
    return _found(node, run)


def _found(node: nodes.Name | nodes.Getattr | nodes.Getitem, run: _Run) -> object:
    value = _lookup(node, run)
    if value is _NOTHING:
        raise _missing(node, run)
    return value


def _lookup(node: nodes.Node, run: _Run) -> object:
    """The value that a name, an attribute or an item stands for: a key of a mapping, a place in a list.

    _NOTHING where there is none, or where it is empty in the storyboard.
    """
    if isinstance(node, nodes.Name):
        return _filled(run.names.get(node.name))
    assert isinstance(node, nodes.Getattr | nodes.Getitem)
    key = node.attr if isinstance(node, nodes.Getattr) else run.value(node.arg)
    whole = run.value(node.node)
    if isinstance(whole, Mapping) and isinstance(key, str):
        return _filled(whole.get(key))
    if isinstance(whole, list | tuple) and type(key) is int and -len(whole) <= key < len(whole):
        return _filled(whole[key])
    return _NOTHING


def _filled(value: object) -> object:
    return _NOTHING if value is None else value


def _missing(node: nodes.Name | nodes.Getattr | nodes.Getitem, run: _Run) -> Refused:
    """Why a name leads nowhere, with what does lead somewhere."""
    if isinstance(node, nodes.Name):
        known = [name for name in run.names if name != "loop"]
        hint = f"put it in 'vars'; known are: {_listed(known)}" if known else "a var can use the vars above it"
        return _undefined(f"'{show(node.name, 60)}'", node, node.name, run.names, hint)
    whole = run.value(node.node)
    key = str(node.attr if isinstance(node, nodes.Getattr) else run.value(node.arg))
    spoken = show(_spoken(node.node), 60)
    if isinstance(whole, Mapping):
        hint = f"'{spoken}' has: {_listed(whole)}" if whole else f"'{spoken}' is empty"
        return _undefined(f"'{spoken}.{show(key, 60)}'", node, key, whole, hint)
    return Refused(f"'{spoken}' is {kind(whole)}: it has no '{show(key, 60)}'", "", node.lineno, key)


def _undefined(spoken: str, node: nodes.Node, word: str, known: Scope, hint: str) -> Refused:
    if word in known:
        hint = f"give it one in the storyboard, or with --var {show(word, 60)}=…"
        return Refused(f"{spoken} has no value", hint, node.lineno, word)
    return Refused(f"{spoken} is not defined", did_you_mean(word, known) or hint, node.lineno, word)


def _listed(names: Iterable[object]) -> str:
    return ", ".join(show(str(name), 60) for name in list(names)[:20])


def _spoken(node: nodes.Node) -> str:
    """A name as its author wrote it, for a message."""
    match node:
        case nodes.Name():
            return node.name
        case nodes.Getattr():
            return f"{_spoken(node.node)}.{node.attr}"
        case nodes.Getitem(arg=nodes.Const(value=value)):
            return f"{_spoken(node.node)}[{value!r}]"
        case nodes.Const(value=value):
            return str(value)
    return "this value"


def _const(node: nodes.Const, run: _Run) -> object:
    return node.value


def _list(node: nodes.List | nodes.Tuple, run: _Run) -> object:
    return [run.value(item) for item in node.items]


def _not(node: nodes.Not, run: _Run) -> object:
    return not run.value(node.node)


def _negative(node: nodes.Neg, run: _Run) -> object:
    number = run.value(node.node)
    if not isinstance(number, int | float):
        raise Refused(f"'-' works on a number, this is {kind(number)}", line=node.lineno)
    return -number


def _and(node: nodes.And, run: _Run) -> object:
    return run.value(node.left) and run.value(node.right)


def _or(node: nodes.Or, run: _Run) -> object:
    return run.value(node.left) or run.value(node.right)


def _either(node: nodes.CondExpr, run: _Run) -> object:
    if run.value(node.test):
        return run.value(node.expr1)
    return run.value(node.expr2) if node.expr2 else ""


def _concat(node: nodes.Concat, run: _Run) -> object:
    text = ""
    for part in node.nodes:  # one by one: two thousand long texts at once would be too many before they are refused
        text = _bounded(text + _text(run.value(part), part))
    run.handle(text)
    return text


def _compare(node: nodes.Compare, run: _Run) -> object:
    left = run.value(node.expr)
    for operand in node.ops:
        right = run.value(operand.expr)
        run.handle(right)
        try:
            holds = _COMPARISONS[operand.op](left, right)
        except TypeError:
            words = f"{kind(left)} and {kind(right)} cannot be compared like this"
            raise Refused(words, line=node.lineno, name=_spoken(node.expr)) from None
        if not holds:
            return False
        left = right
    return True


def _test(node: nodes.Test, run: _Run) -> object:
    if node.name in ("defined", "undefined"):
        return (_optional(node.node, run) is _NOTHING) == (node.name == "undefined")
    return _TESTS[node.name](run.value(node.node))


def _filter(node: nodes.Filter, run: _Run) -> object:
    assert node.node is not None
    arguments = [run.value(argument) for argument in node.args]
    if node.name in ("default", "d"):
        value = _optional(node.node, run)
        empty = len(arguments) > 1 and arguments[1] and not value
        return (arguments[0] if arguments else "") if value is _NOTHING or empty else value
    value = run.value(node.node)
    for operand in (value, *arguments):
        run.handle(operand)
    try:
        result = _FILTERS[node.name](value, *arguments)
    except (TypeError, ValueError):
        words = f"'{node.name}' cannot be used like this on {kind(value)}"
        raise Refused(words, line=node.lineno, name=node.name) from None
    return _bounded(result) if isinstance(result, str) else result


def _optional(node: nodes.Node, run: _Run) -> object:
    """The value, or _NOTHING where the last step of a name leads nowhere: what 'default' and 'defined' are for."""
    return _lookup(node, run) if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) else run.value(node)


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise _Spent(f"a text grows past {MAX_TEXT:,} characters")
    return text


def _text(value: object, node: nodes.Node) -> str:
    """A value as it goes into a prompt. What would read as program text there is refused."""
    if type(value) is str:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    spoken = show(_spoken(node), 60)
    hint = {
        bool: "ask for it: {% if … %}",
        list: f"join it: {{{{ {spoken} | join(', ') }}}}",
        tuple: f"join it: {{{{ {spoken} | join(', ') }}}}",
    }.get(type(value), "say which of its keys")
    raise Refused(
        f"'{spoken}' is {kind(value)}, not text", hint, node.lineno, spoken.partition(".")[0].partition("[")[0]
    )


def kind(value: object) -> str:
    """What a value is, in an author's words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case Mapping():
            return "a mapping"
    return "a list"


def _words(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _replace(value: object, old: object, new: object) -> str:
    text, before, after = _words(value), _words(old), _words(new)
    if not before:
        raise ValueError(before)
    if len(text) + text.count(before) * (len(after) - len(before)) > MAX_TEXT:
        raise _Spent(f"a text grows past {MAX_TEXT:,} characters")
    return text.replace(before, after)


def _join(value: object, between: object = "") -> str:
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    parts = [str(part) if type(part) in (int, float) else _words(part) for part in value]
    if sum(map(len, parts)) + len(_words(between)) * len(parts) > MAX_TEXT:
        raise _Spent(f"a text grows past {MAX_TEXT:,} characters")
    return _words(between).join(parts)


def _end(value: object, index: int) -> object:
    if not isinstance(value, str | list | tuple) or not value:
        raise TypeError(value)
    return value[index]


def _length(value: object) -> int:
    if not isinstance(value, str | list | tuple | Mapping):
        raise TypeError(value)
    return len(value)


def _sort(value: object) -> list[object]:
    if not isinstance(value, list | tuple):
        raise TypeError(value)
    return sorted(value, key=lambda item: item.lower() if isinstance(item, str) else item)


# The language. What is not in these tables is refused before anything runs.

_STATEMENTS: dict[type[nodes.Node], Callable[..., None]] = {nodes.Output: _output, nodes.If: _if, nodes.For: _for}
_VALUES: dict[type[nodes.Node], Callable[..., object]] = {
    nodes.Name: _name,
    nodes.Getattr: _found,
    nodes.Getitem: _found,
    nodes.Const: _const,
    nodes.List: _list,
    nodes.Tuple: _list,
    nodes.Not: _not,
    nodes.Neg: _negative,
    nodes.And: _and,
    nodes.Or: _or,
    nodes.CondExpr: _either,
    nodes.Concat: _concat,
    nodes.Compare: _compare,
    nodes.Test: _test,
    nodes.Filter: _filter,
}
_PARTS = frozenset({nodes.TemplateData, nodes.Operand, *_STATEMENTS, *_VALUES})
_COMPARISONS: dict[str, Callable[..., bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "lt": lambda left, right: left < right,
    "lteq": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gteq": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}
_TESTS: dict[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "mapping": lambda value: isinstance(value, Mapping),
}
_FILTERS: dict[str, Callable[..., object]] = {
    "lower": lambda value: _words(value).lower(),
    "upper": lambda value: _words(value).upper(),
    "capitalize": lambda value: do_capitalize(_words(value)),
    "title": lambda value: do_title(_words(value)),
    "trim": lambda value: _words(value).strip(),
    "replace": _replace,
    "join": _join,
    "first": lambda value: _end(value, 0),
    "last": lambda value: _end(value, -1),
    "length": _length,
    "sort": _sort,
}
FILTERS = ("default", *_FILTERS)
TESTS = ("defined", "undefined", *_TESTS)

_SPOKEN: dict[type[nodes.Node], tuple[str, str]] = {
    nodes.Call: ("a call such as name(…)", "prompts have names and filters, no functions"),
    nodes.Assign: ("'{% set %}'", "put it in 'vars'"),
    nodes.AssignBlock: ("'{% set %}'", "put it in 'vars'"),
    nodes.Include: ("'{% include %}'", "put shared words in 'vars', scenes in a file of their own"),
    nodes.Import: ("'{% import %}'", "put shared words in 'vars'"),
    nodes.FromImport: ("'{% import %}'", "put shared words in 'vars'"),
    nodes.Macro: ("'{% macro %}'", "put shared words in 'vars'"),
    nodes.Extends: ("'{% extends %}'", "put shared words in 'vars'"),
    nodes.Block: ("'{% block %}'", "put shared words in 'vars'"),
    nodes.Slice: ("a slice such as [1:3]", "name one item: [0]"),
    nodes.Dict: ("a mapping such as {'a': 1}", "put it in 'vars'"),
    **dict.fromkeys(
        (nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Pow, nodes.Pos),
        ("arithmetic", "texts are joined with '~'"),
    ),
}


def _check(node: nodes.Node, depth: int, loops: int) -> None:
    """Refuse what is not in the tables, wherever it stands: also in a branch that is never taken."""
    if type(node) not in _PARTS:
        what, hint = _SPOKEN.get(type(node), (f"'{type(node).__name__.lower()}'", ""))
        raise Refused(f"{what} cannot be used in a template", hint, node.lineno)
    if depth > MAX_DEPTH:
        raise Refused("nested too deeply for a template", "", node.lineno)
    match node:
        case nodes.Const(value=str() as text) if UNSPEAKABLE.search(text):
            raise Refused("an invisible character in a text", "leave it out", node.lineno)
        case nodes.Filter() | nodes.Test():
            _check_word(node)
        case nodes.For():
            loops += 1
            if loops > MAX_LOOPS or node.recursive:
                raise Refused(f"loops can be nested {MAX_LOOPS} deep", "", node.lineno)
    for child in node.iter_child_nodes():
        _check(child, depth + 1, loops)


def _check_word(node: nodes.Filter | nodes.Test) -> None:
    what, known = ("filter", (*FILTERS, "d")) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        hint = did_you_mean(node.name, known) or f"there are: {', '.join(sorted(known))}"
        raise Refused(f"there is no {what} '{show(node.name, 60)}'", hint, node.lineno, node.name)
    if node.kwargs or node.dyn_args or node.dyn_kwargs or (what == "test" and node.args) or node.node is None:
        raise Refused(f"'{node.name}' cannot be used like this", "", node.lineno, node.name)


def _syntax(error: TemplateSyntaxError) -> Refused:
    """Jinja2's words for a template that does not parse, in ours."""
    words = error.message or ""
    if words.lower().startswith(("unexpected end of template", "unexpected 'end of template'")):
        return Refused("a tag is never closed", "'{{' ends with '}}', '{% if %}' with '{% endif %}'", error.lineno)
    if unknown := re.match(r"Encountered unknown tag '(\w+)'", words):
        return Refused(f"there is no tag '{show(unknown[1], 60)}'", "there are: if, for", error.lineno, unknown[1])
    if odd := re.match(r"expected token .*, got '(.*)'$", words):
        return Refused(f"'{show(odd[1], 60)}' is not expected here", "", error.lineno, odd[1])
    return Refused(show(words[:1].lower() + words[1:].rstrip("."), 120), "", error.lineno)
