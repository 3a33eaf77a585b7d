"""Carry a ledger of an earlier schema over to the present one: a backup beside it, then one transaction."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from storyboard.model.shot import USUAL_PROVIDER
from storyboard.state.ledger.rows import CHARGES, FRAMES, JOB_NAMES
from storyboard.system.files import replace

# What brings each earlier schema to the next one. The present one is ``rows.VERSION``.
# Schema 2: the job of a take is that of its submission. Where the author submitted the shot again after the take had
# been lost, the take is of the earlier job, never of the one in progress.
# Schema 4: the provider of a job is the one that its recipe names. Before, all amounts were in its credits.
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
    3: (
        f"ALTER TABLE jobs ADD COLUMN provider TEXT NOT NULL DEFAULT '{USUAL_PROVIDER}'",
        "ALTER TABLE jobs ADD COLUMN unit TEXT NOT NULL DEFAULT 'credits'",
        "UPDATE jobs SET provider = provider_of(recipe)",
        "ALTER TABLE upgrades ADD COLUMN unit TEXT NOT NULL DEFAULT 'credits'",
        "ALTER TABLE takes ADD COLUMN unit TEXT NOT NULL DEFAULT 'credits'",
        "DROP INDEX job_names",
        JOB_NAMES,
        "DROP VIEW charges",
        CHARGES,
    ),
}

# The schemas that ``carry_over`` reads.
EARLIER = frozenset(_STEPS)


def carry_over(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Bring the ledger at ``path`` from schema ``version`` to the present one; killed, it is one of the two, whole.

    Raise sqlite3.Error, LocalFault: then the ledger is as it was.
    """
    connection.create_function("provider_of", 1, _provider_of, deterministic=True)
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        copy = backup_path(path, version)
        replace(copy, connection.serialize(), private=True)
        for step in range(version, max(_STEPS) + 1):
            for statement in _STEPS[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(_STEPS) + 1}")


def _provider_of(recipe: str) -> str:
    """The provider that a recipe names, as JSON; the usual one where it names none, or cannot be read."""
    with suppress(ValueError, RecursionError):
        found = json.loads(recipe)
        if isinstance(found, dict) and isinstance(name := found.get("provider"), str):
            return name
    return USUAL_PROVIDER


def backup_path(path: Path, version: int) -> Path:
    """Return where the backup of a ledger of schema ``version`` is: ``ledger.v1.db`` beside ``ledger.db``."""
    return path.with_suffix(f".v{version}{path.suffix}")
