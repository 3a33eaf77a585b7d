"""What a render looks like: a live display on a terminal, a plain line a change elsewhere, or events as JSON."""

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, TextIO

from storyboard.costs.prices import Prices, amount, money
from storyboard.model import events
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Generated, Storyboard, described_source
from storyboard.model.text import json_number, one_line, to_json
from storyboard.planning.steps import Plan
from storyboard.progress import AtWork, Progress, after

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Report = Callable[[events.Event], None]


def line(event: events.Event) -> str | None:
    """An event as one line of prose; None for one that is not worth a line."""
    match event:
        case events.Submitting():
            return f"{event.scene}: asking for it ({one_line(event.model)})"
        case events.Submitted():
            return f"{event.scene}: accepted as job {one_line(event.job, 80)}"
        case events.Waiting():
            return None
        case events.Fetched():
            return f"{event.scene}: fetched, {event.bytes / 1e6:.1f} MB"
        case events.Finished():
            return f"{event.scene}: done"
        case events.Failed():
            return f"{event.scene}: failed: {one_line(event.why, 10_000)}"
        case events.Unknown():
            return f"{event.scene}: unknown: {one_line(event.why, 10_000)}"
        case events.Warned():
            why = one_line(event.why, 10_000)
            return f"{one_line(event.scene)}: warning: {why}" if event.scene else f"warning: {why}"
        case events.Cutting():
            return None
    return None


def plain(write: Callable[[str], None]) -> Report:
    """One line a change, for a log."""

    def report(event: events.Event) -> None:
        said = line(event)
        if said:
            write(said)

    return report


def timed(write: Callable[[str], None], now: Callable[[], float] = time.time) -> Report:
    """Every event, with the time of day in UTC: what --verbose says."""

    def report(event: events.Event) -> None:
        said = (
            f"{event.scene}: waiting for job {one_line(event.job, 80)}"
            if isinstance(event, events.Waiting)
            else line(event)
        )
        if said:
            write(f"{datetime.fromtimestamp(now(), UTC):%H:%M:%S}  {said}")

    return report


def warnings_only(write: Callable[[str], None]) -> Report:
    """What --quiet still says."""
    # What failed is not among it: the last lines say so once more, with what to do about it.
    everything = plain(write)
    return lambda event: everything(event) if isinstance(event, events.Warned) else None


def as_json(write: Callable[[str], None], now: Callable[[], float] = time.time) -> Report:
    """One JSON document a line (schema events.schema.json)."""

    def report(event: events.Event) -> None:
        fields = _fields(event)
        if fields:
            at = datetime.fromtimestamp(now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            write(to_json({"event": fields.pop("event"), "at": at, **fields}, indent=None))

    return report


def _fields(event: events.Event) -> dict[str, object]:
    match event:
        case events.Planned(make, collect, keep, blocked, credits, price, currency):
            totals = {
                "make": make,
                "collect": collect,
                "keep": keep,
                "blocked": blocked,
                "credits": json_number(credits),
            }
            return {
                "event": "planned",
                **totals,
                "money": None if price is None else json_number(price),
                "currency": currency,
            }
        case events.Submitted(scene, take, job):
            return {"event": "submitted", "scene": scene, "take": take, "job": job}
        case events.Waiting(scene, take, job):
            return {"event": "waiting", "scene": scene, "take": take, "job": job}
        case events.Fetched(scene, take, size):
            return {"event": "fetched", "scene": scene, "take": take, "bytes": size}
        case events.Finished(scene, take, digest):
            return {"event": "finished", "scene": scene, "take": take, "sha256": digest}
        case events.Failed(scene, take, code, why, hint):
            return {"event": "failed", "scene": scene, "take": take, "code": code, "why": why, "hint": hint}
        case events.Unknown(scene, take, why, hint):
            return {"event": "unknown", "scene": scene, "take": take, "why": why, "hint": hint}
        case events.Warned(scene, why):
            return {"event": "warning", "scene": scene, "why": why}
        case events.Cutting(0, frames):
            return {"event": "cutting", "frames": frames}
        case events.Done():
            return {"event": "done", **as_document(event)}
    return {}


def as_document(event: events.Done) -> dict[str, object]:
    """The end of a render as JSON."""
    return {
        "film": event.film or None,
        "sha256": event.sha256 or None,
        "frames": event.frames,
        "seconds": json_number(event.seconds),
        "size": f"{event.size[0]}x{event.size[1]}" if event.size else None,
        "made": event.made,
        "kept": event.kept,
        "failed": event.failed,
        "unknown": event.unknown,
        "credits": json_number(event.credits),
        "exit": event.exit,
    }


def plan_lines(
    storyboard: Storyboard, plan: Plan, prices: Prices, way: str, warnings: Sequence[Problem]
) -> Iterator[str]:
    """A plan as people read it: a line a scene in the film's order, the price, and which files leave the machine.

    ``way`` says what becomes of the local images, such as "sent to s3://bucket"; ``warnings`` is what is to be said of
    the takes that are here.
    """
    steps, total = {step.scene: step for step in plan.steps}, plan.credits
    width = min(max((len(scene.id) for scene in storyboard.scenes), default=0), 24)
    for scene in storyboard.scenes:
        step = steps.get(scene.id)
        if step:
            price = _price(step.credits, prices) if total else ""
            model, why = one_line(step.shot.model, 16), one_line(step.why, 200)
            yield f"{step.name:<8} {scene.id:<{width}}  {model:<10} {price} {why}"
        elif not isinstance(scene.source, Generated):
            yield f"{'own':<8} {scene.id:<{width}}  {one_line(described_source(scene.source), 200)}"
    for skipped in storyboard.skipped:
        yield f"{'skip':<8} {skipped}"
    yield ""
    if not total:
        yield f"{'to pay':<8} nothing"
    else:
        price = money(total, prices.money(total), prices.currency)
        yield f"{'to pay':<8} {price}{' (an estimate; [prices] in config.toml says yours)' if prices.estimate else ''}"
    if plan.count("blocked"):
        yield f"{'blocked':<8} it may have been paid for, so it is not sent again by itself: see storyboard status"
    if plan.images_to_upload and total:
        files = ", ".join(
            f"{one_line(str(image.path), 80)} ({image.bytes / 1000:.0f} kB)" for image in plan.images_to_upload
        )
        yield f"{'images':<8} {files}: {way}"
    for problem in warnings:
        yield f"{'note':<8} {problem.message}: {problem.hint}"


def _price(credits: Fraction, prices: Prices) -> str:
    """Credits, and money where it is known, in columns."""
    if not credits:
        return f"{'–':>5} {'':>7} "
    money = prices.money(credits)
    return f"{amount(credits):>5} {'' if money is None else f'{float(money):.2f}':>7} "


def fitted(lines: Iterable[str], columns: int | None) -> Iterator[str]:
    """Lines of a table, each no wider than ``columns``: what does not fit goes on below, past the first word's column.

    None is no limit.
    """
    for line in lines:
        if columns is None or len(line) <= columns:
            yield line
        else:
            yield from textwrap.wrap(line, max(columns, 20), subsequent_indent=" " * 9, break_on_hyphens=False)


def columns(stream: TextIO) -> int | None:
    """How wide the terminal of a stream is; None where it has none: a log or a program wants whole lines."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or None if stream.isatty() else None
    except (OSError, ValueError):
        return None


def near(path: str) -> str:
    """A path as one would type it here."""
    shorter = os.path.relpath(path)
    return path if shorter.startswith("..") else shorter


def ending(done: events.Done) -> Iterator[str]:
    """The last lines of a render: the film, the account, and what is still to do."""
    if done.film and done.size:
        width, height = done.size
        yield f"film     {float(done.seconds):.1f} s, {done.frames} frames, {width}x{height}"
    yield (
        f"takes    {done.made} made, {done.kept} kept"
        + (f", {done.failed} failed" if done.failed else "")
        + (f", {done.unknown} unknown" if done.unknown else "")
    )
    yield f"spent    {amount(done.credits)} credit{'' if done.credits == 1 else 's'}"
    yield from done.notes


@contextmanager
def live(price: Callable[[Fraction], str]) -> Iterator[Report]:
    """One line a scene at work, and the total; lines that stay for what failed. ``price`` says credits in words."""
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True, highlight=False)
    screen = _Screen(price)
    display = Live(screen, console=console, refresh_per_second=8, transient=True, redirect_stdout=False)

    def report(event: events.Event) -> None:
        screen.progress = after(screen.progress, event, time.monotonic())
        if isinstance(event, events.Failed | events.Unknown | events.Warned):
            style = "yellow" if isinstance(event, events.Warned) else "red"
            console.print(line(event), style=style, markup=False, soft_wrap=True)
        elif isinstance(event, events.Done):
            display.stop()
        elif not isinstance(event, events.Planned):
            # Not before there is something to draw: between the plan and here, the author is asked.
            display.start(refresh=True)

    try:
        yield report
    finally:
        display.stop()


class _Screen:
    """What is drawn eight times a second: the scenes at work, as many as fit, and the total below them."""

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
