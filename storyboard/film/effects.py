"""Effects: functions that installed packages offer as entry points. A storyboard can only name them.

An effect is called as ``effect(clip, seed)`` with a ``moviepy.VideoClip`` of the film's size and frame rate, without
sound, and an integer (0 to 2**32-1) that is the same each time; it returns a ``VideoClip`` of the same duration.
"""

import hashlib
from collections.abc import Callable, Iterable
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storyboard.model.errors import InputError
from storyboard.model.fingerprint import fingerprint
from storyboard.model.text import one_line
from storyboard.system.entry_points import installed_points
from storyboard.system.files import disk_errors

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Effect = Callable[..., Any]


def installed_effects() -> tuple[str, ...]:
    """The names of the installed effects."""
    return tuple(sorted({point.name for point in installed_points("effects")}))


def effect_codes(names: Iterable[str]) -> dict[str, str]:
    """A digest (SHA-256, hex) of each effect's code: its package's version, and its Python sources where available.

    Does not import the effect. Raise InputError for one that is not installed.
    """
    return {name: _code(_point(name)) for name in names}


def load(name: str) -> Effect:
    """The effect's function. Raise any exception of its module's import; InputError where it is not installed."""
    found: Effect = _point(name).load()
    return found


def _point(name: str) -> "EntryPoint":
    for point in installed_points("effects"):
        if point.name == name:
            return point
    raise InputError(f"no effect is called '{one_line(name, 80)}'", "install the package that offers it")


def _code(point: "EntryPoint") -> str:
    package = point.dist.metadata["Name"] if point.dist else ""
    sources = []
    for path in _sources(point.module.partition(".")[0]):
        with disk_errors(path):
            sources.append((path.name, hashlib.sha256(path.read_bytes()).hexdigest()))
    return fingerprint(point.value, package, point.dist.version if point.dist else "", sources)


def _sources(module: str) -> list[Path]:
    """The source files of a module or package, sorted; none where it has no Python sources."""
    spec = PathFinder.find_spec(module)
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return sorted(path for folder in spec.submodule_search_locations for path in Path(folder).rglob("*.py"))
    return [Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else []
