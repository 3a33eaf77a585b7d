"""Events as lines of text, and the last lines of a render."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from storyboard.cli.progress import CutProgress, about, after_frames
from storyboard.costs.price_book import PriceBook
from storyboard.model import events
from storyboard.model.events import take_of
from storyboard.model.text import one_line

Report = Callable[[events.Event], None]


def line(event: events.Event) -> str | None:
    """Return an event as one line of text; None for one that is not shown."""
    match event:
        case events.Submitting():
            return f"{take_of(event)}: submitting ({one_line(event.model)})"
        case events.Submitted():
            return f"{take_of(event)}: accepted as job {one_line(event.job, 80)}"
        case events.Waiting():
            return None
        case events.Fetched():
            return f"{take_of(event)}: downloaded, {event.bytes / 1e6:.1f} MB"
        case events.Finished():
            return f"{take_of(event)}: done"
        case events.Failed():
            return f"{take_of(event)}: failed: {one_line(event.why, 10_000)}"
        case events.Unknown():
            return f"{take_of(event)}: unknown: {one_line(event.why, 10_000)}"
        case events.Owed():
            return owed_line(event)
        case events.Warned():
            why = one_line(event.why, 10_000)
            return f"{one_line(event.scene)}: warning: {why}" if event.scene else f"warning: {why}"
    return None


def owed_line(event: events.Owed) -> str:
    """Return what became of a job that no scene needs now, as one line."""
    job, why = one_line(event.job, 80), one_line(event.why, 10_000)
    match event.end:
        case "fetched":
            what = "the uncropped original of its take" if event.is_original else "its take"
            return f"{event.scene}: owed job {job}: {what} is in the store"
        case "open":
            return f"{event.scene}: owed job {job}: {'still owed' if event.is_original else 'still open'}: {why}"
        case "failed":
            return f"{event.scene}: owed job {job}: failed: {why}"


def plain(write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Report:
    """Write one line per event, and one for each tenth of a cut, for a log. ``clock`` gives monotonic seconds."""
    cut = cut_lines(clock)

    def report(event: events.Event) -> None:
        said = cut(event) if isinstance(event, events.Cutting) else line(event)
        if said:
            write(said)

    return report


def cut_lines(clock: Callable[[], float]) -> Callable[[events.Cutting], str | None]:
    """Return what gives the line for a change of a cut: when it begins, and when another tenth is ready."""
    seen: CutProgress | None = None

    def cut_line(event: events.Cutting) -> str | None:
        nonlocal seen
        now, before = clock(), seen
        seen = after_frames(before, event, now)
        if before is None:
            return f"{'cutting':<8} {event.frames} frames"
        if seen.tenth == before.tenth:
            return None
        left = seen.seconds_left(now)
        return f"{'cutting':<8} {10 * seen.tenth} %" + ("" if left is None else f", {about(left)} left")

    return cut_line


def with_time(
    write: Callable[[str], None],
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Write every event with the time of day in UTC: for --verbose."""
    cut = cut_lines(clock)

    def report(event: events.Event) -> None:
        said = (
            f"{take_of(event)}: waiting for job {one_line(event.job, 80)}{_place(event)}"
            if isinstance(event, events.Waiting)
            else cut(event)
            if isinstance(event, events.Cutting)
            else line(event)
        )
        if said:
            write(f"{datetime.fromtimestamp(now(), UTC):%H:%M:%S}  {said}")

    return report


def warnings_only(write: Callable[[str], None]) -> Report:
    """Write warnings and failures only: for --quiet."""
    # Failures are left out: the last lines repeat them, with what to do.
    everything = plain(write)
    return lambda event: everything(event) if isinstance(event, events.Warned) else None


def near(path: str) -> str:
    """Return a path relative to the current folder, if below it."""
    shorter = os.path.relpath(path)
    return path if shorter.startswith("..") else shorter


def ending(done: events.Done, prices: PriceBook) -> Iterator[str]:
    """Yield the last lines of a render: the film, what it cost, and the next steps."""
    if done.film and done.size:
        width, height = done.size
        yield f"film     {float(done.seconds):.1f} s, {done.frames} frames, {width}x{height}"
    yield (
        f"takes    {done.made} made, {done.kept} kept"
        + (f", {done.failed} failed" if done.failed else "")
        + (f", {done.unknown} unknown" if done.unknown else "")
    )
    yield f"spent    {prices.bare(done.cost) if prices.is_plain(done.cost) else prices.describe(done.cost)}"
    yield from done.notes


def _place(event: events.Waiting) -> str:
    return "" if event.place is None else f", {event.place} in its queue"
