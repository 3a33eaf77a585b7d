"""A service that names a job by the key: the clip comes, and the key lies in no file that is shared or kept."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from studio import Studio

# As a job's name of the emulator looks.
ECHOED = "5e1f0c4e9a7b4d2f8c3b6a5d1e0f9c7b"


def test_a_key_for_a_name_is_kept_nowhere(studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock goes into git, and the ledger into a backup."""
    monkeypatch.setenv("APIKLEY_API_KEY", ECHOED)
    monkeypatch.setattr("storyboard.emulator.api.service.secrets", SimpleNamespace(token_hex=lambda size: ECHOED))
    service = studio.serve()
    studio.scenes("A gull")
    done = studio.render()
    assert (done.exit, done.made) == (0, 1)
    assert service.emulator.jobs[0].id == ECHOED
    assert 'job: "[key]"' in (studio.folder / "film.lock.yaml").read_text()
    files = [path for folder in (studio.folder, own_home) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if ECHOED.encode() in path.read_bytes()] == []
    assert ECHOED not in repr(studio.seen) + repr(done)
