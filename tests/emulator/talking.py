"""A client for the emulator, as plain as can be: what is tested is the emulator."""

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from PIL import Image

from storyboard.emulator import Emulator

Json = dict[str, Any]


class Client:
    """Talks to one emulator, with a key."""

    def __init__(self, emulator: Emulator, session: aiohttp.ClientSession) -> None:
        self.emulator = emulator
        self.session = session

    async def get(self, path: str, **query: str) -> Json:
        async with self.session.get(path, params=query) as answer:
            assert answer.status == 200
            return await answer.json()

    async def post(self, path: str, body: object) -> Json:
        async with self.session.post(path, json=body) as answer:
            assert answer.status == 200
            return await answer.json()

    async def submit(self, **fields: object) -> Json:
        return await self.post("/api/v1/veo/generate", {"prompt": "a lamp catches fire", **fields})

    async def accepted(self, **fields: object) -> str:
        answer = await self.submit(**fields)
        assert answer["code"] == 200, answer
        return str(answer["data"]["taskId"])

    async def record(self, job: str) -> Json:
        return await self.get("/api/v1/veo/record-info", taskId=job)

    async def ended(self, job: str) -> Json:
        """The job's record once it is over. A real server on its own time: all that a client can do is ask again."""
        while True:
            answer = await self.record(job)
            if answer["code"] != 200 or answer["data"]["successFlag"] != 0:
                return answer
            await asyncio.sleep(0.005)  # As every client of the API must.

    async def clip(self, **fields: object) -> str:
        """The address of a new clip."""
        record = await self.ended(await self.accepted(**fields))
        return str(record["data"]["response"]["resultUrls"][0])

    async def hd(self, job: str) -> Json:
        return await self.get("/api/v1/veo/get-1080p-video", taskId=job)

    async def hd_clip(self, job: str) -> str:
        while True:
            answer = await self.hd(job)
            if answer["code"] != 400:
                return str(answer["data"]["resultUrl"])
            await asyncio.sleep(0.005)  # As every client of the API must.

    async def bytes(self, url: str) -> bytes:
        async with aiohttp.ClientSession() as keyless, keyless.get(url) as answer:
            assert answer.status == 200
            return await answer.read()

    async def uploaded(self, content: bytes, name: str = "lamp.png") -> str:
        body = {"base64Data": base64.b64encode(content).decode(), "uploadPath": "storyboard", "fileName": name}
        return str((await self.post("/api/file-base64-upload", body))["data"]["downloadUrl"])


Start = Callable[..., Awaitable[Client]]


def picture(width: int = 160, height: int = 90, colour: tuple[int, int, int] = (200, 90, 40)) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()
