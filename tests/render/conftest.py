"""An author's studio for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from studio import Studio


@pytest.fixture
def studio(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setenv("APIKLEY_API_KEY", "rehearsal")
    folder = tmp_path / "project"
    folder.mkdir()
    environ = {
        "STORYBOARD_HOME": str(own_home / "store"),
        "STORYBOARD_TIME_SCALE": "0.002",
        "STORYBOARD_UPLOADS": "provider",
    }
    studio = Studio(folder, environ)
    yield studio
    if studio.service:
        studio.service.close()
