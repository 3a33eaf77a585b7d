"""Emulator: the provider's API on the loopback interface, with draft clips drawn locally and faults on request.

``Emulator(Behaviour())`` is an async context manager; its ``url`` takes the place of the real service's base URL.
"""

from typing import TYPE_CHECKING

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.orders import LABEL

if TYPE_CHECKING:
    from storyboard.emulator.api.server import Emulator

__all__ = ["LABEL", "Behaviour", "Emulator"]


def __getattr__(name: str) -> object:
    """Import ``Emulator`` on first use: it needs aiohttp, and a plan for drafts must not import that."""
    if name == "Emulator":
        from storyboard.emulator.api.server import Emulator

        return Emulator
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
