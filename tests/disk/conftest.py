"""What the tests of the disk share: a studio in memory, where thousands of calls are synced at once."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from canary import CANARY, KEY
from studio import Studio

MEMORY = "/dev/shm"


@pytest.fixture
def memory() -> Iterator[Path]:
    """A folder that costs no time to write to, where the machine has one."""
    folder = Path(tempfile.mkdtemp(dir=MEMORY if os.access(MEMORY, os.W_OK) else None))
    yield folder
    CANARY.files(folder)
    shutil.rmtree(folder)


Open = Callable[[str], Studio]


@pytest.fixture
def open_studio(memory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens studio after studio, each with a home, a cache and a project of its own; one service sells to all."""
    monkeypatch.setenv("APIKLEY_API_KEY", KEY)
    first = Studio(memory, {})
    service = first.serve()

    def opened(name: str) -> Studio:
        folder = memory / name
        (folder / "project").mkdir(parents=True)
        for variable, part in (("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config")):
            monkeypatch.setenv(variable, str(folder / part))
        (folder / "tmp").mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
        environ = {"STORYBOARD_HOME": str(folder / "home"), "STORYBOARD_TIME_SCALE": "0.0002", **first.environ}
        return Studio(folder / "project", environ, service)

    yield opened
    service.close()
