"""Carry a ledger of the former schema over to the present one: a backup beside it, then one transaction."""

import sqlite3
from pathlib import Path

from storyboard.system.files import replace

# The schema that ``carry_over`` reads. The present one is ``rows.VERSION``.
FORMER = 1

# The job of a take is that of its submission. Where the author submitted the shot again after the take had been lost,
# the take is of the earlier job, never of the one in progress.
_STEP = (
    "ALTER TABLE takes ADD COLUMN job TEXT",
    "ALTER TABLE takes ADD COLUMN fallback INTEGER NOT NULL DEFAULT 0",
    "UPDATE takes SET job = (SELECT job FROM jobs WHERE jobs.key = takes.key AND job IS NOT NULL AND state != 'open'"
    " ORDER BY state = 'taken' DESC, id DESC LIMIT 1)",
    "PRAGMA user_version = 2",
)


def carry_over(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the ledger at ``path`` from schema 1 to schema 2; killed at any moment, it is one of the two, whole.

    Raise sqlite3.Error, LocalFault: then the ledger is as it was.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        copy = backup_path(path)
        replace(copy, connection.serialize(), private=True)
        for statement in _STEP:
            connection.execute(statement)


def backup_path(path: Path) -> Path:
    """Return where the backup of a ledger of the former schema is: ``ledger.v1.db`` beside ``ledger.db``."""
    return path.with_suffix(f".v{FORMER}{path.suffix}")
