"""Bombs: small inputs that would be large. Each is refused, and the machine does not notice."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bombs import TEMPLATES, TEXTS

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


@pytest.mark.parametrize(
    "kind", ["texts", "templates", "locks", pytest.param("answers", marks=pytest.mark.ci), "images"]
)
@pytest.mark.ci
def test_a_bomb_takes_no_memory(kind: str) -> None:
    """A pull request, or one answer, would end CI for everybody on the machine."""
    told = grown(kind)
    assert told
    assert [(name, mebibytes) for name, mebibytes in told if mebibytes > ROOM] == []


@pytest.mark.ci
def test_a_bomb_that_takes_memory_is_seen() -> None:
    """Also where whoever runs the tests has more memory than the bomb takes: that once hid one of 114 MiB."""
    ours = bytes(range(256)) * (300 << 12)
    told = grown("bloated", MORE)
    assert [name for name, mebibytes in told if mebibytes > ROOM] == ["100 MiB"]
    assert len(ours) == 300 << 20


# Two honest files first, so that what any validation opens is open; then the bombs.
VALIDATED = """
import sys
from storyboard.cli.main import status
for name in sys.argv[1:]:
    status(["validate", name])
"""


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace, which .ci/run installs")
@pytest.mark.ci
def test_a_bomb_opens_and_dials_nothing(tmp_path: Path) -> None:
    """A file that is only looked at in a pull request could read others, or tell its author who looked."""
    scene = "storyboard: 1\nscenes:\n  - {{ id: a, prompt: {} }}\n"
    files = {"good": scene.format("\"{{ 'A' }} gull\""), "typo": scene.format("A gull, modle: x"), **TEXTS}
    files |= {name: scene.format(json.dumps(text)) for name, text in TEMPLATES.items()}
    names = [f"{number}.yaml" for number in range(len(files))]
    for name, text in zip(names, files.values(), strict=True):
        (tmp_path / name).write_text(text)
    watched = ["strace", "-f", "-qq", "-e", "trace=open,openat,connect", "-o", "trace"]
    done = subprocess.run(
        [*watched, sys.executable, "-c", VALIDATED, *names], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    trace = (tmp_path / "trace").read_text()
    before, _, after = trace.partition(f'"{tmp_path / names[2]}"')
    assert f'"{tmp_path / names[1]}"' in before
    assert "connect(" not in trace
    opened = set(re.findall(r'open(?:at)?\(.*?"([^"]*)"', after))
    assert opened <= {str(tmp_path / name) for name in names} | set(re.findall(r'"([^"]*)"', before)), opened
    assert str(tmp_path / names[-1]) in opened
