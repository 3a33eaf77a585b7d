"""The README's sessions do what they say: its console blocks are run, in their order, as one session."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def steps(text: str) -> Iterator[tuple[str, str]]:
    """Each command of the console blocks with what it is said to print."""
    for block in re.findall(r"^```console\n(.*?)^```$", text, flags=re.M | re.S):
        yield from re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", block, flags=re.M)


@contextmanager
def service(environ: dict[str, str]) -> Iterator[str]:
    """Stands for the real service: an emulator that makes whole clips."""
    command = [sys.executable, "-m", "storyboard", "emulator"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def played(commands: list[str], folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """What each command says, one after the other in one shell's folder and environment."""
    for command in commands:
        word, *rest = shlex.split(command)
        if word == "cd":
            folder = folder / rest[0]
            yield ""
        elif word == "export":
            environ = {**environ, **dict([rest[0].split("=", 1)])}
            yield ""
        else:
            done = subprocess.run(
                ["sh", "-c", command], cwd=folder, env=environ, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
            )  # fmt: skip
            yield done.stdout


def agrees(expected: str, told: str) -> bool:
    """Line by line, in any order: three scenes that are made at once come as they come.

    "..." is anything, and alone on its line any lines.
    """
    shown, lines = expected.splitlines(), told.splitlines()
    wanted = [re.compile(".*".join(map(re.escape, line.split("...")))) for line in shown if line != "..."]
    whole = "..." in shown or len(wanted) == len(lines)
    return whole and all(any(one.fullmatch(line) for line in lines) for one in wanted)


@pytest.mark.ci
def test_the_readme_is_true(tmp_path: Path, own_home: Path) -> None:
    """Whoever types what the README says sees what the README shows."""
    bin = own_home / "bin"
    bin.mkdir()
    (bin / "storyboard").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m storyboard "$@"\n')
    (bin / "storyboard").chmod(0o755)
    environ = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}
    with service(environ) as url:
        world = {**environ, "APIKLEY_BASE_URL": url, "STORYBOARD_TIME_SCALE": "0.01"}
        session = list(steps(README.read_text("utf-8")))
        assert len(session) > 8
        told = played([command for command, _ in session], tmp_path, world)
        for (command, expected), said in zip(session, told, strict=True):
            assert agrees(expected, said), f"$ {command}\n--- expected\n{expected}--- came\n{said}"
