"""A row of the ledger that the program never writes is a damaged ledger: it is told, and nothing is guessed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import pytest

from storyboard.model.errors import LocalFault
from storyboard.model.shot import Shot
from storyboard.model.take import Measure, Take
from storyboard.state.ledger import Ledger

GULL = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")
TAKE = Take("d" * 64, 7, Measure(192, Fraction(24), 1280, 720, True), "720p", 41203, Fraction(60), "job1")
JOBS = (
    *("state = 'sold'", "recipe = '[]'", "recipe = '{'", "recipe = '{}'", "recipe = x'00ff'", "credits = '1/0'"),
    *("credits = x'07'", "charged = '1e9'", "asked = 'yesterday'", "asked = 1e300", "changed = -1.0", "code = 'x'"),
)
TAKES = (
    *("digest = '../../../etc/passwd'", "digest = 'd'", "frames = 'many'", "frames = 0", "width = -1", "fps = '0/0'"),
    *("resolution = '8K'", "credits = 'free'", "at = 1e300", "seed = 'x'"),
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with one take."""
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:
        entry = ledger.submissions.record_intent(GULL, "gull", "/film.yaml", "run1", Fraction(60), 1.0)
        ledger.submissions.record_accepted(entry, "job1", 2.0)
        ledger.takes.record_take(entry.key, TAKE, 3.0)
        yield ledger


def damage(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "ledger.db")) as db, db:
        db.execute(statement)


@pytest.mark.parametrize("what", JOBS)
def test_a_submission_that_makes_no_sense(ledger: Ledger, tmp_path: Path, what: str) -> None:
    assert ledger.submissions.of_key(GULL.key)
    damage(tmp_path, f"UPDATE jobs SET {what}")
    with pytest.raises(LocalFault, match=r"ledger\.db"):
        ledger.submissions.of_key(GULL.key)


@pytest.mark.parametrize("what", TAKES)
def test_a_take_that_makes_no_sense(ledger: Ledger, tmp_path: Path, what: str) -> None:
    assert ledger.takes.of_key(GULL.key) == {"720p": TAKE}
    damage(tmp_path, f"UPDATE takes SET {what}")
    with pytest.raises(LocalFault, match=r"ledger\.db"):
        ledger.takes.of_key(GULL.key)


def test_a_column_that_is_gone(ledger: Ledger, tmp_path: Path) -> None:
    damage(tmp_path, "ALTER TABLE takes DROP COLUMN seed")
    with pytest.raises(LocalFault, match="seed"):
        ledger.takes.of_key(GULL.key)
