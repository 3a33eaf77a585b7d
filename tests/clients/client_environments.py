"""Clients that others wrote, each in a virtual environment of its own below .clients/, made once for each version."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from venv import EnvBuilder

ROOT = Path(__file__).resolve().parents[2]
CONSTRAINTS = Path(__file__).with_name("constraints.txt")  # the versions of what the clients need

# Each client, or several that live together, with their versions. What it needs is in constraints.txt.
CLIENTS = {
    "google-genai": "google-genai==3.6.1",
    "vendors": "fal-client==1.0.3 replicate==1.0.7 runwayml==5.24.0 lumaai==1.21.0",
}


def environment(client: str) -> Path:
    """The Python of the virtual environment that has a client, made anew for another version of anything in it."""
    folder = ROOT / ".clients" / client
    folder.parent.mkdir(exist_ok=True)
    wanted = "\n".join((CLIENTS[client], CONSTRAINTS.read_text("utf-8"), sys.version))
    python, stamp = folder / "bin" / "python", folder / ".installed"
    with (folder.parent / f"{client}.lock").open("w") as lock:  # several workers may want it at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text("utf-8") != wanted:
            EnvBuilder(clear=True, symlinks=True).create(folder)
            asked = [
                "install",
                "-q",
                "--no-compile",
                "--disable-pip-version-check",
                "-c",
                CONSTRAINTS,
                *CLIENTS[client].split(),
            ]
            done = subprocess.run(
                [pip(), "-m", "pip", "--python", python, *asked], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            stamp.write_text(wanted, "utf-8")
    return python


def pip() -> str:
    """A Python that has pip: that of these tests, or, on a Debian without ensurepip, the one it was made from."""
    known = (sys.executable, str(getattr(sys, "_base_executable", sys.executable)))
    tries = (
        python for python in known if not subprocess.run([python, "-m", "pip", "-V"], capture_output=True).returncode
    )
    found = next(tries, None)
    assert found, "no pip: apt-get install python3-pip"
    return found


def converse(client: str, script: str, *arguments: object) -> str:
    """Have a client of this name run a script beside this file, with arguments; return what it prints.

    The script is a program of its own, as a stranger would write it: it knows nothing of storyboard.
    """
    words = [str(environment(client)), str(Path(__file__).with_name(script)), *map(str, arguments)]
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(words, env=plain, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
