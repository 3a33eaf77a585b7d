"""Ten thousand inputs for each reader of what others wrote: what is documented comes of them, and nothing else."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from mutants import flipped, mutants
from targets import INVALID, Target, headers, ledgers, locks, media, plans, storyboards, templates, urls

from storyboard.media.verify import verify
from storyboard.model.errors import BadMedia

COUNT = 10_000
# CI reads the first of them, --all every one.
COUNTS = pytest.mark.parametrize("count", [1_500, pytest.param(COUNT, marks=pytest.mark.slow)])
PARTS = 4  # so that two workers share what is slow


def clip() -> bytes:
    return (INVALID / "clip.mp4").read_bytes()


def inputs(target: Target, count: int, start: int) -> Iterable[bytes]:
    if target.flips:
        return (flipped(target.seeds, number) for number in range(start, start + count))
    return mutants(target.seeds, count, start)


def swept(target: Target, count: int, start: int = 0) -> None:
    """Every input is read or refused, and of both there are enough to say that the reader was reached."""
    outcomes: Counter[str] = Counter()
    for number, raw in enumerate(inputs(target, count, start), start):
        try:
            outcomes[target.attempt(raw)] += 1
        finally:
            if error := sys.exception():
                error.add_note(f"input {number}: {raw[:300]!r}")
    assert set(outcomes) == {"read", "refused"}, outcomes
    assert outcomes["read"] > count / 100
    assert outcomes["refused"] > count / 100


@pytest.mark.ci
@COUNTS
@pytest.mark.parametrize("part", range(PARTS))
def test_any_storyboard_is_read_or_refused(quick: Path, count: int, part: int) -> None:
    """A storyboard comes with somebody's pull request; CI must say what is wrong with it, at its line."""
    swept(storyboards(quick), count // PARTS, part * count // PARTS)


@pytest.mark.ci
@COUNTS
def test_any_template_is_carried_out_or_refused(quick: Path, count: int) -> None:
    """A prompt is the author's, and the author may be anybody."""
    swept(templates(quick), count)


@pytest.mark.ci
@COUNTS
def test_any_lock_is_read_or_refused(quick: Path, count: int) -> None:
    """The lock is merged by git: half of two is what it may well be."""
    swept(locks(quick), count)


@pytest.mark.ci
@COUNTS
@pytest.mark.parametrize("part", range(PARTS))
def test_any_ledger_is_read_or_said_to_be_damaged(quick: Path, count: int, part: int) -> None:
    """A bad disk must not cost a traceback, and never the account of what was paid for."""
    swept(ledgers(quick), count // PARTS, part * count // PARTS)


@pytest.mark.ci
@COUNTS
def test_any_address_is_judged(quick: Path, count: int) -> None:
    """An address that one parser passes and the other dials elsewhere reaches the machine next door."""
    swept(urls(quick), count)


@pytest.mark.ci
@COUNTS
def test_any_header_of_a_clip_is_judged(quick: Path, count: int) -> None:
    """What a clip host sends is looked at before any decoder is."""
    swept(headers(quick, (clip(),)), count)


@pytest.mark.ci
def test_any_clip_is_measured_or_damaged(quick: Path) -> None:
    """An own clip is opened in this process: no damage of it may end the process."""
    swept(media(quick, (clip(),)), 1_000)


@pytest.mark.ci
def test_no_damaged_take_is_a_traceback(quick: Path) -> None:
    """The whole way of a download: the child that decodes it, and what it says."""
    take, outcomes = quick / "take.mp4", Counter[str]()
    for raw in mutants((clip(),), 60):
        take.write_bytes(raw)
        try:
            verify(take, None)
        except BadMedia as error:
            outcomes["said" if error.message else "silent"] += 1
    assert outcomes["said"] > 30
    assert not outcomes["silent"]


@pytest.mark.ci
@COUNTS
def test_any_saved_plan_is_read_or_refused(quick: Path, count: int) -> None:
    """A plan is handed from one CI job to the next, and the project's scratch folder may come with the project."""
    swept(plans(quick), count)


READERS = pytest.mark.parametrize(
    "target", [storyboards, templates, locks, ledgers, urls, plans], ids=lambda made: made.__name__
)


@READERS
def test_a_few_are_read_or_refused(quick: Path, target: Callable[[Path], Target]) -> None:
    """The first two hundred of the ten thousand, before each commit."""
    swept(target(quick), 200)


@pytest.mark.slow
@READERS
def test_a_hundred_thousand_more(quick: Path, target: Callable[[Path], Target]) -> None:
    swept(target(quick), 100_000, start=COUNT)
