"""Spoiling answers: how each fault of faults.py shows on the wire."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from storyboard.emulator.api import replies
from storyboard.emulator.api.replies import Document
from storyboard.emulator.faults.faults import CODES, InjectedFault

MOVED = "moved"  # in the query of an address that a redirect has led to; no fault strikes there

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"


async def spoil(request: web.Request, fault: InjectedFault, answer: Callable[[], Document]) -> web.StreamResponse:
    """An API answer, spoilt. ``answer`` does what was asked for; a fault that comes before that never calls it."""
    early = answer() if fault.charged else None
    if fault.kind == "slow":
        await asyncio.sleep(float(fault.value))
    if fault.kind in ("slow", "cut") and early is None:
        early = answer()
    match fault.kind:
        case "http":
            code = int(fault.value)
            return json_reply(replies.envelope(code), code)
        case "code":
            return json_reply(replies.envelope(int(fault.value)))
        case "garbage":
            return page("Bad Gateway", 200)
        case "no-id":
            return json_reply(replies.envelope(200, data={}))
        case "redirect":
            return _elsewhere(request, fault)
        case "cut":
            return await _half(request, json.dumps(early).encode(), "application/json")
        case "slow":
            return json_reply(early or {})
    return drop_connection(request)


async def spoil_clip(request: web.Request, fault: InjectedFault, clip: Path) -> web.StreamResponse:
    """A clip, spoilt. For the fault "silent", ``clip`` is without sound already."""
    match fault.kind:
        case "http":
            return page(CODES.get(int(fault.value), "Error"), int(fault.value))
        case "html":
            return page("This link has expired", 200)
        case "redirect":
            return _elsewhere(request, fault)
        case "silent":
            return web.FileResponse(clip)
        case "slow":
            await asyncio.sleep(float(fault.value))
            return web.FileResponse(clip)
        case "cut" | "short" | "corrupt":
            content = await asyncio.to_thread(clip.read_bytes)
            if fault.kind == "cut":
                return await _half(request, content, "video/mp4")
            spoilt = content[: len(content) // 2] if fault.kind == "short" else _with_hole(content)
            return web.Response(body=spoilt, content_type="video/mp4")
    return drop_connection(request)


def json_reply(document: Document, status: int = 200) -> web.Response:
    return web.json_response(document, status=status)


def page(title: str, status: int) -> web.Response:
    return web.Response(text=_PAGE.format(title), status=status, content_type="text/html")


def drop_connection(request: web.Request) -> web.Response:
    """Reset the connection; what is returned reaches nobody."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def _elsewhere(request: web.Request, fault: InjectedFault) -> web.Response:
    location = fault.value or str(request.rel_url.update_query({MOVED: "1"}))
    return web.Response(status=307, headers={"Location": location})


async def _half(request: web.Request, body: bytes, kind: str) -> web.StreamResponse:
    """Announce the whole, send half, and be gone."""
    response = web.StreamResponse()
    response.content_type, response.content_length = kind, len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


def _with_hole(content: bytes) -> bytes:
    """The middle fifth of the file as zeros; its index, which stands in front, is left whole."""
    start, end = len(content) * 2 // 5, len(content) * 3 // 5
    return content[:start] + bytes(end - start) + content[end:]
