"""Doors: every call by which the package reaches the disk, watched. A test lets it pass, fail, or writes it down.

What passes is the real thing. Calls of the emulator, which is another machine, and those outside ``roots`` are left
alone.
"""

import builtins
import io
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

PACKAGE = str(Path(__file__).parents[1] / "storyboard") + os.sep
EMULATOR = PACKAGE + "emulator" + os.sep

ON_PATHS = ("open", "unlink", "mkdir", "rmdir", "chmod")
ON_FILES = ("write", "pwrite", "fsync", "ftruncate", "posix_fallocate")
ON_TWO = ("replace", "rename", "link")
_READLINK, _OPEN, _CONNECT = os.readlink, io.open, sqlite3.connect


@dataclass(frozen=True, slots=True)
class Call:
    """One call. ``site`` is FILE:LINE in the package; ``data`` what is written, or the SQL; ``to`` a new name.

    ``fresh`` says that it makes a new file. A ``write`` may be short; a ``file.write`` is whole or fails.
    """

    door: str
    path: str
    site: str
    data: Any = None
    to: str = ""
    fresh: bool = False


# Lets a call pass, with other data if need be, and gives its answer; or raises what a disk would.
Watch = Callable[[Call, Callable[..., Any]], Any]


def _site() -> str | None:
    frame: Any = sys._getframe(2)
    while frame:
        name = frame.f_code.co_filename
        if name.startswith(EMULATOR):
            return None
        if name.startswith(PACKAGE):
            return f"{name.removeprefix(PACKAGE)}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def _named(path: Any, dir_fd: int | None = None) -> str:
    if isinstance(path, int):
        return _READLINK(f"/proc/self/fd/{path}")
    folder = _READLINK(f"/proc/self/fd/{dir_fd}") if dir_fd is not None else os.getcwd()
    return os.path.normpath(os.path.join(folder, os.fspath(path)))


class _File:
    """A file that is written to, as ``open`` gives it."""

    def __init__(self, file: Any, path: str, watch: Callable[..., Any]) -> None:
        self._file, self._path, self._watch = file, path, watch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: Any) -> Any:
        raw = data.encode() if isinstance(data, str) else bytes(data)

        def go(part: Any = raw) -> Any:
            count = self._file.write(part.decode() if isinstance(data, str) else part)
            self._file.flush()
            return count

        return self._watch(Call("file.write", self._path, _site() or "?", raw), go)


@contextmanager
def doors(watch: Watch, *roots: Path) -> Iterator[None]:
    """Watch every call below ``roots`` until the block ends."""
    kept = tuple(str(root) for root in roots)

    def asked(path: str) -> bool:
        return path.startswith(kept)

    real = {name: getattr(os, name) for name in (*ON_PATHS, *ON_FILES, *ON_TWO)}

    def on_path(name: str) -> Callable[..., Any]:
        def door(path: Any, *more: Any, **named: Any) -> Any:
            site = _site()
            where = _named(path, named.get("dir_fd")) if site else ""
            if site is None or not asked(where):
                return real[name](path, *more, **named)
            flags = more[0] if name == "open" else 0
            fresh = bool(flags & os.O_CREAT) and not os.path.lexists(where)
            data = flags if name == "open" else None
            return watch(Call(name, where, site, data, "", fresh), lambda: real[name](path, *more, **named))

        return door

    def on_file(name: str) -> Callable[..., Any]:
        def door(file: int, *more: Any) -> Any:
            site = _site()
            where = _named(file) if site else ""
            if site is None or not asked(where):
                return real[name](file, *more)
            data = bytes(more[0]) if name in ("write", "pwrite") else (more[0] if more else None)
            return watch(Call(name, where, site, data), lambda *part: real[name](file, *(part or more[:1]), *more[1:]))

        return door

    def on_two(name: str) -> Callable[..., Any]:
        def door(path: Any, to: Any, **named: Any) -> Any:
            site = _site()
            where = _named(path, named.get("src_dir_fd")) if site else ""
            there = _named(to, named.get("dst_dir_fd")) if site else ""
            if site is None or not (asked(where) or asked(there)):
                return real[name](path, to, **named)
            return watch(Call(name, where, site, None, there), lambda: real[name](path, to, **named))

        return door

    def opened(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        site = _site()
        where = _named(file) if site else ""
        if site is None or not asked(where):
            return _OPEN(file, mode, *more, **named)
        writing = not set(mode).isdisjoint("wax+")
        if isinstance(file, int):
            got = _OPEN(file, mode, *more, **named)
        else:
            flags = os.O_CREAT | (os.O_TRUNC if "w" in mode else 0) if writing else 0
            call = Call("open", where, site, flags, "", writing and not os.path.lexists(where))
            got = watch(call, lambda: _OPEN(file, mode, *more, **named))
        return _File(got, where, watch) if writing else got

    class Connection(sqlite3.Connection):
        """A ledger's. Every statement is a call."""

        def _asked(self, sql: str, go: Callable[[], Any]) -> Any:
            site = _site()
            if site is None or not asked(self.at):
                return go()
            return watch(Call("sql", self.at, site, (sql.strip(), self)), go)

        def execute(self, sql: str, *more: Any) -> Any:
            return self._asked(sql, lambda: super(Connection, self).execute(sql, *more))

        def executescript(self, sql: str) -> Any:
            return self._asked(sql, lambda: super(Connection, self).executescript(sql))

        def commit(self) -> None:
            self._asked("COMMIT", super().commit)

        def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
            if kind is None:
                try:
                    self.commit()
                except sqlite3.Error:
                    self.rollback()
                    raise
            else:
                self.rollback()
            return False

    def connect(path: Any, *more: Any, **named: Any) -> Any:
        if _site() is None or not asked(_named(path)):
            return _CONNECT(path, *more, **named)
        kind = type("Ledgers", (Connection,), {"at": _named(path)})
        call = Call("sql-open", _named(path), _site() or "?", None, "", not os.path.exists(path))
        return watch(call, lambda: _CONNECT(path, *more, factory=kind, **named))

    with (
        patch.multiple(
            os,
            **{name: on_path(name) for name in ON_PATHS},
            **{name: on_file(name) for name in ON_FILES},
            **{name: on_two(name) for name in ON_TWO},
        ),
        patch.object(io, "open", opened),
        patch.object(builtins, "open", opened),
        patch.object(sqlite3, "connect", connect),
    ):
        yield
