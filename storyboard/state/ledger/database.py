"""The ledger's database: opening it, its transactions, its errors, and its disk reserve.

SQLite with ``synchronous=FULL``: a committed row survives a power cut. A unique index allows one live row for each
key, so that two runs never both pay for the same shot.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path

from storyboard.model.errors import LocalFault
from storyboard.state.ledger.carry_over import FORMER, carry_over
from storyboard.state.ledger.rows import TABLES, VERSION
from storyboard.system.claims import brief_lock
from storyboard.system.files import hint_for_errno, is_empty, private_dir
from storyboard.system.reserve import DiskReserve

_RESTORE = "keep the file, and restore it from a backup"


class Database:
    """The SQLite file at ``path``, created if it is missing. Raise LocalFault if it cannot be used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reserve = _reserve(path)
        private_dir(path.parent)
        # The reserve is created with the first intent. An empty ledger beside it has lost what was paid for.
        if self._reserve.is_present() and is_empty(path):
            why = f"the ledger {path} is empty or was removed, and something has been asked for"
            raise LocalFault(why, f"{_RESTORE}; if nothing in it matters any more, remove {self._reserve.path}")
        # SQLite does not wait for a lock when two processes create the file at the same time.
        with self.sqlite_errors(), brief_lock(path.parent):
            self.connection = sqlite3.connect(path, timeout=20, isolation_level=None)
            self._open()
        self._refuse_damage()

    def _open(self) -> None:
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self.connection.executescript(TABLES)
        elif version not in (FORMER, VERSION):
            raise LocalFault(f"{self.path} was written by a newer storyboard", "upgrade, or move the store aside")
        if version == FORMER:
            self._refuse_damage()
            carry_over(self.connection, self.path)

    def _refuse_damage(self) -> None:
        if damage := self.problems():
            raise LocalFault(f"the ledger {self.path} is damaged: {damage[0]}", _RESTORE)

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
        with self.sqlite_errors():
            return self.connection.execute(statement, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit at the end; roll back after an exception. Raise LocalFault."""
        with self.sqlite_errors(), self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection

    def fill_reserve(self) -> None:
        """Reserve the disk space that ``execute_with_reserve`` may need. Raise LocalFault if the disk is full."""
        self._reserve.fill()

    def execute_with_reserve(self, statement: str, values: tuple[object, ...]) -> None:
        """Execute one statement; if the disk is full, release the reserve and retry. Raise LocalFault."""
        with self.sqlite_errors():
            try:
                self.connection.execute(statement, values)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._reserve.release():
                    raise
                self.connection.execute(statement, values)

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
    return is_empty(path) and not _reserve(path).is_present()


def _reserve(path: Path) -> DiskReserve:
    return DiskReserve(path.with_suffix(".ballast"))
