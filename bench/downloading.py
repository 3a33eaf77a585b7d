"""Downloading: how many bytes eight clips take over a line of 60 kB/s that breaks once for each of them.

The host serves byte ranges, as the hosts of clips do, and is a real one on this machine; every connection shares the
line. A download that began again from its first byte would take 1.5 times the bytes.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from bench.row import Row
from storyboard.http.client import Client, Endpoint
from storyboard.providers.apikley.answers import ANSWERS, ENVIRONMENT
from storyboard.system.clock import Clock

CLIPS, SIZE = 8, 60_000
LINE, PART = 60_000, 2_000  # bytes a second; bytes sent at once


class _Host:
    """Sends clips over one slow line, counts their bytes, and breaks off the first answer for each clip."""

    def __init__(self) -> None:
        self.sent = 0
        self._line = asyncio.Lock()
        self._broken: set[str] = set()

    async def clip(self, request: web.Request) -> web.StreamResponse:
        asked = request.http_range
        start = asked.start or 0
        answer = web.StreamResponse(status=206 if start else 200, headers={"Content-Type": "video/mp4", "ETag": '"1"'})
        if start:
            answer.headers["Content-Range"] = f"bytes {start}-{SIZE - 1}/{SIZE}"
        answer.content_length = SIZE - start
        await answer.prepare(request)
        first = request.path not in self._broken
        self._broken.add(request.path)
        content = (b"\x00\x00\x00\x18ftypisom" + bytes(SIZE))[:SIZE]
        for begin in range(start, SIZE // 2 if first else SIZE, PART):
            async with self._line:
                await asyncio.sleep(PART / LINE)
            part = content[begin : begin + PART]
            await answer.write(part)
            self.sent += len(part)
        if first and request.transport:
            request.transport.close()
        return answer


@asynccontextmanager
async def _serving(host: _Host) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{name}.mp4", host.clip)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def rows() -> list[Row]:
    """The bytes sent, over those of the clips."""
    name = "8 clips over a line of 60 kB/s that breaks once for each, bytes sent / bytes of the clips"
    return [Row(name, asyncio.run(_share()), "x", 1.1)]


async def _share() -> float:
    host = _Host()
    with tempfile.TemporaryDirectory() as name:
        async with _serving(host) as url:
            service = Endpoint(url, "rehearsal", ENVIRONMENT)
            async with Client(service, Clock(0.01), ANSWERS) as client:
                clips = [client.fetch(f"{url}/{n}.mp4", Path(name, str(n))) for n in range(CLIPS)]
                assert all(clip.bytes == SIZE for clip in await asyncio.gather(*clips))
    return host.sent / (CLIPS * SIZE)
