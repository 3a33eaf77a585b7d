"""Odd surroundings: no home folder, a read-only home, names that are not UTF-8, a reader that has had enough."""

import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

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


# A user of this number has no passwd entry. The program and its Python may lie in a folder that only root may read.
NOBODY = "54321"
AS_NOBODY = [*f"setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups".split()]
AS_NOBODY += ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]


def _may_be_nobody() -> bool:
    return bool(shutil.which("setpriv")) and subprocess.run([*AS_NOBODY, "true"], capture_output=True).returncode == 0


@pytest.mark.ci
@pytest.mark.skipif(not _may_be_nobody(), reason="needs setpriv, and root, to be a user without a passwd entry")
def test_a_user_whom_the_system_does_not_know(studio: Studio) -> None:
    """`docker run --user 54321`: without HOME the cause is said; with folders of their own, all that is free works."""
    with TemporaryDirectory() as folder:  # Folders of pytest are closed to other users.
        project = Path(folder)
        (project / "film.yaml").write_text("storyboard: 1\nscenes:\n  - {id: a, prompt: A gull}\n")
        os.chmod(folder, 0o700)
        os.chown(folder, int(NOBODY), int(NOBODY))
        environ = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH")}
        own = {name: str(project / name) for name in ("STORYBOARD_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}

        def run(*words: str, more: Mapping[str, str]) -> tuple[int, str]:
            command = [*AS_NOBODY, sys.executable, "-m", "storyboard", *words]
            done = subprocess.run(command, cwd=folder, env={**environ, **more}, capture_output=True, text=True)
            return done.returncode, done.stderr

        for words in (["plan"], ["status"], ["render", "--draft"]):
            status, said = run(*words, "film.yaml", more={})
            assert (status, "HOME is not set, and the system does not know one" in said) == (2, True), said
            status, said = run(*words, "film.yaml", more=own)
            assert status == 0, said
        film = (project / "out" / "film.mp4").stat()
        assert film.st_uid == int(NOBODY)


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
