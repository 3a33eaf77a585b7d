"""What imports must not do, beside the layers and the doors that import-linter checks (pyproject.toml)."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "storyboard"


ENTRIES, ARROWS = 23, 88


def entry(module: str) -> str:
    """The package or module directly below `storyboard` that a dotted name belongs to; "" for `storyboard` itself."""
    return [*module.split("."), ""][1]


def arrows() -> set[tuple[str, str]]:
    """Which entries import which others, at the top of a file or inside a function."""
    found = set()
    for file in PACKAGE.rglob("*.py"):
        here = entry(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "storyboard":
                full = [f"{node.module}.{alias.name}" for alias in node.names]
                found |= {(here, entry(name)) for name in full if (PACKAGE / entry(name)).is_dir()}
    return {(here, there) for here, there in found if here not in ("__init__", there)}


def test_the_tree_is_small() -> None:
    """Nobody finds a place for new code among sixty entries; the layers themselves are import-linter's."""
    entries = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert len(entries - {"__init__"}) <= ENTRIES, sorted(entries)
    assert len(arrows()) <= ARROWS


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
from storyboard.cli.main import status
status({arguments!r})
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == []
