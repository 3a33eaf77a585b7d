"""Frames in the ledger: which image was taken of which take, and which were sent with what was bought."""

from fractions import Fraction
from pathlib import Path

import pytest

from storyboard.model.errors import LocalFault
from storyboard.model.shot import Shot
from storyboard.model.take import Measure, StoredFrame, Take
from storyboard.state.ledger import Ledger
from storyboard.state.store import Store

FRAME = StoredFrame("a" * 64, 191, "f" * 64, 7, 1280, 720)
SHOT = Shot("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")
TAKE = Take("d" * 64, 7, Measure(192, Fraction(24), 1280, 720, True), job="job-1")


def test_the_frame_that_was_sent_is_known_of_the_take(tmp_path: Path) -> None:
    """Whoever asks later which picture a shot was begun with finds it with the take."""
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.frames.record(FRAME)
    ledger.frames.record(FRAME)
    sent = {"first_frame": FRAME.digest, "last_frame": "e" * 64}
    submission = ledger.submissions.record_intent(SHOT, "gull", "/film.yaml", "run1", Fraction(60), 1.0, frames=sent)
    ledger.submissions.record_accepted(submission, "job-1", 2.0)
    ledger.takes.record_take(SHOT.key, TAKE, 3.0)
    kept = ledger.takes.of_key(SHOT.key)["720p"]
    assert (kept.first_frame, kept.last_frame) == (FRAME.digest, "e" * 64)
    assert ledger.frames.of(FRAME.source, 191) == FRAME
    assert ledger.frames.of(FRAME.source, 0) is None
    assert list(ledger.frames.all()) == [FRAME]
    assert ledger.frames.takes_made_from() == {FRAME.digest: {TAKE.digest}, "e" * 64: {TAKE.digest}}
    ledger.close()


def test_a_damaged_frame_is_refused(tmp_path: Path) -> None:
    """A name from a damaged ledger never becomes a path."""
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.frames.record(StoredFrame("a" * 64, 0, "../../etc/passwd", 7, 1, 1))
    with pytest.raises(LocalFault):
        ledger.frames.of("a" * 64, 0)
    ledger.close()


def test_a_frame_in_the_store_is_its_bytes_or_nothing(tmp_path: Path) -> None:
    """A damaged frame is taken again, never sent."""
    store = Store(tmp_path / "frames", ".png")
    digest = store.put_bytes(b"a picture")
    assert store.path(digest).suffix == ".png"
    assert store.read(digest) == b"a picture"
    assert list(store) == [digest]
    store.path(digest).write_bytes(b"a pixture")
    assert store.read(digest) is None
    assert store.read("0" * 64) is None
