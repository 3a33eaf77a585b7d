"""Jobs that were found in a lock: their takes were bought elsewhere, by another machine of the same account."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from storyboard.model.shot import Shot
from storyboard.model.submission import ORIGINAL_OWED, Submission
from storyboard.model.take import Take
from storyboard.state.ledger.database import Database
from storyboard.state.ledger.submissions import KnownJob, Submissions, intent_row

_INSERT_FOUND = (
    "INSERT OR IGNORE INTO jobs (job, charged, key, state, run, nonce, storyboard, scene, model, recipe, credits,"
    " asked, changed, reason, provider, unit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
# Found again, a job owes its original as before.
_FOUND_AGAIN = (
    f"UPDATE OR IGNORE jobs SET state = 'taken', why = CASE why WHEN '{ORIGINAL_OWED}' THEN why ELSE '' END,"
    " code = NULL WHERE key = ? AND job = ?"
)
_FOUND_UPGRADE = (
    "INSERT OR IGNORE INTO upgrades (entry, credits, run, storyboard, scene, asked)"
    " SELECT id, '0', ?, ?, ?, ? FROM jobs WHERE key = ? AND job = ?"
)


class FoundJobs:
    """Rows of the tables ``jobs`` and ``upgrades`` for which nothing was paid here."""

    def __init__(self, database: Database, submissions: Submissions) -> None:
        self._database = database
        self._submissions = submissions

    def record(
        self, shot: Shot, scene: str, storyboard: str, run: str, takes: Sequence[Take], now: float
    ) -> Submission:
        """Record the job of takes in the store that were bought elsewhere: here they cost nothing, an upgrade included.

        Where the take was generated from another shot than this one, for which it stands, its prompt is not known here.
        ``takes`` has the take of the job, and that of its upgrade if there is one. Raise KnownJob if another shot has
        that job.
        """
        made_from = shot if shot.key == shot.own_key else replace(shot, prompt="")
        row = intent_row(made_from, scene, storyboard, run, Fraction(0), now)
        job, (key, _, *rest) = takes[0].job, row
        with self._database.transaction() as connection:
            again = connection.execute(_FOUND_AGAIN, (key, job))
            if not again.rowcount:
                connection.execute(_INSERT_FOUND, (job, "0", key, "taken", *rest))
            if len(takes) > 1:
                connection.execute(_FOUND_UPGRADE, (run, storyboard, scene, now, key, job))
        if found := self._submissions.of_key(shot.key):
            return found
        raise KnownJob
