"""Entry points of installed packages: what they offer by name, read once a process."""

import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def installed_points(group: str) -> "Sequence[EntryPoint]":
    """The entry points of ``storyboard.GROUP``.

    Read anew once a package was installed or removed, or ``sys.path`` has changed.
    """
    return _points(tuple((folder, _modified(folder)) for folder in sys.path)).get(f"storyboard.{group}", ())


@lru_cache(maxsize=1)
def _points(folders: tuple[tuple[str, int], ...]) -> "Mapping[str, Sequence[EntryPoint]]":
    """Those of all groups that are ours: one of them takes as long, since each package has a file to be read."""
    from importlib.metadata import entry_points  # takes 10 ms: --help does without it

    found = entry_points()
    return {group: tuple(found.select(group=group)) for group in found.groups if group.startswith("storyboard.")}


def _modified(folder: str) -> int:
    """When something came into a folder or left it, in nanoseconds; 0 where there is none."""
    try:
        return os.stat(folder or ".").st_mtime_ns
    except OSError:
        return 0
