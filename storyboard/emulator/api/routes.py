"""The routes of the emulated API: each request carried out, and its reply, with a fault where one applies."""

from collections.abc import Callable
from urllib.parse import quote

from aiohttp import web

from storyboard.emulator.api import image_uploads, replies
from storyboard.emulator.api.callback_sender import CallbackSender, clip_address
from storyboard.emulator.api.orders import GenerationOrder, Refusal, read_order
from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import NO_RECORD, EmulatedService, FinishedJob, Job
from storyboard.emulator.faults.faults import PLACES, Faults, InjectedFault
from storyboard.emulator.faults.spoil import MOVED, json_reply, spoil, spoil_clip

_ANSWERING = tuple(PLACES["credit"])  # The faults that every API response can have.


class ApiRoutes:
    """The handlers of the API. ``address`` gives the server's base URL."""

    key_header = "Authorization"

    def __init__(
        self,
        service: EmulatedService,
        faults: Faults,
        sender: CallbackSender,
        address: Callable[[], str],
    ) -> None:
        self.faults = faults
        self._service = service
        self._sender = sender
        self._address = address
        self._polls: dict[str, int] = {}
        self._nulled: set[str] = set()

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes to a server."""
        router.add_post("/api/v1/veo/generate", self._generate)
        router.add_get("/api/v1/veo/record-info", self._record, allow_head=False)
        router.add_get("/api/v1/veo/get-1080p-video", self._hd, allow_head=False)
        router.add_get("/api/v1/chat/credit", self._credit, allow_head=False)
        router.add_post("/api/file-base64-upload", self._upload)
        router.add_get("/files/{path:.+}", self._file)
        router.add_get(r"/v/{job:[0-9a-f]{32}}{version:(_1080p|_original)?}.mp4", self._clip)

    def refuse_key(self, request: web.Request, wanted: str | None) -> web.Response | None:
        """The refusal of a request to the API without its key; clips need none."""
        scheme, _, key = request.headers.get(self.key_header, "").partition(" ")
        fits = scheme.lower() == "bearer" and key.strip() and wanted in (None, key.strip())
        return None if fits or not request.path.startswith("/api/") else json_reply(replies.envelope(401))

    def http_error(self, error: web.HTTPException) -> web.Response:
        """An error of HTTP, in the envelope."""
        return json_reply(replies.envelope(error.status, error.reason), error.status)

    def restart(self) -> None:
        """Nothing is forgotten: the service keeps its jobs."""

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        order = read_order(await request.read())
        text = order.fault_text if isinstance(order, GenerationOrder) else ""
        taken: list[Job] = []
        answer = await self._answered(request, "submit", text, lambda: self._accepted(order, taken))
        for job in taken:
            await self._sender.call_early(job)
        return answer

    def _accepted(self, order: GenerationOrder | Refusal, taken: list[Job]) -> Document:
        if self._service.too_fast():
            return replies.envelope(429)
        job = self._service.accept(order) if isinstance(order, GenerationOrder) else order
        if isinstance(job, Job):
            taken.append(job)
        return replies.envelope(data={"taskId": job.id}) if isinstance(job, Job) else replies.refusal_reply(job)

    async def _record(self, request: web.Request) -> web.StreamResponse:
        job = self._job(request)
        text = job.prompt if isinstance(job, Job) else ""
        return await self._answered(request, "poll", text, lambda: self._recorded(job))

    def _recorded(self, job: Job | Refusal) -> Document:
        if isinstance(job, Refusal):
            return replies.refusal_reply(job)
        if lost := self.faults.strike("poll", job.prompt, "lost"):
            return replies.unknown_job(lost.value)
        asked = self._polls[job.id] = self._polls.get(job.id, 0) + 1
        late = self.faults.strike("poll", job.prompt, "late")
        if late and asked <= int(late.value or 1):
            return replies.refusal_reply(NO_RECORD)
        urls = (clip_address(self._address(), job), clip_address(self._address(), job, "_original"))
        return replies.record(job, self._service.outcomes.get(job.id), urls, self._shape(job))

    def _shape(self, job: Job) -> str:
        """The shape of resultUrls; "" for a plain list."""
        if not isinstance(self._service.outcomes.get(job.id), FinishedJob):
            return ""
        fault = self.faults.strike("poll", job.prompt, "shape")
        if not fault or (fault.value == "null-first" and job.id in self._nulled):
            return ""
        self._nulled.add(job.id)
        return fault.value

    async def _hd(self, request: web.Request) -> web.StreamResponse:
        job = self._job(request)
        if request.query.get("index", "0") != "0":
            job = Refusal(422, "index must be 0: each task has one video")
        text = job.prompt if isinstance(job, Job) else ""
        return await self._answered(request, "hd", text, lambda: self._in_hd(job))

    def _in_hd(self, job: Job | Refusal) -> Document:
        found = self._service.hd(job) if isinstance(job, Job) else job
        if isinstance(job, Job) and isinstance(found, FinishedJob):
            return replies.envelope(data={"taskId": job.id, "resultUrl": clip_address(self._address(), job, "_1080p")})
        assert isinstance(found, Refusal)
        if isinstance(job, Job) and found.code == 400 and (fault := self.faults.strike("hd", job.prompt, "pending")):
            return replies.envelope(int(fault.value), found.message)
        return replies.refusal_reply(found)

    async def _credit(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, "credit", "", lambda: replies.envelope(data=self._service.balance))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        upload = image_uploads.read_upload(await request.read())
        text = upload.name if isinstance(upload, image_uploads.Upload) else ""
        return await self._answered(request, "upload", text, lambda: self._kept(upload))

    def _kept(self, upload: image_uploads.Upload | Refusal) -> Document:
        if isinstance(upload, Refusal):
            return replies.refusal_reply(upload)
        path = f"{upload.folder}/{upload.name}"
        url = f"{self._address()}/files/{quote(path)}"
        self._service.uploads.keep(url, upload.content, upload.ending)
        return replies.upload_reply(path, upload.name, url, len(upload.content), upload.kind)

    async def _answered(
        self, request: web.Request, place: str, text: str, answer: Callable[[], Document]
    ) -> web.StreamResponse:
        """The response at ``place``, with a fault where one applies. ``answer`` carries out the request."""
        kinds = tuple(PLACES["submit"]) if place == "submit" else _ANSWERING
        fault = self._strike(request, place, text, kinds)
        return await spoil(request, fault, answer) if fault else json_reply(answer())

    def _strike(self, request: web.Request, place: str, text: str, kinds: tuple[str, ...]) -> InjectedFault | None:
        return None if MOVED in request.query else self.faults.strike(place, text, *kinds)

    def _job(self, request: web.Request) -> Job | Refusal:
        id = request.query.get("taskId", "")
        return self._service.jobs.get(id, NO_RECORD) if id else Refusal(422, "taskId is required")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._service.uploads.get(f"{self._address()}{request.rel_url.raw_path}")
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file)

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        job = self._service.jobs.get(request.match_info["job"])
        version = request.match_info["version"]
        brief = self._service.brief(job, hd=version == "_1080p", original=version == "_original") if job else None
        if job is None or brief is None:
            raise web.HTTPNotFound
        fault = self._strike(request, "clip", f"{job.prompt}{version}", ())
        films = self._service.films
        clip = await films.spoilt(brief, fault.kind if fault else "")
        return await spoil_clip(request, fault, clip) if fault else web.FileResponse(clip)
