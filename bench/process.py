"""Processes: what a command costs, with all that it starts: time by the clock, CPU, memory. Linux only for memory."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STORYBOARD = (sys.executable, "-m", "storyboard")

# Seconds between two looks at a process: it tells nobody when it has the most memory.
_TICK = 0.05


@dataclass(frozen=True, slots=True)
class Cost:
    """``wall`` and ``cpu`` in seconds, ``cpu`` with children; ``out`` is what it wrote to stdout.

    ``own`` is the most MiB that the process itself had at one time; ``memory`` the same with its children, pages
    that are shared counted once. Both are 0 where nobody watched. ``status`` is its exit status.
    """

    wall: float
    cpu: float
    own: float
    memory: float
    out: str
    status: int


def cost(
    command: Sequence[object],
    environ: Mapping[str, str] | None = None,
    *,
    watch: bool = False,
    ends: Collection[int] = (0,),
) -> Cost:
    """Run a command in the project's folder, to its end. ``watch`` looks at its memory twenty times a second.

    Raise CalledProcessError, with what it said, where its exit status is none of ``ends``.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as said:
        began = time.perf_counter()
        words = [str(word) for word in command]
        # An installed program has its bytecode beside it.
        its = {name: text for name, text in (environ or os.environ).items() if name != "PYTHONDONTWRITEBYTECODE"}
        process = subprocess.Popen(words, cwd=ROOT, env=its, stdin=subprocess.DEVNULL, stdout=out, stderr=said)
        with ThreadPoolExecutor(1) as beside:
            watching = beside.submit(_watched, process.pid) if watch else None
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            own, memory = watching.result() if watching else (0.0, 0.0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said.seek(0)
        if process.returncode not in ends:
            raise subprocess.CalledProcessError(process.returncode, words, out.read(), said.read())
        return Cost(wall, used.ru_utime + used.ru_stime, own, memory, out.read(), process.returncode)


def least(command: Sequence[object], environ: Mapping[str, str] | None = None, tries: int = 3) -> Cost:
    """The run of ``tries`` that took the least CPU: the one that others on the machine disturbed least."""
    return min((cost(command, environ) for _ in range(tries)), key=lambda cost: cost.cpu)


def _watched(pid: int) -> tuple[float, float]:
    """The most MiB that the process had, and that it had with its children, until it has ended."""
    own = memory = 0.0
    while Path(f"/proc/{pid}").exists():
        own = max(own, _lines(Path(f"/proc/{pid}/status"), "VmHWM:"))
        memory = max(memory, sum(_lines(Path(f"/proc/{one}/smaps_rollup"), "Pss:") for one in _family(pid)))
        time.sleep(_TICK)  # /proc tells nobody that it changed: it is read every so often, until the process ends.
    return own, memory


def _family(pid: int) -> Iterator[int]:
    """The process and all below it; none where there is no /proc."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            below = children.read_text().split()
        except OSError:
            continue
        for child in below:
            yield from _family(int(child))


def _lines(path: Path, name: str) -> float:
    """MiB that a file of /proc tells under ``name`` (it counts in KiB); 0 where the process is gone."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024
