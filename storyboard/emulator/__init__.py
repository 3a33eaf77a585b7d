"""The provider's API on this machine: drafts that are worth looking at, and faults on request. Nothing leaves loopback.

``Emulator(Behaviour())`` is an async context manager; its ``url`` is a base address like the real service's.
"""

from typing import TYPE_CHECKING

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.orders import LABEL

if TYPE_CHECKING:
    from storyboard.emulator.api.server import Emulator
    from storyboard.providers.base import Provider

__all__ = ["LABEL", "Behaviour", "Emulator", "draft_provider"]


def draft_provider() -> "Provider":
    """The provider of drafts: the built-in one, which also says what is to be printed on each card."""
    from storyboard.providers.apikley.profile import Profile
    from storyboard.providers.apikley.veo import Apikley

    return Apikley(Profile.of({"label": LABEL}))


def __getattr__(name: str) -> object:
    """The server needs aiohttp, which a plan for a draft does not: it is imported by whoever starts one."""
    if name == "Emulator":
        from storyboard.emulator.api.server import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
