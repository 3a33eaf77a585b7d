"""Forks: `python forks.py` has everything imported, and forks a child for each render that it is asked for.

A line of JSON on stdin asks for some renders at once, each ``{folder, environ, words, kill, within, forget, out}``; the
answer is a line with what became of each: ``{exit, points}``, or ``{killed, points, asking}`` where it died at a point.
A ``series`` of them is rendered in one process, one after the other; then the answer has what it held after each.
One that is ``told`` is the whole program as it is typed, and is told to go at a line (lines.py): then the answer is
``{exit, lines}``. One that is to ``stay`` is answered with ``{pid}`` once it has said its first line, and ends when it
is killed.
"""

import asyncio
import ctypes
import gc
import json
import os
import secrets
import signal
import sys
import threading
import traceback
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parent))

from lines import Lines
from points import Points, watch

from storyboard import __main__ as program
from storyboard.cli import main
from storyboard.generation import polling
from storyboard.media import ffmpeg
from storyboard.model.submission import Submission
from storyboard.parsing import schema
from storyboard.providers import installed
from storyboard.providers.apikley.veo import Apikley
from storyboard.state.ledger.submissions import Submissions

# What a render imports on its way: here once, and not in every child.
_HEAVY = "aiohttp av platformdirs stringprep storyboard.cli.callbacks storyboard.cli.render"
_HEAVY += " storyboard.film.reencode storyboard.media.verify storyboard.providers.apikley storyboard.workflow.render"
_HEAVY += " storyboard.workflow.session storyboard.cli.display storyboard.cli.events_json storyboard.cli.plan_table"

_DIE_WITH_PARENT = 1  # prctl(2), PR_SET_PDEATHSIG


def serve() -> None:
    """Answer until stdin ends. Nothing here may start a thread: a fork has only the one that called it."""
    for name in _HEAVY.split():
        import_module(name)
    ffmpeg.version()
    for name in ("apikley", "comfy", "gemini"):
        installed.find(name)
    for part in get_args(schema.Part):
        schema.faults({}, part)
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(together(json.loads(line))), flush=True)


def together(asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Fork a child for each; they begin when all of them are there."""
    gate = os.pipe()
    children = [_forked(one, gate) for one in asked]
    os.close(gate[0])
    os.close(gate[1])
    return [
        _begun(pid, answer) if one.get("stay") else _ended(pid, answer)
        for one, (pid, answer) in zip(asked, children, strict=True)
    ]


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
    except BaseException:  # noqa: BLE001 - whatever it was, the parent is told
        os.write(tell, json.dumps({"exit": -1, "fault": traceback.format_exc()}).encode())
    finally:
        os._exit(0)


def _begun(pid: int, answer: int) -> dict[str, Any]:
    with os.fdopen(answer) as pipe:
        said = pipe.readline()
    return {"pid": pid} if said.endswith("\n") else json.loads(said)


def _ended(pid: int, answer: int) -> dict[str, Any]:
    with os.fdopen(answer, "rb") as pipe:
        said = pipe.read()
    _, status, used = os.wait4(pid, 0)
    told = [json.loads(line) for line in said.splitlines()]
    if any("line" in one for one in told):
        return {"exit": os.waitstatus_to_exitcode(status), "lines": told}
    return {**told[0], "memory": used.ru_maxrss / 1024}


def _rendered(asked: dict[str, Any], tell: int) -> dict[str, Any]:
    """The real command in this child: its words, its environment, its streams in files beside the project."""
    folder = Path(asked["folder"])
    os.chdir(folder)
    for name, number in (("stdout", 1), ("stderr", 2)):
        file = os.open(folder.parent / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if asked.get("stay"):
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        os.dup2(tell, 1)
    os.environ.update(asked["environ"])
    points = Points(asked.get("kill") or 0, tell, asked.get("within") or "")
    if asked.get("forget"):
        forget()
    for name, value in asked.get("patience", {}).items():
        if name == "JOB_DEADLINE":
            Apikley.timing = replace(Apikley.timing, deadline=value)
            continue
        assert hasattr(polling, name), name
        setattr(polling, name, value)
    if asked.get("watched"):
        watch(points)
    if series := asked.get("series"):
        return {"exit": 0, "seen": [_one_of_many(one) for one in series]}
    if told := asked.get("told"):
        sys.argv = ["storyboard", *asked["words"]]
        Lines(tell, **told).watch()
        program.main()
    status = main.status(asked["words"])
    sys.stdout.flush()
    return {"exit": status, "points": points.count}


def _one_of_many(asked: dict[str, Any]) -> dict[str, Any]:
    """Render in this process, ``times`` over; what it holds afterwards."""
    os.chdir(asked["folder"])
    os.environ.update(asked["environ"])
    for _ in range(asked["times"]):
        main.status(asked["words"])
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks = sum(isinstance(one, asyncio.Task) for one in gc.get_objects())
    return {
        "memory": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": tasks,
        "threads": threading.active_count(),
    }


def forget() -> None:
    """The control: no intent stays written, so that the ledger knows of a submission only once it was answered."""
    intend, accepted = Submissions.record_intent, Submissions.record_accepted
    rows: dict[int, tuple[Any, ...]] = {}

    def intended(submissions: Submissions, *arguments: Any) -> Submission:
        entry = intend(submissions, *arguments)
        row = tuple(submissions._database.connection.execute("SELECT * FROM jobs WHERE id = ?", (entry.id,)).fetchone())
        submissions._database.connection.execute("DELETE FROM jobs WHERE id = ?", (entry.id,))
        own = secrets.randbelow(1 << 60)  # SQLite would give the next one the number of this.
        rows[own] = (own, *row[1:])
        return replace(entry, id=own)

    def answered(submissions: Submissions, entry: Submission, *arguments: Any) -> None:
        row = rows.pop(entry.id)
        submissions._database.connection.execute(f"INSERT INTO jobs VALUES ({', '.join('?' * len(row))})", row)
        accepted(submissions, entry, *arguments)

    for name, method in (("record_intent", intended), ("record_accepted", answered)):
        setattr(Submissions, name, method)


if __name__ == "__main__":
    serve()
