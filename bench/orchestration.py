"""Orchestration: how near to the ideal 200 scenes are rendered, 50 at once, where a job takes 2 s.

The service is a process of its own that has drawn its clips beforehand. Pauses are scaled to a hundredth, so that
submissions leave 5 ms apart and a job is asked after every 0.12 s or so. The makespan goes from the moment before the
first submission (the ledger's) to the last `finished`, so that fetching and verifying count.

The ideal is a list schedule: a submission leaves when its turn has come (n * 5 ms) and one of the 50 slots is free,
and holds its slot for exactly 2 s; then its clip is verified and checked on the first core that is free, for as much
CPU as that takes by itself (measured in the same run). Asking, fetching and the rhythm of the polls cost nothing in it.
The bound without verifying is printed too: 50 clips that come at once cannot be verified at once by two cores.

The same for 50 scenes in 10 chains of 5: in their ideal a submission also waits until the clip before it in its chain
is verified, and for as long as taking its last frame takes by itself. Here a job takes 6 s: it is the waiting of scenes
for each other that is measured, and jobs of 2 s leave two cores no rest from verifying.
"""

import heapq
import json
import os
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.process import STORYBOARD, Cost, cost
from bench.row import Row
from bench.service import author, prompt, seed, service, storyboard
from storyboard.media.frames import frame_png
from storyboard.media.verify import examine
from storyboard.state.ledger import Ledger

SCENES, AT_ONCE, LATENCY, SCALE = 200, 50, 2.0, 0.01
CHAINS, LINKS, LINK_LATENCY = 10, 5, 6.0
PERIOD = 0.5 * SCALE  # seconds between two submissions (storyboard/http/client.py)


def rows() -> list[Row]:
    """The better of two renders, for whatever else the machine does can only add; and the ideal."""
    with tempfile.TemporaryDirectory() as name:
        film, chains = storyboard(Path(name), SCENES), _chains(Path(name))
        with service("--plain", "--latency", str(LATENCY)) as url:
            _draw(url)
            makespan, cpu = min(_rendered(film, Path(name) / f"home-{number}", url) for number in range(2))
        with service("--plain", "--latency", str(LINK_LATENCY)) as url:
            waves, _ = min(_rendered(chains, Path(name) / f"chained-{number}", url) for number in range(2))
        check, taking = _check(Path(name) / "home-0")
    ends = ideal(SCENES, AT_ONCE, LATENCY, PERIOD)
    best = verified(ends, check, os.cpu_count() or 1)
    graph = chained(check + taking, os.cpu_count() or 1)
    what, linked = f"{SCENES} scenes, {AT_ONCE} at once", f"{CHAINS * LINKS} scenes in chains of {LINKS}"
    return [
        Row(f"{what}, verifying and checking one clip by itself, CPU", check, "s"),
        Row(f"{what}, bound: list schedule of {LATENCY:g} s jobs alone", max(ends), "s"),
        Row(f"{what}, ideal: list schedule of jobs and of checking", best, "s"),
        Row(f"{what}, makespan", makespan, "s"),
        Row(f"{what}, makespan / bound", makespan / max(ends), "x"),
        Row(f"{what}, makespan / ideal", makespan / best, "x", 1.15),
        Row(f"{what}, CPU a scene, verified", cpu / SCENES, "s"),
        Row(f"{linked}, taking one frame by itself, CPU", taking, "s"),
        Row(f"{linked}, ideal: list schedule of the graph", graph, "s"),
        Row(f"{linked}, makespan", waves, "s"),
        Row(f"{linked}, makespan / ideal", waves / graph, "x", 1.1),
    ]


def _rendered(film: Path, home: Path, url: str) -> tuple[float, float]:
    """The makespan and the CPU of one render by somebody who has bought nothing yet, in seconds.

    Without the lock file of the render before, by whose jobs the clips would be fetched.
    """
    for lock in film.parent.rglob("*.lock.yaml"):
        lock.unlink()
    render = [*STORYBOARD, "render", film, "--yes", "--no-cut", "--json", "--at-once", AT_ONCE]
    took = cost(render, {**author(url, home, SCALE), "STORYBOARD_UPLOADS": "provider"})
    return _last_finished(took) - _first_asked(home), took.cpu


def _chains(folder: Path) -> Path:
    """A storyboard of chains, in which each scene but the first of a chain begins with the last frame before it."""
    lines = []
    for number in range(CHAINS * LINKS):
        begins = f", first_frame: {{scene: s{number - 1}}}" if number % LINKS else ""
        lines.append(f"  - {{id: s{number}, prompt: {prompt(number)}, seed: {seed(number)}{begins}}}\n")
    file = folder / "chains.yaml"
    file.write_text("storyboard: 1\nscenes:\n" + "".join(lines))
    return file


def chained(check: float, cores: int) -> float:
    """When the last clip of all chains is there, where a link waits for ``check`` seconds of a core behind the last."""
    free, turn, ready = [0.0] * cores, 0.0, [(0.0, 0, chain) for chain in range(CHAINS)]
    last = 0.0
    while ready:
        came, link, chain = heapq.heappop(ready)
        sent = max(came, turn)
        turn = sent + PERIOD
        last = max(sent + LINK_LATENCY, free[0]) + check
        heapq.heapreplace(free, last)
        if link + 1 < LINKS:
            heapq.heappush(ready, (last, link + 1, chain))
    return last


def ideal(scenes: int, at_once: int, latency: float, period: float) -> list[float]:
    """When each job ends, in seconds from the first submission, where nothing but the jobs takes time."""
    slots, ends = [0.0] * at_once, []
    for number in range(scenes):
        ends.append(max(number * period, slots[0]) + latency)
        heapq.heapreplace(slots, ends[-1])
    return ends


def verified(ends: list[float], check: float, cores: int) -> float:
    """When the last clip is verified: each takes ``check`` seconds on one of the cores, in the order they come."""
    free = [0.0] * cores
    for end in sorted(ends):
        heapq.heapreplace(free, max(end, free[0]) + check)
    return max(free)


def _check(home: Path) -> tuple[float, float]:
    """Seconds of CPU that verifying and checking one of the clips takes, and taking its last frame."""
    clip = next(home.rglob("??/*.mp4"))
    frames = examine(clip).measure.frames
    return _median(lambda: examine(clip)), _median(lambda: frame_png(clip, frames - 1))


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(15):
        began = _cpu()
        work()
        times.append(_cpu() - began)
    return statistics.median(times)


def _cpu() -> float:
    """The CPU time of this process and of those that have ended in it, in seconds."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _draw(url: str) -> None:
    """Have the service draw every clip, so that all it does later is to wait, as a real one does for this machine."""
    jobs = []
    for number in range(SCENES):
        order = {"prompt": prompt(number), "seeds": seed(number), "model": "veo3_fast", "aspectRatio": "16:9"}
        order |= {"generationType": "TEXT_2_VIDEO", "enableTranslation": True}
        jobs.append(_asked(f"{url}/api/v1/veo/generate", json.dumps(order).encode())["taskId"])
    for job in jobs:
        while not _asked(f"{url}/api/v1/veo/record-info?taskId={job}")["successFlag"]:
            time.sleep(0.1)  # Before the measurement: another process draws, and is asked whether it is done.


def _asked(url: str, body: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(url, body, {"Authorization": "Bearer rehearsal"})
    with urllib.request.urlopen(request) as answer:
        data: dict[str, Any] = json.load(answer)["data"]
        return data


def _first_asked(home: Path) -> float:
    ledger = Ledger(home / "rehearsals" / "ledger.db")
    try:
        return min(entry.asked for entry in ledger.submissions.all())
    finally:
        ledger.close()


def _last_finished(took: Cost) -> float:
    events = map(json.loads, took.out.splitlines())
    return max(datetime.fromisoformat(event["at"]).timestamp() for event in events if event["event"] == "finished")
