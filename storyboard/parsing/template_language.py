"""The template language: the allowed nodes, and the function that evaluates each."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from jinja2 import nodes

from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.parsing.template_filters import (
    COMPARISONS,
    FILTER_FUNCTIONS,
    FILTERS,
    TEST_FUNCTIONS,
    TESTS,
    is_number,
    kind,
)
from storyboard.parsing.template_limits import (
    MAX_DEPTH,
    MAX_LOOPS,
    MAX_OUTPUT,
    MAX_REFUSED,
    TemplateRefused,
    WorkSpent,
    check_length,
)
from storyboard.parsing.yaml import UNSPEAKABLE

Names = Mapping[str, object]
_NOTHING = object()


class CastText(str):
    """A text that names ``members`` of the cast: what one of them looks like, or a var that says so."""

    members: tuple[str, ...] = ()


def cast_text(text: str, members: Iterable[str]) -> str:
    """Return ``text`` as one that names these members of the cast; ``text`` itself without any."""
    if not members:
        return text
    naming = CastText(text)
    naming.members = tuple(members)
    return naming


class Rendering:
    """One rendering of a template: names in scope, output so far, faults, and the work left.

    ``room`` is the number of characters that may still be written; ``members`` are those of the cast that were named.
    """

    def __init__(self, names: dict[str, object], left: int) -> None:
        self.names = names
        self.left = left
        self.room = MAX_OUTPUT
        self.pieces: list[str] = []
        self.members: dict[str, None] = {}
        self.refused: list[TemplateRefused] = []

    def handle(self, value: object) -> None:
        """Count the work of one pass over a text or a collection. Raise WorkSpent."""
        if isinstance(value, str):
            self.spend(len(value) // 4)
        elif isinstance(value, list | tuple | Mapping):
            self.spend(len(value))

    def spend(self, work: int) -> None:
        """Subtract ``work`` from the work left. Raise WorkSpent where it is more."""
        if work > self.left:
            self.left = 0
            raise WorkSpent("this template takes too much work")
        self.left -= work

    def write(self, text: str) -> None:
        """Append to the output. Raise WorkSpent past MAX_OUTPUT characters."""
        self.handle(text)
        self.room -= len(text)
        if self.room < 0:
            raise WorkSpent(f"the text grows past {MAX_OUTPUT:,} characters")
        self.pieces.append(text)

    def statements(self, body: Sequence[nodes.Node]) -> None:
        """Execute statements in order. A refused one is recorded, and the next one is executed."""
        for node in body:
            self.spend(1)
            try:
                _STATEMENTS[type(node)](node, self)
            except TemplateRefused as refused:
                self.refuse(refused)

    def refuse(self, refused: TemplateRefused) -> None:
        """Record a fault and continue, so that one run reports all of them, up to MAX_REFUSED."""
        if len(self.refused) < MAX_REFUSED:
            self.refused.append(refused)

    def value(self, node: nodes.Node) -> object:
        """The value of an expression. Raise TemplateRefused and WorkSpent."""
        self.spend(1)
        return _VALUES[type(node)](node, self)


# Statements write output; expressions return a value. Each function takes the node and the rendering.


def _output(node: nodes.Output, run: Rendering) -> None:
    for child in node.nodes:
        if type(child) is nodes.TemplateData:
            run.write(child.data)
            continue
        try:
            run.write(_text(run.value(child), child))
        except TemplateRefused as refused:
            run.refuse(refused)


def _if(node: nodes.If, run: Rendering) -> None:
    if run.value(node.test):
        run.statements(node.body)
        return
    for other in node.elif_:
        if run.value(other.test):
            run.statements(other.body)
            return
    run.statements(node.else_)


def _for(node: nodes.For, run: Rendering) -> None:
    items = run.value(node.iter)
    if not isinstance(items, list | tuple | Mapping):
        raise TemplateRefused(
            f"'for' goes through a list, this is {kind(items)}", line=node.lineno, name=_spoken(node.iter)
        )
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


def _chosen(node: nodes.For, outer: dict[str, object], item: object, run: Rendering) -> bool:
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
        raise TemplateRefused(f"'for' wants {len(target.items)} values in each item", line=target.lineno)
    return {
        name: value
        for part, value in zip(target.items, item, strict=True)
        for name, value in _bound(part, value).items()
    }


def _name(node: nodes.Name, run: Rendering) -> object:
    return _found(node, run)


def _found(node: nodes.Name | nodes.Getattr | nodes.Getitem, run: Rendering) -> object:
    value = _lookup(node, run)
    if value is _NOTHING:
        raise _missing(node, run)
    return value


def _lookup(node: nodes.Node, run: Rendering) -> object:
    """The value of a name, an attribute or an item, _NOTHING where there is none. Members that it names are noted."""
    value = _looked_up(node, run)
    if isinstance(value, CastText):
        run.members |= dict.fromkeys(value.members)
    return value


def _looked_up(node: nodes.Node, run: Rendering) -> object:
    """The value of a name, or what is under a key of a mapping, or at an index of a list.

    _NOTHING where there is none, or where the storyboard gives it no value.
    """
    if isinstance(node, nodes.Name):
        return _filled(run.names.get(node.name))
    assert isinstance(node, nodes.Getattr | nodes.Getitem)
    key = node.attr if isinstance(node, nodes.Getattr) else run.value(node.arg)
    whole = run.value(node.node)
    if isinstance(whole, Mapping) and isinstance(key, str):
        return _filled(whole.get(key))
    if isinstance(whole, list | tuple) and isinstance(key, int) and not isinstance(key, bool):
        return _filled(whole[key]) if -len(whole) <= key < len(whole) else _NOTHING
    return _NOTHING


def _filled(value: object) -> object:
    return _NOTHING if value is None else value


def _missing(node: nodes.Name | nodes.Getattr | nodes.Getitem, run: Rendering) -> TemplateRefused:
    """The fault for an undefined name, with the names that are defined."""
    if isinstance(node, nodes.Name):
        known = [name for name in run.names if name != "loop"]
        hint = f"put it in 'vars'; known are: {_listed(known)}" if known else "a var can use the vars above it"
        return _undefined(f"'{one_line(node.name, 60)}'", node, node.name, run.names, hint)
    whole = run.value(node.node)
    key = str(node.attr if isinstance(node, nodes.Getattr) else run.value(node.arg))
    spoken = one_line(_spoken(node.node), 60)
    if isinstance(whole, Mapping):
        hint = f"'{spoken}' has: {_listed(whole)}" if whole else f"'{spoken}' is empty"
        return _undefined(f"'{spoken}.{one_line(key, 60)}'", node, key, whole, hint)
    return TemplateRefused(f"'{spoken}' is {kind(whole)}: it has no '{one_line(key, 60)}'", "", node.lineno, key)


def _undefined(spoken: str, node: nodes.Node, word: str, known: Names, hint: str) -> TemplateRefused:
    if word in known:
        hint = f"give it one in the storyboard, or with --var {one_line(word, 60)}=…"
        return TemplateRefused(f"{spoken} has no value", hint, node.lineno, word)
    return TemplateRefused(f"{spoken} is not defined", did_you_mean(word, known) or hint, node.lineno, word)


def _listed(names: Iterable[object]) -> str:
    return ", ".join(one_line(str(name), 60) for name in list(names)[:20])


def _spoken(node: nodes.Node) -> str:
    """A name as written in the template, for messages."""
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


def _const(node: nodes.Const, run: Rendering) -> object:
    return node.value


def _list(node: nodes.List | nodes.Tuple, run: Rendering) -> object:
    return [run.value(item) for item in node.items]


def _not(node: nodes.Not, run: Rendering) -> object:
    return not run.value(node.node)


def _negative(node: nodes.Neg, run: Rendering) -> object:
    number = run.value(node.node)
    if not isinstance(number, int | float):
        raise TemplateRefused(f"'-' works on a number, this is {kind(number)}", line=node.lineno)
    return -number


def _and(node: nodes.And, run: Rendering) -> object:
    return run.value(node.left) and run.value(node.right)


def _or(node: nodes.Or, run: Rendering) -> object:
    return run.value(node.left) or run.value(node.right)


def _either(node: nodes.CondExpr, run: Rendering) -> object:
    if run.value(node.test):
        return run.value(node.expr1)
    return run.value(node.expr2) if node.expr2 else ""


def _concat(node: nodes.Concat, run: Rendering) -> object:
    text = ""
    for part in node.nodes:  # The length is checked part by part, so that 2,000 long texts never exist at once.
        text = check_length(text + _text(run.value(part), part))
    run.handle(text)
    return text


def _compare(node: nodes.Compare, run: Rendering) -> object:
    left = run.value(node.expr)
    for operand in node.ops:
        right = run.value(operand.expr)
        run.handle(right)
        try:
            holds = COMPARISONS[operand.op](left, right)
        except TypeError:
            words = f"{kind(left)} and {kind(right)} cannot be compared like this"
            raise TemplateRefused(words, line=node.lineno, name=_spoken(node.expr)) from None
        if not holds:
            return False
        left = right
    return True


def _test(node: nodes.Test, run: Rendering) -> object:
    if node.name in ("defined", "undefined"):
        return (_optional(node.node, run) is _NOTHING) == (node.name == "undefined")
    return TEST_FUNCTIONS[node.name](run.value(node.node))


def _filter(node: nodes.Filter, run: Rendering) -> object:
    assert node.node is not None
    if node.name in ("default", "d"):
        value = _optional(node.node, run)
        arguments = [run.value(argument) for argument in node.args]
        empty = len(arguments) > 1 and arguments[1] and not value
        return (arguments[0] if arguments else "") if value is _NOTHING or empty else value
    value = run.value(node.node)
    arguments = [run.value(argument) for argument in node.args]
    for operand in (value, *arguments):
        run.handle(operand)
    try:
        result = FILTER_FUNCTIONS[node.name](value, *arguments)
    except (TypeError, ValueError):
        words = f"'{node.name}' cannot be used like this on {kind(value)}"
        raise TemplateRefused(words, line=node.lineno, name=node.name) from None
    return check_length(result) if isinstance(result, str) else result


def _optional(node: nodes.Node, run: Rendering) -> object:
    """The value, or _NOTHING where the last part of a name is undefined, as 'default' and 'defined' need it."""
    return _lookup(node, run) if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem) else run.value(node)


def _text(value: object, node: nodes.Node) -> str:
    """A value as text of a prompt. Raise TemplateRefused for lists, mappings and booleans."""
    if isinstance(value, str):
        return value
    if is_number(value):
        return str(value)
    spoken = one_line(_spoken(node), 60)
    hint = {
        bool: "ask for it: {% if … %}",
        list: f"join it: {{{{ {spoken} | join(', ') }}}}",
        tuple: f"join it: {{{{ {spoken} | join(', ') }}}}",
    }.get(type(value), "say which of its keys")
    raise TemplateRefused(
        f"'{spoken}' is {kind(value)}, not text", hint, node.lineno, spoken.partition(".")[0].partition("[")[0]
    )


# The allowed node types. Every other node is refused before anything is rendered.

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


def check_nodes(node: nodes.Node, depth: int, loops: int) -> None:
    """Raise TemplateRefused for a node that is not allowed, also in branches that never run."""
    if type(node) not in _PARTS:
        what, hint = _SPOKEN.get(type(node), (f"'{type(node).__name__.lower()}'", ""))
        raise TemplateRefused(f"{what} cannot be used in a template", hint, node.lineno)
    if depth > MAX_DEPTH:
        raise TemplateRefused("nested too deeply for a template", "", node.lineno)
    match node:
        case nodes.Const(value=str() as text) if UNSPEAKABLE.search(text):
            raise TemplateRefused("an invisible character in a text", "leave it out", node.lineno)
        case nodes.Filter() | nodes.Test():
            _check_word(node)
        case nodes.For():
            loops += 1
            if loops > MAX_LOOPS or node.recursive:
                raise TemplateRefused(f"loops can be nested {MAX_LOOPS} deep", "", node.lineno)
    for child in node.iter_child_nodes():
        check_nodes(child, depth + 1, loops)


def _check_word(node: nodes.Filter | nodes.Test) -> None:
    what, known = ("filter", (*FILTERS, "d")) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in known:
        hint = did_you_mean(node.name, known) or f"there are: {', '.join(sorted(known))}"
        raise TemplateRefused(f"there is no {what} '{one_line(node.name, 60)}'", hint, node.lineno, node.name)
    if node.kwargs or node.dyn_args or node.dyn_kwargs or (what == "test" and node.args) or node.node is None:
        raise TemplateRefused(f"'{node.name}' cannot be used like this", "", node.lineno, node.name)
