"""The routes of an emulated declared service: each request is found among those of its declaration, and carried out."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from aiohttp import web

from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import EmulatedService, Job
from storyboard.emulator.declared.declared_jobs import CLIPS, DeclaredJobs
from storyboard.emulator.declared.declared_orders import read_declared_order
from storyboard.emulator.declared.declared_replies import DeclaredReplies
from storyboard.emulator.declared.request_matcher import RequestMatcher
from storyboard.emulator.faults.faults import PLACES, Faults, InjectedFault
from storyboard.emulator.faults.spoil import MOVED, json_reply, page, spoil, spoil_clip
from storyboard.providers.declared.declaration import Declaration, DeclaredRequest

_ANSWERING = tuple(PLACES["credit"])  # The faults that every API response can have.


class DeclaredRoutes:
    """The handlers of the API. ``address`` gives the server's base URL."""

    def __init__(
        self, declaration: Declaration, service: EmulatedService, faults: Faults, address: Callable[[], str]
    ) -> None:
        self.faults = faults
        self.key_header = declaration.auth.header or "Authorization"
        self._declaration = declaration
        self._service = service
        self._address = address
        self._jobs = DeclaredJobs(declaration, service, address)
        self._polls: Counter[str] = Counter()
        self._matcher = RequestMatcher(declaration)

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes to a server: one for clips, one for everything else."""
        router.add_get(f"{CLIPS}{{id:[0-9a-f]+}}.mp4", self._clip)
        router.add_route("*", "/{path:.*}", self._any)

    def refuse_key(self, request: web.Request, wanted: str | None) -> web.Response | None:
        """The refusal of a request without the key of the service, or with another one; clips need none."""
        auth = self._declaration.auth
        if not auth.header or request.path.startswith(CLIPS):
            return None
        value = request.headers.get(auth.header, "")
        key = value[len(auth.prefix) :].strip() if value.startswith(auth.prefix) else ""
        return None if key and wanted in (None, key) else self._refuse(self._declaration.submit, 401)

    def http_error(self, error: web.HTTPException) -> web.Response:
        """What is not of the API is a page."""
        return page(f"{error.status} {error.reason}", error.status)

    def restart(self) -> None:
        """Nothing is forgotten: the service keeps its jobs."""

    @property
    def _replies(self) -> DeclaredReplies:
        return self._jobs.replies

    def _refuse(self, request: DeclaredRequest, code: int) -> web.Response:
        return json_reply(self._replies.refusal(request, code), self._replies.status_of(request, code))

    async def _any(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if (clip := self._jobs.at_clip_path(request.method, path)) is not None:
            return await self._send_clip(request, clip)
        body = b"" if _is_form(request) else await request.read()
        for name, declared, values in self._matcher.matches(request.method, path, request.query, body):
            if name != "find" or self._jobs.find_named(values.get("name", "")):
                return await self._carry_out(name, declared, request, values)
        raise web.HTTPNotFound

    async def _carry_out(
        self, name: str, declared: DeclaredRequest, request: web.Request, values: Mapping[str, str]
    ) -> web.StreamResponse:
        if name == "submit":
            return await self._submit(request)
        job = self._service.jobs.get(values.get("job", ""))
        if name == "balance":
            return await self._told(request, declared, "credit", "", lambda: self._replies.balance(self._balance))
        if name == "find":
            matches = self._replies.matches(self._jobs.find_named(values.get("name", "")), values.get("name", ""))
            return await self._told(request, declared, "poll", "", lambda: matches)
        if job is None or self._is_unknown(job):
            return self._refuse(declared, 404)
        if name == "cancel":
            return self._cancel(job)
        answer = (
            (lambda: self._jobs.record(job, self._polls[job.id]))
            if name == "look"
            else (lambda: self._jobs.further(job))
        )
        return await self._told(request, declared, "poll", job.prompt, answer)

    @property
    def _balance(self) -> float:
        return float(self._service.balance)

    def _is_unknown(self, job: Job) -> bool:
        """Whether a fault has the service not know a job (yet)."""
        if self.faults.strike("poll", job.prompt, "lost"):
            return True
        self._polls[job.id] += 1
        late = self.faults.strike("poll", job.prompt, "late")
        return late is not None and self._polls[job.id] <= int(late.value or 1)

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        declared = self._declaration.submit
        for name, value in declared.headers.items():
            if request.headers.get(name) != value:
                return self._refuse(declared, 400)
        found = read_declared_order(self._declaration, request.rel_url.raw_path, await _body(request))
        if isinstance(found, str):
            return self._with_words(declared, 422, found)
        if callback := request.query.get(next((n for n, t in declared.query.items() if t == "{callback}"), "")):
            found = replace(found, order=replace(found.order, callback=callback))
        text = found.order.fault_text
        if self._service.too_fast():
            return self._refuse(declared, 429)
        if self._service.balance < (found.order.price or 0):
            return self._refuse(declared, 402)
        return await self._told(request, declared, "submit", text, lambda: self._jobs.accept(found, request.path))

    def _with_words(self, declared: DeclaredRequest, code: int, words: str) -> web.Response:
        document: object = self._replies.refusal(declared, code)
        document = declared.why[0].put(document, words) if declared.why else document
        return json_reply(document if isinstance(document, dict) else {}, self._replies.status_of(declared, code))

    def _cancel(self, job: Job) -> web.Response:
        cancel = self._declaration.cancel
        assert cancel
        if job.id in self._service.outcomes or job.id in self._jobs.cancelled:
            return self._refuse(cancel.request, next(iter(cancel.late), 409))
        self._jobs.cancelled.add(job.id)
        return json_reply(self._replies.plain(cancel.request)) if cancel.request.ok else web.Response(status=204)

    async def _told(
        self, request: web.Request, declared: DeclaredRequest, place: str, text: str, answer: Callable[[], Document]
    ) -> web.StreamResponse:
        """The response at ``place``, with a fault where one applies. ``answer`` carries out the request."""
        kinds = tuple(PLACES["submit"]) if place == "submit" else _ANSWERING
        fault = self._strike(request, place, text, kinds)

        def said(code: int) -> Document:
            return self._replies.refusal(declared, code)

        return await spoil(request, fault, answer, said) if fault else json_reply(answer())

    def _strike(self, request: web.Request, place: str, text: str, kinds: tuple[str, ...]) -> InjectedFault | None:
        return None if MOVED in request.query else self.faults.strike(place, text, *kinds)

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        job = self._jobs.of_clip(request.match_info["id"])
        if job is None:
            raise web.HTTPNotFound
        return await self._send_clip(request, job)

    async def _send_clip(self, request: web.Request, job: Job) -> web.StreamResponse:
        brief = self._service.brief(job)
        if brief is None or job.id in self._jobs.cancelled:
            raise web.HTTPNotFound
        fault = self._strike(request, "clip", job.prompt, ())
        clip = await self._service.films.spoilt(brief, fault.kind if fault else "")
        return await spoil_clip(request, fault, clip) if fault else web.FileResponse(clip)


async def _body(request: web.Request) -> object:
    """The body of a submission; of a form, its fields as texts, and its files as bytes. None if it is no JSON."""
    if _is_form(request):
        form = await request.post()
        return {
            name: value.file.read() if isinstance(value, web.FileField) else str(value) for name, value in form.items()
        }
    try:
        return json.loads(await request.read())
    except (ValueError, RecursionError):
        return None


def _is_form(request: web.Request) -> bool:
    return request.content_type.startswith("multipart/")
