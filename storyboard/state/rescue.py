"""Rescue: keep the name of a paid job in another file while the ledger cannot be written."""

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
    """The name of a job, the ledger entry that it belongs to, and the file that holds both."""

    file: Path
    id: int
    key: str
    job: str


def keep(ledger: Path, entry: Submission, job: str) -> Path | None:
    """Write the job's name to a file, if need be on another disk; return its path, None if no disk can be written."""
    content = json.dumps({"id": entry.id, "key": entry.key, "scene": entry.scene, "job": job}).encode()
    for folder in _folders(ledger):
        path = folder / f"{secrets.token_hex(8)}.json"
        with suppress(LocalFault):
            private_dir(folder)
            if _ours(folder):
                replace(path, content, private=True)
                return path
    return None


def bring_in(ledger: Ledger, now: float) -> None:
    """Write the rescued jobs into the ledger. Raise LocalFault if it still cannot be written."""
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
    """Whether this user owns the file: other users can write to the temporary folder, but not into this ledger."""
    with disk_errors(path):
        return not path.is_symlink() and path.stat().st_uid == os.getuid()


def rescued_jobs(ledger: Path) -> Iterator[RescuedJob]:
    """The rescued jobs of a ledger that are not in it yet."""
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
    """The folders of rescued jobs, the preferred first: user cache, temporary folder. Named by the ledger's path."""
    import platformdirs

    name = sha256(str(ledger).encode()).hexdigest()[:16]
    temporary = Path(tempfile.gettempdir()) / f"storyboard-rescue-{os.getuid()}"
    return Path(platformdirs.user_cache_dir("storyboard")) / "rescue" / name, temporary / name
