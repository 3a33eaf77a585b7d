"""Drafting: how much CPU the emulator needs for one clip of a draft. Limit: 1.5 s."""

import tempfile
import time
from pathlib import Path
from threading import Event

from bench.row import Row

CLIPS = 3


def rows() -> list[Row]:
    """The mean of a few clips in this process, after one more that loads what is loaded once."""
    from storyboard.emulator.api.orders import GenerationOrder
    from storyboard.emulator.drafts.animatic import film
    from storyboard.emulator.drafts.brief import Brief

    def draw(number: int, folder: Path) -> float:
        prompt = (
            f"An old lighthouse keeper climbs a spiral staircase, lantern in hand, at dawn, for the {number}th time."
        )
        order = GenerationOrder(
            prompt, (), "veo3_fast", "TEXT_2_VIDEO", "16:9", 10_000 + number, True, "", "", "3/8 stairs", {}
        )
        before = time.process_time()
        film(folder / f"{number}.mp4", Brief(order), Event())
        return time.process_time() - before

    with tempfile.TemporaryDirectory() as name:
        first, *others = (draw(number, Path(name)) for number in range(1 + CLIPS))
    return [
        Row("draft clip of 8 s at 1280x720, CPU", sum(others) / CLIPS, "s", 1.5),
        Row("first draft clip of a process, CPU", first, "s"),
    ]
