"""Emulators for the tests, each on a port of its own, gone with the test."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from talking import Client, Start

from storyboard.emulator import Emulator
from storyboard.emulator.api.behaviour import Behaviour


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start an emulator with the behaviour given in words; plain films unless told otherwise."""
    async with AsyncExitStack() as exits:

        async def started(*, warned: Callable[[str, str], None] = lambda label, why: None, **words: Any) -> Client:
            behaviour = Behaviour(**{"film": "plain", **words})
            emulator = await exits.enter_async_context(Emulator(behaviour, warned=warned))
            headers = {"Authorization": "Bearer rehearsal"}
            session = await exits.enter_async_context(aiohttp.ClientSession(emulator.url, headers=headers))
            return Client(emulator, session)

        yield started
