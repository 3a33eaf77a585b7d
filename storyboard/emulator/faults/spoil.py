"""The HTTP response for each fault of faults.py."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from storyboard.emulator.api import replies
from storyboard.emulator.api.replies import Document
from storyboard.emulator.faults.faults import CODES, InjectedFault

MOVED = "moved"  # A query parameter of redirect targets, where no fault applies.

_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"


def _said(code: int) -> Document:
    return replies.envelope(code) if code else replies.envelope(200, data={})


async def spoil(
    request: web.Request,
    fault: InjectedFault,
    answer: Callable[[], Document],
    said: Callable[[int], Document] = _said,
) -> web.StreamResponse:
    """The API response with ``fault``. ``answer`` carries out the request; faults before that do not call it.

    ``said`` is the document of a refusal with a code; for 0 that of an acceptance without a job's name.
    """
    early = answer() if fault.charged else None
    if fault.kind == "slow":
        await asyncio.sleep(float(fault.value))
    if fault.kind in ("slow", "cut") and early is None:
        early = answer()
    match fault.kind:
        case "http":
            code = int(fault.value)
            return json_reply(said(code), code)
        case "code":
            return json_reply(said(int(fault.value)))
        case "garbage":
            return page("Bad Gateway", 200)
        case "no-id":
            return json_reply(said(0))
        case "redirect":
            return _elsewhere(request, fault)
        case "cut":
            return await _half(request, json.dumps(early).encode(), "application/json")
        case "slow":
            return json_reply(early or {})
    return drop_connection(request)


async def spoil_clip(request: web.Request, fault: InjectedFault, clip: Path) -> web.StreamResponse:
    """The response with the clip and ``fault``; a fault of the picture or the sound, ``clip`` has already."""
    match fault.kind:
        case "http":
            return page(CODES.get(int(fault.value), "Error"), int(fault.value))
        case "html":
            return page("This link has expired", 200)
        case "redirect":
            return _elsewhere(request, fault)
        case "silent" | "black" | "frozen":
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
    """The document as a JSON response."""
    return web.json_response(document, status=status)


def page(title: str, status: int) -> web.Response:
    """An HTML page as a response."""
    return web.Response(text=_PAGE.format(title), status=status, content_type="text/html")


def drop_connection(request: web.Request) -> web.Response:
    """Reset the connection. The returned response is never sent."""
    if request.transport:
        request.transport.abort()
    return web.Response()


def _elsewhere(request: web.Request, fault: InjectedFault) -> web.Response:
    location = fault.value or str(request.rel_url.update_query({MOVED: "1"}))
    return web.Response(status=307, headers={"Location": location})


async def _half(request: web.Request, body: bytes, kind: str) -> web.StreamResponse:
    """Send the headers of the whole body and half of it, then close the connection."""
    response = web.StreamResponse()
    response.content_type, response.content_length = kind, len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


def _with_hole(content: bytes) -> bytes:
    """The file with its middle fifth set to zeros; the sample tables at its start are unchanged."""
    start, end = len(content) * 2 // 5, len(content) * 3 // 5
    return content[:start] + bytes(end - start) + content[end:]
