"""The canary: every test runs with a key that begins with CANARY-, and nothing that leaves a test may hold it.

Looked at: what commands print, in this process and in others; the words of every exception that a test expects; events;
the environment and the arguments of every child that is not an author's own shell; every file that is left behind. One
hit fails the session, also where each test has passed. Only a request holds the key, in its header.
"""

import mmap
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

KEY = "CANARY-5f1d0c2a9b7e"

# Any secret of a test begins like this: the key, the query of a signed address, a bucket's secret.
_SIGN = "CANARY-"
_SHELLS = ("python", "sh", "storyboard", "strace", "unshare")


class Canary:
    """Where the key was found, a line each."""

    def __init__(self) -> None:
        self.hits: list[str] = []
        self._began = time.time()

    def look(self, text: object, where: str) -> None:
        """Look at what a person or another program would see."""
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        if _SIGN in said:
            self._found(where, said)

    def child(self, words: object, environ: Mapping[object, object] | None) -> None:
        """Look at a process that is about to begin. An author's own shell has the key; nobody else does."""
        self.look(words, "arguments of a child")
        name = Path(os.fsdecode(words[0] if isinstance(words, list | tuple) and words else str(words))).name
        if not name.startswith(_SHELLS):
            self.look(dict(os.environ if environ is None else environ), f"environment of {name}")

    def files(self, folder: Path) -> None:
        """Look at everything that lies in a folder, and at the reports of our own faults beside it."""
        reports = (file for file in Path(tempfile.gettempdir()).glob("storyboard-*.txt") if _since(file, self._began))
        for file in (*folder.rglob("*"), *reports):
            if not file.is_symlink() and file.is_file() and _holds(file, KEY.encode()):
                self._found(str(file), "")

    def _found(self, where: str, said: str) -> None:
        at = said.find(_SIGN)
        test = os.environ.get("PYTEST_CURRENT_TEST", "the end")
        self.hits.append(f"{test}: {where}: {said[max(0, at - 60) : at + 30]!r}")


CANARY = Canary()


def _since(file: Path, began: float) -> bool:
    try:
        return file.stat().st_mtime >= began
    except OSError:
        return False


def _holds(file: Path, secret: bytes) -> bool:
    try:
        with file.open("rb") as content:
            if not os.fstat(content.fileno()).st_size:
                return False
            with mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as pages:
                return pages.find(secret) >= 0
    except OSError:
        return False


def _hear(event: str, args: tuple[object, ...]) -> None:
    if event == "subprocess.Popen":
        CANARY.child(args[1], args[3] if isinstance(args[3], Mapping) else None)


def _listen() -> None:
    """Put an ear to where output and exceptions go through a test's hands: pytest shows them to nobody else."""
    read, talked, raised = pytest.CaptureFixture.readouterr, subprocess.Popen.communicate, pytest.RaisesExc.__exit__

    def readouterr(fixture: pytest.CaptureFixture[str]) -> object:
        got = read(fixture)
        CANARY.look(got.out, "stdout")
        CANARY.look(got.err, "stderr")
        return got

    def communicate(child: subprocess.Popen[bytes], *args: Any, **options: Any) -> object:
        got = talked(child, *args, **options)
        for part in got:
            CANARY.look(part or "", f"output of {child.args!r:.80}")
        return got

    def leave(context: Any, kind: Any, error: BaseException | None, trace: Any) -> object:
        if error is not None:
            CANARY.look("".join(traceback.format_exception(error)[-1:]), "an exception")
            CANARY.look(repr(error) + repr(vars(error)), "an exception")
        return raised(context, kind, error, trace)

    for owner, name, ear in (
        (pytest.CaptureFixture, "readouterr", readouterr),
        (subprocess.Popen, "communicate", communicate),
        (pytest.RaisesExc, "__exit__", leave),
    ):
        setattr(owner, name, ear)


def pytest_configure(config: pytest.Config) -> None:
    sys.addaudithook(_hear)
    _listen()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for name, text in report.sections:
        CANARY.look(text, name)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None and not hasattr(config, "workerinput") and config.getoption("numprocesses", None):
        factory = None  # the workers look at their own files, and tell
    if factory is not None:
        CANARY.files(factory.getbasetemp())
    if hasattr(config, "workeroutput"):
        config.workeroutput["canary"] = CANARY.hits
    elif CANARY.hits:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    CANARY.hits += getattr(node, "workeroutput", {}).get("canary", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for hit in CANARY.hits:
        terminalreporter.write_line(f"CANARY {hit}", red=True)
