"""Dialects: the services whose API can stand before the emulated service, by their names."""

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.callback_sender import CallbackSender
from storyboard.emulator.api.routes import ApiRoutes
from storyboard.emulator.api.service import EmulatedService
from storyboard.emulator.comfy.comfy_routes import ComfyRoutes
from storyboard.emulator.declared.declared_routes import DeclaredRoutes
from storyboard.emulator.faults.faults import Faults
from storyboard.emulator.gemini.gemini_routes import GeminiRoutes


class Routes(Protocol):
    """One service's API; ``faults`` are those that its requests still meet, ``key_header`` carries its key."""

    faults: Faults
    key_header: str

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the routes to a server."""
        ...

    def refuse_key(self, request: web.Request, wanted: str | None) -> web.Response | None:
        """The refusal of a request whose key is not the one that is ``wanted`` (None: any)."""
        ...

    def http_error(self, error: web.HTTPException) -> web.Response:
        """The response for an error of HTTP, such as a path that does not exist."""
        ...

    def restart(self) -> None:
        """Forget what a restart of the service forgets."""
        ...


def routes_of(
    behaviour: Behaviour, service: EmulatedService, faults: Faults, sender: CallbackSender, address: Callable[[], str]
) -> Routes:
    """Return the API that ``behaviour`` names; ``address`` gives the server's base URL."""
    if behaviour.declared:
        return DeclaredRoutes(behaviour.declared, service, faults, address)
    match behaviour.dialect:
        case "comfy":
            return ComfyRoutes(service, faults)
        case "gemini":
            return GeminiRoutes(service, faults, address)
    return ApiRoutes(service, faults, sender, address)
