"""The ledger: every intent, job, refusal and charge. What money was spent on is written before anything else happens.

SQLite with ``synchronous=FULL``: a row that was written is there after a power cut. One live row a key, by a unique
index, so that two runs, whatever they know of each other, cannot both pay for the same shot.
"""

import hmac
import json
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from errno import ENOSPC
from fractions import Fraction
from pathlib import Path

from storyboard.account import Charge
from storyboard.budget import NO_LIMIT, Budget, Span
from storyboard.disk import Ballast, advice, empty, private, turn
from storyboard.errors import LocalFault
from storyboard.model.submission import LIVE, Entry, moment
from storyboard.shot import Recipe, Shot
from storyboard.state.ledger import rows as tables
from storyboard.state.ledger.rows import SELECTOR, TABLES
from storyboard.story import Resolution
from storyboard.take import Take, exact

_NONCE = 24  # bytes

# Callbacks kept for one submission. The real one comes once or a few times; more than that is noise.
_CALLBACKS = 16

# What belongs to a run, a storyboard, a month ("2026-11").
_SPENT: Mapping[Span, str] = {
    "run": "run = ?1",
    "storyboard": "storyboard = ?1",
    "month": "at >= CAST(strftime('%s', ?1 || '-01') AS REAL)"
    " AND at < CAST(strftime('%s', ?1 || '-01', '+1 month') AS REAL)",
}
_RESTORE = "keep the file, and restore it from a backup"

# Seconds. That a lock pins a take is noted to the day.
DAY = 24 * 60 * 60.0


class AlreadyAsked(Exception):
    """Somebody has asked for this very shot: ``entry`` says how far they are."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.key)
        self.entry = entry


class KnownJob(Exception):
    """The provider answered with a job name that another shot already has."""


class Ledger:
    """The ledger in one file. Every method raises LocalFault where the file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = _ballast(path)
        private(path.parent)
        # The ballast comes with the first intent. An empty ledger beside it would forget what was paid for.
        if self._ballast.aboard() and empty(path):
            why = f"the ledger {path} is empty or was removed, and something has been asked for"
            raise LocalFault(why, f"{_RESTORE}; if nothing in it matters any more, remove {self._ballast.path}")
        # Of two that make it at one moment, SQLite would tell one at once that it is locked.
        with self._guarded(), turn(path.parent):
            self._db = sqlite3.connect(path, timeout=20, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version == 0:
                self._db.executescript(TABLES)
            elif version != 1:
                raise LocalFault(f"{path} was written by a newer storyboard", "upgrade, or move the store aside")
        if damage := self.problems():
            raise LocalFault(f"the ledger {path} is damaged: {damage[0]}", _RESTORE)

    def close(self) -> None:
        self._db.close()

    def intend(
        self,
        shot: Shot,
        scene: str,
        storyboard: str,
        run: str,
        credits: Fraction,
        now: float,
        budget: Budget = NO_LIMIT,
    ) -> Entry:
        """Write down that the shot is about to be asked for. Raises AlreadyAsked, OverBudget: then it must not be.

        Whether the budget reaches is found in the same transaction: of two processes, one is the first. Raises
        LocalFault where there is no room left to write its job down too.
        """
        self._ballast.load()
        recipe = json.dumps(shot.recipe, sort_keys=True, ensure_ascii=False)
        row = (shot.key, "intent", run, secrets.token_urlsafe(_NONCE), storyboard, scene, shot.model, recipe)
        try:
            with self._guarded(), self._db:
                self._db.execute("BEGIN IMMEDIATE")
                cursor = self._db.execute(
                    "INSERT INTO jobs (key, state, run, nonce, storyboard, scene, model, recipe, credits,"
                    " asked, changed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, str(credits), now, now),
                )
                self._within(budget, credits, storyboard, run, now)
        except sqlite3.IntegrityError:
            standing = self.entry(shot.key)
            if standing is None:
                raise
            raise AlreadyAsked(standing) from None
        return self._one("id = ?", cursor.lastrowid)

    def accepted(self, entry: Entry, job: str, now: float) -> None:
        """The provider took it and calls it ``job``. Raises KnownJob where another shot has that name."""
        try:
            self._change(entry.id, "state = 'open', job = ?, why = ''", now, job)
        except sqlite3.IntegrityError:
            raise KnownJob from None

    def adopted(self, entry: Entry, job: str, now: float) -> bool:
        """The job of a submission whose answer was lost is found. False where that has been decided meanwhile.

        Raises KnownJob where another shot has that name.
        """
        try:
            with self._guarded():
                changed = self._db.execute(
                    "UPDATE jobs SET state = 'open', job = ?, why = '', code = NULL, changed = ?"
                    " WHERE id = ? AND state IN ('intent', 'unknown')",
                    (job, now, entry.id),
                ).rowcount
        except sqlite3.IntegrityError:
            raise KnownJob from None
        return changed == 1

    def unknown(self, entry: Entry, why: str, code: int | None, now: float) -> None:
        """Its answer was lost: nobody knows whether it was accepted."""
        self._change(entry.id, "state = 'unknown', why = ?, code = ?", now, why, code)

    def refused(self, entry: Entry, why: str, code: int | None, now: float) -> None:
        """It was certainly not accepted; nothing was paid."""
        self._change(entry.id, "state = 'refused', why = ?, code = ?", now, why, code)

    def abandoned(self, entry: Entry, why: str, now: float) -> None:
        """The author gives it up: it is neither waited for nor asked for again, until he says so."""
        self._change(entry.id, "state = 'abandoned', why = ?", now, why)

    def failed(self, entry: Entry, why: str, code: int | None, now: float) -> None:
        """The job is over and there will be no clip. It stays in the account: it may have been charged."""
        self._change(entry.id, "state = 'failed', why = ?, code = ?", now, why, code)

    def charged(self, entry: Entry, credits: Fraction, now: float) -> None:
        """What the provider says that the job cost."""
        self._change(entry.id, "charged = ?", now, str(credits))

    def hd(
        self,
        entry: Entry,
        scene: str,
        storyboard: str,
        run: str,
        credits: Fraction,
        now: float,
        budget: Budget = NO_LIMIT,
    ) -> None:
        """The HD version is about to be asked for, which is paid once. Raises OverBudget: then it must not be."""
        with self._guarded(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            cursor = self._db.execute(
                "INSERT OR IGNORE INTO upgrades VALUES (?, ?, ?, ?, ?, ?)",
                (entry.id, str(credits), run, storyboard, scene, now),
            )
            if cursor.rowcount:
                self._within(budget, credits, storyboard, run, now)

    def taken(self, key: str, take: Take, now: float) -> None:
        """The take is in the store. Written before the lock is; a second time it changes nothing."""
        with self._guarded(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT OR REPLACE INTO takes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                tables.take_row(key, take, now),
            )
            self._db.execute(
                "UPDATE jobs SET state = 'taken', charged = coalesce(?, charged), changed = ?"
                " WHERE key = ? AND state = 'open'",
                (tables.text(take.credits), now, key),
            )
            self._db.execute("DELETE FROM removed WHERE digest = ?", (take.digest,))

    def spent(self, span: Span, of: str) -> Fraction:
        """Credits spent, or perhaps spent: by the run ``of``, on the storyboard, in the month ("2026-11", UTC)."""
        # Credits are exact fractions, kept as text; SQLite counts equal ones, and there are few prices.
        with self._guarded():
            rows = self._db.execute(f"SELECT credits, count(*) FROM charges WHERE {_SPENT[span]} GROUP BY 1", (of,))
            return sum((exact(credits) * count for credits, count in rows), Fraction(0))

    def charges(self, storyboard: str | None = None) -> list[Charge]:
        """What money was spent on, for one storyboard (its file's absolute path) or for all, oldest first."""
        where, values = ("1", ()) if storyboard is None else ("storyboard = ?", (storyboard,))
        with self._guarded():
            rows = self._db.execute(f"SELECT * FROM charges WHERE {where} ORDER BY at, id, hd", values).fetchall()
            return [tables.charge(row) for row in rows]

    def entry(self, key: str) -> Entry | None:
        """The attempt that counts for a key: the live one, else the latest."""
        rows = self._entries(f"key = ? ORDER BY state IN {LIVE} DESC, id DESC LIMIT 1", key)
        return rows[0] if rows else None

    def entries(self, storyboard: str | None = None) -> list[Entry]:
        """All attempts of one storyboard (its file's absolute path), or of all, oldest first."""
        if storyboard is None:
            return self._entries("1 ORDER BY id")
        return self._entries("storyboard = ? ORDER BY id", storyboard)

    def takes(self, key: str) -> Mapping[Resolution, Take]:
        """The takes that a key has brought."""
        with self._guarded():
            rows = self._db.execute("SELECT * FROM takes WHERE key = ?", (key,)).fetchall()
            return {take.resolution: take for take in map(tables.take, rows)}

    def all_takes(self) -> Iterator[tuple[str, Take, float]]:
        """Every take with its key and when it came (seconds since 1970), oldest first."""
        with self._guarded():
            rows = self._db.execute("SELECT * FROM takes ORDER BY at").fetchall()
            return iter([(row["key"], tables.take(row), row["at"]) for row in rows])

    def pinned(self, lock: str, digests: Iterable[str], now: float) -> None:
        """Note that a lock (its absolute path) pins these takes now: what `store gc` knows of locks on this machine."""
        with self._guarded():
            rows = self._db.execute("SELECT digest FROM pins WHERE lock = ? AND at > ?", (lock, now - DAY)).fetchall()
            if news := set(digests) - {row["digest"] for row in rows}:
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._db.executemany(
                        "INSERT OR REPLACE INTO pins VALUES (?, ?, ?)", [(lock, digest, now) for digest in sorted(news)]
                    )

    def pins(self) -> Mapping[str, Mapping[str, float]]:
        """Every lock that was ever seen (its absolute path) with the takes that it pinned, and when it last did."""
        with self._guarded():
            rows = self._db.execute("SELECT * FROM pins ORDER BY lock").fetchall()
        found: dict[str, dict[str, float]] = {}
        for row in rows:
            found.setdefault(row["lock"], {})[row["digest"]] = row["at"]
        return found

    def removing(self, digests: Iterable[str], now: float) -> None:
        """`store gc` is about to take these takes out of the store."""
        with self._guarded(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO removed VALUES (?, ?)", [(digest, now) for digest in digests])

    def restored(self, digests: Iterable[str]) -> None:
        """These takes are in the store again."""
        with self._guarded(), self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM removed WHERE digest = ?", [(digest,) for digest in digests])

    def removed(self) -> Mapping[str, float]:
        """When `store gc` took each take out of the store that is not in it any more."""
        with self._guarded():
            return {row["digest"]: row["at"] for row in self._db.execute("SELECT * FROM removed").fetchall()}

    def recipes(self, keys: Iterable[str]) -> Mapping[str, Recipe]:
        """What was asked for under each key, where this ledger knows it."""
        entries = (self.entry(key) for key in keys)
        return {entry.key: entry.recipe for entry in entries if entry}

    def last_asked(self, storyboard: str) -> Mapping[str, Recipe]:
        """What each scene of a storyboard last had, where a take came of it: scene id -> recipe."""
        return {entry.scene: entry.recipe for entry in self.entries(storyboard) if entry.state == "taken"}

    def called(self, nonce: str, job: str, now: float) -> bool:
        """A callback on the path of ``nonce`` names ``job``: put it in the inbox. False where no attempt has the nonce.

        What comes when nobody waits for it any more, or for the 17th time, is known and not kept.
        """
        near = self._entries(f"substr(nonce, 1, {SELECTOR}) = ?", nonce[:SELECTOR])
        known = [entry for entry in near if hmac.compare_digest(entry.nonce.encode(), nonce.encode())]
        if any(entry.state in ("intent", "unknown", "open") for entry in known):
            with self._guarded():
                self._db.execute(
                    "INSERT INTO inbox (nonce, job, at) SELECT ?, ?, ?"
                    " WHERE (SELECT count(*) FROM inbox WHERE nonce = ?) < ?",
                    (nonce, job, now, nonce, _CALLBACKS),
                )
        return bool(known)

    def named(self, nonce: str) -> tuple[str, ...]:
        """The jobs that callbacks of one attempt have named, each once, the first first."""
        with self._guarded():
            rows = self._db.execute("SELECT job FROM inbox WHERE nonce = ? ORDER BY id", (nonce,)).fetchall()
        return tuple(dict.fromkeys(row["job"] for row in rows))

    def disproved(self, nonce: str, job: str) -> None:
        """The job that a callback named is not this attempt's: forget that it said so."""
        with self._guarded():
            self._db.execute("DELETE FROM inbox WHERE nonce = ? AND job = ?", (nonce, job))

    def callbacks(self, after: int) -> list[tuple[int, str, str]]:
        """(number, nonce, job) of the callbacks that came after the one with the number ``after``, the oldest first."""
        with self._guarded():
            rows = self._db.execute("SELECT id, nonce, job FROM inbox WHERE id > ? ORDER BY id", (after,)).fetchall()
        return [(row["id"], row["nonce"], row["job"]) for row in rows]

    def get(self, destination: str, digest: str, now: datetime) -> str | None:
        """Where an uploaded image can still be fetched (uploads.Remembered)."""
        with self._guarded():
            row = self._db.execute(
                "SELECT url FROM addresses WHERE destination = ? AND digest = ? AND expires > ?",
                (destination, digest, now.timestamp()),
            ).fetchone()
        return row["url"] if row else None

    def put(self, destination: str, digest: str, url: str, expires: datetime) -> None:
        """Remember where an uploaded image is, and until when (uploads.Remembered)."""
        with self._guarded():
            self._db.execute(
                "INSERT OR REPLACE INTO addresses VALUES (?, ?, ?, ?)", (destination, digest, url, expires.timestamp())
            )

    def forget(self, destination: str, digest: str) -> None:
        """The address of an uploaded image does not serve (uploads.Remembered)."""
        with self._guarded():
            self._db.execute("DELETE FROM addresses WHERE destination = ? AND digest = ?", (destination, digest))

    def problems(self) -> list[str]:
        """What SQLite itself finds damaged; empty where all is well."""
        with self._guarded():
            found = [row[0] for row in self._db.execute("PRAGMA integrity_check").fetchall()]
        return [] if found == ["ok"] else found

    def _within(self, budget: Budget, cost: Fraction, storyboard: str, run: str, now: float) -> None:
        """Undoes the transaction that has just written ``cost`` down, by OverBudget, where the budget has not that."""
        spans: Mapping[Span, str] = {"run": run, "storyboard": storyboard, "month": moment(now)[:7]}
        if found := budget.over(cost, lambda span: self.spent(span, spans[span]) - cost):
            raise budget.refusal(found)

    def _change(self, id: int, what: str, now: float, *values: object) -> None:
        statement = f"UPDATE jobs SET {what}, changed = ? WHERE id = ?"
        with self._guarded():
            try:
                self._db.execute(statement, (*values, now, id))
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._ballast.drop():
                    raise
                self._db.execute(statement, (*values, now, id))

    def _entries(self, where: str, *values: object) -> list[Entry]:
        with self._guarded():
            rows = self._db.execute(
                f"SELECT *, (SELECT credits FROM upgrades WHERE entry = jobs.id) AS hd FROM jobs WHERE {where}", values
            ).fetchall()
            return [tables.entry(row) for row in rows]

    def _one(self, where: str, *values: object) -> Entry:
        with self._guarded():
            (entry,) = self._entries(where, *values)
            return entry

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            hint = advice(ENOSPC) if full else "nothing more is asked for; `storyboard doctor` says what is damaged"
            raise LocalFault(f"the ledger {self.path} cannot be used: {error}", hint) from error


def unused(path: Path) -> bool:
    """Whether there is no ledger at ``path``, and nothing says that there was one. Raises LocalFault."""
    return empty(path) and not _ballast(path).aboard()


def _ballast(path: Path) -> Ballast:
    return Ballast(path.with_suffix(".ballast"))
