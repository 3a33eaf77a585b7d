"""A plan as a table, fitted to the width of the terminal."""

import os
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import TextIO

from storyboard.costs.prices import Prices, amount
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Generated, Storyboard, described_source
from storyboard.model.text import one_line
from storyboard.planning.steps import Plan


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
        price = prices.describe(total)
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


def fit_rows(lines: Iterable[str], columns: int | None) -> Iterator[str]:
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
