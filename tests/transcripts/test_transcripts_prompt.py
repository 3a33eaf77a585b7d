"""Whole sessions at the prompt, as a person sees them. Each .txt beside this file is one session.

    emulator: --fault ...    (optional) an emulator runs, and the session's environment leads to it
    # words                  what the session is about; for people
    $ command                run in a shell, in a folder of its own; stdout and stderr as they come
    [n]                      its exit status, where it is not 0
    -- name --               a file that is there before the session begins

In what is expected, "..." stands for anything on its line, and alone on its line for any lines.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from canary import KEY
from tiers import chosen

HERE = Path(__file__).parent


QUICK = {"a-typo", "first-film", "no-key"}


@dataclass(frozen=True, slots=True)
class Session:
    emulator: str | None
    steps: tuple[tuple[str, str], ...]
    files: dict[str, str]


def parsed(text: str) -> Session:
    head, *rest = re.split(r"^-- (\S+) --\n", text, flags=re.M)
    emulator = re.search(r"^emulator:(.*)\n", head, flags=re.M)
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n?)*)", head, flags=re.M)
    files = dict(zip(rest[::2], rest[1::2], strict=True))
    return Session(emulator[1].strip() if emulator else None, tuple(steps), files)


def played(session: Session, folder: Path, home: Path) -> Iterator[tuple[str, str]]:
    """Each command of a session with what it said, its exit status last."""
    for file, content in session.files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content, "utf-8")
    bin = home / "bin"
    bin.mkdir()
    (bin / "storyboard").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m storyboard "$@"\n')
    (bin / "storyboard").chmod(0o755)
    environ = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}", "COLUMNS": "100", "LC_ALL": "C.UTF-8"}
    with emulated(session.emulator, environ) as world:
        for command, _ in session.steps:
            done = subprocess.run(
                ["sh", "-c", command], cwd=folder, env=world, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
            )  # fmt: skip
            yield command, done.stdout + (f"[{done.returncode}]\n" if done.returncode else "")


@contextmanager
def emulated(options: str | None, environ: dict[str, str]) -> Iterator[dict[str, str]]:
    if options is None:
        yield environ
        return
    command = [sys.executable, "-m", "storyboard", "emulator", "--plain", *shlex.split(options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        extra = {"APIKLEY_BASE_URL": url, "APIKLEY_API_KEY": KEY, "STORYBOARD_TIME_SCALE": "0.005"}
        try:
            yield {**environ, **extra, "STORYBOARD_UPLOADS": "provider"}
        finally:
            server.terminate()


def like(expected: str, actual: str) -> bool:
    """Whether this is what was expected: "..." is anything on its line, and alone on its line any lines."""
    pattern = ""
    for line in expected.rstrip("\n").split("\n") if expected.strip() else []:
        pattern += r"(?:.*\n)*" if line.strip() == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
    return re.fullmatch(pattern, actual.rstrip("\n") + "\n" if actual.strip() else "") is not None


@pytest.mark.parametrize("name", chosen(QUICK, sorted(file.stem for file in HERE.glob("*.txt"))))
def test_session(name: str, tmp_path: Path, own_home: Path) -> None:
    """What people see is what was meant, to the letter."""
    session = parsed((HERE / f"{name}.txt").read_text("utf-8"))
    assert session.steps
    for (command, expected), (_, told) in zip(session.steps, played(session, tmp_path, own_home), strict=True):
        assert like(expected, told), f"$ {command}\n--- expected\n{expected}--- came\n{told}"
