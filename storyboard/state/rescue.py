"""Rescue: a job that was paid for and could not be written into the ledger is kept elsewhere, until it can be."""

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from storyboard.model.errors import LocalFault
from storyboard.model.submission import Submission
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.submissions import KnownJob
from storyboard.system.files import discard, disk_errors, private_dir, replace


@dataclass(frozen=True, slots=True)
class RescuedJob:
    """A job's name with the ledger's entry that it belongs to, and the file that says so."""

    file: Path
    id: int
    key: str
    job: str


def keep(ledger: Path, entry: Submission, job: str) -> Path | None:
    """Write the job's name down, on another disk if need be; where, or None where nothing can be written at all."""
    content = json.dumps({"id": entry.id, "key": entry.key, "scene": entry.scene, "job": job}).encode()
    for folder in _folders(ledger):
        path = folder / f"{secrets.token_hex(8)}.json"
        with suppress(LocalFault):
            private_dir(folder)
            if _ours(folder):
                replace(path, content)
                return path
    return None


def bring_in(ledger: Ledger, now: float) -> None:
    """Give the ledger what it could not be given before. Raises LocalFault where it still cannot take it."""
    for kept in rescued_jobs(ledger.path):
        entry = ledger.submissions.of_key(kept.key)
        if entry and entry.id == kept.id and entry.state in ("intent", "unknown"):
            try:
                ledger.submissions.record_accepted(entry, kept.job, now)
            except KnownJob:
                raise LocalFault(
                    f"{kept.file} names a job that another shot already has: {kept.job}",
                    "remove the file if you know that it is wrong",
                ) from None
        discard(kept.file)


def _ours(path: Path) -> bool:
    """Whoever else can write into the folder for temporary files must not put jobs into our ledger."""
    with disk_errors(path):
        return not path.is_symlink() and path.stat().st_uid == os.getuid()


def rescued_jobs(ledger: Path) -> Iterator[RescuedJob]:
    """The jobs that are kept for a ledger, and not in it yet."""
    for folder in _folders(ledger):
        for file in sorted(folder.glob("*.json")):
            try:
                if not _ours(folder) or not _ours(file):
                    continue
                content = json.loads(file.read_text("utf-8"))
                yield RescuedJob(file, int(content["id"]), str(content["key"]), str(content["job"]))
            except (LocalFault, OSError, ValueError, KeyError, TypeError):
                continue


def _folders(ledger: Path) -> tuple[Path, ...]:
    """Where a job is kept: in the user's cache, else where temporary files are. Named for the ledger it belongs to."""
    import platformdirs

    name = sha256(str(ledger).encode()).hexdigest()[:16]
    temporary = Path(tempfile.gettempdir()) / f"storyboard-rescue-{os.getuid()}"
    return Path(platformdirs.user_cache_dir("storyboard")) / "rescue" / name, temporary / name
