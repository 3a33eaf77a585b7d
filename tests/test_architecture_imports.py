"""What imports must not do, beside the layers and the doors that import-linter checks (pyproject.toml)."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "storyboard"


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
