"""The routes of an emulated declared service: each request is found among those of its declaration, and carried out."""

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from aiohttp import web

from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import EmulatedService, FailedJob, FinishedJob, Job
from storyboard.emulator.declared.declared_orders import DeclaredOrder, image_ending, read_declared_order
from storyboard.emulator.declared.declared_replies import DeclaredReplies, DoneJob
from storyboard.emulator.declared.template_match import Mismatch, match_body
from storyboard.emulator.faults.faults import PLACES, Faults, InjectedFault
from storyboard.emulator.faults.spoil import MOVED, json_reply, page, spoil, spoil_clip
from storyboard.providers.declared.declaration import Declaration, DeclaredRequest
from storyboard.providers.declared.placeholders import names_inside, placeholder
from storyboard.providers.declared.pointers import encode

_ANSWERING = tuple(PLACES["credit"])  # The faults that every API response can have.
_CLIPS = "/emulated-clips/"
# The order in which a request is looked for: a path of `then` may be the beginning of one of `look`, and one of `find`
# the same.
_ORDER = ("find", "look", "cancel", "balance", "then", "submit")


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
        self._orders: dict[str, DeclaredOrder] = {}
        self._polls: Counter[str] = Counter()
        self._cancelled: set[str] = set()
        self._requests = {name: (request, _pattern(declaration, request)) for name, request in declaration.requests}

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes to a server: one for clips, one for everything else."""
        router.add_get(f"{_CLIPS}{{id:[0-9a-f]+}}.mp4", self._clip)
        router.add_route("*", "/{path:.*}", self._any)

    def refuse_key(self, request: web.Request, wanted: str | None) -> web.Response | None:
        """The refusal of a request without the key of the service, or with another one; clips need none."""
        auth = self._declaration.auth
        if not auth.header or request.path.startswith(_CLIPS):
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
        return DeclaredReplies(self._declaration, self._address())

    def _refuse(self, request: DeclaredRequest, code: int) -> web.Response:
        return json_reply(self._replies.refusal(request, code), self._replies.status_of(request, code))

    async def _any(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if (clip := self._own_clip(request.method, path)) is not None:
            return await self._send_clip(request, clip)
        for name in _ORDER:
            declared, pattern = self._requests.get(name, (None, None))
            match = pattern.fullmatch(path) if pattern and declared and declared.method == request.method else None
            values = await self._values(request, declared, match) if declared and match else None
            if declared and values is not None and (name != "find" or self._named(values)):
                return await self._carry_out(name, declared, request, values)
        raise web.HTTPNotFound

    async def _values(
        self, request: web.Request, declared: DeclaredRequest, match: "re.Match[str]"
    ) -> Mapping[str, str] | None:
        """The values of a request's placeholders; None where its query or its body is not that of the declaration."""
        values = {name: _decode(text) for name, text in match.groupdict().items()}
        for name, text in declared.query.items():
            found = placeholder(text)
            if not found and request.query.get(name) != text:
                return None
            if found and name in request.query:
                values[found.name] = request.query[name]
        if declared.body:
            try:
                told = match_body(declared.body, json.loads(await request.read() or b"null"))
            except (Mismatch, ValueError, RecursionError):
                return None
            values.update({name: value for name, value in told.items() if isinstance(value, str)})
        return values

    async def _carry_out(
        self, name: str, declared: DeclaredRequest, request: web.Request, values: Mapping[str, str]
    ) -> web.StreamResponse:
        if name == "submit":
            return await self._submit(request)
        job = self._service.jobs.get(values.get("job", ""))
        if name == "balance":
            return await self._told(request, declared, "credit", "", lambda: self._replies.balance(self._balance))
        if name == "find":
            matches = self._replies.matches(self._named(values), values["name"])
            return await self._told(request, declared, "poll", "", lambda: matches)
        if job is None or self._is_unknown(job):
            return self._refuse(declared, 404)
        if name == "cancel":
            return self._cancel(job)
        answer = (lambda: self._record(job)) if name == "look" else (lambda: self._further(job))
        return await self._told(request, declared, "poll", job.prompt, answer)

    def _named(self, values: Mapping[str, str]) -> list[str]:
        """The jobs of our own name in the values of a request."""
        return [job for job, order in self._orders.items() if order.name and order.name == values.get("name")]

    @property
    def _balance(self) -> float:
        return float(self._service.balance)

    def _is_unknown(self, job: Job) -> bool:
        """Whether a fault has the service not know a job (yet)."""
        if self.faults.strike("poll", job.prompt, "lost"):
            return True
        self._polls[job.id] += 1
        late = self.faults.strike("poll", job.prompt, "late")
        return bool(late) and self._polls[job.id] <= int(late.value or 1) if late else False

    async def _submit(self, request: web.Request) -> web.StreamResponse:
        declared = self._declaration.submit
        for name, value in declared.headers.items():
            if request.headers.get(name) != value:
                return self._refuse(declared, 400)
        found = read_declared_order(self._declaration, request.rel_url.raw_path, await self._body(request))
        if isinstance(found, str):
            return self._with_words(declared, 422, found)
        if callback := request.query.get(next((n for n, t in declared.query.items() if t == "{callback}"), "")):
            found = replace(found, order=replace(found.order, callback=callback))
        text = found.order.fault_text
        if self._service.too_fast():
            return self._refuse(declared, 429)
        if self._service.balance < (found.order.price or 0):
            return self._refuse(declared, 402)
        return await self._told(request, declared, "submit", text, lambda: self._accept(found, request.path))

    def _with_words(self, declared: DeclaredRequest, code: int, words: str) -> web.Response:
        document: object = self._replies.refusal(declared, code)
        document = declared.why[0].put(document, words) if declared.why else document
        return json_reply(document if isinstance(document, dict) else {}, self._replies.status_of(declared, code))

    async def _body(self, request: web.Request) -> object:
        """The body of a submission; of a form, its fields as texts, and its files as bytes."""
        if self._declaration.form:
            form = await request.post()
            return {
                name: value.file.read() if isinstance(value, web.FileField) else str(value)
                for name, value in form.items()
            }
        try:
            return json.loads(await request.read())
        except (ValueError, RecursionError):
            return None

    def _accept(self, found: DeclaredOrder, path: str) -> Document:
        """Begin a job. Where its name is a path, it lies below the first two parts of what was asked for."""
        for name, content in found.images.items():
            self._service.uploads.keep(name, content, image_ending(content))
        id = secrets.token_hex(16)
        above = "/".join(path.strip("/").split("/")[:2])
        name = f"{above}/requests/{id}" if self._declaration.job.is_path else id
        job = self._service.accept(found.order, name)
        assert isinstance(job, Job), "the balance was looked at before"
        self._orders[job.id] = found
        return self._replies.accepted(job.id, None)

    def _record(self, job: Job) -> Document:
        outcome = self._service.outcomes.get(job.id)
        if job.id in self._cancelled:
            return self._replies.cancelled(job.id, job.prompt)
        if isinstance(outcome, FailedJob):
            return self._replies.failed(job.id, job.prompt, outcome)
        if isinstance(outcome, FinishedJob):
            return self._replies.done(job.id, job.prompt, self._done(job))
        return self._replies.waiting(job.id, job.prompt, queued=self._polls[job.id] <= 1)

    def _further(self, job: Job) -> Document:
        if not isinstance(self._service.outcomes.get(job.id), FinishedJob):
            assert self._declaration.then
            return self._replies.refusal(self._declaration.then[0], 400)
        return self._replies.further(job.id, self._done(job))

    def _done(self, job: Job) -> DoneJob:
        cost = job.order.price or Fraction(0)
        url = f"{self._address()}{_CLIPS}{job.id.rpartition('/')[2]}.mp4"
        return DoneJob(url, job.order.seed, Decimal(cost.numerator) / cost.denominator)

    def _cancel(self, job: Job) -> web.Response:
        cancel = self._declaration.cancel
        assert cancel
        if job.id in self._service.outcomes or job.id in self._cancelled:
            return self._refuse(cancel.request, next(iter(cancel.late), 409))
        self._cancelled.add(job.id)
        return json_reply(self._replies.plain(cancel.request)) if cancel.request.ok else web.Response(status=204)

    async def _told(
        self, request: web.Request, declared: DeclaredRequest, place: str, text: str, answer: Callable[[], Document]
    ) -> web.StreamResponse:
        """The response at ``place``, with a fault where one applies. ``answer`` carries out the request."""
        kinds = tuple(PLACES["submit"]) if place == "submit" else _ANSWERING
        fault = self._strike(request, place, text, kinds)
        said = lambda code: self._replies.refusal(declared, code)  # noqa: E731
        return await spoil(request, fault, answer, said) if fault else json_reply(answer())

    def _strike(self, request: web.Request, place: str, text: str, kinds: tuple[str, ...]) -> InjectedFault | None:
        return None if MOVED in request.query else self.faults.strike(place, text, *kinds)

    def _own_clip(self, method: str, path: str) -> Job | None:
        """The job whose clip is served at this path of the service itself."""
        clip_path = self._declaration.look.outcome.clip_path
        if not clip_path or method not in ("GET", "HEAD"):
            return None
        divides = self._declaration.job.is_path
        paths = {clip_path.replace("{job}", encode(job, slashes=divides)): job for job in self._service.jobs}
        return self._service.jobs.get(paths.get(path, ""))

    async def _clip(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["id"]
        job = next((job for name, job in self._service.jobs.items() if name.rpartition("/")[2] == id), None)
        if job is None:
            raise web.HTTPNotFound
        return await self._send_clip(request, job)

    async def _send_clip(self, request: web.Request, job: Job) -> web.StreamResponse:
        brief = self._service.brief(job)
        if brief is None or job.id in self._cancelled:
            raise web.HTTPNotFound
        fault = self._strike(request, "clip", job.prompt, ())
        clip = await self._service.films.spoilt(brief, fault.kind if fault else "")
        return await spoil_clip(request, fault, clip) if fault else web.FileResponse(clip)


def _pattern(declaration: Declaration, request: DeclaredRequest) -> "re.Pattern[str]":
    """What the raw paths of a declared request look like, with a group for each placeholder."""
    divides = declaration.job_divides
    parts = re.split(r"\{([^{}]*)\}", request.path)
    names = names_inside(request.path)
    written = "".join(
        re.escape(part) if at % 2 == 0 else f"(?P<{part}>{'.+?' if part in divides else '[^/]+'})"
        for at, part in enumerate(parts)
    )
    assert len(names) == len(set(names)), "the reader lets a name stand in a path once"
    return re.compile(written)


def _decode(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text)
