"""Memory: what a render of many clips takes while it fetches and verifies them; it must not grow with their number.

Clips of the real length, size and rate, as drafts look (about half a MB; a render that kept them would take 60 MB more
for 160 than for 40), streamed from a service that is a process of its own. The first dozens of clips bring each worker
thread's share of decoder buffers; what is promised is that it stays there. `--no-cut`: the cut's memory is joining's.
"""

import tempfile
from pathlib import Path

from bench.process import STORYBOARD, Cost, cost
from bench.row import Row
from bench.service import author, service, storyboard

COUNTS = (10, 40, 160)
FLAT = 1.15


def rows() -> list[Row]:
    """The same scenes again and again, each time more of them, and none bought before."""
    with tempfile.TemporaryDirectory() as name, service() as url:
        costs = {count: _render(Path(name), count, url) for count in COUNTS}
    _, some, many = COUNTS
    return [
        *(Row(f"render {count} clips, peak memory", costs[count].own, "MiB") for count in COUNTS),
        *(Row(f"render {count} clips, peak memory with ffmpeg", costs[count].memory, "MiB") for count in COUNTS),
        Row(f"render {many} clips / {some} clips, peak memory", costs[many].own / costs[some].own, "x", FLAT),
    ]


def _render(folder: Path, count: int, url: str) -> Cost:
    render = [*STORYBOARD, "render", storyboard(folder, count), "--yes", "--no-cut", "--quiet", "--at-once", "4"]
    return cost(render, author(url, folder / f"home-{count}"), watch=True)
