"""Hostile input: the most CPU and memory that any of it takes. The inputs are those of tests/hostile.

Limits: 0.25 s for each of 10,000 damaged inputs of a kind, 0.1 s for a bomb of text, 1 s for one that comes over the
network, 64 MiB more than before for any bomb. An answer is measured with the server that gives it.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.process import ROOT
from bench.row import Row

COUNT = 10_000
INPUT, TEXT, NETWORK, MEMORY = 0.25, 0.1, 1.0, 64
_TESTS = [str(ROOT / "tests"), str(ROOT / "tests" / "hostile")]

# Each kind in a process of its own: the most memory that it ever had is then that of its bombs.
_BOMBS = """
import json, sys, time
sys.path[:0] = {tests!r}
from bombs import KINDS, most
bombs, worst = KINDS[{kind!r}](), 0.0
next(bombs)
before, began = most(), time.process_time()
for _ in bombs:
    worst, began = max(worst, time.process_time() - began), time.process_time()
print(json.dumps([worst, most() - before]))
"""


def rows() -> list[Row]:
    """The worst input of each kind, then the worst bomb."""
    sys.path[:0] = _TESTS
    return [*_inputs(), *_answers(), *_bombs()]


def _inputs() -> Iterator[Row]:
    import targets
    from mutants import flipped, mutants

    clip = ((targets.INVALID / "clip.mp4").read_bytes(),)
    kinds: dict[str, Callable[[Path], targets.Target]] = {
        "storyboard": targets.storyboards,
        "template": targets.templates,
        "lock": targets.locks,
        "ledger file": targets.ledgers,
        "saved plan": targets.plans,
        "address": targets.urls,
        "MP4 header": lambda folder: targets.headers(folder, clip),
        "MP4 in PyAV": lambda folder: targets.media(folder, clip),
    }
    for name, made in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            target = made(Path(folder))
            raws = (flipped(target.seeds, number) for number in range(COUNT))
            raws = raws if target.flips else mutants(target.seeds, COUNT)
            yield Row(f"{name}, worst of {COUNT:,}, CPU", max(_cost(target.attempt, raw) for raw in raws), "s", INPUT)


def _cost(attempt: Callable[[bytes], str], raw: bytes) -> float:
    began = time.process_time()
    attempt(raw)
    return time.process_time() - began


def _answers() -> Iterator[Row]:
    from answers import ASK, answers, attempt, line

    async def worst() -> float:
        most = 0.0
        async with line() as (here, wire):
            for call in ASK:
                for answer in answers(call, COUNT // len(ASK)):
                    began = time.process_time()
                    await attempt(call, answer, here, wire)
                    most = max(most, time.process_time() - began)
        return most

    yield Row(f"answer of a service, worst of {COUNT:,}, CPU", asyncio.run(worst()), "s", INPUT)


def _bombs() -> Iterator[Row]:
    from bombs import KINDS

    for kind in KINDS:
        script = _BOMBS.format(tests=_TESTS, kind=kind)
        done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True)
        cpu, grown = json.loads(done.stdout)
        yield Row(f"bombs: {kind}, worst, CPU", cpu, "s", NETWORK if kind == "answers" else TEXT)
        yield Row(f"bombs: {kind}, memory they add", grown, "MiB", MEMORY)
