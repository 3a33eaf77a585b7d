"""At the prompt: how long an author waits where nothing is to be made: for --help, a plan, an unchanged film.

Limits: --help 0.3 s, the render of an unchanged storyboard of 20 scenes 1.5 s and not one request; a plan of 5,000
scenes five times one of 1,000; a plan over four services 1.2 times one over a single service.
"""

import socket
import tempfile
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

from bench import reading
from bench.process import STORYBOARD, Cost, least
from bench.row import Row
from bench.service import author, service, storyboard

SCENES = 20
_FOUR = ("veo3_fast", "fal/minimax/h3", "gemini/omni-1.2-flash", "kie/bytedance/seedance-2")
_CHOICES = ("seed:", "translate:", "resolution:", "trim:")  # what not all of their models offer


def rows() -> list[Row]:
    """Whole processes of `python -m storyboard`; of several runs the one with the least CPU."""
    return [*_help(), *_plan(), *_unchanged()]


def _help() -> list[Row]:
    took = least([*STORYBOARD, "--help"], tries=5)
    return [Row("--help, wall", took.wall, "s", 0.3), Row("--help, CPU", took.cpu, "s")]


def _plan() -> list[Row]:
    few, many = (_planned(scenes) for scenes in (1_000, 5_000))
    return [
        Row("plan of 1,000 scenes, wall", few.wall, "s"),
        Row("plan of 1,000 scenes, CPU", few.cpu, "s"),
        Row("plan of 5,000 scenes / 1,000 scenes, CPU", many.cpu / few.cpu, "x", 5),
        Row("plan of 1,000 scenes over four services / one, CPU", _over(_FOUR) / _over(_FOUR[:1]), "x", 1.2),
    ]


def _over(models: Sequence[str]) -> float:
    """The CPU of a plan of 1,000 scenes whose models follow each other, all with four services configured."""
    with tempfile.TemporaryDirectory() as name:
        folder, config = Path(name), Path(name) / "config" / "storyboard"
        config.mkdir(parents=True)
        (config / "config.toml").write_text("[providers.fal]\n[providers.gemini]\n[providers.kie]\n")
        file, following = reading.write(folder, 1_000), cycle(models)
        kept = [line for line in file.read_text().splitlines() if not line.strip().startswith(_CHOICES)]
        lines = (f"    model: {next(following)}" if line == "    model: veo3_fast" else line for line in kept)
        file.write_text("\n".join(lines) + "\n")
        theirs = {**author("http://127.0.0.1:1", folder / "home"), "XDG_CONFIG_HOME": str(config.parent)}
        return least([*STORYBOARD, "plan", file], theirs).cpu


def _planned(scenes: int) -> Cost:
    with tempfile.TemporaryDirectory() as name:
        file = reading.write(Path(name), scenes)
        return least([*STORYBOARD, "plan", file], author("http://127.0.0.1:1", Path(name) / "home"))


def _unchanged() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        home, file = Path(name) / "home", storyboard(Path(name), SCENES)
        render = [*STORYBOARD, "render", file, "--yes", "--quiet"]
        with service("--plain") as url:
            least(render, author(url, home), tries=1)
        before = _state(Path(name))
        nobody = f"http://127.0.0.1:{listener.getsockname()[1]}"
        took = least(render, author(nobody, home))
        changed = sum(before[path] != now for path, now in _state(Path(name)).items())
        listener.setblocking(False)
        return [
            Row(f"render of {SCENES} unchanged scenes, wall", took.wall, "s", 1.5),
            Row(f"render of {SCENES} unchanged scenes, CPU", took.cpu, "s"),
            Row(f"render of {SCENES} unchanged scenes, connections opened", _knocked(listener), "", 0),
            Row(f"render of {SCENES} unchanged scenes, film and lock written", changed, "", 0),
        ]


def _state(folder: Path) -> dict[Path, tuple[int, int]]:
    """The film and the lock: which file it is, and when it was written."""
    kept = [*folder.glob("*.lock.yaml"), *folder.glob("out/*.mp4")]
    assert len(kept) == 2, kept
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in kept}


def _knocked(listener: socket.socket) -> int:
    """How many have connected to a listener that answers nobody."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1
