"""A power cut: what a render did to the disk, step by step, and what would be left of it at any moment.

The model is a strict one: what was not synced may survive or not, each piece by itself, in any order; a file's bytes
may be lost while its name is kept; a name may be lost although its file was synced. Only what fsync has returned for,
on the file and on its folder, and on every folder that was made above it, is there for certain. Of SQLite it believes
what its documents say: with synchronous=FULL a commit is there, with less the last ones may not be.
"""

import json
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from doors import Call

from storyboard.model.errors import StoryboardError
from storyboard.parsing.yaml import load
from storyboard.state.ledger.high_water_mark import highest
from storyboard.state.lockfile import parse_lock


@dataclass(frozen=True, slots=True)
class Rows:
    """What the ledger holds: the keys it knows, the job names, the digests of the takes; its number of changes."""

    keys: frozenset[str] = frozenset()
    jobs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset()
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Effect:
    """One step. ``what``: make, folder, bytes, sync, name, remove, names (of a folder, synced), commit; and what the
    world saw: post (a key), used (a job), told (a take's digest), end.

    ``file`` is what a file was called first, and so who it is; ``data`` its bytes, the rows, or what the world saw.
    """

    what: str
    path: str = ""
    file: str = ""
    to: str = ""
    data: Any = None
    sure: bool = False


@dataclass
class Recorder:
    """Watches the doors of a render and writes its effects down. ``ill`` may let a call fail instead."""

    effects: list[Effect] = field(default_factory=list)
    ill: Callable[[Call], None] = lambda call: None
    dropped: Callable[[Call], bool] = lambda call: False
    softened: bool = False
    _files: dict[str, str] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)

    def saw(self, what: str, data: str = "") -> None:
        with self._lock:
            self.effects.append(Effect(what, data=data))

    def __call__(self, call: Call, go: Callable[..., Any]) -> Any:
        with self._lock:
            self.ill(call)
            if call.door == "fsync" and self.dropped(call):
                return None
            if self.softened and call.door == "sql" and "synchronous" in call.data[0]:
                return sqlite3.Connection.execute(call.data[1], "PRAGMA synchronous = NORMAL")
            given = go()
            self.effects.extend(self._effects(call))
            return given

    def _effects(self, call: Call) -> Iterator[Effect]:
        path = call.path
        match call.door:
            case "open" if call.fresh:
                self._files[path] = path
                yield Effect("make", path, path)
            case "mkdir":
                yield Effect("folder", path)
            case "write" | "pwrite" | "file.write" | "ftruncate":
                yield Effect("bytes", path, self._files.get(path, path), data=_content(path))
            case "fsync" if os.path.isdir(path):
                yield Effect("names", path)
            case "fsync":
                yield Effect("sync", path, self._files.get(path, path), data=_content(path))
            case "replace" | "rename":
                file = self._files[call.to] = self._files.pop(path, path)
                yield Effect("bytes", path, file, data=_content(call.to))
                yield Effect("name", path, file, call.to)
            case "unlink":
                self._files.pop(path, None)
                yield Effect("remove", path)
            case "sql" if not call.data[1].in_transaction:
                yield self._commit(path, call.data[1])

    def _commit(self, path: str, db: sqlite3.Connection) -> Effect:
        def ask(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in sqlite3.Connection.execute(db, sql).fetchall()]

        if not ask("SELECT 1 FROM sqlite_master WHERE name = 'jobs'"):
            return Effect("commit", path, data=Rows(), sure=True)
        jobs = ask("SELECT key, job FROM jobs")
        takes = frozenset(digest for (digest,) in ask("SELECT digest FROM takes"))
        changes = ask("PRAGMA application_id")[0][0]
        rows = Rows(frozenset(key for key, _ in jobs), frozenset(job for _, job in jobs if job), takes, changes)
        return Effect("commit", path, data=rows, sure=ask("PRAGMA synchronous")[0][0] >= 2)


def _content(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY)
    try:
        return os.pread(file, 1 << 28, 0)
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True)
class Image:
    """What is on the disk when the power comes back."""

    files: dict[str, bytes]
    rows: Rows


@dataclass
class Disk:
    """A disk, with what of it is certain. Folders that were there before are."""

    ledger: str
    names: dict[str, str] = field(default_factory=dict)
    pending: list[Effect] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    sure: dict[str, bytes] = field(default_factory=dict)
    maybe: dict[str, bytes] = field(default_factory=dict)
    rows: list[Rows] = field(default_factory=lambda: [Rows()])

    def step(self, effect: Effect) -> None:
        match effect.what:
            case "make" | "name" | "remove" | "folder":
                self.pending.append(effect)
                if effect.what == "folder":
                    self.made.add(effect.path)
            case "bytes":
                self.maybe[effect.file] = effect.data
            case "sync":
                self.sure[effect.file] = self.maybe[effect.file] = effect.data
            case "names":
                kept = [one for one in self.pending if _folder(one) == effect.path]
                self.pending = [one for one in self.pending if _folder(one) != effect.path]
                for one in kept:
                    _apply(self.names, one)
            case "commit":
                self.rows = [effect.data] if effect.sure else [*self.rows, effect.data]

    def image(self, chance: random.Random | None, kept: float, bytes_kept: float) -> Image:
        """One of the disks that may be found: each name is kept with one chance, each file's bytes with another."""
        names = dict(self.names)
        for one in self.pending:
            if _likely(chance, kept):
                _apply(names, one)
        whole = {path: file for path, file in names.items() if self._reached(path, names)}
        files = {path: self._bytes(file, chance, bytes_kept) for path, file in whole.items()}
        there = self._reached(self.ledger, names)
        rows = self.rows[0] if not there or not _likely(chance, kept) else self.rows[-1]
        return Image(files, rows if there else Rows())

    def _reached(self, path: str, names: dict[str, str]) -> bool:
        return all(names.get(str(folder)) == "" for folder in Path(path).parents if str(folder) in self.made)

    def _bytes(self, file: str, chance: random.Random | None, kept: float) -> bytes:
        sure, maybe = self.sure.get(file, b""), self.maybe.get(file, b"")
        if sure == maybe or _likely(chance, kept):
            return maybe
        return sure if chance is None or chance.random() < 0.5 else maybe[: len(maybe) // 2]


def _likely(chance: random.Random | None, kept: float) -> bool:
    return kept >= 1 or (kept > 0 and chance is not None and chance.random() < kept)


def _folder(effect: Effect) -> str:
    return os.path.dirname(effect.to or effect.path)


def _apply(names: dict[str, str], effect: Effect) -> None:
    if effect.what == "make":
        names[effect.path] = effect.file
    elif effect.what == "folder":
        names[effect.path] = ""
    elif effect.what == "name":
        names.pop(effect.path, None)
        names[effect.to] = effect.file
    else:
        names.pop(effect.path, None)


# How much survives: nothing, names without bytes, everything, and chance between.
CHANCES = (
    *((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),
    *((names, content) for names in (0.2, 0.5, 0.9) for content in (0.0, 0.5, 0.9)),
)


def cuts(effects: list[Effect], ledger: str, lock: str) -> Iterator[list[str]]:
    """Cut the power after each step, in several ways; for each disk that is left, the promises that it breaks."""
    disk = Disk(ledger)
    whole: dict[str, set[bytes]] = {}
    bytes_of: dict[str, bytes] = {}
    posts: set[str] = set()
    used: set[str] = set()
    told: set[str] = set()
    ended, changes, marked = "", 0, 0
    for at, effect in enumerate(effects):
        disk.step(effect)
        match effect.what:
            case "bytes" | "sync":
                bytes_of[effect.file] = effect.data
            case "name":
                whole.setdefault(effect.to, set()).add(bytes_of.get(effect.file, b""))
            case "commit":
                changes = effect.data.changes
            case "post":
                posts.add(effect.data)
                marked = changes
            case "used":
                used.add(effect.data)
            case "told":
                told.add(effect.data)
            case "end":
                ended = effect.data
        for number, (names, content) in enumerate(CHANCES):
            image = disk.image(random.Random(at * 100 + number) if 0 < names + content < 2 else None, names, content)
            where = f"step {at} ({effect.what} {effect.path or effect.data}), disk {number}"
            broken = (*_promises(image, whole, posts, used, told, lock, ended), *_mark(image, ledger, marked))
            yield [f"{where}: {why}" for why in broken]


def _promises(
    image: Image,
    whole: dict[str, set[bytes]],
    posts: set[str],
    used: set[str],
    told: set[str],
    lock: str,
    ended: str,
) -> Iterator[str]:
    rescued = set(_rescued(image))
    takes = {Path(path).stem for path, content in image.files.items() if path.endswith(f"{_hash(content)}.mp4")}
    for key in posts - image.rows.keys:
        yield f"a request left, and its intent is lost: {key[:8]}"
    for job in used - image.rows.jobs - rescued:
        yield f"a job was known, and its name is lost: {job[:8]}"
    for digest in image.rows.takes - takes:
        yield f"the ledger has a take that the store has not: {digest[:8]}"
    for digest in told - (takes & image.rows.takes):
        yield f"a scene was told to be finished, and its take is lost: {digest[:8]}"
    for path, versions in whole.items():
        if path in image.files and image.files[path] not in versions and not path.endswith(".mark"):
            yield f"half a file has a good name: {path}"
    if lock in image.files and not (pinned := _pinned(image.files[lock])) <= takes & image.rows.takes:
        yield f"the lock names a take that is lost: {pinned}"
    if ended and not told <= (_pinned(image.files[lock]) if lock in image.files else set()):
        yield "the render has ended, and the lock is lost"


def _mark(image: Image, ledger: str, marked: int) -> Iterator[str]:
    """The mark knows each change before the last request; it is never ahead of the ledger, which would be refused."""
    content = image.files.get(str(Path(ledger).with_suffix(".mark")))
    found = 0 if content is None else highest(content)
    if found is None or found < marked:
        yield f"the mark is at {found}, and {marked} changes were made before a request left"
    elif found > image.rows.changes:
        yield f"the mark is at {found}, and the ledger has {image.rows.changes} changes"


@cache
def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()


def _rescued(image: Image) -> Iterator[str]:
    for path, content in image.files.items():
        if "rescue" in path and path.endswith(".json"):
            try:
                yield json.loads(content)["job"]
            except ValueError:
                continue


@cache
def _pinned(content: bytes) -> set[str]:
    try:
        lock = parse_lock(load(content, "lock"), "lock")
    except StoryboardError:  # Half a lock is looked for elsewhere.
        return set()
    return {take.digest for scene in lock.scenes.values() for some in scene.takes.values() for take in some.values()}


def earlier(effects: list[Effect], what: Callable[[Effect], bool], before: Callable[[Effect], bool]) -> list[Effect]:
    """The same steps, with those that are ``what`` moved to just before the first that is ``before``."""
    first = next(at for at, effect in enumerate(effects) if before(effect))
    moved = [effect for effect in effects[first:] if what(effect)]
    assert moved
    return [*effects[:first], *moved, *(effect for effect in effects[first:] if not what(effect))]
