"""The contracts of import-linter say what they should: each is broken once, in a copy of the package."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# What is written into a file, and the first words of the contract that it breaks.
BREAKS = {
    "an arrow upwards": ("model/shot.py", "from storyboard.costs import prices", "packages, highest first"),
    "an arrow to a neighbour": ("export/sidecars.py", "from storyboard.media import probe", "packages, highest first"),
    "a package without a place": ("helpers/__init__.py", "", "packages, highest first"),
    "a clock where values are": ("planning/plan.py", "import time", "values in, values out"),
    "the network elsewhere": ("workflow/render.py", "import aiohttp", "network (aiohttp)"),
    "a decoder elsewhere": ("workflow/sheet.py", "from PIL import Image", "clips and pictures"),
    "a composer elsewhere": ("film/compose.py", "import moviepy", "composing (moviepy)"),
    "the terminal elsewhere": ("workflow/render.py", "import click", "the terminal"),
    "a database elsewhere": ("workflow/facts.py", "import sqlite3", "the database"),
}


def linted(folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": "."}
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.ci) for name in BREAKS])
def test_a_contract_that_is_broken_is_told(name: str, tmp_path: Path) -> None:
    """A contract that nothing can break would hold while the house falls apart."""
    file, line, contract = BREAKS[name]
    shutil.copytree(
        ROOT / "storyboard", tmp_path / "storyboard", ignore=shutil.ignore_patterns("schemas", "__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    path = tmp_path / "storyboard" / file
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text("utf-8") if path.exists() else "") + f"\n{line}\n")
    told = linted(tmp_path)
    broken = [row for row in told.splitlines() if " BROKEN" in row]
    assert any(row.startswith(contract) for row in broken) or "helpers" in told, told


@pytest.mark.ci
def test_the_package_keeps_its_contracts() -> None:
    """What ./dev check says, where only the tests are run."""
    assert " BROKEN" not in linted(ROOT)
    assert linted(ROOT).count(" KEPT") == 7
