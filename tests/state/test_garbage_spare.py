"""What nothing needs any more: whatever is not certain keeps its takes."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest

from storyboard.model.submission import State, Submission
from storyboard.model.take import ORIGINAL, Measure, Take
from storyboard.state.garbage import GarbageReport, LockState, StoredTake, classify

MEASURE = Measure(192, Fraction(24), 1280, 720, True)
BASE = Take("b" * 64, 100, MEASURE)
HD = Take("d" * 64, 200, MEASURE, "1080p")
ENTRY = Submission(
    id=1, key="k", state="taken", job="j", run="r", nonce="n", storyboard="/film.yaml", scene="gull", model="veo3_fast",
    recipe={}, credits=Fraction(60), charged=None, hd=None, code=None, why="", asked=1.0, changed=1.0,
)  # fmt: skip
LOCK = LockState("/film.lock.yaml", frozenset({"/film.yaml"}), scenes=frozenset({"tern"}))


def sorted_out(
    *locks: LockState,
    entry: Submission | None = ENTRY,
    takes: tuple[Take, ...] = (BASE,),
    held: Mapping[str, int] | None = None,
) -> GarbageReport:
    """What becomes of takes that came at 10, of which those go that were last used at 20 or before."""
    held = {take.digest: take.bytes for take in takes} if held is None else held
    return classify(held, [StoredTake("k", take, 10.0) for take in takes], [entry] if entry else [], locks, 20.0)


def test_what_nobody_pins_is_spare() -> None:
    (spare,) = sorted_out(LOCK).unreferenced
    assert (spare.digest, spare.bytes, spare.scene, spare.storyboard) == (BASE.digest, 100, "gull", "/film.yaml")
    assert (spare.why, spare.cost.credits, spare.last) == ("the film has no such scene any more", 60, 10.0)
    (spare,) = sorted_out(replace(LOCK, scenes=frozenset({"gull"}), before={BASE.digest: 15.0})).unreferenced
    assert (spare.why, spare.last) == ("the scene has another take now", 15.0)
    (spare,) = sorted_out().unreferenced
    assert spare.why == "no lock pins it"


@pytest.mark.parametrize(
    ("lock", "kept"),
    [
        (replace(LOCK, digests=frozenset({BASE.digest})), "needed"),
        (LockState("/other.lock.yaml", digests=frozenset({BASE.digest})), "needed"),
        (replace(LOCK, before={BASE.digest: 20.5}), "young"),
        (replace(LOCK, trouble="is not there"), "doubtful"),
        (LockState("/other.lock.yaml", before={BASE.digest: 1.0}, trouble="is not there"), "doubtful"),
    ],
)
def test_whatever_may_need_it_keeps_it(lock: LockState, kept: str) -> None:
    found = sorted_out(lock)
    assert found.unreferenced == ()
    doubtful = {f"{lock.path} is not there": 1} if kept == "doubtful" else {}
    assert (found.needed, found.young, found.doubtful) == (kept == "needed", kept == "young", doubtful)


@pytest.mark.parametrize(
    ("state", "needed"),
    [("intent", 1), ("unknown", 1), ("open", 1), ("taken", 0), ("abandoned", 0), ("refused", 0), ("failed", 0)],
)
def test_a_job_that_is_not_over_keeps_it(state: State, needed: int) -> None:
    assert sorted_out(LOCK, entry=replace(ENTRY, state=state)).needed == needed


def test_both_versions_have_their_price() -> None:
    """And the base of an HD version that has not come is kept for it."""
    entry = replace(ENTRY, hd=Fraction(5), charged=Fraction(58))
    assert sorted_out(LOCK, entry=entry).needed == 1
    assert [spare.cost.credits for spare in sorted_out(LOCK, entry=entry, takes=(BASE, HD)).unreferenced] == [58, 5]


def test_an_original_stays_as_long_as_its_take() -> None:
    """The service serves it for days only; afterwards no money brings back what was cut off its sides."""
    original, other = replace(BASE, digest="e" * 64, resolution=ORIGINAL), replace(BASE, digest="f" * 64)
    pinned = replace(LOCK, digests=frozenset({BASE.digest}))
    assert sorted_out(pinned, takes=(BASE, original)).needed == 2
    assert sorted_out(replace(pinned, digests=frozenset({other.digest})), takes=(BASE, original)).needed == 0
    assert [spare.cost.credits for spare in sorted_out(LOCK, takes=(BASE, original)).unreferenced] == [60, 0]


def test_what_the_ledger_does_not_know_is_kept() -> None:
    assert sorted_out(LOCK, entry=None).unknown == 1
    assert sorted_out(LOCK, held={"f" * 64: 1}).unknown == 1
    assert sorted_out(LOCK, held={}) == GarbageReport((), 0, 0, 0, {})
