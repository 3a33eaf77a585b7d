"""Forks: `python forks.py` has everything imported, and forks a child for each render that it is asked for.

A line of JSON on stdin asks for some renders at once, each of them ``{folder, environ, words, kill, forget, out}``; the
answer is a line with what became of each: ``{exit, points}``, or ``{killed, points, asking}`` where it died at a point.
"""

import gc
import json
import os
import secrets
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import aiohttp  # noqa: F401
import av  # noqa: F401
import platformdirs  # noqa: F401
from points import Points, watch

import storyboard.commands.render  # noqa: F401
import storyboard.media.join
import storyboard.media.verify  # noqa: F401
import storyboard.providers.apikley
import storyboard.session
import storyboard.terminal  # noqa: F401
from storyboard import cli, run
from storyboard.entry import Entry
from storyboard.ledger import Ledger
from storyboard.media import ffmpeg


def serve() -> None:
    """Answer until stdin ends. Nothing here may start a thread: a fork has only the one that called it."""
    ffmpeg.version()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(together(json.loads(line))), flush=True)


def together(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fork a child for each; they begin when all of them are there."""
    gate = os.pipe()
    children = [_forked(one, gate) for one in asked]
    os.close(gate[0])
    os.close(gate[1])
    return [_ended(pid, answer) for pid, answer in children]


def _forked(asked: dict[str, Any], gate: tuple[int, int]) -> tuple[int, int]:
    answer, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return pid, answer
    try:
        os.close(gate[1])
        os.close(answer)
        os.read(gate[0], 1)
        write, said = os.write, json.dumps(_rendered(asked, tell))
        write(tell, said.encode())
    except BaseException:
        os.write(tell, json.dumps({"exit": -1, "fault": traceback.format_exc()}).encode())
    finally:
        os._exit(0)


def _ended(pid: int, answer: int) -> dict[str, Any]:
    with os.fdopen(answer, "rb") as pipe:
        said = pipe.read()
    _, _, used = os.wait4(pid, 0)
    return {**json.loads(said), "memory": used.ru_maxrss / 1024}


def _rendered(asked: dict[str, Any], tell: int) -> dict[str, Any]:
    """The real command in this child: its words, its environment, its streams in files beside the project."""
    folder = Path(asked["folder"])
    os.chdir(folder)
    for name, number in (("stdout", 1), ("stderr", 2)):
        file = os.open(folder.parent / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.update(asked["environ"])
    points = Points(asked.get("kill") or 0, tell)
    if asked.get("forget"):
        forget()
    for name, value in asked.get("patience", {}).items():
        setattr(run, name, value)
    if asked.get("watched"):
        watch(points)
    status = cli.status(asked["words"])
    sys.stdout.flush()
    return {"exit": status, "points": points.count}


def forget() -> None:
    """The control: no intent stays written, so that the ledger knows of a submission only once it was answered."""
    intend, accepted = Ledger.intend, Ledger.accepted
    rows: dict[int, tuple[Any, ...]] = {}

    def intended(ledger: Ledger, *arguments: Any) -> Entry:
        entry = intend(ledger, *arguments)
        row = tuple(ledger._db.execute("SELECT * FROM jobs WHERE id = ?", (entry.id,)).fetchone())
        ledger._db.execute("DELETE FROM jobs WHERE id = ?", (entry.id,))
        own = secrets.randbelow(1 << 60)  # SQLite would give the next one the number of this.
        rows[own] = (own, *row[1:])
        return replace(entry, id=own)

    def answered(ledger: Ledger, entry: Entry, *arguments: Any) -> None:
        row = rows.pop(entry.id)
        ledger._db.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(row))})", row)
        accepted(ledger, entry, *arguments)

    Ledger.intend, Ledger.accepted = intended, answered  # type: ignore[method-assign]


if __name__ == "__main__":
    serve()
