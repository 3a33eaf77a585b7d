"""Checks of installed packages, offered as entry points: functions that look at each clip that comes.

A check is called as ``check(path, facts)`` with the path of the clip and ClipFacts; it returns Remarks, or None. It
must not change the file.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from storyboard.checks.clip_facts import ClipFacts
from storyboard.checks.judge import NAMES
from storyboard.model.remark import Remark
from storyboard.system.entry_points import installed_points

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

OwnCheck = Callable[[Path, ClipFacts], Iterable[Remark] | None]


def installed_checks() -> "Sequence[EntryPoint]":
    """The installed checks, by name."""
    return sorted(installed_points("checks"), key=lambda point: point.name)


def run_check(point: "EntryPoint", path: Path, facts: ClipFacts) -> tuple[Remark, ...]:
    """Return what a check says of a clip. Raise any exception of its code; TypeError, ValueError for other results."""
    check: OwnCheck = point.load()
    remarks = tuple(check(path, facts) or ())
    for remark in remarks:
        if not isinstance(remark, Remark):
            raise TypeError(f"it returned {type(remark).__name__}, and no Remark")
        if remark.name in NAMES:
            raise ValueError(f"'{remark.name}' is a remark of storyboard's own; call it otherwise")
    return remarks
