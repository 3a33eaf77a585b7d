"""Points: every moment between two effects of a render. Doors that count; at the n-th the process kills itself.

An effect is what outlives the process: a file opened for writing, written, synced, renamed, removed; a statement that
writes to the ledger; a child process; a request, and each piece of its answer; a word to whoever listens.
"""

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from typing import Any, cast

import aiohttp
from aiohttp.client_reqrep import ClientRequest

import storyboard.cli.run_dialog
from storyboard.workflow import other_realms

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_LOOKING = ("SELECT", "PRAGMA USER_VERSION", "PRAGMA INTEGRITY")


class Points:
    """Counts points, and dies at the one called ``kill``; what there is to know of it goes to ``tell`` first.

    ``asking`` are the scenes that were in the window just then: an intent is written, and no answer to it; each with
    the provider that is asked. Where ``within`` names a provider, only the points in a window of its scenes count;
    "copies": those between a take in its own realm and its copy in the film's.
    """

    def __init__(self, kill: int, tell: int, within: str = "") -> None:
        self.count = 0
        self.asking: dict[tuple[str, int], tuple[str, str]] = {}
        self.is_copying = False
        self._within = within
        self._kill = kill
        self._tell = tell
        self._write = os.write
        self._lock = threading.Lock()

    def __call__(self, what: str) -> None:
        with self._lock:
            self.count += self._counts
            if self._counts and self.count == self._kill:
                self.die(what)

    @property
    def _counts(self) -> bool:
        if self._within == "copies":
            return self.is_copying
        return not self._within or self._within in {provider for _, provider in self.asking.values()}

    def die(self, what: str) -> None:
        """Leave as a power cut would have it."""
        last = {"killed": what, "points": self.count, "asking": sorted({scene for scene, _ in self.asking.values()})}
        self._write(self._tell, json.dumps(last).encode())
        os.kill(os.getpid(), signal.SIGKILL)
        signal.pause()

    def around(self, owner: Any, name: str, counts: Callable[..., bool] = lambda *_, **__: True) -> None:
        """Have a call of ``owner.name`` be an effect, where ``counts`` says so of its arguments."""
        act = getattr(owner, name)

        def acting(*arguments: Any, **named: Any) -> Any:
            if not counts(*arguments, **named):
                return act(*arguments, **named)
            self(f"before {name}")
            result = act(*arguments, **named)
            self(f"after {name}")
            return result

        setattr(owner, name, acting)

    def around_awaited(self, owner: Any, name: str) -> None:
        """The same for a coroutine."""
        act = getattr(owner, name)

        async def acting(*arguments: Any, **named: Any) -> Any:
            self(f"before {name}")
            result = await act(*arguments, **named)
            self(f"after {name}")
            return result

        setattr(owner, name, acting)


def watch(points: Points) -> None:
    """Put a counter at every door of this process."""
    for name in ("write", "pwrite", "fsync", "replace", "link", "unlink", "rmdir", "mkdir", "chmod", "ftruncate"):
        points.around(os, name)
    points.around(os, "open", lambda path, flags, *_, **__: bool(flags & _WRITING))
    points.around(io, "open", _writes)
    points.around(subprocess.Popen, "__init__")
    points.around(subprocess.Popen, "wait")
    points.around_awaited(aiohttp.ClientSession, "_request")
    points.around_awaited(ClientRequest, "send")
    points.around_awaited(aiohttp.StreamReader, "read")
    points.around(storyboard.cli.run_dialog, "_tell")
    _watch_copies(points)
    _watch_ledger(points)


def _watch_copies(points: Points) -> None:
    bring_in = other_realms._bring_in

    def copying(*arguments: Any) -> None:
        points.is_copying = True
        points("before a copy")
        bring_in(*arguments)
        points("after a copy")
        points.is_copying = False

    other_realms._bring_in = copying


def _writes(file: Any, mode: str = "r", *_: Any, **__: Any) -> bool:
    return not isinstance(file, int) and bool(set(mode) & set("wax+"))


def _watch_ledger(points: Points) -> None:
    connect = sqlite3.connect

    class Watched(sqlite3.Connection):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            self.file = str(arguments[0])
            self.answered: list[Any] = []  # Submissions that the present transaction has an answer for.

        def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
            words = " ".join(sql.split()[:3]).upper()
            if words.startswith(_LOOKING):
                return super().execute(sql, parameters)
            points(f"before {words}")
            cursor = super().execute(sql, parameters)
            self._mind(sql, tuple(parameters), cursor)
            points(f"after {words}")
            return cursor

        def executescript(self, sql: str) -> sqlite3.Cursor:
            points("before a script")
            cursor = super().executescript(sql)
            points("after a script")
            return cursor

        def __exit__(self, *error: Any) -> Any:
            points("before the end of a transaction")
            ended = super().__exit__(*error)
            while self.answered:
                points.asking.pop((self.file, self.answered.pop()), None)
            points("after the end of a transaction")
            return ended

        def _mind(self, sql: str, parameters: tuple[Any, ...], cursor: sqlite3.Cursor) -> None:
            if sql.startswith("INSERT INTO jobs (key"):
                points.asking[self.file, cursor.lastrowid or 0] = (parameters[5], parameters[12])
            elif re.match(r"UPDATE jobs SET state = .* WHERE id = \?", sql):
                # Killed before the commit, the answer is as good as lost.
                self.answered.append(parameters[-1])

    sqlite3.connect = cast(Any, lambda *arguments, **named: connect(*arguments, factory=Watched, **named))
