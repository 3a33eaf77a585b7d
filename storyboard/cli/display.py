"""The live display of a render on a terminal."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

from storyboard.cli.events_text import Report, line
from storyboard.cli.progress import AtWork, Progress, after
from storyboard.model import events
from storyboard.model.text import one_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@contextmanager
def live(price: Callable[[Fraction], str]) -> Iterator[Report]:
    """Draw a line for each scene in progress, and the total; failures stay as lines. ``price`` formats credits."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    screen = _Screen(price)
    display = Live(screen, console=console, refresh_per_second=8, transient=True, redirect_stdout=False)

    def report(event: events.Event) -> None:
        screen.progress = after(screen.progress, event, time.monotonic())
        if isinstance(event, events.Failed | events.Unknown | events.Owed | events.Warned):
            style = "yellow" if isinstance(event, events.Owed | events.Warned) else "red"
            console.print(line(event), style=style, markup=False, soft_wrap=True)
        elif isinstance(event, events.Done):
            display.stop()
        elif not isinstance(event, events.Planned):
            # Not started before the first event of a scene: until then, the user may be asked for confirmation.
            display.start(refresh=True)

    try:
        yield report
    finally:
        display.stop()


class _Screen:
    """The display, drawn eight times a second: the scenes in progress that fit, and the total."""

    def __init__(self, price: Callable[[Fraction], str]) -> None:
        self.progress = Progress()
        self.price = price

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        seen, now = self.progress, time.monotonic()
        room = max(1, options.size.height - 4)
        for scene, work in list(seen.at_work.items())[:room]:
            yield Text(_row(scene, work, now), no_wrap=True, overflow="ellipsis")
        if len(seen.at_work) > room:
            yield Text(f"… and {len(seen.at_work) - room} more", style="dim")
        yield Text(_total(seen, self.price), style="bold", no_wrap=True, overflow="ellipsis")


def _row(scene: str, work: AtWork, now: float) -> str:
    return f"  {scene:<16.32} {work.state:<9} {_clock(now - work.since):>6}  {one_line(work.model, 24)}"


def _total(seen: Progress, price: Callable[[Fraction], str]) -> str:
    if seen.frames:
        written, wanted = seen.frames
        width = 24
        filled = width * written // max(wanted, 1)
        return f"cutting  {'█' * filled}{'░' * (width - filled)}  {written}/{wanted} frames"
    failed = f", {seen.failed} failed" if seen.failed else ""
    return f"{seen.done} of {seen.wanted} scenes{failed}   spent {price(seen.spent)}   to spend {price(seen.to_spend)}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def drawable() -> bool:
    """Whether stderr is a terminal that can be drawn on."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
