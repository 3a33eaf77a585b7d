"""Orchestration: how near to the ideal 200 scenes are rendered, 50 at once, where a job takes 2 s.

The service is a process of its own that has drawn its clips beforehand. Pauses are scaled to a hundredth, so that
submissions leave 5 ms apart and a job is asked after every 0.12 s or so. The makespan goes from the moment before the
first submission (the ledger's) to the last `finished`, so that fetching and verifying count.

The ideal is a list schedule: a submission leaves when its turn has come (n * 5 ms) and one of the 50 slots is free,
and holds its slot for exactly 2 s; then its clip is verified on the first core that is free, for as long as verifying
one takes by itself (measured in the same run). Asking, fetching and the rhythm of the polls cost nothing in it. The
bound without verifying is printed too: 50 clips that come at once cannot be verified at once by two cores.
"""

import heapq
import json
import os
import statistics
import tempfile
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.process import STORYBOARD, Cost, cost
from bench.row import Row
from bench.service import author, prompt, seed, service, storyboard
from storyboard.media.verify import verify
from storyboard.state.ledger import Ledger

SCENES, AT_ONCE, LATENCY, SCALE = 200, 50, 2.0, 0.01
PERIOD = 0.5 * SCALE  # seconds between two submissions (storyboard/pace.py)


def rows() -> list[Row]:
    """The better of two renders, for whatever else the machine does can only add; and the ideal."""
    with tempfile.TemporaryDirectory() as name, service("--plain", "--latency", str(LATENCY)) as url:
        _draw(url)
        makespan, cpu = min(_rendered(Path(name), f"home-{number}", url) for number in range(2))
        check = _check(Path(name) / "home-0")
    ends = ideal(SCENES, AT_ONCE, LATENCY, PERIOD)
    best = verified(ends, check, os.cpu_count() or 1)
    what = f"{SCENES} scenes, {AT_ONCE} at once"
    return [
        Row(f"{what}, verifying one clip by itself", check, "s"),
        Row(f"{what}, bound: list schedule of {LATENCY:g} s jobs alone", max(ends), "s"),
        Row(f"{what}, ideal: list schedule of jobs and of verifying", best, "s"),
        Row(f"{what}, makespan", makespan, "s"),
        Row(f"{what}, makespan / bound", makespan / max(ends), "x"),
        Row(f"{what}, makespan / ideal", makespan / best, "x", 1.15),
        Row(f"{what}, CPU a scene, verified", cpu / SCENES, "s"),
    ]


def _rendered(folder: Path, home: str, url: str) -> tuple[float, float]:
    """The makespan and the CPU of one render by somebody who has bought nothing yet, in seconds."""
    render = [*STORYBOARD, "render", storyboard(folder, SCENES), "--yes", "--no-cut", "--json"]
    took = cost([*render, "--at-once", AT_ONCE], author(url, folder / home, SCALE))
    return _last_finished(took) - _first_asked(folder / home), took.cpu


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


def _check(home: Path) -> float:
    """Seconds that verifying one of the clips takes while nothing else runs."""
    clip = next(home.rglob("??/*.mp4"))
    times = []
    for _ in range(15):
        began = time.perf_counter()
        verify(clip, None)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


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
