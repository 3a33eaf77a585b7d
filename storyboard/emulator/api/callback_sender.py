"""Callbacks of the emulated service: sent when a job ends, three attempts each, to loopback addresses only."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace

import aiohttp

from storyboard.emulator.api import replies
from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import Job, Outcome, Warned
from storyboard.emulator.drafts.frame_images import on_loopback
from storyboard.emulator.faults.faults import PLACES, Faults
from storyboard.model.text import one_line

_PATIENCE = aiohttp.ClientTimeout(total=15)  # api-facts.md 5.1
_PAUSES = (0.0, 0.2, 0.4)  # seconds before each of its attempts

_AT_THE_END = tuple(kind for kind in PLACES["callback"] if kind != "early")


def clip_address(base: str, job: Job, suffix: str = "") -> str:
    """Return the URL of a job's clip; ``suffix`` is "_1080p" for its upgrade."""
    return f"{base}/v/{job.id}{suffix}.mp4"


class CallbackSender:
    """Sends callbacks. ``address`` gives the server's base URL, ``first_job`` the name of the first job accepted."""

    def __init__(
        self,
        web: aiohttp.ClientSession,
        faults: Faults,
        warned: Warned,
        address: Callable[[], str],
        first_job: Callable[[], str],
    ) -> None:
        self.faults = faults
        self._web = web
        self._warned = warned
        self._address = address
        self._first_job = first_job

    async def send(self, job: Job, outcome: Outcome) -> None:
        """Send the callback, if requested and its address is on loopback: three attempts, then none."""
        url = job.order.callback
        fault = self.faults.strike("callback", job.prompt, *_AT_THE_END) if url else None
        kind = fault.kind if fault else ""
        if not url or kind == "lost":
            return
        if not on_loopback(url):
            self._warned(
                job.order.draft_label.heading,
                f"the callback address {one_line(url, 200)} is not on this machine: not called",
            )
            return
        if fault and kind == "late":
            await asyncio.sleep(float(fault.value))
        named = {"forged": secrets.token_hex(16), "foreign": self._first_job()}.get(kind, job.id)
        body = replies.callback(replace(job, id=named), outcome, clip_address(self._address(), job))
        for _ in range(2 if kind == "twice" else 1):
            await self._call_back(f"{url[:-8]}elsewhere" if kind == "elsewhere" else url, body)

    async def call_early(self, job: Job) -> None:
        url = job.order.callback
        if url and on_loopback(url) and self.faults.strike("callback", job.prompt, "early"):
            await self._call_back(url, replies.envelope(data={"taskId": job.id}))

    async def _call_back(self, url: str, body: Document) -> None:
        for pause in _PAUSES:
            await asyncio.sleep(pause)
            try:
                async with self._web.post(url, json=body, allow_redirects=False, timeout=_PATIENCE) as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue  # No response: make the next attempt, if any is left.
