"""Sidecar files: written, updated, and removed when no longer wanted."""

import hashlib
import json
from pathlib import Path

from storyboard.system.files import disk_errors, replace, scratch_dir


class Sidecars:
    """The sidecar files of one project's films. Those that storyboard wrote are recorded in its scratch folder."""

    def __init__(self, folder: Path) -> None:
        self._file = scratch_dir(folder) / "beside.json"

    def put(self, path: Path, content: bytes) -> None:
        """Write a sidecar file atomically; with empty content, delete it unless it was edited. Raise LocalFault."""
        ours = self._ours()
        before = ours.pop(str(path), "")
        if content:
            replace(path, content)
            ours[str(path)] = hashlib.sha256(content).hexdigest()
        elif before and _digest(path) == before:
            with disk_errors(path):
                path.unlink()
        if content or before:
            replace(self._file, json.dumps(ours, indent=1, sort_keys=True).encode())

    def has(self, path: Path) -> bool:
        """Whether ``path`` is unchanged since storyboard wrote it."""
        return _digest(path) == self._ours().get(str(path), "")

    def _ours(self) -> dict[str, str]:
        try:
            known = json.loads(self._file.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        return {path: str(digest) for path, digest in known.items()} if isinstance(known, dict) else {}


def _digest(path: Path) -> str | None:
    """The SHA-256 (hex) of a regular file; None for anything else, symbolic links included. Raise LocalFault."""
    if path.is_symlink() or not path.is_file():
        return None
    with disk_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
