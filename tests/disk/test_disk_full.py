"""A disk that is full: a real one of a few megabytes, where this machine lets us have one, and its ballast."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from canary import KEY
from studio import Studio

from storyboard.model.errors import LocalFault
from storyboard.model.shot import Shot
from storyboard.state.ledger import Ledger
from storyboard.system import files, reserve
from storyboard.system.reserve import DiskReserve

Open = Callable[[str], Studio]
SHOT = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")


def intended(path: Path) -> Ledger:
    ledger = Ledger(path)
    ledger.submissions.record_intent(SHOT, "gull", "/film.yaml", "run1", Fraction(60), 1.0)
    return ledger


def full(ledger: Ledger, times: int) -> list[str]:
    """The next statements find no room; what was asked for."""
    asked: list[str] = []

    class Full:
        def __init__(self, db: sqlite3.Connection) -> None:
            self.db = db

        def __enter__(self) -> object:
            return self.db.__enter__()

        def __exit__(self, *error: Any) -> object:
            return self.db.__exit__(*error)

        def execute(self, sql: str, *more: Any) -> object:
            if sql.startswith("UPDATE") and len(asked) < times:
                asked.append(sql)
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error
            return self.db.execute(sql, *more)

        def executemany(self, sql: str, rows: Any) -> object:
            return self.db.executemany(sql, rows)

    ledger.database.connection = cast(sqlite3.Connection, Full(ledger.database.connection))
    return asked


def test_the_ballast_makes_room_for_a_job_name(tmp_path: Path) -> None:
    """It is loaded before anything is asked for, given up when a name does not fit, and loaded again."""
    ledger = intended(tmp_path / "ledger.db")
    ballast = tmp_path / "ledger.ballast"
    assert ballast.stat().st_size == DiskReserve.SIZE
    full(ledger, 1)
    entry = ledger.submissions.of_key(SHOT.key)
    assert entry
    ledger.submissions.record_accepted(entry, "job1", 2.0)
    assert not ballast.exists()
    standing = Ledger(ledger.path).submissions.of_key(SHOT.key)
    assert standing
    assert (standing.state, standing.job) == ("open", "job1")
    ledger.submissions.record_intent(replace(SHOT, prompt="A tern"), "tern", "/film.yaml", "run1", Fraction(60), 3.0)
    assert ballast.stat().st_size == DiskReserve.SIZE


def test_a_disk_that_is_fuller_than_its_ballast_says_so(tmp_path: Path) -> None:
    """The hint is about the disk, not about damage."""
    ledger = intended(tmp_path / "ledger.db")
    entry = ledger.submissions.of_key(SHOT.key)
    assert entry
    for times in (2, 1):  # with the ballast, and without
        full(ledger, times)
        with pytest.raises(LocalFault, match="disk is full") as caught:
            ledger.submissions.record_accepted(entry, "job1", 2.0)
        assert "free some space" in caught.value.hint


def test_half_a_ballast_is_loaded_anew(tmp_path: Path) -> None:
    """Compressible it must not be: it would keep no room on a disk that compresses."""
    ballast = DiskReserve(tmp_path / "ballast")
    ballast.path.write_bytes(b"half")
    assert not ballast.is_present()
    ballast.fill()
    assert ballast.is_present()
    content = ballast.path.read_bytes()
    assert len(set(content[:4096])) > 200
    ballast.fill()
    assert ballast.path.read_bytes() == content
    assert ballast.release()
    assert not ballast.release()


def test_nothing_is_asked_for_without_room_for_its_answer(open_studio: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ballast does not fit, no request leaves: exit 6."""
    studio = open_studio("full")
    assert studio.service
    posts = studio.service.posts
    studio.scenes("A gull full", "A tern full")
    whole = files.replace

    def no_room(path: Path, content: bytes, *, private: bool = False) -> bool:
        if len(content) == DiskReserve.SIZE:
            with files.disk_errors(path):
                raise OSError(28, "No space left on device")
        return whole(path, content, private=private)

    monkeypatch.setattr(reserve, "replace", no_room)
    done = studio.render()
    assert (done.exit, done.made, studio.service.posts) == (6, 0, posts)
    assert any("the disk is full" in note for note in done.notes)
    monkeypatch.setattr(reserve, "replace", whole)
    assert studio.render().exit == 0


IN_A_ROOM = """
import json, os, shutil, subprocess, sys
from pathlib import Path
home, project, size = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(home)], check=True)
sys.path.insert(0, sys.argv[4])
from studio import Studio
from storyboard.cli.exit_status import error_status
from storyboard.errors import StoryboardError
from storyboard.state.ledger import Ledger
service = Studio(project, {}).serve()
environ = {"STORYBOARD_HOME": str(home / "home"), "STORYBOARD_TIME_SCALE": "0.0002",
           "APIKLEY_BASE_URL": service.emulator.url}
studio = Studio(project, environ, service)
studio.scenes("A gull", "A tern", "A heron", "An owl", "A crow")
filler = home / "filler"
def fill():
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
def asked(at, plan):
    # Just as the first answers are on their way, somebody fills the disk.
    read = at.provider.read_submission
    def reading(reply):
        job = read(reply)
        if not filler.exists():
            fill()
        return job
    object.__setattr__(at.provider, "read_submission", reading)
said = []
for step in ("filled", "still full", "roomy"):
    if step == "roomy":
        filler.unlink()
    try:
        done = studio.render(approve=asked if step == "filled" else lambda at, plan: None, cut=False, at_once=3)
        said.append((step, done.exit, list(done.notes)))
    except StoryboardError as error:
        said.append((step, error_status(error), [str(error)]))
    said[-1] += (service.posts, len(service.emulator.jobs))
    if step == "filled":
        jobs = [entry.job for entry in Ledger(home / "home/rehearsals/ledger.db").submissions.all() if entry.job]
        said[-1] += (sorted(jobs) == sorted(job.id for job in service.emulator.jobs), )
service.close()
print(json.dumps(said))
"""


def _may_mount() -> bool:
    probe = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return bool(shutil.which("unshare")) and subprocess.run(probe, capture_output=True).returncode == 0


# unshare is in util-linux, so on every Linux; a container without CAP_SYS_ADMIN is not let use it.
@pytest.mark.ci
@pytest.mark.skipif(not _may_mount(), reason="needs unshare -rm to have a small disk of its own")
def test_a_real_disk_that_fills_up(tmp_path: Path) -> None:
    """Filled as the answers come: every job name is in the ledger, exit 6, and with room again each clip is fetched."""
    home, project = tmp_path / "disk", tmp_path / "project"
    home.mkdir()
    project.mkdir()
    tests = str(Path(__file__).parents[1])
    command = ["unshare", "-rm", sys.executable, "-c", IN_A_ROOM, str(home), str(project), str(6 << 20), tests]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "APIKLEY_API_KEY": KEY})
    assert done.returncode == 0, done.stderr
    filled, still, roomy = json.loads(done.stdout.splitlines()[-1])
    assert filled[1] == 6
    assert filled[3] == filled[4] <= 4
    assert filled[5], "a job is not in the ledger"
    assert any("disk is full" in note or "No space left" in note for note in filled[2])
    assert (still[1], still[3]) == (6, filled[3])
    assert (roomy[1], roomy[3], roomy[4]) == (0, 5, 5), roomy
