"""Pins: which lock pins which takes, and which takes `store gc` has removed."""

from collections.abc import Iterable, Mapping

from storyboard.state.ledger.database import Database

# Seconds. That a lock pins a take is noted to the day.
DAY = 24 * 60 * 60.0


class Pins:
    """The tables ``pins`` and ``removed``. A lock is its absolute path, a take its digest; times in s since 1970."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_pins(self, lock: str, digests: Iterable[str], now: float) -> None:
        """Record that a lock pins these takes now: what `store gc` knows of locks on this machine."""
        found = self._database.query("SELECT digest FROM pins WHERE lock = ? AND at > ?", (lock, now - DAY))
        if news := set(digests) - {row["digest"] for row in found}:
            with self._database.transaction() as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO pins VALUES (?, ?, ?)", [(lock, digest, now) for digest in sorted(news)]
                )

    def by_lock(self) -> Mapping[str, Mapping[str, float]]:
        """Every lock that was ever seen, with the takes that it pinned, and when it last did."""
        found: dict[str, dict[str, float]] = {}
        for row in self._database.query("SELECT * FROM pins ORDER BY lock"):
            found.setdefault(row["lock"], {})[row["digest"]] = row["at"]
        return found

    def record_removal(self, digests: Iterable[str], now: float) -> None:
        """Record that `store gc` is about to take these takes out of the store."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO removed VALUES (?, ?)", [(digest, now) for digest in digests]
            )

    def record_return(self, digests: Iterable[str]) -> None:
        """Record that these takes are in the store again."""
        with self._database.transaction() as connection:
            connection.executemany("DELETE FROM removed WHERE digest = ?", [(digest,) for digest in digests])

    def removals(self) -> Mapping[str, float]:
        """When `store gc` took each take out of the store that is not in it any more."""
        with self._database.sqlite_errors():
            return {row["digest"]: row["at"] for row in self._database.query("SELECT * FROM removed")}
