"""A ledger of the former schema is carried over: no row is lost, and a kill on the way leaves it as it was."""

import os
import shutil
import signal
import sqlite3
import stat
import sys
import tempfile
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from storyboard.model.cost import Cost
from storyboard.state.ledger import Ledger, carry_over
from storyboard.system.reserve import DiskReserve

# The schema as the releases before wrote it. It is history: it never changes.
FORMER = """
CREATE TABLE jobs (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL, job TEXT, run TEXT NOT NULL, nonce TEXT NOT NULL,
  storyboard TEXT NOT NULL, scene TEXT NOT NULL, model TEXT NOT NULL, recipe TEXT NOT NULL,
  credits TEXT NOT NULL, charged TEXT, code INTEGER, why TEXT NOT NULL DEFAULT '',
  asked REAL NOT NULL, changed REAL NOT NULL);
CREATE UNIQUE INDEX one_live_job ON jobs (key) WHERE state IN ('intent', 'unknown', 'open', 'taken', 'abandoned');
CREATE UNIQUE INDEX job_names ON jobs (job) WHERE job IS NOT NULL;
CREATE INDEX by_scene ON jobs (storyboard, scene);
CREATE INDEX by_run ON jobs (run);
CREATE INDEX by_time ON jobs (asked);
CREATE TABLE upgrades (
  entry INTEGER PRIMARY KEY REFERENCES jobs (id), credits TEXT NOT NULL, run TEXT NOT NULL, storyboard TEXT NOT NULL,
  scene TEXT NOT NULL, asked REAL NOT NULL);
CREATE VIEW charges AS
  SELECT id, storyboard, scene, run, model, state, 0 AS hd, asked AS at,
    CASE state WHEN 'refused' THEN '0' ELSE coalesce(charged, credits) END AS credits FROM jobs
  UNION ALL
  SELECT id, upgrades.storyboard, upgrades.scene, upgrades.run, model, state, 1, upgrades.asked, upgrades.credits
    FROM upgrades JOIN jobs ON jobs.id = upgrades.entry;
CREATE INDEX by_nonce ON jobs (substr(nonce, 1, 10));
CREATE TABLE inbox (id INTEGER PRIMARY KEY, nonce TEXT NOT NULL, job TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX inbox_nonces ON inbox (nonce);
CREATE TABLE takes (
  key TEXT NOT NULL, resolution TEXT NOT NULL, digest TEXT NOT NULL, bytes INTEGER NOT NULL, frames INTEGER NOT NULL,
  fps TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, sound INTEGER NOT NULL, seed INTEGER,
  credits TEXT, at REAL NOT NULL, PRIMARY KEY (key, resolution));
CREATE TABLE addresses (
  destination TEXT NOT NULL, digest TEXT NOT NULL, url TEXT NOT NULL, expires REAL NOT NULL,
  PRIMARY KEY (destination, digest));
CREATE TABLE pins (
  lock TEXT NOT NULL, digest TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (lock, digest));
CREATE TABLE removed (digest TEXT PRIMARY KEY, at REAL NOT NULL);
PRAGMA user_version = 1;
"""
# What schema 2 had besides.
SECOND = """
ALTER TABLE takes ADD COLUMN job TEXT;
ALTER TABLE takes ADD COLUMN fallback INTEGER NOT NULL DEFAULT 0;
UPDATE takes SET job = 'job-' || substr(key, 1, 1) WHERE substr(key, 1, 1) IN ('a', 'b');
PRAGMA user_version = 2;
"""
# What schema 3 had besides.
THIRD = """
ALTER TABLE takes ADD COLUMN remarks TEXT NOT NULL DEFAULT '[]';
ALTER TABLE jobs ADD COLUMN reason TEXT NOT NULL DEFAULT '';
CREATE TABLE frames (source TEXT NOT NULL, number INTEGER NOT NULL, digest TEXT NOT NULL,
  bytes INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, PRIMARY KEY (source, number));
CREATE TABLE sent_frames (entry INTEGER NOT NULL REFERENCES jobs (id), place TEXT NOT NULL,
  digest TEXT NOT NULL, PRIMARY KEY (entry, place));
PRAGMA user_version = 3;
"""
RECIPE = '{"prompt": "A gull"}'
JOB = f"INSERT INTO jobs VALUES (?, ?, ?, ?, 'r', ?, '/f.yaml', ?, 'veo3_fast', '{RECIPE}', '60', ?, ?, ?, 1, 2)"
TAKE = "INSERT INTO takes VALUES (?, ?, ?, 7, 192, '24', 1280, 720, 1, 41203, '60', 3.0)"
ROWS: tuple[tuple[str, tuple[object, ...]], ...] = (
    (JOB, (1, "a" * 64, "taken", "job-a", "n1" * 16, "gull", "60", None, "")),
    (JOB, (2, "b" * 64, "failed", "job-b", "n2" * 16, "tern", None, 422, "asked for again, as the author decided")),
    (JOB, (3, "b" * 64, "open", "job-b2", "n3" * 16, "tern", None, None, "")),
    (JOB, (4, "c" * 64, "unknown", None, "n4" * 16, "heron", None, None, "no answer")),
    (JOB, (5, "d" * 64, "refused", None, "n5" * 16, "crane", None, 400, "flagged")),
    ("INSERT INTO upgrades VALUES (1, '5', 'r', '/f.yaml', 'gull', 2.0)", ()),
    (TAKE, ("a" * 64, "720p", "1" * 64)),
    (TAKE, ("a" * 64, "1080p", "2" * 64)),
    (TAKE, ("b" * 64, "720p", "3" * 64)),
    (TAKE, ("e" * 64, "720p", "4" * 64)),
    (f"INSERT INTO inbox VALUES (1, '{'n4' * 16}', 'job-c', 4.0)", ()),
    (f"INSERT INTO addresses VALUES ('s3://b', '{'5' * 64}', 'https://b/5', 9e9)", ()),
    (f"INSERT INTO pins VALUES ('/f.lock.yaml', '{'1' * 64}', 5.0)", ()),
    (f"INSERT INTO removed VALUES ('{'6' * 64}', 6.0)", ()),
)
_FORMER_COLUMNS = (("jobs", 16), ("upgrades", 6), ("charges", 9), ("takes", 12))
TABLES = ("jobs", "upgrades", "charges", "inbox", "takes", "addresses", "pins", "removed")


@pytest.fixture(
    params=(pytest.param(1, marks=pytest.mark.ci), pytest.param(2, marks=pytest.mark.ci), 3),
    ids=("schema 1", "schema 2", "schema 3"),
)
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def path(tmp_path: Path, version: int) -> Path:
    """A ledger as a killed process of the release before left it: a part of it is in its write-ahead log."""
    path = tmp_path / "old" / "ledger.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(FORMER)
        database.execute("PRAGMA journal_mode = WAL")
        for statement, values in ROWS:
            database.execute(statement, values)
        if version > 1:
            database.executescript(SECOND)
        if version > 2:
            database.executescript(THIRD)
        path = Path(shutil.copytree(path.parent, tmp_path / "home")) / "ledger.db"
    DiskReserve(path.with_suffix(".ballast")).fill()
    assert path.with_name("ledger.db-wal").stat().st_size
    return path


def content(path: Path) -> tuple[int, dict[str, list[tuple[Any, ...]]]]:
    """The schema's number and all rows, without the columns that are new; read in a copy, so that the log stays."""
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(_copy(path.parent, folder) / path.name)) as (database),
    ):
        (version,) = database.execute("PRAGMA user_version").fetchone()
        found = {name: database.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in TABLES}
    found |= {name: [row[:columns] for row in found[name]] for name, columns in _FORMER_COLUMNS}
    return version, found


def _copy(home: Path, folder: str) -> Path:
    return Path(shutil.copytree(home, Path(folder) / "home"))


def test_no_row_is_lost_and_each_take_has_its_job(path: Path, version: int) -> None:
    """A lost row would be bought again; the ledger as it was stays beside it, for its owner alone."""
    before = content(path)
    ledger = Ledger(path)
    assert content(path) == (4, before[1])
    found = {(key, take.resolution): (take.job, take.fallback, take.remarks) for key, take, _ in ledger.takes.all()}
    assert found == {
        ("a" * 64, "720p"): ("job-a", False, ()),
        ("a" * 64, "1080p"): ("job-a", False, ()),
        ("b" * 64, "720p"): ("job-b", False, ()),  # The one that came: job-b2 is still in progress.
        ("e" * 64, "720p"): (None, False, ()),
    }
    assert {submission.reason for submission in ledger.submissions.all()} == {""}
    copy = carry_over.backup_path(path, version)
    assert content(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("recipe", "provider"),
    [
        ('{"prompt": "A gull"}', "apikley"),
        ('{"prompt": "A gull", "provider": "sketch"}', "sketch"),
        ('{"prompt": "A gull", "provider": 3}', "apikley"),
        ("[]", "apikley"),
        ("{", "apikley"),
    ],
)
def test_each_job_has_the_provider_that_its_recipe_names(tmp_path: Path, recipe: str, provider: str) -> None:
    """Credits of another service would count as the default provider's; a damaged recipe loses no other row."""
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(FORMER + SECOND + THIRD)
        for statement, values in ROWS[:1]:
            database.execute(f"{statement[:-1]}, '')", values)
        database.execute("UPDATE jobs SET recipe = ?", (recipe,))
        database.execute("INSERT INTO upgrades VALUES (1, '5', 'r', '/f.yaml', 'gull', 2.0)")
    DiskReserve(path.with_suffix(".ballast")).fill()
    ledger = Ledger(path)
    assert ledger.database.query("SELECT provider, unit FROM jobs")[0][:] == (provider, "credits")
    assert ledger.charges.total("storyboard", "/f.yaml") == Cost.of(Fraction(65), provider)
    ledger.close()
    # The backup is a whole ledger of the earlier schema: put in its place, it is carried over again.
    carry_over.backup_path(path, 3).rename(path)
    assert Ledger(path).charges.total("storyboard", "/f.yaml") == Cost.of(Fraction(65), provider)


def test_killed_at_any_moment_the_ledger_is_the_old_or_the_new_one(path: Path, tmp_path: Path) -> None:
    """Between backup and commit nothing has changed: an older release, or the next run, goes on from there."""
    before, versions = content(path), []
    for moment in range(1, 100):
        home = Path(shutil.copytree(path.parent, tmp_path / f"home{moment}"))
        killed = died_at(moment, home / "ledger.db")
        versions.append(content(home / "ledger.db")[0])
        assert content(home / "ledger.db")[1] == before[1]
        Ledger(home / "ledger.db").close()
        assert content(home / "ledger.db") == (4, before[1])
        if not killed:
            break
    assert len(versions) > 10
    assert versions == sorted(versions)
    assert versions[-1] == 4


def died_at(moment: int, path: Path) -> bool:
    """Open the ledger in a process that kills itself at a line of the step; False where the step was over before."""
    if not (pid := os.fork()):
        sys.settrace(_killing(moment))
        Ledger(path)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def _killing(moment: int) -> Any:
    lines = 0

    def reach(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal lines
        lines += event == "line"
        if lines == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return reach

    return lambda frame, event, arg: reach if frame.f_code is carry_over.carry_over.__code__ else None
