"""Seller: `python seller.py FAULT...` is the service as a process of its own; it answers questions about its account.

The first line on stdout is its address. A line on stdin is the beginning of prompts; the answer is a line of JSON:
``{prompt: {charged, jobs, sha256}}``, where ``charged`` are the jobs that were charged for and not given back, and
``sha256`` the digests of what was sold under that prompt, 720p and 1080p. Prompts with "(takes)" in them are told apart
by their seeds, which follow them. The line "heal" ends all faults; "called"
is answered once whoever is to be called back has been; "asked" with the number of requests that may begin a job.
"""

import asyncio
import hashlib
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from storyboard.emulator import Emulator
from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.server import Seen
from storyboard.emulator.api.service import FailedJob
from storyboard.emulator.drafts.flat import film


async def serve(behaviour: Behaviour) -> None:
    """Serve until stdin ends."""
    reader = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with Emulator(behaviour) as emulator:
        with TemporaryDirectory() as folder:
            film(Path(folder, "first.mp4"), (64, 36), (0, 0, 0), 1)  # The first one takes a second: imports.
        print(emulator.url, flush=True)
        while line := await reader.readline():
            if line == b"heal\n":
                emulator.heal()
            if line == b"called\n" and (work := emulator._service._work):
                await asyncio.wait(work)
            if line == b"asked\n":
                print(json.dumps(sum(_begins_job(seen) for seen in emulator.requests)), flush=True)
                continue
            print(json.dumps(await account(emulator, line.decode().strip())), flush=True)


def _begins_job(seen: Seen) -> bool:
    return seen.method == "POST" and seen.path.endswith(("/generate", "/prompt", "/interactions"))


async def account(emulator: Emulator, beginning: str) -> dict[str, Any]:
    """What was sold under prompts that begin so."""
    found: dict[str, Any] = {}
    for job in emulator.jobs:
        if not job.prompt.startswith(beginning):
            continue
        name = f"{job.prompt} {job.order.seed}" if "(takes)" in job.prompt else job.prompt
        sold = found.setdefault(name, {"charged": [], "jobs": [], "sha256": []})
        if not isinstance(emulator.outcome(job.id), FailedJob):
            sold["charged"].append(job.id)
        sold["jobs"].append(job.id)
        for hd in (False, True):
            if clip := await emulator.clip(job.id, hd=hd):
                faulty = [clip.with_stem(f"{clip.stem}-{fault}") for fault in ("silent", "black", "frozen")]
                versions = [clip, *faulty]  # the latter where a fault asked for it
                sold["sha256"] += [hashlib.sha256(one.read_bytes()).hexdigest() for one in versions if one.exists()]
    return found


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    asyncio.run(serve(Behaviour(film="tiny", **options)))
