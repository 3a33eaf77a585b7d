"""A plan as a table, fitted to the width of the terminal."""

import os
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from storyboard.cli.lengths import length_lines
from storyboard.cli.progress import about
from storyboard.costs.price_book import PriceBook
from storyboard.costs.prices import amount, in_currency
from storyboard.model.cost import Cost, is_currency
from storyboard.model.problem import Problem
from storyboard.model.storyboard import Generated, Storyboard, described_source
from storyboard.model.text import one_line
from storyboard.planning.changes import changed_words
from storyboard.planning.ladder import Ladder
from storyboard.planning.steps import UNCHANGED, Blocked, Keep, Make, Plan, Step

_NOTHING: Mapping[str, str] = {}

# Seconds of generation from which on the plan says how long it takes.
_WORTH_A_LINE = 10


def plan_lines(
    storyboard: Storyboard,
    plan: Plan,
    prices: PriceBook,
    way: str,
    warnings: Sequence[Problem],
    seconds: float | None = None,
    *,
    unfolded: bool = False,
    before: Mapping[str, str] = _NOTHING,
    ladder: Ladder | None = None,
) -> Iterator[str]:
    """Yield a plan as text: a line for each scene in the film's order, the price, and the files that are uploaded.

    ``way`` says where local images go, such as "sent to s3://bucket"; ``warnings`` are those of the plan. ``seconds``
    is how long the generation takes by past jobs, None if unknown. Unchanged scenes are one line unless ``unfolded``.
    ``before`` are former prompts by scene: what changed in each is shown. ``ladder`` has the prices to choose from.
    """
    total = plan.cost
    yield from _rows(storyboard, plan, prices, unfolded=unfolded, before=before)
    for skipped in storyboard.skipped:
        yield f"{'skip':<8} {skipped}"
    yield ""
    if not plan.at_most:
        yield f"{'to pay':<8} nothing"
    else:
        price = prices.describe_range(total, plan.at_most)
        where = "[prices]" if prices.is_plain(plan.at_most) else "[providers.NAME.prices]"
        estimate = f" (an estimate; {where} in config.toml says yours)" if prices.is_estimate(plan.at_most) else ""
        yield f"{'to pay':<8} {price}{estimate}"
    if ladder and ladder.is_worth_a_line:
        yield f"{'ladder':<8} {_rungs(ladder, prices)}"
    if seconds and seconds >= _WORTH_A_LINE:
        yield f"{'time':<8} {about(seconds)}, judging by past jobs"
    if any(isinstance(step, Blocked) and step.need in ("settle", "given-up") for step in plan.steps):
        yield f"{'blocked':<8} it may have been paid for, so it is not resent automatically: see storyboard status"
    files = [
        f"{one_line(str(image.path), 80)} ({image.bytes / 1000:.0f} kB{f', {image.fit}' if image.fit else ''})"
        for image in plan.images_to_upload
    ]
    files += [str(frame) for frame in plan.frames_to_upload]
    if files and total:
        yield f"{'images':<8} {', '.join(files)}: {way}"
    yield from length_lines(storyboard.scenes)
    for problem in warnings:
        place = f"{problem.place}: " if problem.source else ""
        yield f"{'note':<8} {place}{problem.message}{f': {problem.hint}' if problem.hint else ''}"


def _rungs(ladder: Ladder, prices: PriceBook) -> str:
    """The prices, from the cheapest way to see the film on: in credits alone, where all are of the default provider."""
    costs = (ladder.proof, ladder.final, ladder.hd, ladder.saved)
    is_plain = all(map(prices.is_plain, costs))

    def told(cost: Cost) -> str:
        return amount(cost.amount(prices.default)) if is_plain else prices.bare(cost)

    rungs = [f"proof {told(ladder.proof)} (--model {ladder.model})"] if ladder.model else []
    rungs.append(f"final {told(ladder.final)}")
    rungs += [f"HD {told(ladder.hd)}"] if ladder.hd else []
    saved = f"; --picked saves {told(ladder.saved)}" if ladder.saved else ""
    return f"{', '.join(rungs)}{' credits' if is_plain else ''}{saved}"


def _rows(
    storyboard: Storyboard, plan: Plan, prices: PriceBook, *, unfolded: bool, before: Mapping[str, str]
) -> Iterator[str]:
    """The lines of the scenes, and under each the words that changed in its prompt."""
    steps, total = _by_scene(plan), plan.cost
    width = min(max((len(scene.id) for scene in storyboard.scenes), default=0), 24)
    wide = min(max((len(_model(step, prices)) for step in plan.steps), default=0), 28)
    wide = max(10, wide)
    same = [scene for scene, mine in steps.items() if all(map(_is_unchanged, mine))]
    folded = set(same) if len(same) > 1 and not unfolded else set()
    for scene in storyboard.scenes:
        if scene.id in steps and scene.id not in folded:
            for alike in _alike(steps[scene.id]):
                step, cost = alike[0], Cost.total(step.cost for step in alike)
                price = _price(cost, prices) if total else ""
                model, why = one_line(_model(step, prices), 28), one_line(step.why, 200)
                takes = scene.source.takes if isinstance(scene.source, Generated) else 1
                numbers = _numbers(alike, max(takes, *(each.shot.take for each in steps[scene.id])))
                yield f"{step.name:<8} {scene.id:<{width}}  {model:<{wide}} {price} {numbers}{why}{_after(step)}"
            yield from _changes(before.get(scene.id), step.shot.prompt)
        elif not isinstance(scene.source, Generated):
            yield f"{'own':<8} {scene.id:<{width}}  {one_line(described_source(scene.source), 200)}"
        yield from _remarks(steps.get(scene.id, ()), width)
    if folded:
        yield f"{'keep':<8} {len(folded)} scenes unchanged"


def _model(step: Step, prices: PriceBook) -> str:
    """The word for the model of a step: with its provider, unless that is the usual one."""
    shot = step.shot
    return shot.model if shot.provider == prices.default else f"{shot.provider}/{shot.model}"


def _by_scene(plan: Plan) -> Mapping[str, Sequence[Step]]:
    """The steps of each scene, in the order of its takes."""
    found: dict[str, list[Step]] = {}
    for step in plan.steps:
        found.setdefault(step.scene, []).append(step)
    return found


def _after(step: Step) -> str:
    """The scenes whose takes a shot waits for."""
    if not isinstance(step, Make) or not step.after:
        return ""
    return f"; after {' and '.join(dict.fromkeys(take.scene for take in step.after))}"


def _is_unchanged(step: Step) -> bool:
    return isinstance(step, Keep) and step.why == UNCHANGED


def _alike(steps: Sequence[Step]) -> Iterable[Sequence[Step]]:
    """The steps of a scene, those together that differ in nothing but the number of the take."""
    found: dict[tuple[str, str], list[Step]] = {}
    for step in steps:
        found.setdefault((step.name, step.why), []).append(step)
    return found.values()


def _numbers(steps: Sequence[Step], count: int) -> str:
    """Which of the ``count`` takes of a scene these are; "" where there is only one. The film's is marked."""
    if count == 1:
        return ""
    used = next((step.shot.take for step in steps if step.picked), None)
    told = "" if used is None else f" ({used} is in the film)" if len(steps) > 1 else " (in the film)"
    numbers = ", ".join(str(step.shot.take) for step in steps)
    return f"take{'s' if len(steps) > 1 else ''} {numbers} of {count}{told}: "


def _changes(before: str | None, now: str) -> Iterator[str]:
    if before is not None and before != now:
        yield f"{'':<8} {one_line(changed_words(before, now), 2_000)}"


def _remarks(steps: Sequence[Step], width: int) -> Iterator[str]:
    """What the checks say of the takes of a scene."""
    for step in steps:
        if isinstance(step, Keep):
            for remark in step.take.remarks:
                which = f"take {step.shot.take}: " if len(steps) > 1 else ""
                yield f"{'remark':<8} {step.scene:<{width}}  {which}{one_line(remark.says, 500)}"


def _price(cost: Cost, prices: PriceBook) -> str:
    """Credits, and money if known, in columns; an amount that nobody can convert as it is."""
    if not cost:
        return f"{'–':>5} {'':>7} "
    worth = prices.money(cost)
    credits = sum(amount for unit, amount in cost.parts if not is_currency(unit))
    unknown = next((in_currency(amount, unit) for unit, amount in cost.parts if is_currency(unit)), "")
    money = unknown if worth is None else f"{float(worth):.2f}"
    return f"{amount(credits) if credits else '–':>5} {money:>7} "


_WIDTH = re.compile("[1-9][0-9]{0,3}")


def fit_rows(lines: Iterable[str], columns: int | None) -> Iterator[str]:
    """Yield the lines of a table, each no wider than ``columns`` (None: no limit); the rest is wrapped and indented."""
    for line in lines:
        if columns is None or len(line) <= columns:
            yield line
        else:
            yield from textwrap.wrap(line, max(columns, 20), subsequent_indent=" " * 9, break_on_hyphens=False)


def columns(stream: TextIO) -> int | None:
    """Return the width of a stream's terminal; without one what COLUMNS says, else None: programs get whole lines."""
    try:
        if stream.isatty():
            return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):
        return None
    said = os.environ.get("COLUMNS", "")
    return int(said) if _WIDTH.fullmatch(said) else None
