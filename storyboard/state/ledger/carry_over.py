"""Carry a ledger of an earlier schema over to the present one: a backup beside it, then one transaction."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from storyboard.state.ledger.rows import FRAMES
from storyboard.system.files import replace

# What brings each earlier schema to the next one. The present one is ``rows.VERSION``.
# Schema 2: the job of a take is that of its submission. Where the author submitted the shot again after the take had
# been lost, the take is of the earlier job, never of the one in progress.
_STEPS: Mapping[int, tuple[str, ...]] = {
    1: (
        "ALTER TABLE takes ADD COLUMN job TEXT",
        "ALTER TABLE takes ADD COLUMN fallback INTEGER NOT NULL DEFAULT 0",
        "UPDATE takes SET job = (SELECT job FROM jobs WHERE jobs.key = takes.key AND job IS NOT NULL"
        " AND state != 'open' ORDER BY state = 'taken' DESC, id DESC LIMIT 1)",
    ),
    2: (
        "ALTER TABLE takes ADD COLUMN remarks TEXT NOT NULL DEFAULT '[]'",
        "ALTER TABLE jobs ADD COLUMN reason TEXT NOT NULL DEFAULT ''",
        *FRAMES,
    ),
}

# The schemas that ``carry_over`` reads.
EARLIER = frozenset(_STEPS)


def carry_over(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Bring the ledger at ``path`` from schema ``version`` to the present one; killed, it is one of the two, whole.

    Raise sqlite3.Error, LocalFault: then the ledger is as it was.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        copy = backup_path(path, version)
        replace(copy, connection.serialize(), private=True)
        for step in range(version, max(_STEPS) + 1):
            for statement in _STEPS[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(_STEPS) + 1}")


def backup_path(path: Path, version: int) -> Path:
    """Return where the backup of a ledger of schema ``version`` is: ``ledger.v1.db`` beside ``ledger.db``."""
    return path.with_suffix(f".v{version}{path.suffix}")
