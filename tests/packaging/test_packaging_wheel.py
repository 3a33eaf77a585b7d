"""What is published: built as a release is, the wheel from the sdist, and used far from the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
from importlib.metadata import PathDistribution
from pathlib import Path
from zipfile import ZipFile

import pytest

from storyboard.providers.declared.catalogue import shipped_names

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted(path.name for path in (ROOT / "schemas").glob("*.json"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def prompt(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `storyboard` of a new environment that has the wheel, and what it needs from the one that runs the tests."""
    home = tmp_path_factory.mktemp("fresh") / "venv"
    venv.create(home)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    with ZipFile(_wheel(built)) as wheel:
        wheel.extractall(packages)
    # Only the packages: a .pth of that environment, which would lead back to the checkout, is not followed from here.
    (packages / "needs.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    script = home / "bin" / "storyboard"
    (metadata,) = packages.glob("storyboard_render-*.dist-info")
    module, name = _command(metadata).split(":")
    script.write_text(f"#!{home}/bin/python\nfrom {module} import {name}\n\n{name}()\n")
    script.chmod(0o755)
    return script


def _wheel(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def _command(metadata: Path) -> str:
    """What `storyboard` calls, by the wheel's own word. (An installer would read it; a Debian venv may have none.)"""
    (command,) = PathDistribution(metadata).entry_points.select(group="console_scripts", name="storyboard")
    return command.value


def _said(prompt: Path, *words: str, at: Path) -> str:
    """What a command says on stdout, run in ``at``; the test fails where it ends badly."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTHONPATH")}
    done = subprocess.run([prompt, *words], cwd=at, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ci
def test_wheel_has_the_package_and_nothing_else(built: Path) -> None:
    """Without the schemas nothing can be validated; tests or benchmarks would be installed beside other people's."""
    names = ZipFile(_wheel(built)).namelist()
    shipped = {f"storyboard/providers/declared/shipped/{name}.toml" for name in shipped_names()}
    assert shipped <= {*names}
    assert sorted(Path(name).name for name in names if name.startswith("storyboard/schemas/")) == SCHEMAS
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"storyboard", "storyboard_render"}
    assert "storyboard/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_sdist_has_what_a_packager_needs(built: Path) -> None:
    """A distribution builds from it: the licence, the schemas and the examples must be in it."""
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"LICENSE", "README.md", "pyproject.toml", "storyboard/cli/main.py", "examples/hello/hello.yaml"} <= names
    assert {f"schemas/{name}" for name in SCHEMAS} <= names


@pytest.mark.ci
def test_wheel_renders_outside_the_checkout(prompt: Path, tmp_path: Path) -> None:
    """What is installed must not need the checkout: from an empty folder to a film."""
    where = _said(prompt.parent / "python", "-c", "import storyboard; print(storyboard.__file__)", at=tmp_path)
    assert Path(where.strip()).is_relative_to(prompt.parents[1])
    _said(prompt, "init", "film", at=tmp_path)
    project = tmp_path / "film"
    (storyboard,) = project.glob("*.yaml")
    _said(prompt, "validate", storyboard.name, at=project)
    schema = json.loads(_said(prompt, "schema", at=project))
    assert schema == json.loads((ROOT / "schemas" / "storyboard.schema.json").read_text())
    film = _said(prompt, "render", storyboard.name, "--draft", at=project).strip()
    assert (project / film).stat().st_size > 10_000
