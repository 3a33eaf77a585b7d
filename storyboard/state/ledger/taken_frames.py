"""Frames of takes: which image each of them is, and which of them were sent with a submission."""

from collections.abc import Iterator, Mapping

from storyboard.model.take import StoredFrame
from storyboard.state.ledger import rows
from storyboard.state.ledger.database import Database


class TakenFrames:
    """The tables ``frames`` and ``sent_frames``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, frame: StoredFrame) -> None:
        """Record a frame that is in the store. Idempotent."""
        row = (frame.source, frame.number, frame.digest, frame.bytes, frame.width, frame.height)
        self._database.execute("INSERT OR REPLACE INTO frames VALUES (?, ?, ?, ?, ?, ?)", row)

    def of(self, source: str, number: int) -> StoredFrame | None:
        """Frame ``number`` of the take with the digest ``source``, if it was ever put into the store."""
        with self._database.sqlite_errors():
            found = self._database.query("SELECT * FROM frames WHERE source = ? AND number = ?", (source, number))
            return rows.frame(found[0]) if found else None

    def all(self) -> Iterator[StoredFrame]:
        """Every frame that was ever put into the store."""
        with self._database.sqlite_errors():
            return iter([rows.frame(row) for row in self._database.query("SELECT * FROM frames")])

    def takes_made_from(self) -> Mapping[str, frozenset[str]]:
        """The digests of the takes that were made from each frame that was sent, by the digest of the frame."""
        found: dict[str, frozenset[str]] = {}
        for row in self._database.query(
            "SELECT sent_frames.digest AS frame, takes.digest AS take FROM sent_frames"
            " JOIN jobs ON jobs.id = sent_frames.entry JOIN takes ON takes.key = jobs.key"
        ):
            found[row["frame"]] = found.get(row["frame"], frozenset()) | {row["take"]}
        return found
