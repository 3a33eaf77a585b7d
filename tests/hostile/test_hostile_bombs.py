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
import json, sys
sys.path[:0] = [{tests!r}, {here!r}]
from bombs import KINDS, most
{more}
light = KINDS[{kind!r}]()
next(light)
before, told = most(), []
for name in light:
    told.append((name, most() - before))
print(json.dumps(told))
"""
MORE = """
def bloated():
    yield "warm"
    yield bytes(range(256)) * (100 << 12) and "100 MiB"
KINDS["bloated"] = bloated
"""


def grown(kind: str, more: str = "") -> list[tuple[str, float]]:
    """Each bomb of a kind, and the MiB that it and those before it took above the readers that were loaded."""
    script = LIGHT.format(tests=str(HERE.parent), here=str(HERE), kind=kind, more=more)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [(name, mebibytes) for name, mebibytes in json.loads(done.stdout)]


@pytest.mark.parametrize("kind", ["texts", "templates", "locks", "answers", "images"])
def test_a_bomb_takes_no_memory(kind: str) -> None:
    """A pull request, or one answer, would end CI for everybody on the machine."""
    told = grown(kind)
    assert told
    assert [(name, mebibytes) for name, mebibytes in told if mebibytes > ROOM] == []


def test_a_bomb_that_takes_memory_is_seen() -> None:
    """Also where whoever runs the tests has more memory than the bomb takes: that once hid one of 114 MiB."""
    ours = bytes(range(256)) * (300 << 12)
    told = grown("bloated", MORE)
    assert [name for name, mebibytes in told if mebibytes > ROOM] == ["100 MiB"]
    assert len(ours) == 300 << 20
