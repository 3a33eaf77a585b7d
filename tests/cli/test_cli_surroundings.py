"""Odd surroundings: no home folder, a read-only home, names that are not UTF-8, a reader that has had enough."""

import os
import pwd
import shutil
from pathlib import Path

import pytest
from studio import Run, Studio

from storyboard.config.settings import settings
from storyboard.model.errors import InputError
from storyboard.state.realm import read_realm


def test_without_a_home_folder_the_cause_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise a folder called ~ in the project would be the configuration."""

    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(InputError, match="no home folder"):
        settings()


def test_a_path_that_is_not_utf_8_is_said(studio: Studio, run: Run) -> None:
    """Neither the ledger nor a lock could name it."""
    studio.scenes("A gull")
    odd = studio.folder / os.fsdecode(b"odd\xff.yaml")
    shutil.copyfile(studio.folder / "film.yaml", odd)
    left, _, err = run("validate", str(odd))
    assert (left, "is not UTF-8" in err) == (2, True)


def test_a_read_only_home_is_looked_at_by_a_copy(
    studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger as it is, and nothing of it changed."""
    studio.serve()
    studio.scenes("A gull")
    assert studio.render(cut=False).exit == 0
    root = own_home / "store" / "rehearsals"
    before = {path.name: path.stat().st_mtime_ns for path in root.iterdir()}
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and access(path, mode))
    with read_realm("rehearsal", root, 1.0) as realm:
        assert [entry.state for entry in realm.ledger.submissions.all()] == ["taken"]
        assert len(list(realm.store)) == 1
    assert {path.name: path.stat().st_mtime_ns for path in root.iterdir()} == before


@pytest.mark.ci
def test_a_paid_render_whose_output_is_not_read_ends_well(studio: Studio) -> None:
    """`| head`: what was bought is there, and the exit status is the render's."""
    studio.serve()
    studio.scenes("A gull")
    process = studio.process("render", "film.yaml", "--yes")
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    process.stderr.read()
    assert process.wait(60) == 0
    assert (studio.folder / "out" / "film.mp4").exists()
