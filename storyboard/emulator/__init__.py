"""The provider's API on this machine: drafts that are worth looking at, and faults on request. Nothing leaves loopback.

``Emulator(Behaviour())`` is an async context manager; its ``url`` is a base address like the real service's.
"""

from typing import TYPE_CHECKING

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.orders import LABEL

if TYPE_CHECKING:
    from storyboard.emulator.api.server import Emulator

__all__ = ["LABEL", "Behaviour", "Emulator"]


def __getattr__(name: str) -> object:
    """The server needs aiohttp, which a plan for a draft does not: it is imported by whoever starts one."""
    if name == "Emulator":
        from storyboard.emulator.api.server import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
