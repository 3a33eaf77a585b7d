"""Takes: every clip that was downloaded."""

from collections.abc import Iterator, Mapping
from sqlite3 import Connection
from statistics import median

from storyboard.model.shot import USUAL_PROVIDER
from storyboard.model.submission import ORIGINAL_OWED, Submission
from storyboard.model.take import ORIGINAL, Take
from storyboard.state.ledger import rows
from storyboard.state.ledger.database import Database

# How many of the latest jobs say how long the next one takes; one that took longer (seconds) was collected by a later
# run, and says nothing.
_LATEST_JOBS, _ONE_RUN = 30, 3600


class Takes:
    """The table ``takes``, and the mark of a submission whose take came without its uncropped original."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_take(self, key: str, take: Take, now: float) -> None:
        """Record that the take is in the store, before the lock is written. Idempotent.

        Its submission becomes "taken", and a note that the take was removed is deleted. ``now`` is seconds since 1970.
        """
        with self._database.transaction() as connection:
            _insert(connection, key, take, now)
            connection.execute(
                "UPDATE jobs SET state = 'taken', charged = coalesce(?, charged), changed = ?"
                " WHERE key = ? AND state = 'open'",
                (rows.text(take.credits), now, key),
            )

    def record_original(self, key: str, original: Take, now: float) -> None:
        """Record the uncropped original of a take: it is not owed any more.

        The state of its submission stays as it is: the take itself may be missing.
        """
        with self._database.transaction() as connection:
            _insert(connection, key, original, now)
            connection.execute("UPDATE jobs SET why = '' WHERE key = ? AND why = ?", (key, ORIGINAL_OWED))

    def record_original_owed(self, key: str, job: str, now: float) -> None:
        """Record that the uncropped original of a shot's clip could not be downloaded. Raise LocalFault."""
        self._database.execute(
            "UPDATE jobs SET why = ?, changed = ? WHERE key = ? AND job = ? AND state IN ('open', 'taken')",
            (ORIGINAL_OWED, now, key, job),
        )

    def forget_original(self, submission: Submission) -> None:
        """Record that the provider does not have the original any more: it is not asked for again. Raise LocalFault."""
        self._database.execute("UPDATE jobs SET why = '' WHERE id = ? AND why = ?", (submission.id, ORIGINAL_OWED))

    def of_key(self, key: str) -> Mapping[str, Take]:
        """The takes of a key, by resolution, without the original."""
        found = self._rows(key)
        return {resolution: take for resolution, take in found.items() if resolution != ORIGINAL}

    def original_of(self, key: str) -> Take | None:
        """The uncropped original of a key's take."""
        return self._rows(key).get(ORIGINAL)

    def _rows(self, key: str) -> Mapping[str, Take]:
        with self._database.sqlite_errors():
            found = self._database.query(f"{rows.SELECT_TAKES} WHERE key = ?", (key,))
            return {take.resolution: take for take in map(rows.take, found)}

    def all(self) -> Iterator[tuple[str, Take, float]]:
        """Every take with its key and the time of its download (seconds since 1970), oldest first."""
        with self._database.sqlite_errors():
            found = self._database.query(f"{rows.SELECT_TAKES} ORDER BY at")
            return iter([(row["key"], rows.take(row), row["at"]) for row in found])

    def job_seconds(self, model: str, provider: str = USUAL_PROVIDER) -> float | None:
        """The seconds that a job of a model took lately, from its submission to its take; None if there was none."""
        found = self._database.query(
            "SELECT min(takes.at) - jobs.asked AS seconds FROM takes JOIN jobs ON jobs.key = takes.key"
            " WHERE jobs.state = 'taken' AND jobs.model = ? AND jobs.provider = ? GROUP BY jobs.id"
            f" HAVING seconds BETWEEN 0 AND {_ONE_RUN} ORDER BY jobs.id DESC LIMIT {_LATEST_JOBS}",
            (model, provider),
        )
        return median(row["seconds"] for row in found) if found else None


def _insert(connection: Connection, key: str, take: Take, now: float) -> None:
    row = rows.take_row(key, take, now)
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT OR REPLACE INTO takes ({', '.join(row)}) VALUES ({marks})", (*row.values(),))
    connection.execute("DELETE FROM removed WHERE digest = ?", (take.digest,))
