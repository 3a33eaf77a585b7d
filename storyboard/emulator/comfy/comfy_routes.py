"""The routes of an emulated ComfyUI: each request carried out, and its reply, with a fault where one applies.

Source: services.md section 8. It works on all its jobs at once; the oldest one is shown as running.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from aiohttp import web

from storyboard.emulator.api.replies import Document, envelope
from storyboard.emulator.api.service import EmulatedService, FailedJob, FinishedJob, Job
from storyboard.emulator.comfy.workflow_orders import WorkflowOrder, WorkflowRefusal, read_workflow_order
from storyboard.emulator.faults.faults import PLACES, Faults
from storyboard.emulator.faults.spoil import MOVED, json_reply, spoil, spoil_clip

VERSION = "0.3.64"  # of the ComfyUI whose answers these are

_ANSWERING = tuple(PLACES["credit"])  # The faults that every API response can have.


class ComfyRoutes:
    """The handlers of the API. It takes no key: one that is sent all the same is seen."""

    key_header = "Authorization"

    def __init__(self, service: EmulatedService, faults: Faults) -> None:
        self.faults = faults
        self._service = service
        self._orders: dict[str, WorkflowOrder] = {}
        self._interrupted: set[str] = set()
        self._forgotten: set[str] = set()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes to a server, each also below /api."""
        for root in ("", "/api"):
            router.add_post(f"{root}/prompt", self._prompt)
            router.add_get(f"{root}/queue", self._queue)
            router.add_post(f"{root}/queue", self._delete)
            router.add_get(f"{root}/history/{{job}}", self._history)
            router.add_post(f"{root}/interrupt", self._interrupt)
            router.add_get(f"{root}/view", self._view)
            router.add_post(f"{root}/upload/image", self._upload)
            router.add_get(f"{root}/object_info/{{name}}", self._object_info)
            router.add_get(f"{root}/system_stats", self._system_stats)

    def refuse_key(self, request: web.Request, wanted: str | None) -> web.Response | None:
        """Nothing is refused: whoever reaches the port may run anything."""
        return None

    def http_error(self, error: web.HTTPException) -> web.Response:
        """An error of HTTP, as this server has always said it."""
        return json_reply(envelope(error.status, error.reason), error.status)

    def restart(self) -> None:
        """Forget the queue and the history, as a restart of ComfyUI does. Files that were saved stay."""
        self._forgotten.update(self._orders)

    async def _prompt(self, request: web.Request) -> web.StreamResponse:
        found = read_workflow_order(await request.read(), self._service.uploads, secrets.token_hex(16))
        if isinstance(found, WorkflowRefusal):
            return json_reply(found.document, found.status)
        return await self._with_fault(request, "submit", found.order.fault_text, lambda: self._accept(found))

    def _accept(self, found: WorkflowOrder) -> Document:
        """Begin a job; one whose name is known is served from the cache, and makes no second file."""
        self._forgotten.discard(found.name)
        if found.name not in self._orders:
            self._orders[found.name] = found
            self._service.accept(found.order, found.name)
        return {"prompt_id": found.name, "number": len(self._orders), "node_errors": {}}

    def _pending(self) -> list[str]:
        """The jobs that are in the queue, oldest first."""
        gone = self._interrupted | self._forgotten
        return [name for name in self._orders if name not in gone and name not in self._service.outcomes]

    async def _queue(self, request: web.Request) -> web.StreamResponse:
        return await self._with_fault(request, "poll", "", self._queue_document)

    def _queue_document(self) -> Document:
        entries = [[at, name, {}, {}, []] for at, name in enumerate(self._pending(), 1)]
        return {"queue_running": entries[:1], "queue_pending": entries[1:]}

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        """A waiting job has no history at all afterwards; the running one stays."""
        names = _document(await request.read()).get("delete")
        waiting = self._pending()[1:]
        self._forgotten.update(name for name in waiting if isinstance(names, list) and name in names)
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.StreamResponse:
        name = _document(await request.read()).get("prompt_id")
        if self._pending()[:1] == [name]:
            self._interrupted.add(str(name))
        return web.Response()

    async def _history(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["job"]
        job = self._service.jobs.get(name)
        text = job.prompt if job else ""
        return await self._with_fault(request, "poll", text, lambda: self._told(job) if job else {})

    def _told(self, job: Job) -> Document:
        if job.id in self._forgotten:
            return {}
        outcome, found = self._service.outcomes.get(job.id), self._orders[job.id]
        if job.id in self._interrupted:
            return {job.id: _entry("error", ["execution_interrupted", {"node_id": found.node}])}
        if isinstance(outcome, FailedJob):
            said = {"node_id": found.node, "node_type": "SaveVideo", "exception_message": outcome.message}
            return {job.id: _entry("error", ["execution_error", said])}
        if isinstance(outcome, FinishedJob):
            file = {"filename": found.file, "subfolder": found.folder, "type": "output"}
            outputs = {found.node: {"images": [file], "animated": [True]}}
            return {job.id: {**_entry("success", ["execution_success", {}]), "outputs": outputs}}
        return {}

    async def _view(self, request: web.Request) -> web.StreamResponse:
        wanted = (request.query.get("subfolder", ""), request.query.get("filename", ""))
        names = [name for name, found in self._orders.items() if (found.folder, found.file) == wanted]
        job = self._service.jobs.get(names[0]) if names else None
        brief = self._service.brief(job) if job else None
        if job is None or brief is None or job.id in self._interrupted:
            raise web.HTTPNotFound
        if request.method == "HEAD":
            return web.FileResponse(await self._service.films.clip(brief))
        fault = None if MOVED in request.query else self.faults.strike("clip", job.prompt)
        clip = await self._service.films.spoilt(brief, fault.kind if fault else "")
        return await spoil_clip(request, fault, clip) if fault else web.FileResponse(clip)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        image, folder = form.get("image"), str(form.get("subfolder", ""))
        if not isinstance(image, web.FileField):
            return web.Response(status=400)
        content, name = image.file.read(), PurePosixPath(image.filename).name
        return await self._with_fault(request, "upload", name, lambda: self._keep(content, folder, name))

    def _keep(self, content: bytes, folder: str, name: str) -> Document:
        self._service.uploads.keep(f"{folder}/{name}" if folder else name, content, PurePosixPath(name).suffix)
        return {"name": name, "subfolder": folder, "type": "input"}

    async def _object_info(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        known = {"input": {"required": {}}, "name": name, "category": "emulator", "output_node": False}
        return json_reply({name: known})

    async def _system_stats(self, request: web.Request) -> web.StreamResponse:
        return json_reply({"system": {"comfyui_version": VERSION, "os": "emulator"}, "devices": []})

    async def _with_fault(
        self, request: web.Request, place: str, text: str, answer: Callable[[], Document]
    ) -> web.StreamResponse:
        """The response at ``place``, with a fault where one applies. ``answer`` carries out the request."""
        kinds = tuple(PLACES["submit"]) if place == "submit" else _ANSWERING
        fault = None if MOVED in request.query else self.faults.strike(place, text, *kinds)
        return await spoil(request, fault, answer) if fault else json_reply(answer())


def _entry(state: str, message: list[object]) -> dict[str, object]:
    status = {"status_str": state, "completed": state == "success", "messages": [message]}
    return {"prompt": [], "outputs": {}, "status": status, "meta": {}}


def _document(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
