"""A job that the ledger could not take: kept elsewhere, in a folder that is the user's own."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from storyboard.model.errors import LocalFault
from storyboard.model.shot import Shot
from storyboard.state import rescue
from storyboard.state.ledger import Ledger

SHOT = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    ledger = Ledger(tmp_path / "home" / "ledger.db")
    for shot in (SHOT, replace(SHOT, prompt="A tern")):
        ledger.submissions.record_intent(shot, "s", "/film.yaml", "run1", Fraction(60), 1.0)
    return ledger


def test_a_folder_that_somebody_has_prepared_is_passed_over(ledger: Ledger, tmp_path: Path) -> None:
    """A link there would carry the job's name away; what lies behind one is not believed."""
    entry = ledger.submissions.all()[0]
    first, second = rescue._folders(ledger.path)
    first.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    first.symlink_to(tmp_path / "elsewhere")
    kept = rescue.keep(ledger.path, entry, "job1")
    assert kept is not None
    assert kept.parent == second
    (tmp_path / "elsewhere" / "planted.json").write_text(kept.read_text().replace("job1", "planted"))
    rescue.bring_in(ledger, 2.0)
    assert [entry.job for entry in ledger.submissions.all()] == ["job1", None]
    assert not kept.exists()


def test_nowhere_to_write_is_said(ledger: Ledger) -> None:
    for folder in rescue._folders(ledger.path):
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.write_text("in the way")
    assert rescue.keep(ledger.path, ledger.submissions.all()[0], "job1") is None


def test_a_name_that_another_shot_has_is_not_taken(ledger: Ledger) -> None:
    """Nothing is guessed: the file stays, and is named."""
    gull, tern = ledger.submissions.all()
    ledger.submissions.record_accepted(gull, "job1", 2.0)
    kept = rescue.keep(ledger.path, tern, "job1")
    with pytest.raises(LocalFault, match="another shot already has") as caught:
        rescue.bring_in(ledger, 3.0)
    assert kept is not None
    assert str(kept) in caught.value.message
    assert kept.exists()
