"""The inbox of callbacks: the job that the provider named, and the submission on whose path it did."""

from storyboard.state.ledger.database import Database
from storyboard.state.ledger.submissions import Submissions

# Callbacks kept for one submission. The real one comes once or a few times; more than that is noise.
_CALLBACKS = 16


class CallbackInbox:
    """The table ``inbox``. ``nonce`` is the secret in the path of a callback."""

    def __init__(self, database: Database, submissions: Submissions) -> None:
        self._database = database
        self._submissions = submissions

    def record_callback(self, nonce: str, job: str, now: float) -> bool:
        """Put a callback that names ``job`` into the inbox; False if no submission has the nonce.

        A callback of an ended submission, or a 17th one, returns True and is not kept. ``now`` is seconds
        since 1970.
        """
        known = self._submissions.of_nonce(nonce)
        if any(submission.state in ("intent", "unknown", "open") for submission in known):
            self._database.execute(
                "INSERT INTO inbox (nonce, job, at) SELECT ?, ?, ?"
                " WHERE (SELECT count(*) FROM inbox WHERE nonce = ?) < ?",
                (nonce, job, now, nonce, _CALLBACKS),
            )
        return bool(known)

    def jobs_named_by_callbacks(self, nonce: str) -> tuple[str, ...]:
        """The jobs that callbacks of one submission have named, each once, the first first."""
        found = self._database.query("SELECT job FROM inbox WHERE nonce = ? ORDER BY id", (nonce,))
        return tuple(dict.fromkeys(row["job"] for row in found))

    def discard_callback(self, nonce: str, job: str) -> None:
        """Remove the callbacks that named ``job``, which is not this submission's."""
        self._database.execute("DELETE FROM inbox WHERE nonce = ? AND job = ?", (nonce, job))

    def callbacks_after(self, number: int) -> list[tuple[int, str, str]]:
        """(number, nonce, job) of the callbacks that came after the one with this number, the oldest first."""
        found = self._database.query("SELECT id, nonce, job FROM inbox WHERE id > ? ORDER BY id", (number,))
        return [(row["id"], row["nonce"], row["job"]) for row in found]
