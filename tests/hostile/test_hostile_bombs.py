"""Bombs: small inputs that would be large. Each is refused, and the machine does not notice."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOM = 64  # MiB above what the readers take when they are loaded

# In a child of its own, so that the most memory it ever had is that of the bombs.
LIGHT = """
import json, resource, sys
sys.path[:0] = [{tests!r}, {here!r}]
from bombs import {kind}
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
light = {kind}()
next(light)
before, told = most(), []
for name in light:
    told.append((name, most() - before))
print(json.dumps(told))
"""


@pytest.mark.parametrize("kind", ["texts", "templates", "locks", "answers", "images"])
def test_a_bomb_takes_no_memory(kind: str) -> None:
    """A pull request, or one answer, would end CI for everybody on the machine."""
    script = LIGHT.format(tests=str(HERE.parent), here=str(HERE), kind=kind)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told
    assert [(name, grown) for name, grown in told if grown > ROOM] == []
