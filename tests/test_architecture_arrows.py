"""The house as ARCHITECTURE.md draws it: arrows run one way, and thinking rooms touch nothing."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "storyboard"

# Lowest first. A room may know those of its own level and of the levels before it; a folder stands for all its rooms.
LEVELS = (
    ("words", "errors story shot take samples entry events price lock model plain"),
    (
        "thinking",
        "reading plan progress cut mix splice notes subtitles http.policy http.messages http.address "
        "http.breaker http.exchange budget account tables patience spare",
    ),
    (
        "hands",
        "clock disk store ledger callbacks rescue film beside config http providers generation "
        " uploads project effects media emulator run terminal signals",
    ),
    ("render", "desk outlook session settle ending partial assembly preparing render clearing sheet"),
    ("commands", "commands"),
    ("cli", "cli __main__ __init__"),
)
LEVEL = {room: at for at, (_, rooms) in enumerate(LEVELS) for room in rooms.split()}

# What touches the world. None of it belongs where only values are thought about.
WORLD = {"aiohttp", "asyncio", "av", "click", "moviepy", "numpy", "os", "PIL", "platformdirs", "random", "rich"}
WORLD |= {"shutil", "socket", "sqlite3", "subprocess", "tempfile", "time"}
# address turns its decision into a socket factory, which is the only place where the address dialled is known.
ALLOWED = {("http.address", "socket")}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts), room_of(parts), ast.parse(file.read_text("utf-8"))


def room_of(parts: Sequence[str]) -> str:
    """The room that a module belongs to: one that is placed by its whole name, else its folder."""
    whole = ".".join(parts[:2])
    return whole if whole in LEVEL else parts[0]


def imports(tree: ast.Module) -> Iterator[str]:
    """Every module that is imported when the program runs, at the top or inside a function."""
    checking = {id(inner) for node in ast.walk(tree) if _type_checking(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if _is_room(inner) else node.module


def _is_room(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_every_room_has_its_place() -> None:
    """A room that nobody placed is how a house grows by accident."""
    assert {room for _, room, _ in modules()} == set(LEVEL)


@pytest.mark.parametrize(("module", "room", "tree"), [pytest.param(*found, id=found[0]) for found in modules()])
def test_arrows_run_one_way(module: str, room: str, tree: ast.Module) -> None:
    """cli -> commands -> render -> hands -> thinking -> words, never back."""
    known = {room_of(name.split(".")[1:]) for name in imports(tree) if name.startswith("storyboard.")}
    back = {name for name in known if name in LEVEL and LEVEL[name] > LEVEL[room]}
    assert not back, f"{module} knows {back}"


@pytest.mark.parametrize(
    ("module", "room", "tree"), [pytest.param(*found, id=found[0]) for found in modules() if LEVEL[found[1]] <= 1]
)
def test_thinking_touches_nothing(module: str, room: str, tree: ast.Module) -> None:
    """Values in, values out: what is thought about can be tested without a disk, a clock or a network."""
    touched = {name.split(".")[0] for name in imports(tree)} & WORLD
    assert touched - {name for where, name in ALLOWED if where == room} == set()


def test_the_first_line_says_what_a_room_is() -> None:
    assert [module for module, _, tree in modules() if not ast.get_docstring(tree)] == []


def test_no_cycle() -> None:
    """Two rooms that need each other are one room."""
    known = {
        module.removesuffix(".__init__"): {name.removeprefix("storyboard.") for name in imports(tree)}
        for module, _, tree in modules()
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for name in sorted(known.get(module, ())):
                if name != module:
                    visit(name, (*path, module))
            done.add(module)

    for module in known:
        visit(module, ())


def test_parts_of_numpy_are_imported_by_name() -> None:
    """`numpy.fft` imports on first use, and recurses where two threads are the first: now and then a cut would fail."""
    lazy = re.compile(r"\b(np|numpy)\.(fft|linalg|random|polynomial|ma|strings)\.")
    assert [file.name for file in PACKAGE.rglob("*.py") if lazy.search(file.read_text("utf-8"))] == []


HEAVY = ("aiohttp", "moviepy", "numpy", "PIL", "av", "jsonschema", "rich", "yaml", "asyncio", "jinja2", "sqlite3")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["render", "--help"], ["plan", "--help"], ["doctor", "-h"]]
)
def test_help_is_light(arguments: list[str]) -> None:
    """--help answers at once because it imports nothing heavy."""
    script = f"""
import json, sys
from storyboard.cli import status
status({arguments!r})
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
