"""The ledger's high-water mark: a ledger that has lost changes is refused, whatever took them, until it is accepted."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from storyboard.model.errors import LocalFault
from storyboard.model.shot import Shot
from storyboard.model.take import Measure, Take
from storyboard.state.ledger import Ledger, accept, is_unused
from storyboard.state.ledger.submissions import KnownJob
from storyboard.workflow.ledger_backup import accept_ledger, back_up_ledger

SHOT = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")


def intend(ledger: Ledger, prompt: str) -> None:
    ledger.submissions.record_intent(
        replace(SHOT, prompt=prompt), "gull", "/film.yaml", "run1", Fraction(60), 1_700_000_000.0
    )


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """The ledger of a run that was killed: its last submissions are in the write-ahead log only."""
    with closing(Ledger(tmp_path / "running" / "ledger.db")) as ledger:
        intend(ledger, "A gull")
        intend(ledger, "A tern")
        shutil.copytree(ledger.path.parent, tmp_path / "home")
    return tmp_path / "home" / "ledger.db"


def without(name: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.with_name(name).unlink()

    damage.__name__ = f"without-{name}"
    return damage


def cut_short(path: Path) -> None:
    log = Path(f"{path}-wal")
    os.truncate(log, log.stat().st_size - 4096)


def flipped(path: Path) -> None:
    log = Path(f"{path}-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)


def without_both(path: Path) -> None:
    path.unlink()
    path.with_name("ledger.ballast").unlink()  # A full disk has taken it.


@pytest.mark.parametrize(
    "damage",
    [without("ledger.db-wal"), without("ledger.mark"), cut_short, flipped, without_both],
    ids=lambda it: it.__name__,
)
def test_a_ledger_that_lost_changes_is_refused_until_it_is_accepted(
    crashed: Path, damage: Callable[[Path], None]
) -> None:
    """What is lost was perhaps paid for: a ledger that does not know it would buy it again."""
    Path(f"{crashed}-shm").unlink(missing_ok=True)
    damage(crashed)
    assert not is_unused(crashed)
    for _ in range(2):
        with pytest.raises(LocalFault) as caught:
            Ledger(crashed)
        assert "storyboard store accept" in caught.value.hint
    accept(crashed)
    with closing(Ledger(crashed)) as ledger:
        intend(ledger, "A heron")


def test_a_killed_run_is_no_damage(crashed: Path) -> None:
    """A commit whose mark was not written any more is the ledger's; so is a mark that was torn by a power cut."""
    with closing(Ledger(crashed)) as ledger:
        changes = ledger.database.changes
    mark = crashed.with_name("ledger.mark")
    content = bytearray(mark.read_bytes())
    at = content.index(f"{changes:020d}".encode())
    content[at : at + 8] = b"\0" * 8
    mark.write_bytes(content)
    with closing(Ledger(crashed)) as ledger:
        assert len(ledger.submissions.all()) == 2
    assert f"{changes:020d}".encode() in mark.read_bytes()


def test_a_ledger_of_another_home_is_refused(crashed: Path, tmp_path: Path) -> None:
    """One that is far ahead of the mark has another history, in which what was bought here is missing."""
    with closing(Ledger(tmp_path / "other" / "ledger.db")) as other:
        for number in range(100):
            other.database.execute("INSERT INTO removed VALUES (?, 1.0)", (str(number),))
    for beside in ("-wal", "-shm"):
        Path(f"{crashed}{beside}").unlink()
    shutil.copyfile(tmp_path / "other" / "ledger.db", crashed)
    with pytest.raises(LocalFault, match="another one"):
        Ledger(crashed)


def test_a_ledger_without_a_mark_is_given_one(tmp_path: Path) -> None:
    """Ledgers of earlier versions count no changes."""
    path = tmp_path / "ledger.db"
    with closing(Ledger(path)) as ledger:
        intend(ledger, "A gull")
        ledger.database.connection.execute("PRAGMA application_id = 0")
    path.with_name("ledger.mark").unlink()
    with closing(Ledger(path)) as ledger:
        intend(ledger, "A tern")
    path.unlink()
    with pytest.raises(LocalFault, match="is empty or was removed"):
        Ledger(path)


def test_nothing_is_submitted_while_the_mark_cannot_be_written(tmp_path: Path) -> None:
    """The change that was just recorded stays recorded; the next submission is refused."""
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        intend(ledger, "A gull")
        (tmp_path / "ledger.mark").unlink()
        entry = ledger.submissions.all()[0]
        ledger.submissions.record_accepted(entry, "job1", 2.0)
        assert ledger.submissions.all()[0].job == "job1"
        with pytest.raises(LocalFault, match=r"ledger\.mark"):
            intend(ledger, "A tern")
        assert len(ledger.submissions.all()) == 1


def test_a_backup_is_complete_and_comes_back(crashed: Path, tmp_path: Path) -> None:
    """Made while the ledger is in use, in one file; a later ledger and its log stay beside the restored one."""
    with closing(Ledger(crashed)) as ledger:
        intend(ledger, "A heron")
        found = back_up_ledger("paid", crashed.parent, tmp_path / "backup", 1_700_000_000.0)
        assert found
        intend(ledger, "A stork")
    assert (found.submissions, found.file.stat().st_mode & 0o777) == (3, 0o600)
    assert [file.name for file in (tmp_path / "backup").iterdir()] == [found.file.name]
    crashed.write_bytes(b"not a database" * 500)
    Path(f"{crashed}-wal").write_bytes(b"stale")
    with pytest.raises(LocalFault):
        accept_ledger(crashed.parent, None, 1.0)
    assert accept_ledger(crashed.parent, found.file, 1.0).submissions == 3
    with closing(Ledger(crashed)) as ledger:
        assert {entry.recipe["prompt"] for entry in ledger.submissions.all()} == {"A gull", "A tern", "A heron"}
    aside = sorted(file.name for file in crashed.parent.glob("ledger.db*.1970*"))
    assert "ledger.db.1970-01-01T000001Z" in aside


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"x" * 5000, b"text"])
def test_what_is_no_backup_is_not_restored(crashed: Path, tmp_path: Path, content: bytes) -> None:
    """The present ledger stays in place."""
    (tmp_path / "backup.db").write_bytes(content)
    before = crashed.read_bytes()
    with pytest.raises(LocalFault):
        accept_ledger(crashed.parent, tmp_path / "backup.db", 1.0)
    assert crashed.read_bytes() == before
    assert sqlite3.connect(f"file:{crashed}?mode=ro", uri=True).execute("SELECT count(*) FROM jobs").fetchone() == (2,)


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
def test_a_ledger_is_for_its_user_alone(tmp_path: Path, umask: int) -> None:
    """Whatever the umask, and also one that an earlier version left open."""
    before = os.umask(umask)
    try:
        with closing(Ledger(tmp_path / "home" / "ledger.db")) as ledger:
            intend(ledger, "A gull")
            modes = {file.name: file.stat().st_mode & 0o777 for file in ledger.path.parent.iterdir()}
    finally:
        os.umask(before)
    names = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.mark", "ledger.ballast")
    assert modes == dict.fromkeys(names, 0o600)
    (tmp_path / "home" / "ledger.db").chmod(0o644)
    Ledger(tmp_path / "home" / "ledger.db").close()
    assert (tmp_path / "home" / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_a_backup_with_a_damaged_row_is_not_accepted(tmp_path: Path, crashed: Path) -> None:
    """Its head is sound: only reading all of it shows that a row and its index differ."""
    with closing(Ledger(crashed)) as ledger:
        copy = tmp_path / "copy.db"
        ledger.database.back_up(copy)
        key = ledger.submissions.all()[0].key
    copy.write_bytes(copy.read_bytes().replace(key.encode(), key[::-1].encode(), 1))
    with pytest.raises(LocalFault, match="no ledger, or damaged"):
        accept_ledger(crashed.parent, copy, 1_700_000_000.0)


def test_a_job_is_found_for_one_shot_only(crashed: Path) -> None:
    """Two locks that name one job for different shots: the second has to be decided by the author."""
    with closing(Ledger(crashed)) as ledger:
        take = Take("0" * 64, 1, Measure(192, Fraction(24), 1280, 720, True), "720p", job="job-1")
        one, other = (replace(SHOT, prompt=prompt) for prompt in ("A heron", "A swan"))
        ledger.found_jobs.record(one, "heron", "/film.yaml", "run2", [take], 1_700_000_000.0)
        with pytest.raises(KnownJob):
            ledger.found_jobs.record(other, "swan", "/film.yaml", "run2", [take], 1_700_000_000.0)


def test_changes_in_the_log_of_a_backup_are_a_part_of_it(crashed: Path) -> None:
    """A copy of a home that a kill had left has its last submissions in the log; so has what `accept` sets aside."""
    copy = crashed.with_name("copy.db")
    shutil.copy(crashed, copy)
    shutil.copy(f"{crashed}-wal", f"{copy}-wal")
    for backup in (copy, crashed):
        accept_ledger(crashed.parent, backup, 1_700_000_000.0)
        with closing(Ledger(crashed)) as ledger:
            assert len(ledger.submissions.all()) == 2
