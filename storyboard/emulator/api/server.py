"""Emulator server: the provider's API over HTTP. It listens on loopback and connects to loopback addresses only.

Responses have HTTP status 200 and the actual status in ``code`` of the body, as the real service's (api-facts.md 1.2).
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self

import aiohttp
from aiohttp import web

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.callback_sender import CallbackSender
from storyboard.emulator.api.service import BilledCharge, EmulatedService, FailedJob, FinishedJob, Job, Outcome, Warned
from storyboard.emulator.dialects import routes_of
from storyboard.emulator.drafts.flat import Colour, colour
from storyboard.emulator.faults.faults import Faults, parse
from storyboard.http.address import is_loopback, loopback_host, sockets
from storyboard.model.errors import InputError, StoryboardError
from storyboard.system.files import temporary_dir

_LARGEST_BODY = 32 * 1024 * 1024  # bytes: an image of 20 MB in base64

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Seen:
    """A received request; ``key`` is whether it had the header of the service's key."""

    method: str
    path: str
    query: str
    key: bool


class Emulator:
    """``async with Emulator(Behaviour()) as emulator``: serves on ``emulator.url`` until the block ends.

    ``port`` 0 takes a free one. ``warned`` is called with (label of the scene, sentence) for warnings about a draft.
    Raise InputError for an invalid fault, and where the port is in use.
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

    def heal(self) -> None:
        """Remove all faults."""
        self.inject()

    def inject(self, *faults: str) -> None:
        """Replace the faults of requests by these. Those of jobs stay as they were. Raise InputError."""
        self._routes.faults = self._sender.faults = Faults(map(parse, faults), self.behaviour.seed)

    def restart(self) -> None:
        """Forget what a restart of the service forgets: of a ComfyUI, its queue and its history."""
        self._routes.restart()

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

    @property
    def own_faults(self) -> Mapping[str, StoryboardError]:
        """The faults of this program or machine that ended jobs or their 1080p versions, by their labels' headings."""
        ends = ((job.order.draft_label.heading, self._fault(job.id)) for job in self.jobs)
        return {heading: fault for heading, fault in ends if fault}

    def _fault(self, job: str) -> StoryboardError | None:
        end = self.outcome(job)
        return end.fault if isinstance(end, FailedJob) else self._service.hd_faults.get(job)

    def credits_of(self, job: str) -> int | Fraction:
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
            folder = exits.enter_context(temporary_dir("storyboard-drafts-"))
            connector = aiohttp.TCPConnector(socket_factory=sockets(is_loopback))
            session = await exits.enter_async_context(aiohttp.ClientSession(connector=connector))
            self._sender = CallbackSender(
                session, self._faults, self._warned, lambda: self.url, lambda: next(iter(self._service.jobs))
            )
            self._service = EmulatedService(
                self.behaviour, self._faults, folder, session, self._warned, self._sender.send
            )
            self._routes = routes_of(self.behaviour, self._service, self._faults, self._sender, lambda: self.url)
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
        self._routes.add_to(app.router)
        return app

    @web.middleware
    async def _front(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Record the request, require a key for the API, and have HTTP errors said as the service says them.

        Only requests whose Host is a loopback name are answered. That prevents DNS rebinding: a web page whose host
        name resolves to this machine could otherwise send requests through the user's browser.
        """
        if not loopback_host(request.host.rpartition(":")[0] or request.host):
            return web.Response(status=403)
        has_key = self._routes.key_header in request.headers
        self.requests.append(Seen(request.method, request.path, request.query_string, has_key))
        if refusal := self._routes.refuse_key(request, self.behaviour.key):
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as error:
            return self._routes.http_error(error)
