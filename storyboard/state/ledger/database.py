"""The ledger's database: opening it, its transactions, its errors, and its disk reserve.

SQLite with ``synchronous=FULL``: a committed row survives a power cut. A unique index allows one live row for each
key, so that two runs never both pay for the same shot.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from errno import ENOSPC
from pathlib import Path

from storyboard.model.errors import LocalFault
from storyboard.state.ledger.carry_over import EARLIER, carry_over
from storyboard.state.ledger.high_water_mark import HighWaterMark
from storyboard.state.ledger.rows import TABLES, VERSION
from storyboard.system.claims import brief_lock
from storyboard.system.files import (
    atomic_output,
    disk_errors,
    hint_for_errno,
    is_empty,
    make_private,
    private_dir,
)
from storyboard.system.reserve import DiskReserve

_OTHER = "use another backup: `storyboard store accept BACKUP`"
_ACCEPT = (
    "put its ledger.db-wal back if you have it; `storyboard store accept [BACKUP]` continues with what is left, or with"
    " a backup, and what is missing then may be bought again"
)
_RESTORE = "keep the file; `storyboard store accept BACKUP` continues with a backup of it"

# A ledger is at most as many changes ahead of its mark as processes were killed between a commit and the mark.
_AHEAD = 64


class Database:
    """The SQLite file at ``path``, created if it is missing. Raise LocalFault if it cannot be used.

    Its ``application_id`` counts its changes, in the transaction of each. ``ledger.mark`` beside it holds the same
    number: a file with fewer changes has lost some, with the write-ahead log or to a backup that was restored.
    ``changes`` is that number.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reserve, self._mark = _reserve(path), _mark(path)
        private_dir(path.parent)
        if _was_used(path) and is_empty(path):
            why = f"the ledger {path} is empty or was removed, and something was recorded in it"
            raise LocalFault(why, _RESTORE)
        # SQLite does not wait for a lock when two processes create the file at the same time.
        with self.sqlite_errors(), brief_lock(path.parent):
            marked = self._mark.read()
            self.connection = _connect(path)
            self.connection.row_factory = sqlite3.Row
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = FULL")
            self.changes = self._count()
            self._compare(marked)
            self._prepare_tables()
        self._refuse_damage()

    def _prepare_tables(self) -> None:
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self.connection.executescript(TABLES)
        elif version not in {*EARLIER, VERSION}:
            raise LocalFault(f"{self.path} was written by a newer storyboard", "upgrade, or move the store aside")
        if version in EARLIER:
            self._refuse_damage()
            carry_over(self.connection, self.path, version)

    def _refuse_damage(self) -> None:
        if damage := self.problems():
            raise LocalFault(f"the ledger {self.path} is damaged: {damage[0]}", _RESTORE)

    def _compare(self, marked: int | None) -> None:
        """Compare the ledger with its mark, which was read before it. Raise LocalFault if changes are missing."""
        if marked is None and not self.changes:
            self._mark.create(0)
        elif marked is None:
            raise LocalFault(
                f"{self._mark.path} is missing or damaged: it says whether the ledger is complete", _ACCEPT
            )
        if (marked or 0) > self.changes:
            raise LocalFault(f"the ledger {self.path} has lost {(marked or 0) - self.changes} changes", _ACCEPT)
        if self.changes > (marked or 0) + _AHEAD:
            raise LocalFault(f"the ledger {self.path} is another one than {self._mark.path} belongs to", _ACCEPT)
        self._mark.raise_to(self.changes)

    def _count(self) -> int:
        (changes,) = self.connection.execute("PRAGMA application_id").fetchone()
        return int(changes)

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def problems(self) -> list[str]:
        """Damage that SQLite finds in the whole file; empty if there is none. Raise LocalFault if it cannot be read."""
        with self.sqlite_errors():
            found = [row[0] for row in self.connection.execute("PRAGMA integrity_check").fetchall()]
        return [] if found == ["ok"] else found

    def query(self, statement: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Return all rows of a statement. Raise LocalFault."""
        with self.sqlite_errors():
            return self.connection.execute(statement, values).fetchall()

    def execute(self, statement: str, values: tuple[object, ...]) -> int:
        """Execute one statement in its own transaction; return the number of rows changed. Raise LocalFault."""
        with self.transaction() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit at the end; roll back after an exception. Raise LocalFault.

        The mark is raised after the commit. Where that fails, the change is recorded all the same, and
        ``prepare_submission`` refuses the next submission.
        """
        with self.sqlite_errors():
            with self.connection:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                changes = self._count() + 1
                self.connection.execute(f"PRAGMA application_id = {changes}")
            self.changes = changes
            with suppress(LocalFault):
                self._mark.raise_to(changes)

    def prepare_submission(self) -> None:
        """Raise LocalFault if the next submission could not be recorded safely: the disk is full, or refuses the mark.

        Reserves the disk space that ``execute_with_reserve`` may need.
        """
        self._reserve.fill()
        self._mark.raise_to(self.changes)

    def execute_with_reserve(self, statement: str, values: tuple[object, ...]) -> None:
        """Execute one statement; if the disk is full, release the reserve and retry. Raise LocalFault."""
        try:
            self.execute(statement, values)
        except LocalFault as error:
            full = getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            if not full or not self._reserve.release():
                raise
            self.execute(statement, values)

    def back_up(self, to: Path) -> None:
        """Copy the ledger to the new file ``to``, complete at one moment, and verify the copy. Raise LocalFault."""
        with self.sqlite_errors(), closing(_connect(to)) as copy:
            self.connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # One file, without a write-ahead log beside it.
        _changes_in(to, to)

    @contextmanager
    def sqlite_errors(self) -> Iterator[None]:
        """Convert errors of SQLite and unreadable values to LocalFault; IntegrityError passes."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError, ValueError, TypeError, ArithmeticError, LookupError, RecursionError) as error:
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            hint = (
                hint_for_errno(ENOSPC)
                if full
                else "nothing more is asked for; `storyboard doctor` says what is damaged"
            )
            raise LocalFault(f"the ledger {self.path} cannot be used: {error}", hint) from error


def is_unused(path: Path) -> bool:
    """Whether there is no ledger at ``path``, and never was one. Raise LocalFault."""
    return not _was_used(path) and is_empty(path)


def _was_used(path: Path) -> bool:
    """Whether something was recorded in a ledger at ``path``, which may be lost. Raise LocalFault."""
    # The reserve is created with the first submission: ledgers that are older than their marks have it.
    return _reserve(path).is_present() or bool(_mark(path).read())


def accept(path: Path) -> None:
    """Accept the ledger at ``path`` as complete, although changes of it are lost, or all of it. Raise LocalFault."""
    changes = 0
    if is_empty(path):
        _reserve(path).release()
    else:
        changes = _changes_in(path, path)
    _mark(path).create(changes)


def restore(path: Path, backup: Path, suffix: str) -> None:
    """Put a copy of ``backup`` in the place of the ledger, and accept it. Raise LocalFault if it is damaged.

    The changes in the write-ahead log of ``backup`` are a part of it. The files of the present ledger stay beside it:
    ``suffix`` is appended to the ledger's name.
    """
    with atomic_output(path, private=True) as staging:
        with disk_errors(backup):
            staging.write_bytes(backup.read_bytes())
            _copy_log(backup, staging)
        changes = _changes_in(staging, backup)
        if not changes:
            raise LocalFault(f"{backup} is no copy of a ledger, or nothing was recorded in it", _OTHER)
        for part in ("", "-wal", "-shm"):
            with disk_errors(path), suppress(FileNotFoundError):
                os.rename(path.with_name(path.name + part), path.with_name(path.name + suffix + part))
    _mark(path).create(changes)


def _copy_log(backup: Path, to: Path) -> None:
    """Copy the write-ahead log of a ledger to that of its copy ``to``, and have SQLite put it into the copy."""
    log = backup.with_name(f"{backup.name}-wal")
    if not log.exists():
        return
    to.with_name(f"{to.name}-wal").write_bytes(log.read_bytes())
    with suppress(sqlite3.Error), closing(_connect(to)) as copy:  # Damage is found when the copy is checked.
        copy.execute("PRAGMA journal_mode = DELETE")


def _changes_in(path: Path, named: Path) -> int:
    """The number of changes in a ledger that nobody has open. Raise LocalFault, about ``named``, if it is damaged."""
    try:
        with closing(_connect(path)) as connection:
            (changes,) = connection.execute("PRAGMA application_id").fetchone()
            found = connection.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.Error as error:
        raise LocalFault(f"{named} is no ledger, or damaged: {error}", _OTHER) from None
    if found != [("ok",)]:
        raise LocalFault(f"{named} is no ledger, or damaged", _OTHER)
    return int(changes)


def _connect(path: Path) -> sqlite3.Connection:
    """Open or create a database that only this user can read, whatever the umask, like the files that SQLite adds."""
    make_private(path)
    return sqlite3.connect(path, timeout=20, isolation_level=None)


def _reserve(path: Path) -> DiskReserve:
    return DiskReserve(path.with_suffix(".ballast"))


def _mark(path: Path) -> HighWaterMark:
    return HighWaterMark(path.with_suffix(".mark"))
