"""Jobs that a lock names: the shots of another machine of the same account cost nothing here."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from storyboard.model.shot import Shot
from storyboard.model.take import Measure, Take
from storyboard.state.ledger import Ledger

GULL = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")
TAKE = Take("d" * 64, 7, Measure(192, Fraction(24), 1280, 720, True), "720p", job="job-1")
UPGRADED = replace(TAKE, digest="e" * 64, resolution="1080p")


def test_a_job_is_recorded_once_and_its_upgrade_with_it(tmp_path: Path) -> None:
    """A colleague's take, then the 1080p of it: another 5 credits would be paid for what was bought."""
    ledger = Ledger(tmp_path / "ledger.db")
    first = ledger.found_jobs.record(GULL, "gull", "/film.yaml", "run1", [TAKE], 1.0)
    assert (first.state, first.job, first.cost.credits, first.hd) == ("taken", "job-1", 0, None)
    again = ledger.found_jobs.record(GULL, "gull", "/film.yaml", "run2", [TAKE, UPGRADED], 2.0)
    assert (again.id, again.cost.credits, again.hd) == (first.id, 0, 0)
    assert len(ledger.submissions.all()) == 1
    ledger.close()
