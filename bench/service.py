"""Service: the emulator as a process of its own, as a service is a machine of its own; and whoever renders with it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.process import ROOT, STORYBOARD


@contextmanager
def service(*options: str) -> Iterator[str]:
    """`storyboard emulator` with these options; its address."""
    emulator = subprocess.Popen(
        [*STORYBOARD, "emulator", *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert emulator.stdout is not None
        yield emulator.stdout.readline().strip()
    finally:
        emulator.send_signal(signal.SIGTERM)
        emulator.communicate()


def author(url: str, home: Path, scale: float = 0.01) -> Mapping[str, str]:
    """The environment of somebody who renders with the service at ``url``, and has bought nothing yet."""
    theirs = {name: text for name, text in os.environ.items() if not name.startswith(("STORYBOARD_", "APIKLEY_"))}
    return {
        **theirs,
        "APIKLEY_BASE_URL": url,
        "APIKLEY_API_KEY": "rehearsal",
        "STORYBOARD_HOME": str(home),
        "STORYBOARD_TIME_SCALE": str(scale),
    }


def storyboard(folder: Path, count: int) -> Path:
    """A storyboard of ``count`` scenes; the first ones of a longer one are the scenes of a shorter one."""
    scenes = (f"  - {{id: s{n}, prompt: {prompt(n)}, seed: {seed(n)}}}\n" for n in range(count))
    file = folder / f"film-{count}.yaml"
    file.write_text("storyboard: 1\nscenes:\n" + "".join(scenes))
    return file


def prompt(number: int) -> str:
    """What scene ``number`` of every storyboard here asks for."""
    return f"Number {number} of many harbours at dawn"


def seed(number: int) -> int:
    """Scene ``number``'s seed."""
    return 10_000 + number
