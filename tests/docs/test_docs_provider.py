"""The provider of docs/providers.md, as it stands there, makes a film."""

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from canary import KEY
from studio import Service

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.testing import provider_contract

PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"


def installed(folder: Path) -> str:
    """Put the page's code and its entry point where Python looks; the page's config.toml is returned."""
    text = PAGE.read_text("utf-8")
    code, test = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    entry, config = re.findall(r"```toml\n(.*?)```", text, flags=re.S)
    (folder / "sketch.py").write_text(code, "utf-8")
    (folder / "test_sketch.py").write_text(test, "utf-8")
    info = folder / "sketch-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sketch\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        entry.replace('[project.entry-points."storyboard.providers"]', "[storyboard.providers]").replace('"', "")
    )
    return config


@pytest.mark.ci
def test_the_documented_provider_renders(tmp_path: Path, own_home: Path) -> None:
    """Whoever copies the example has a provider that works."""
    packages, project, config = tmp_path / "packages", tmp_path / "project", own_home / "config" / "storyboard"
    for folder in (packages, project, config):
        folder.mkdir(parents=True)
    (config / "config.toml").write_text(installed(packages), "utf-8")
    (project / "storyboard.yaml").write_text(
        "storyboard: 1\nscenes:\n  - {id: cat, model: pencil, prompt: A cat stretches.}\n", "utf-8"
    )
    service = Service(Behaviour(film="plain"))
    try:
        environ = {
            **os.environ,
            "PYTHONPATH": str(packages),
            "SKETCH_BASE_URL": service.emulator.url,
            "SKETCH_API_KEY": KEY,
            "STORYBOARD_TIME_SCALE": "0.005",
        }

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "storyboard", *arguments]
            return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, timeout=120)

        assert "12 credits" in run("plan").stdout
        done = run("render", "--yes")
        assert (done.returncode, done.stdout) == (0, "out/storyboard.mp4\n"), done.stderr
        (job,) = service.emulator.jobs
        assert job.prompt == "Pencil drawing. A cat stretches."
        (project / "storyboard.yaml").write_text(
            "storyboard: 1\nscenes:\n  - {id: cat, model: veo3, prompt: A cat stretches.}\n", "utf-8"
        )
        wrong = run("validate")
        assert wrong.returncode == 2
        assert "'veo3' is not a model" in wrong.stderr
    finally:
        service.close()


@pytest.mark.ci
def test_the_documented_provider_keeps_the_contract(tmp_path: Path) -> None:
    """The page's own test, run as its reader would: pytest in a folder of its own."""
    installed(tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_sketch.py"]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    sys.path.insert(0, str(tmp_path))
    try:
        test = import_module("test_sketch")
    finally:
        sys.path.remove(str(tmp_path))
        for name in ("sketch", "test_sketch"):
            sys.modules.pop(name, None)
    count = len(provider_contract(test.provider, test.SAMPLES))
    assert count >= 24
    assert f"{count} passed" in done.stdout
