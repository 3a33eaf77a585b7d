"""Emulator server: the provider's API over HTTP. It listens on loopback and connects to loopback addresses only.

Responses have HTTP status 200 and the actual status in ``code`` of the body, as the real service's (api-facts.md 1.2).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self
from urllib.parse import quote

import aiohttp
from aiohttp import web

from storyboard.emulator.api import image_uploads, replies
from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.orders import GenerationOrder, Refusal, read_order
from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import NO_RECORD, BilledCharge, EmulatedService, FinishedJob, Job, Outcome, Warned
from storyboard.emulator.drafts.flat import Colour, colour
from storyboard.emulator.drafts.frame_images import on_loopback
from storyboard.emulator.faults.faults import PLACES, Faults, InjectedFault, parse
from storyboard.emulator.faults.spoil import MOVED, json_reply, spoil, spoil_clip
from storyboard.http.address import is_loopback, loopback_host, sockets
from storyboard.model.errors import InputError
from storyboard.model.text import one_line
from storyboard.system.files import temporary_dir

_LARGEST_BODY = 32 * 1024 * 1024  # bytes: an image of 20 MB in base64
_CALLBACK_PATIENCE = aiohttp.ClientTimeout(total=15)  # api-facts.md 5.1
_CALLBACK_PAUSES = (0.0, 0.2, 0.4)  # seconds before each of its attempts

_AT_THE_END = tuple(kind for kind in PLACES["callback"] if kind != "early")
_ANSWERING = tuple(PLACES["credit"])  # The faults that every API response can have.

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A received request; ``key`` is whether it had an Authorization header."""

    method: str
    path: str
    query: str
    key: bool


class Emulator:
    """``async with Emulator(Behaviour()) as emulator``: serves on ``emulator.url`` until the block ends.

    ``port`` 0 takes a free one. ``warned`` is called with (label of the scene, sentence) for warnings about a draft.
    Raises InputError for an invalid fault, and where the port is in use.
    """

    def __init__(
        self, behaviour: Behaviour | None = None, port: int = 0, warned: Warned = lambda label, sentence: None
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.requests: list[Seen] = []
        self.url = ""
        self._faults = Faults(map(parse, self.behaviour.faults), self.behaviour.seed)
        self._port = port
        self._warned = warned
        self._exits = AsyncExitStack()
        self._polls: dict[str, int] = {}
        self._nulled: set[str] = set()

    def heal(self) -> None:
        """Remove all faults."""
        self._faults = Faults((), self.behaviour.seed)

    @property
    def jobs(self) -> list[Job]:
        """The accepted submissions, in order."""
        return list(self._service.jobs.values())

    @property
    def charges(self) -> list[BilledCharge]:
        """The charges and refunds of the account, in order."""
        return self._service.charges

    @property
    def balance(self) -> float:
        """The remaining credits."""
        return self._service.balance

    def credits_of(self, job: str) -> int:
        """The credits charged for a job so far, less its refunds."""
        return sum(charge.credits for charge in self.charges if charge.job == job)

    def outcome(self, job: str) -> Outcome | None:
        """The outcome of a job; None while it is in progress."""
        return self._service.outcomes.get(job)

    def colour(self, job: str) -> Colour | None:
        """The colour (RGB, 0 to 255) of the job's clip where films are plain; None before the job is finished."""
        outcome = self.outcome(job)
        return colour(outcome.brief.digest) if isinstance(outcome, FinishedJob) else None

    async def clip(self, job: str, *, hd: bool = False) -> Path | None:
        """The file of the job's clip; None where there is none (yet)."""
        known = self._service.jobs.get(job)
        brief = self._service.brief(known, hd=hd) if known else None
        return await self._service.films.clip(brief) if brief else None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            self._folder = exits.enter_context(temporary_dir("storyboard-drafts-"))
            connector = aiohttp.TCPConnector(socket_factory=sockets(is_loopback))
            self._web = await exits.enter_async_context(aiohttp.ClientSession(connector=connector))
            self._service = EmulatedService(
                self.behaviour, self._faults, self._folder, self._web, self._warned, self._ended
            )
            exits.push_async_callback(self._service.close)
            runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            exits.push_async_callback(runner.cleanup)
            await self._listen(runner)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _listen(self, runner: web.AppRunner) -> None:
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
        except OSError as error:
            hint = "choose another --port, or leave it out for a free one"
            raise InputError(f"port {self._port} of 127.0.0.1 is taken, or not to be had", hint) from error
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[self._front])
        app.router.add_post("/api/v1/veo/generate", self._generate)
        app.router.add_get("/api/v1/veo/record-info", self._record, allow_head=False)
        app.router.add_get("/api/v1/veo/get-1080p-video", self._hd, allow_head=False)
        app.router.add_get("/api/v1/chat/credit", self._credit, allow_head=False)
        app.router.add_post("/api/file-base64-upload", self._upload)
        app.router.add_get("/files/{path:.+}", self._file)
        app.router.add_get(r"/v/{job:[0-9a-f]{32}}{hd:(_1080p)?}.mp4", self._clip)
        return app

    @web.middleware
    async def _front(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Record the request, require a key for the API, and put HTTP errors into the envelope.

        Only requests whose Host is a loopback name are answered. That prevents DNS rebinding: a web page whose host
        name resolves to this machine could otherwise send requests through the user's browser.
        """
        if not loopback_host(request.host.rpartition(":")[0] or request.host):
            return web.Response(status=403)
        key = request.headers.get("Authorization")
        self.requests.append(Seen(request.method, request.path, request.query_string, key is not None))
        if request.path.startswith("/api/") and not self._fits(key or ""):
            return json_reply(replies.envelope(401))
        try:
            return await handler(request)
        except web.HTTPException as error:
            return json_reply(replies.envelope(error.status, error.reason), error.status)

    def _fits(self, authorization: str) -> bool:
        scheme, _, key = authorization.partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return False
        return self.behaviour.key is None or key.strip() == self.behaviour.key

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        order = read_order(await request.read())
        text = order.prompt if isinstance(order, GenerationOrder) else ""
        taken: list[Job] = []
        answer = await self._answered(request, "submit", text, lambda: self._accepted(order, taken))
        for job in taken:
            await self._call_early(job)
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
        if lost := self._faults.strike("poll", job.prompt, "lost"):
            return replies.unknown_job(lost.value)
        asked = self._polls[job.id] = self._polls.get(job.id, 0) + 1
        late = self._faults.strike("poll", job.prompt, "late")
        if late and asked <= int(late.value or 1):
            return replies.refusal_reply(NO_RECORD)
        return replies.record(job, self.outcome(job.id), self._address(job), self._shape(job))

    def _shape(self, job: Job) -> str:
        """The shape of resultUrls; "" for a plain list."""
        if not isinstance(self.outcome(job.id), FinishedJob):
            return ""
        fault = self._faults.strike("poll", job.prompt, "shape")
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
            return replies.envelope(data={"taskId": job.id, "resultUrl": self._address(job, "_1080p")})
        assert isinstance(found, Refusal)
        if isinstance(job, Job) and found.code == 400 and (fault := self._faults.strike("hd", job.prompt, "pending")):
            return replies.envelope(int(fault.value), found.message)
        return replies.refusal_reply(found)

    async def _credit(self, request: web.Request) -> web.StreamResponse:
        return await self._answered(request, "credit", "", lambda: replies.envelope(data=self.balance))

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        upload = image_uploads.read_upload(await request.read())
        text = upload.name if isinstance(upload, image_uploads.Upload) else ""
        return await self._answered(request, "upload", text, lambda: self._kept(upload))

    def _kept(self, upload: image_uploads.Upload | Refusal) -> Document:
        if isinstance(upload, Refusal):
            return replies.refusal_reply(upload)
        file = self._folder / f"upload-{len(self._service.uploads)}{upload.ending}"
        file.write_bytes(upload.content)
        path = f"{upload.folder}/{upload.name}"
        url = f"{self.url}/files/{quote(path)}"
        self._service.uploads[url] = file
        return replies.upload_reply(path, upload.name, url, len(upload.content), upload.kind)

    async def _answered(
        self, request: web.Request, place: str, text: str, answer: Callable[[], Document]
    ) -> web.StreamResponse:
        """The response at ``place``, with a fault where one applies. ``answer`` carries out the request."""
        kinds = tuple(PLACES["submit"]) if place == "submit" else _ANSWERING
        fault = self._strike(request, place, text, kinds)
        return await spoil(request, fault, answer) if fault else json_reply(answer())

    def _strike(self, request: web.Request, place: str, text: str, kinds: tuple[str, ...]) -> InjectedFault | None:
        return None if MOVED in request.query else self._faults.strike(place, text, *kinds)

    def _job(self, request: web.Request) -> Job | Refusal:
        id = request.query.get("taskId", "")
        return self._service.jobs.get(id, NO_RECORD) if id else Refusal(422, "taskId is required")

    def _address(self, job: Job, hd: str = "") -> str:
        return f"{self.url}/v/{job.id}{hd}.mp4"

    async def _file(self, request: web.Request) -> web.StreamResponse:
        file = self._service.uploads.get(f"{self.url}{request.rel_url.raw_path}")
        if file is None:
            raise web.HTTPNotFound
        return web.FileResponse(file)

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        job = self._service.jobs.get(request.match_info["job"])
        brief = self._service.brief(job, hd=bool(request.match_info["hd"])) if job else None
        if job is None or brief is None:
            raise web.HTTPNotFound
        fault = self._strike(request, "clip", job.prompt, ())
        films = self._service.films
        clip = await (films.silent(brief) if fault and fault.kind == "silent" else films.clip(brief))
        return await spoil_clip(request, fault, clip) if fault else web.FileResponse(clip)

    async def _ended(self, job: Job, outcome: Outcome) -> None:
        """Send the callback, if requested and its address is on loopback: three attempts, then none."""
        url = job.order.callback
        fault = self._faults.strike("callback", job.prompt, *_AT_THE_END) if url else None
        kind = fault.kind if fault else ""
        if not url or kind == "lost":
            return
        if not on_loopback(url):
            self._warned(
                job.order.label, f"the callback address {one_line(url, 200)} is not on this machine: not called"
            )
            return
        if fault and kind == "late":
            await asyncio.sleep(float(fault.value))
        named = {"forged": secrets.token_hex(16), "foreign": next(iter(self._service.jobs))}.get(kind, job.id)
        body = replies.callback(replace(job, id=named), outcome, self._address(job))
        for _ in range(2 if kind == "twice" else 1):
            await self._call_back(f"{url[:-8]}elsewhere" if kind == "elsewhere" else url, body)

    async def _call_early(self, job: Job) -> None:
        url = job.order.callback
        if url and on_loopback(url) and self._faults.strike("callback", job.prompt, "early"):
            await self._call_back(url, replies.envelope(data={"taskId": job.id}))

    async def _call_back(self, url: str, body: Document) -> None:
        for pause in _CALLBACK_PAUSES:
            await asyncio.sleep(pause)
            try:
                async with self._web.post(url, json=body, allow_redirects=False, timeout=_CALLBACK_PATIENCE) as answer:
                    if answer.status == 200:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError):
                continue  # No response: make the next attempt, if any is left.
