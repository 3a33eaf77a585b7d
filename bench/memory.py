"""Memory: what a render of many clips takes while it fetches and verifies them; it must not grow with their number.

Clips of the real length, size and rate, as drafts look (about half a MB), streamed from a service that is a process
of its own. ``--no-cut``: the memory of the cut is joining's business.
"""

import tempfile
from pathlib import Path

from bench.process import STORYBOARD, Cost, cost
from bench.row import Row
from bench.service import author, service, storyboard

COUNTS = (10, 40, 160)
FLAT = 1.15  # what a process of Python differs from itself by, and a few hundred bytes of bookkeeping a scene


def rows() -> list[Row]:
    """The same scenes again and again, each time more of them, and none bought before."""
    with tempfile.TemporaryDirectory() as name, service() as url:
        costs = {count: _render(Path(name), count, url) for count in COUNTS}
    few, many = COUNTS[0], COUNTS[-1]
    return [
        *(Row(f"render {count} clips, peak memory", costs[count].own, "MiB") for count in COUNTS),
        *(Row(f"render {count} clips, peak memory with ffmpeg", costs[count].memory, "MiB") for count in COUNTS),
        Row(f"render {many} clips / {few} clips, peak memory", costs[many].own / costs[few].own, "x", FLAT),
        Row(f"render {many} clips / {few}, with ffmpeg", costs[many].memory / costs[few].memory, "x", FLAT),
    ]


def _render(folder: Path, count: int, url: str) -> Cost:
    render = [*STORYBOARD, "render", storyboard(folder, count), "--yes", "--no-cut", "--quiet", "--at-once", "4"]
    return cost(render, author(url, folder / f"home-{count}"), watch=True)
