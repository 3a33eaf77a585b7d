"""The live display of a render on a terminal."""

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from storyboard.cli.events_text import Report, line, plain
from storyboard.cli.progress import AtWork, Progress, about, after
from storyboard.model import events
from storyboard.model.cost import Cost
from storyboard.model.text import one_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


def progress(price: Callable[[Cost], str], write: Callable[[str], None]) -> AbstractContextManager[Report]:
    """Draw the progress on a terminal; elsewhere ``write`` a line for each change. ``price`` formats costs."""
    return live(price) if drawable() else nullcontext(plain(write))


@contextmanager
def live(price: Callable[[Cost], str]) -> Iterator[Report]:
    """Draw a line for each scene in progress, and the total; failures stay as lines. ``price`` formats costs."""
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
    """The display, drawn eight times a second: the takes in progress that fit, and the total."""

    def __init__(self, price: Callable[[Cost], str]) -> None:
        self.progress = Progress()
        self.price = price

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.text import Text

        seen, now, width = self.progress, time.monotonic(), options.size.width
        total = list(_fitted(_total(seen, self.price, now), "   ", width))
        room = max(1, options.size.height - 3 - len(total))
        for number, (take, work) in enumerate(seen.at_work.items()):
            rows = list(_rows(str(take), work, now, width))
            if room < len(rows):
                yield Text(f"… and {len(seen.at_work) - number} more", style="dim")
                break
            room -= len(rows)
            yield from (Text(row, no_wrap=True) for row in rows)
        yield from (Text(row, style="bold", no_wrap=True) for row in total)


def _rows(scene: str, work: AtWork, now: float, width: int) -> Iterator[str]:
    """The lines of a scene: one, or more where its id does not leave room for the rest."""
    state = f"{work.state:<9} {_clock(now - work.since):>6}  {one_line(work.model, 24)}"
    whole = f"  {scene:<16} {state}"
    if len(whole) <= width:
        yield whole
        return
    yield from (f"  {part}" for part in textwrap.wrap(scene, max(8, width - 2), break_on_hyphens=False))
    yield from _fitted(["   ", *state.split()], " ", width)


def _fitted(parts: Iterable[str], gap: str, width: int) -> Iterator[str]:
    """The parts on as few lines as hold them, none of which is wider than ``width`` unless a single part is."""
    row = ""
    for part in parts:
        if row and len(row) + len(gap) + len(part) > width:
            yield row
            row = part
        else:
            row = f"{row}{gap}{part}" if row else part
    yield row


def _total(seen: Progress, price: Callable[[Cost], str], now: float) -> list[str]:
    """The parts of the last line: how far the cut is, or how many takes are done, waiting, and what is spent."""
    if cut := seen.cut:
        filled = 24 * cut.done // max(cut.frames, 1)
        left = cut.seconds_left(now)
        bar = f"cutting  {'█' * filled}{'░' * (24 - filled)}"
        return [bar, f"{cut.done}/{cut.frames} frames", *([] if left is None else [f"{about(left)} left"])]
    failed = f", {seen.failed} failed" if seen.failed else ""
    waiting = f", {seen.waiting} waiting" if seen.waiting else ""
    left = seen.seconds_left(now)
    return [
        f"{seen.done} of {seen.wanted} takes{failed}{waiting}",
        *([] if left is None else [f"{about(left)} left"]),
        f"spent {price(seen.spent)}",
        f"to spend {price(seen.to_spend)}",
    ]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"


def drawable() -> bool:
    """Whether stderr is a terminal that can be drawn on."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
