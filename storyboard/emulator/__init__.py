"""Emulator: the provider's API on the loopback interface, with draft clips drawn locally and faults on request.

``Emulator(Behaviour())`` is an async context manager; its ``url`` takes the place of the real service's base URL.
"""

from typing import TYPE_CHECKING

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.orders import LABEL

if TYPE_CHECKING:
    from storyboard.emulator.api.server import Emulator
    from storyboard.providers.base import Provider

__all__ = ["LABEL", "Behaviour", "Emulator", "draft_provider"]


def draft_provider() -> "Provider":
    """The provider for drafts: the built-in one, which also sends the label that each card shows."""
    from storyboard.providers.apikley.profile import Profile
    from storyboard.providers.apikley.veo import Apikley

    return Apikley(Profile.of({"label": LABEL}))


def __getattr__(name: str) -> object:
    """Import ``Emulator`` on first use: it needs aiohttp, and a plan for drafts must not import that."""
    if name == "Emulator":
        from storyboard.emulator.api.server import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
