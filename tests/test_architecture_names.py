"""Names and sizes: each class and each file has a name of its own, and what is public is named by a verb or a noun.

Lines of a function or a class are counted from its `def` or `class` to its end: docstrings are included, decorators are
not. A function inside another one is counted by itself as well. Lines of a file are all its lines.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median

import pytest

PACKAGE = Path(__file__).parents[1] / "storyboard"

# By rule, what breaks it today: the name of a class, of a file or of a function, or `function(parameter)`.
# Each package may have one of these. A verb's file may also be named like the module that it calls.
SHARED_FILES = {"__init__", "__main__", "base", "errors"}
COMMANDS = {"cli"}

# Past participles without -ed. Those that are verbs as well (cut, put, read, run, set, split) are left out.
IRREGULAR = """
begun bent bought bound broken brought built caught chosen done drawn driven fallen fed felt found frozen given gone
got grown heard held hidden kept known laid led left lent lost made meant met overwritten paid rewritten said seen sent
shown shrunk sold sought spent spoken stolen stood struck stuck sunk swept taken taught thought thrown told torn undone
unknown unsent won worn woken written
"""
# With one of these behind it, a participle is still one: `laid_out`, `known_as`.
PARTICLES = {"again", "as", "aside", "at", "away", "back", "by", "down", "for", "of", "off", "on", "out", "over", "up"}
NO_PARTICIPLES = {
    "bed": "a noun: the music under a film",
    "embed": "a verb",
    "exceed": "a verb",
    "feed": "a verb",
    "heed": "a verb",
    "need": "a noun and a verb",
    "proceed": "a verb",
    "seed": "a noun: the number that a provider starts from",
    "speed": "a noun",
    "succeed": "a verb",
}
# Names of parameters that say nothing of what is passed.
VAGUE = {"at", "one", "other"}

MEDIAN, MOST, LONGEST = 7, 25, 50  # lines of a function: the median, 95 % of them, all of them
LARGEST_CLASS, LARGEST_FILE = 150, 500

Function = ast.FunctionDef | ast.AsyncFunctionDef
MODULES = {file: ast.parse(file.read_text("utf-8")) for file in sorted(PACKAGE.rglob("*.py"))}
NODES = [node for tree in MODULES.values() for node in ast.walk(tree)]
CLASSES = [node for node in NODES if isinstance(node, ast.ClassDef)]
FUNCTIONS = [node for node in NODES if isinstance(node, Function)]


def lines(node: ast.ClassDef | Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def public(scope: ast.Module | ast.ClassDef) -> Iterator[Function]:
    """The functions of a module, and the methods of its public classes."""
    for node in scope.body:
        if isinstance(node, ast.ClassDef | Function) and not node.name.startswith("_"):
            yield from [node] if isinstance(node, Function) else public(node)


PUBLIC = [function for tree in MODULES.values() for function in public(tree)]


def repeated(names: Iterable[str]) -> set[str]:
    return {name for name, count in Counter(names).items() if count > 1}


def is_verb_file(file: Path) -> bool:
    """Whether a file is that of a verb: it is in cli/, and defines the click command called `command`."""
    inside = any(isinstance(node, Function) and node.name == "command" for node in MODULES[file].body)
    return file.parent.name in COMMANDS and inside


def is_participle(name: str) -> bool:
    word, *rest = name.split("_")
    past = word in IRREGULAR.split() or (word.endswith("ed") and word not in NO_PARTICIPLES)
    return past and set(rest) <= PARTICLES


def classes_of_one_name() -> set[str]:
    return repeated(node.name for node in CLASSES)


def files_of_one_name() -> set[str]:
    return repeated(file.stem for file in MODULES if not is_verb_file(file)) - SHARED_FILES


def participles() -> set[str]:
    return {function.name for function in PUBLIC if is_participle(function.name)}


def vague_parameters() -> set[str]:
    return {
        f"{function.name}({parameter.arg})"
        for function in PUBLIC
        for parameter in ast.walk(function.args)
        if isinstance(parameter, ast.arg) and parameter.arg in VAGUE
    }


def long_functions() -> set[str]:
    return {function.name for function in FUNCTIONS if lines(function) > LONGEST}


def large_classes() -> set[str]:
    return {node.name for node in CLASSES if lines(node) > LARGEST_CLASS}


def large_files() -> set[str]:
    sizes = {file: len(file.read_text("utf-8").splitlines()) for file in MODULES}
    return {file.relative_to(PACKAGE).as_posix() for file, size in sizes.items() if size > LARGEST_FILE}


RULES = (
    classes_of_one_name,
    files_of_one_name,
    participles,
    vague_parameters,
    long_functions,
    large_classes,
    large_files,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_names_and_sizes(rule: Callable[[], set[str]]) -> None:
    """A name with two meanings, or one that is no name, is read twice by everybody."""
    assert sorted(rule()) == [], "breaks the rule"


def test_functions_are_short() -> None:
    sizes = sorted(lines(function) for function in FUNCTIONS)
    assert median(sizes) <= MEDIAN
    assert sizes[int(len(sizes) * 0.95)] <= MOST


@pytest.mark.parametrize(
    ("names", "bare"),
    [
        (("told", "gathered", "laid_out", "known_as"), True),
        (("cut", "read", "seed", "embed", "kept_promise", "taken_by_hand"), False),
    ],
)
def test_what_a_bare_participle_is(names: tuple[str, ...], bare: bool) -> None:
    assert [name for name in names if is_participle(name) is not bare] == []
