"""The routes of an emulated Gemini API: each request carried out, and its reply, with a fault where one applies."""

import secrets
from collections import Counter
from collections.abc import Callable
from hashlib import sha256

from aiohttp import web

from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import EmulatedService, FinishedJob, Job
from storyboard.emulator.faults.faults import PLACES, Faults
from storyboard.emulator.faults.spoil import MOVED, json_reply, page, spoil, spoil_clip
from storyboard.emulator.gemini import gemini_replies as replies
from storyboard.emulator.gemini.interaction_orders import GoogleRefusal, InteractionOrder, read_interaction_order

_ANSWERING = tuple(PLACES["credit"])  # The faults that every API response can have.


class GeminiRoutes:
    """The handlers of the API. ``address`` gives the server's base URL."""

    key_header = "x-goog-api-key"

    def __init__(self, service: EmulatedService, faults: Faults, address: Callable[[], str]) -> None:
        self.faults = faults
        self._service = service
        self._address = address
        self._orders: dict[str, InteractionOrder] = {}
        self._equal: Counter[bytes] = Counter()
        self._cancelled: set[str] = set()
        self._looked: Counter[str] = Counter()
        self._polls: Counter[str] = Counter()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes to a server, in both versions of the API."""
        root = "/{version:v1|v1beta}"
        router.add_post(f"{root}/interactions", self._create)
        router.add_get(f"{root}/interactions/{{job}}", self._get, allow_head=False)
        router.add_post(f"{root}/interactions/{{job}}/cancel", self._cancel)
        router.add_get(f"{root}/files/{{name:[a-z0-9]+}}", self._file, allow_head=False)
        router.add_get(f"{root}/files/{{name:[a-z0-9]+}}:download", self._clip, allow_head=False)
        router.add_get(f"{root}/models", self._models, allow_head=False)

    def refuse_key(self, request: web.Request, wanted: str | None) -> web.Response | None:
        """The refusal of a request without a key, or with another one than ``wanted``.

        A key in the query would end in logs: it does not count.
        """
        key = request.headers.get(self.key_header)
        if not key:
            said = "Method doesn't allow unregistered callers. Please use API Key to call this API."
            return _reply(replies.google_refusal("PERMISSION_DENIED", said))
        if wanted not in (None, key):
            said = "API key not valid. Please pass a valid API key."
            return _reply(replies.google_refusal("INVALID_ARGUMENT", said, "API_KEY_INVALID"))
        return None

    def http_error(self, error: web.HTTPException) -> web.Response:
        """What is not of the API at all is a page, as at Google."""
        return page(f"Error {error.status} ({error.reason})", error.status)

    def restart(self) -> None:
        """Nothing is forgotten: the jobs are in a data centre."""

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        seed = int.from_bytes(sha256(b"%d %b" % (self._equal[body], body)).digest()[:4])
        try:
            found = read_interaction_order(body, seed)
        except GoogleRefusal as refusal:
            return _reply(replies.google_refusal(refusal.status, refusal.message))
        return await self._with_fault(request, "submit", found.order.fault_text, lambda: self._accept(found, body))

    def _accept(self, found: InteractionOrder, body: bytes) -> Document:
        """Begin a job. An equal request makes another clip, as Omni has no seed."""
        if self._service.too_fast():
            return replies.google_refusal("RESOURCE_EXHAUSTED", "You exceeded your current quota.")
        for name, (content, ending) in found.images.items():
            self._service.uploads.keep(name, content, ending)
        job = self._service.accept(found.order, f"v1_{secrets.token_hex(16)}")
        if not isinstance(job, Job):
            return replies.google_refusal("RESOURCE_EXHAUSTED", job.message)
        self._equal[body] += 1
        self._orders[job.id] = found
        return replies.interaction_document(job.id, found, None, {}, is_cancelled=False)

    async def _get(self, request: web.Request) -> web.StreamResponse:
        job = self._service.jobs.get(request.match_info["job"])
        if job is None:
            return _reply(_no_such("interaction"))
        outcome, found = self._service.outcomes.get(job.id), self._orders[job.id]
        video: Document = {"uri": f"{self._address()}/v1beta/files/{_file_of(job)}"}
        if isinstance(outcome, FinishedJob) and found.inline:
            clip = await self._service.films.clip(outcome.brief)
            video = replies.inline_video(clip.read_bytes())
        return await self._with_fault(request, "poll", job.prompt, lambda: self._told(job, video))

    def _told(self, job: Job, video: Document) -> Document:
        if self.faults.strike("poll", job.prompt, "lost"):
            return _no_such("interaction")
        self._polls[job.id] += 1
        late = self.faults.strike("poll", job.prompt, "late")
        if late and self._polls[job.id] <= int(late.value or 1):
            return _no_such("interaction")
        outcome, found = self._service.outcomes.get(job.id), self._orders[job.id]
        return replies.interaction_document(job.id, found, outcome, video, is_cancelled=job.id in self._cancelled)

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        job = self._service.jobs.get(request.match_info["job"])
        if job is None:
            return _reply(_no_such("interaction"))
        if job.id in self._service.outcomes:
            return _reply(replies.google_refusal("FAILED_PRECONDITION", "The interaction is not in progress."))
        self._cancelled.add(job.id)
        return _reply(self._told(job, {}))

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """A file is being processed when it is first asked for."""
        job = self._job_of_file(request)
        brief = self._service.brief(job) if job else None
        if job is None or brief is None:
            return _reply(replies.google_refusal("PERMISSION_DENIED", "You do not have permission, or no such file."))
        self._looked[job.id] += 1
        size = (await self._service.films.clip(brief)).stat().st_size
        url, is_active = f"{self._address()}/v1beta/files/{_file_of(job)}", self._looked[job.id] > 1
        said = replies.file_document(_file_of(job), url, size, is_active=is_active)
        return await self._with_fault(request, "poll", job.prompt, lambda: said)

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        job = self._job_of_file(request)
        brief = self._service.brief(job) if job else None
        if job is None or brief is None or request.query.get("alt") != "media":
            return _reply(_no_such("file"))
        fault = None if MOVED in request.query else self.faults.strike("clip", job.prompt)
        clip = await self._service.films.spoilt(brief, fault.kind if fault else "")
        return await spoil_clip(request, fault, clip) if fault else web.FileResponse(clip)

    def _job_of_file(self, request: web.Request) -> Job | None:
        return self._service.jobs.get(f"v1_{request.match_info['name']}")

    async def _models(self, request: web.Request) -> web.StreamResponse:
        return await self._with_fault(request, "credit", "", replies.model_list)

    async def _with_fault(
        self, request: web.Request, place: str, text: str, answer: Callable[[], Document]
    ) -> web.StreamResponse:
        """The response at ``place``, with a fault where one applies. ``answer`` carries out the request."""
        kinds = tuple(PLACES["submit"]) if place == "submit" else _ANSWERING
        fault = None if MOVED in request.query else self.faults.strike(place, text, *kinds)
        return await spoil(request, fault, answer, replies.refusal_of_code) if fault else _reply(answer())


def _file_of(job: Job) -> str:
    return job.id.removeprefix("v1_")


def _no_such(what: str) -> Document:
    return replies.google_refusal("NOT_FOUND", f"Requested {what} was not found.")


def _reply(document: Document) -> web.Response:
    return json_reply(document, replies.status_of(document))
