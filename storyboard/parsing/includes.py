"""Includes: read the main file and the files it includes, and collect their scenes, each with its place."""

import posixpath
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from storyboard.model.errors import StoryboardError
from storyboard.model.problem import Problem
from storyboard.model.text import one_line
from storyboard.parsing import schema, yaml
from storyboard.parsing.assets import resolve_asset
from storyboard.parsing.project_files import Files
from storyboard.parsing.source import KeyPath, SourceFile

MAX_BYTES = 16 << 20
MAX_SCENES = 20_000
MAX_INCLUDES = 10

# After this many problems, the remaining scenes are not checked.
MAX_PROBLEMS = 1_000
ENOUGH = (
    f"the scenes from here on were not checked: there are {MAX_PROBLEMS:,} problems before it",
    "fix these first, then validate again",
)
PART = (
    "this file holds scenes, and no storyboard",
    "validate the storyboard that includes it; or write 'storyboard: 1' and 'scenes:' above them",
)


@dataclass(frozen=True, slots=True)
class MappingNode:
    """A mapping in a source file (a scene, the defaults, the whole storyboard) and its place.

    ``unsound`` are paths below it that violate the schema, or that a misspelt key most likely stands for. They are
    reported once, and no other rule reports them again.
    """

    page: SourceFile
    path: KeyPath
    value: yaml.Map
    unsound: frozenset[KeyPath] = frozenset()

    def problem(self, path: KeyPath, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """A problem at ``path`` below this mapping."""
        return self.page.problem((*self.path, *path), message, hint, key=key)

    def has(self, name: str) -> bool:
        """Whether the key is present, valid or not, or most likely meant by a misspelt key."""
        return name in self.value or not self.sound(name)

    def sound(self, name: str) -> bool:
        """Whether the key and everything below it satisfy the schema."""
        return not any(path[:1] == (name,) for path in self.unsound)

    def get(self, name: str) -> object:
        """The value of a valid key; None where the key is missing or invalid."""
        return self.value.get(name) if self.sound(name) else None

    def inner(self, name: str) -> "MappingNode | None":
        """The mapping under a key; None where there is none."""
        value = self.value.get(name)
        if not isinstance(value, yaml.Map):
            return None
        below = frozenset(path[1:] for path in self.unsound if path[0] == name and len(path) > 1)
        return MappingNode(self.page, (*self.path, name), value, below)

    def begins(self) -> KeyPath:
        """The path of the first key, where missing keys are reported; empty for an empty mapping."""
        return next(((key,) for key in self.value), ())


@dataclass(slots=True)
class Gathered:
    """The content of all files: ``top`` of the main file (None if it cannot be parsed), all scenes, all problems.

    ``pages`` are the names of the files in the order in which they were read, ``bytes`` their total size. ``enough``
    is True where scenes were left out because of too many problems.
    """

    top: MappingNode | None = None
    scenes: list[MappingNode] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    bytes: int = 0
    enough: bool = False


def gather(file: PurePosixPath, name: str, files: Files) -> Gathered:
    """Read ``file``, called ``name`` in messages, and all files that it includes.

    Raise InputError where the main file cannot be read. An included file that cannot be read is a problem of the
    line that names it.
    """
    into = Gathered()
    page = _page(file, name, files.text(file), into)
    if page is None:
        return into
    if _is_part(page.document.value):
        into.problems.append(page.problem((), *PART))
        return into
    into.top = _checked(page, (), page.document.value, "storyboard", into)
    if into.top:
        scenes = into.top.get("scenes")
        if isinstance(scenes, yaml.Items):
            _scenes(page, ("scenes",), scenes, files, into, (file,))
    return into


def _is_part(value: object) -> bool:
    """Whether a file holds scenes that a storyboard includes, and no storyboard."""
    some = value[:1] if isinstance(value, yaml.Items) else [value]
    return any(
        isinstance(each, yaml.Map) and {"id", "include"} & each.keys() and not {"storyboard", "scenes"} & each.keys()
        for each in some
    )


def _page(file: PurePosixPath, name: str, raw: bytes, into: Gathered) -> SourceFile | None:
    into.bytes += len(raw)
    into.pages.append(name)
    document = yaml.read(raw)
    into.problems += [yaml.problem(fault, name, document.lines) for fault in document.faults]
    return SourceFile(file, name, document) if document.whole else None


def _scenes(
    page: SourceFile, path: KeyPath, items: yaml.Items, files: Files, into: Gathered, stack: tuple[PurePosixPath, ...]
) -> None:
    for index, item in enumerate(items):
        if len(into.problems) < MAX_PROBLEMS:
            _scene(page, (*path, index), item, files, into, stack)
        elif not into.enough:
            into.enough = True
            into.problems.append(page.problem((*path, index), *ENOUGH))


def _scene(
    page: SourceFile, path: KeyPath, value: object, files: Files, into: Gathered, stack: tuple[PurePosixPath, ...]
) -> None:
    includes = isinstance(value, yaml.Map) and "include" in value
    entry = _checked(page, path, value, "include" if includes else "scene", into)
    if entry is None:
        return
    if not includes:
        into.scenes.append(entry)
        if len(into.scenes) == MAX_SCENES + 1:
            into.problems.append(
                entry.problem((), f"a film has at most {MAX_SCENES:,} scenes", "make it several films")
            )
    elif word := entry.get("include"):
        _include(entry, str(word), files, into, stack)


def _include(entry: MappingNode, word: str, files: Files, into: Gathered, stack: tuple[PurePosixPath, ...]) -> None:
    where = (*entry.path, "include")
    file = resolve_asset(entry.page, where, word)
    if isinstance(file, Problem):
        into.problems.append(file)
        return
    name = posixpath.join(posixpath.dirname(into.pages[0]), file.as_posix())
    if refused := _again(file, name, into, stack):
        into.problems.append(entry.page.problem(where, *refused))
        return
    try:
        page = _page(file, name, files.text(file), into)
    except StoryboardError as error:
        into.problems.append(entry.page.problem(where, error.message, error.hint))
        return
    if page is None:
        return
    value = page.document.value
    if isinstance(value, yaml.Items) and value:
        _scenes(page, (), value, files, into, (*stack, file))
    elif isinstance(value, yaml.Map):
        _scene(page, (), value, files, into, (*stack, file))
    else:
        into.problems.append(page.problem((), "this file holds no scene", "write one scene, or a list of scenes"))


def _again(file: PurePosixPath, name: str, into: Gathered, stack: tuple[PurePosixPath, ...]) -> tuple[str, str] | None:
    """Message and hint where a file cannot be included here; None where it can."""
    said = one_line(file.name, 100)
    if file == stack[-1]:
        return f"'{said}' includes itself", "include files that hold other scenes"
    if file in stack:
        return f"'{said}' includes this file, so the scenes would never end", "include files that hold other scenes"
    if name in into.pages:
        return f"'{said}' is included twice", "a scene is in the film once: give the second one an id of its own"
    if len(stack) > MAX_INCLUDES:
        return f"files include files more than {MAX_INCLUDES} deep", "include them from the main file"
    if into.bytes > MAX_BYTES:
        return f"the storyboard is larger than {MAX_BYTES >> 20} MiB", "make it several films"
    return None


def _checked(page: SourceFile, path: KeyPath, value: object, part: schema.Part, into: Gathered) -> MappingNode | None:
    """The mapping at ``path``, its violations of the schema added to the problems; None if it is no mapping."""
    if not isinstance(value, yaml.Map):
        what = "a storyboard" if part == "storyboard" else "a scene"
        hint = "begin it with 'storyboard: 1'" if part == "storyboard" else "write '- id: …' and its other keys below"
        into.problems.append(page.problem(path, f"{what} is a mapping of keys and values", hint))
        return None
    unsound: set[KeyPath] = set()
    for fault in schema.faults(value, part):
        where = (*path, *fault.path)
        hint = "a '#' begins a comment: put the value in quotes" if page.is_commented_out(where) else fault.hint
        into.problems.append(page.problem(where, fault.message, hint, key=fault.key))
        unsound |= fault.about
    return MappingNode(page, path, value, frozenset(unsound))
