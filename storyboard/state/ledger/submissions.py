"""Submissions: every attempt to generate a shot, from its intent to its end."""

import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping
from fractions import Fraction

from storyboard.costs.budget import NO_LIMIT, Budget
from storyboard.model.cost import CREDITS, Cost
from storyboard.model.shot import Recipe, Shot
from storyboard.model.submission import LIVE, Submission
from storyboard.model.take import TakeId
from storyboard.state.ledger import rows
from storyboard.state.ledger.charges import Charges
from storyboard.state.ledger.database import Database

_NONCE = 24  # bytes
NO_FRAMES: Mapping[str, str] = {}

_INSERT_INTENT = (
    "INSERT INTO jobs (key, state, run, nonce, storyboard, scene, model, recipe, credits,"
    " asked, changed, reason, provider, unit) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class AlreadyAsked(Exception):
    """This shot was submitted before: ``submission`` has its state."""

    def __init__(self, submission: Submission) -> None:
        super().__init__(submission.key)
        self.submission = submission


class KnownJob(Exception):
    """The provider answered with the job name of another shot."""


class Submissions:
    """The tables ``jobs`` and ``upgrades``. Times are seconds since 1970; a storyboard is its file's absolute path."""

    def __init__(self, database: Database, charges: Charges) -> None:
        self._database = database
        self._charges = charges

    def record_intent(
        self,
        shot: Shot,
        scene: str,
        storyboard: str,
        run: str,
        credits: Fraction,
        now: float,
        budget: Budget = NO_LIMIT,
        reason: str = "",
        frames: Mapping[str, str] = NO_FRAMES,
        unit: str = CREDITS,
    ) -> Submission:
        """Record that the shot is about to be submitted. Raise AlreadyAsked or OverBudget: then do not submit it.

        ``credits`` is its price in ``unit``: the provider's credits, or a currency. ``reason`` says why, in the words
        of the plan; ``frames`` are the digests of the frames of other scenes that are sent with it, by "first_frame"
        and "last_frame". The budget is checked in the same transaction. Raise LocalFault if the disk has no room for
        its job too.
        """
        self._database.prepare_submission()
        row = intent_row(shot, scene, storyboard, run, credits, now, reason, unit)
        cost = Cost.of_provider(credits, shot.provider, unit)
        try:
            with self._database.transaction() as connection:
                id = connection.execute(_INSERT_INTENT, row).lastrowid
                sent = [(id, place, digest) for place, digest in frames.items()]
                connection.executemany("INSERT INTO sent_frames VALUES (?, ?, ?)", sent)
                self._charges.enforce(budget, cost, storyboard, run, now)
        except sqlite3.IntegrityError:
            if standing := self.of_key(shot.key):  # An earlier submission of the same key forbids another one.
                raise AlreadyAsked(standing) from None
            raise
        return self._where("id = ?", id)[0]

    def record_accepted(self, submission: Submission, job: str, now: float) -> None:
        """Record that the provider accepted it under the name ``job``. Raise KnownJob if another shot has that name."""
        try:
            self._change(submission.id, "state = 'open', job = ?, why = ''", now, job)
        except sqlite3.IntegrityError:
            raise KnownJob from None

    def adopt(self, submission: Submission, job: str, now: float) -> bool:
        """Record the job of an unconfirmed submission; False if it was confirmed or settled in the meantime.

        Raise KnownJob if another shot has that name.
        """
        try:
            changed = self._database.execute(
                "UPDATE jobs SET state = 'open', job = ?, why = '', code = NULL, changed = ?"
                " WHERE id = ? AND state IN ('intent', 'unknown')",
                (job, now, submission.id),
            )
        except sqlite3.IntegrityError:
            raise KnownJob from None
        return changed == 1

    def record_unknown(self, submission: Submission, why: str, code: int | None, now: float) -> None:
        """Record that its answer was lost: whether it was accepted is unknown."""
        self._change(submission.id, "state = 'unknown', why = ?, code = ?", now, why, code)

    def record_refused(self, submission: Submission, why: str, code: int | None, now: float) -> None:
        """Record that it was not accepted and cost nothing."""
        self._change(submission.id, "state = 'refused', why = ?, code = ?", now, why, code)

    def record_abandoned(self, submission: Submission, why: str, now: float) -> None:
        """Record that the author abandons it: it is not polled, and not submitted again until the author says so."""
        self._change(submission.id, "state = 'abandoned', why = ?", now, why)

    def record_failed(self, submission: Submission, why: str, code: int | None, now: float) -> None:
        """Record that the job ended without a clip. Its credits stay booked: it may have been charged."""
        self._change(submission.id, "state = 'failed', why = ?, code = ?", now, why, code)

    def record_charge(self, submission: Submission, credits: Fraction, now: float) -> None:
        """Record the cost of the job, as the provider reports it in the unit of the submission."""
        self._change(submission.id, "charged = ?", now, str(credits))

    def record_upgrade(
        self,
        submission: Submission,
        scene: str,
        storyboard: str,
        run: str,
        credits: Fraction,
        now: float,
        budget: Budget = NO_LIMIT,
        unit: str = CREDITS,
    ) -> None:
        """Record that the upgrade is about to be requested; it is paid once. Raise OverBudget: then do not."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT OR IGNORE INTO upgrades VALUES (?, ?, ?, ?, ?, ?, ?)",
                (submission.id, str(credits), run, storyboard, scene, now, unit),
            )
            if cursor.rowcount:
                cost = Cost.of_provider(credits, submission.provider, unit)
                self._charges.enforce(budget, cost, storyboard, run, now)

    def forget_upgrade(self, submission: Submission) -> None:
        """Take back the booking of an upgrade that the provider has refused: it costs nothing. Raise LocalFault."""
        self._database.execute("DELETE FROM upgrades WHERE entry = ?", (submission.id,))

    def ended_without_clip(self, key: str) -> list[Submission]:
        """The submissions of a key that were refused or failed, oldest first."""
        return self._where("key = ? AND state IN ('refused', 'failed') ORDER BY id", key)

    def of_key(self, key: str) -> Submission | None:
        """The relevant submission of a key: the live one, else the latest."""
        found = self._where(f"key = ? ORDER BY state IN {LIVE} DESC, id DESC LIMIT 1", key)
        return found[0] if found else None

    def of_nonce(self, nonce: str) -> list[Submission]:
        """The submissions whose callback path has this ``nonce``; compared in constant time."""
        near = self._where(f"substr(nonce, 1, {rows.SELECTOR}) = ?", nonce[: rows.SELECTOR])
        return [found for found in near if hmac.compare_digest(found.nonce.encode(), nonce.encode())]

    def all(self, storyboard: str | None = None) -> list[Submission]:
        """All submissions of one storyboard, or of all, oldest first."""
        if storyboard is None:
            return self._where("1 ORDER BY id")
        return self._where("storyboard = ? ORDER BY id", storyboard)

    def recipes(self, keys: Iterable[str]) -> Mapping[str, Recipe]:
        """The recipe of each key, if this ledger knows it."""
        return {found.key: found.recipe for key in keys if (found := self.of_key(key))}

    def last_recipes(self, storyboard: str) -> Mapping[TakeId, Recipe]:
        """The recipe that each take of a storyboard's scenes was last generated from."""
        return {found.take: found.recipe for found in self.all(storyboard) if found.state == "taken"}

    def _change(self, id: int, what: str, now: float, *values: object) -> None:
        self._database.execute_with_reserve(f"UPDATE jobs SET {what}, changed = ? WHERE id = ?", (*values, now, id))

    def _where(self, where: str, *values: object) -> list[Submission]:
        with self._database.sqlite_errors():
            found = self._database.query(
                "SELECT *, (SELECT credits FROM upgrades WHERE entry = jobs.id) AS hd,"
                f" (SELECT unit FROM upgrades WHERE entry = jobs.id) AS hd_unit FROM jobs WHERE {where}",
                values,
            )
            return [rows.submission(row) for row in found]


def intent_row(
    shot: Shot,
    scene: str,
    storyboard: str,
    run: str,
    credits: Fraction,
    now: float,
    reason: str = "",
    unit: str = CREDITS,
) -> tuple[object, ...]:
    """The row of a submission that is about to be sent: the values of its columns from ``key`` on."""
    recipe, nonce = json.dumps(shot.recipe, sort_keys=True, ensure_ascii=False), secrets.token_urlsafe(_NONCE)
    place, price = (storyboard, scene, shot.model, recipe), (str(credits), now, now, reason)
    return (shot.key, "intent", run, nonce, *place, *price, shot.provider, unit)
