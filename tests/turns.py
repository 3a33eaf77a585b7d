"""Turns: how a test lets what waits beside it run, without a moment passing."""

import asyncio


async def give_way() -> None:
    """Whatever is ready in the loop runs once before whoever asks goes on; no time passes."""
    await asyncio.sleep(0)
