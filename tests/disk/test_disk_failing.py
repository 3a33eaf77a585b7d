"""The n-th call to the disk fails, for n = 1, 2, 3 ... until none does: nothing is paid for twice, nothing is lost."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from doors import Call, doors
from studio import Studio
from tiers import every

from storyboard.cli.exit_status import error_status
from storyboard.model.errors import StoryboardError
from storyboard.state import rescue
from storyboard.workflow import settle
from storyboard.workflow.workspace import open_workspace

Open = Callable[[str], Studio]
KINDS = ("ENOSPC", "EIO", "late", "EMFILE", "short")
# How many calls a render of two scenes has that can fail in each way; there may be a few more or less.
LEAST = {"ENOSPC": 60, "EIO": 120, "late": 120, "EMFILE": 30, "short": 10}
GROWS = ("write", "pwrite", "file.write", "mkdir", "replace", "rename", "link")
STATES = {0, 2, 3, 4, 5, 6, 7}


def refusal(kind: str, call: Call) -> Exception:
    if call.door.startswith("sql"):
        said, code = {
            "ENOSPC": ("database or disk is full", sqlite3.SQLITE_FULL),
            "EIO": ("disk I/O error", sqlite3.SQLITE_IOERR),
            "EMFILE": ("unable to open database file", sqlite3.SQLITE_CANTOPEN),
        }[kind]
        error = sqlite3.OperationalError(said)
        error.sqlite_errorcode = code
        return error
    number = getattr(errno, kind)
    return OSError(number, os.strerror(number), call.path)


def writes(call: Call) -> bool:
    return call.door == "sql" and call.data[0].startswith(("INSERT", "UPDATE", "CREATE", "COMMIT"))


@dataclass
class Fault:
    """A disk whose ``n``-th call of this kind fails. A full one stays full, but for the ballast that is given up.

    ``short`` writes half of what it was given and says so; the rest does not fit. ``late`` is an EIO that is told after
    the deed.
    """

    n: int
    kind: str
    folders: tuple[Path, ...]
    spared: Callable[[Call], bool] = lambda call: False
    seen: int = 0
    hit: Call | None = None
    full: str = ""
    room: bool = False
    lock: Any = field(default_factory=threading.RLock)

    def concerns(self, call: Call) -> bool:
        match self.kind:
            case "ENOSPC":
                return call.fresh or call.door in (*GROWS, "fsync") or writes(call)
            case "EMFILE":
                return call.door in ("open", "sql-open")
            case "short":
                return call.door in ("write", "pwrite", "file.write")
        return True

    def __call__(self, call: Call, go: Callable[..., Any]) -> Any:
        with self.lock:
            if call.door == "unlink" and call.path.endswith(".ballast") and self.full:
                self.room = True
            if self.full and call.path.startswith(self.full) and self._grows(call):
                raise refusal("ENOSPC", call)
            if self.hit or self.spared(call) or not self.concerns(call):
                return go()
            self.seen += 1
            if self.seen < self.n:
                return go()
            self.hit = call
            if self.kind in ("ENOSPC", "short"):
                self.full = str(next(folder for folder in self.folders if call.path.startswith(str(folder))))
            if self.kind == "short":
                wrote = go(call.data[: len(call.data) // 2])
                if call.door != "file.write":
                    return wrote
            if self.kind == "late" and call.door not in ("open", "sql-open"):
                go()
            raise refusal({"short": "ENOSPC", "late": "EIO"}.get(self.kind, self.kind), call)

    def _grows(self, call: Call) -> bool:
        if call.door.startswith("sql"):
            return not self.room and (writes(call) or call.fresh)
        return call.fresh or call.door in ("write", "pwrite", "file.write", "mkdir")


def told(studio: Studio, **order: Any) -> tuple[int, str]:
    """Render; how it ended, and everything that the author was told."""
    try:
        done = studio.render(**order)
    except StoryboardError as error:
        return error_status(error), f"{error.message} {error.hint}"
    return done.exit, "\n".join(done.notes)


def known(studio: Studio, prompts: tuple[str, ...], said: str) -> None:
    """Every job that was bought is in the ledger, or told and kept in a rescue file."""
    ledger = studio.folder.parent / "home" / "rehearsals" / "ledger.db"
    assert studio.service
    paid = {job.id for job in studio.service.emulator.jobs if job.prompt in prompts}
    kept = {kept.job for kept in rescue.rescued_jobs(ledger)}
    assert paid <= rows(ledger) | kept, said
    for job in kept - rows(ledger):
        assert f"PAID: job {job}" in said


def finished(studio: Studio, prompts: tuple[str, ...], *, unsure: bool) -> None:
    """A clean run ends well, and no prompt was charged twice. ``unsure``: what failed may have been done."""
    assert studio.service
    status, said = told(studio, cut=False)
    jobs = Counter(job.prompt for job in studio.service.emulator.jobs)
    if status == 4:
        # The intent is there, and nothing was sent for it: the author is asked, and has not paid.
        assert unsure
        with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
            for number, prompt in enumerate(prompts, 1):
                entry = at.realm.ledger.submissions.of_key(at.shots[f"s{number}"].key)
                if entry and entry.state == "intent":
                    assert jobs[prompt] == 0
                    settle.request_again(at, settle.submission_to_settle(at, f"s{number}"), time.time())
        status, said = told(studio, cut=False)
        jobs = Counter(job.prompt for job in studio.service.emulator.jobs)
    assert (status, said) == (0, "")
    assert [jobs[prompt] for prompt in prompts] == [1, 1]
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        assert all(at.realm.store.is_intact(digest) for digest in at.realm.store)


def rows(ledger: Path) -> set[str]:
    if not ledger.exists():
        return set()
    with closing(sqlite3.connect(ledger)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
            return set()
        return {job for (job,) in db.execute("SELECT job FROM jobs WHERE job IS NOT NULL")}


def bought(studio: Studio, fault: Fault) -> None:
    """Render two scenes on a disk that fails; whatever was bought is known afterwards."""
    folder = studio.folder.parent
    prompts = (f"A gull {folder.name}", f"A tern {folder.name}")
    studio.scenes(*prompts)
    with doors(fault, folder / "project", folder / "home", folder / "cache", folder / "tmp" / "storyboard-rescue"):
        status, said = told(studio, cut=False)
    assert status in STATES
    known(studio, prompts, said)
    finished(studio, prompts, unsure=fault.kind in ("EIO", "late"))


def sweep(kind: str, step: int, strike: Callable[[Fault], None], fault: Callable[[int], Fault]) -> int:
    """Every ``step``-th call fails in one way, until there are no more calls; how many failed."""
    for n in count(1, step):
        struck = fault(n)
        try:
            strike(struck)
        except BaseException:
            print(f"call {n} fails with {kind}: {struck.hit}")
            raise
        if not struck.hit:
            return len(range(1, n, step))
    raise AssertionError


def every_call_fails(open_studio: Open, kind: str, step: int) -> int:
    studios: dict[int, Studio] = {}

    def fault(n: int) -> Fault:
        studios[n] = studio = open_studio(f"{kind}-{n}")
        folder = studio.folder.parent
        return Fault(n, kind, (folder / "home", folder))

    return sweep(kind, step, lambda fault: bought(studios[fault.n], fault), fault)


@pytest.mark.ci
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_call_fails_nothing_bought_is_lost(open_studio: Open, kind: str) -> None:
    """Every eighteenth call of a render, in each of the ways that a disk has to fail."""
    struck = every_call_fails(open_studio, kind, 18)
    print(f"{kind}: {struck} calls failed, one in each render")
    assert struck >= LEAST[kind] // 18


@pytest.mark.parametrize("kind", ["ENOSPC", "late"])
@pytest.mark.ci
def test_a_few_calls_fail_and_nothing_bought_is_lost(open_studio: Open, kind: str) -> None:
    """Each fortieth call: a glance before a commit."""
    assert every_call_fails(open_studio, kind, 40) >= LEAST[kind] // 40


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_single_call_may_fail(open_studio: Open, kind: str) -> None:
    struck = every_call_fails(open_studio, kind, 1)
    print(f"{kind}: {struck} calls failed, one in each render")
    assert struck >= LEAST[kind]


@pytest.mark.parametrize("kind", every(4, ["ENOSPC", "EIO", "EMFILE", "short"]))
def test_a_cut_that_fails_leaves_no_half_film(open_studio: Open, kind: str) -> None:
    """The film is not there, or whole; and it is cut again, for nothing, as soon as the disk is well."""
    studio = open_studio("cut")
    folder, film = studio.folder.parent, studio.folder / "out" / "film.mp4"
    studio.scenes(f"A gull {kind}")
    whole = studio.render().sha256
    assert studio.service
    service, posts = studio.service, studio.service.posts

    def fault(n: int) -> Fault:
        shutil.rmtree(film.parent)
        shutil.rmtree(studio.folder / ".storyboard")
        seen: Counter[tuple[str, str]] = Counter()

        def spared(call: Call) -> bool:
            # A loop that copies sound in hundreds of equal steps is looked at four times.
            seen[call.door, call.site] += 1
            return seen[call.door, call.site] > 4

        return Fault(n, kind, (folder / "home", folder), spared)

    def strike(fault: Fault) -> None:
        with doors(fault, folder / "project", folder / "home"):
            status, _ = told(studio)
        assert status in STATES
        assert not film.exists() or sha256(film.read_bytes()).hexdigest() == whole
        assert studio.render().sha256 == whole
        assert not list(film.parent.glob(".*"))
        assert service.posts == posts

    assert sweep(kind, 4, strike, fault) >= 2


def typed(studio: Studio, *before: str) -> tuple[int, str]:
    """``storyboard render`` as a process of its own, below another program; its exit status, and what it says."""
    command = [*before, sys.executable, "-m", "storyboard", "render", "film.yaml", "--yes", "--no-cut"]
    environ = {**os.environ, **studio.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=studio.folder, env=environ, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def refused_by_the_kernel(open_studio: Open, call: str, error: str, when: str, most: int) -> int:
    """Up to ``most`` system calls of the program's first thread are refused, spread evenly; how many it has."""
    quiet = open_studio("quiet")
    quiet.scenes(f"A gull {call} {error}", f"A tern {call} {error}")
    trace = quiet.folder / "trace"
    calls = call if call != "rename" else "rename,renameat,renameat2"
    watched = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", f"trace={calls}")
    assert typed(quiet, *watched, "-o", str(trace))[0] == 0
    threads = [line.split()[0] for line in trace.read_text().splitlines() if f" {call}" in line]
    there = threads.count(threads[0])
    for n in sorted({-(-at * there // most) for at in range(1, most + 1)}):
        studio = open_studio(f"{call}-{error}-{n}")
        prompts = (f"A gull {call} {error} {n}", f"A tern {call} {error} {n}")
        studio.scenes(*prompts)
        inject = f"inject={calls}:error={error}:when={when.format(n)}"
        status, said = typed(studio, *watched, "-o", "/dev/null", "-e", inject)
        print(f"{inject}: exit {status}")
        assert status in STATES, said
        assert "Traceback" not in said
        assert "sorry" not in said
        known(studio, prompts, said)
        finished(studio, prompts, unsure=True)
    return there


SYSTEM_CALLS = [
    ("fsync", "ENOSPC", "{}"),  # the n-th alone
    ("fdatasync", "EIO", "{}+"),  # and all that come after it
    ("pwrite64", "ENOSPC", "{}+"),
    ("rename", "ENOSPC", "{}"),
]
needs_strace = pytest.mark.skipif(not shutil.which("strace"), reason="needs strace, which .ci/run installs")


@pytest.mark.ci
@needs_strace
@pytest.mark.parametrize(("call", "error", "when"), SYSTEM_CALLS)
def test_the_kernel_itself_refuses(open_studio: Open, call: str, error: str, when: str) -> None:
    """Not our picture of a disk: the program as it is typed, SQLite and all, and real system calls that fail."""
    assert refused_by_the_kernel(open_studio, call, error, when, 3) >= 4


@pytest.mark.slow
@needs_strace
@pytest.mark.parametrize(("call", "error", "when"), SYSTEM_CALLS)
def test_the_kernel_refuses_at_any_call(open_studio: Open, call: str, error: str, when: str) -> None:
    assert refused_by_the_kernel(open_studio, call, error, when, 50) >= 4
