"""The ledger: what money was spent on is never forgotten, and never spent twice."""

import multiprocessing
import os
import signal
import sqlite3
import threading
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from storyboard.costs.budget import Budget, parse_budget
from storyboard.costs.price_book import PriceBook
from storyboard.costs.prices import Prices
from storyboard.model.cost import Cost
from storyboard.model.errors import LocalFault, OverBudget
from storyboard.model.remark import Remark
from storyboard.model.shot import Shot
from storyboard.model.submission import Submission, rfc3339
from storyboard.model.take import Measure, Take, TakeId
from storyboard.providers.apikley.veo import PRICES
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.pins import DAY
from storyboard.state.ledger.submissions import AlreadyAsked, KnownJob

TAKE = Take(
    "d" * 64,
    7,
    Measure(192, Fraction(24), 1280, 720, True),
    "720p",
    41203,
    Fraction(60),
    remarks=(Remark("no-sound", "é", (("peak", -91.0),)), Remark("odd", "as it is")),
)


def wanted(prompt: str = "A gull") -> Shot:
    return Shot(prompt, "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def intend(ledger: Ledger, shot: Shot, run: str = "run1") -> Submission:
    return ledger.submissions.record_intent(shot, "gull", "/film.yaml", run, Fraction(60), 1.0, reason="no take yet")


def test_the_life_of_a_take(path: Path) -> None:
    """Intent, job, take: each is there for the next process before the next thing happens."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    assert (entry.state, entry.job, entry.credits, entry.recipe) == ("intent", None, 60, {"prompt": "A gull"})
    assert len(entry.nonce) >= 22
    assert entry.reason == "no take yet"
    ledger.submissions.record_accepted(entry, "job1", 2.0)
    ledger.close()

    later = Ledger(path)
    known = later.submissions.of_key(wanted().key)
    assert known is not None
    assert (known.state, known.job, known.changed) == ("open", "job1", 2.0)
    later.takes.record_take(known.key, TAKE, 3.0)
    done = later.submissions.of_key(known.key)
    assert done is not None
    assert (done.state, done.charged) == ("taken", 60)
    assert later.takes.of_key(known.key) == {"720p": TAKE}
    assert list(later.takes.all()) == [(known.key, TAKE, 3.0)]
    assert later.submissions.recipes([known.key, "0" * 64]) == {known.key: {"prompt": "A gull"}}
    assert later.submissions.last_recipes("/film.yaml") == {TakeId("gull", 1): {"prompt": "A gull"}}
    assert later.submissions.all("/other.yaml") == []
    assert later.database.problems() == []


@pytest.mark.parametrize("state", ["intent", "unknown", "open", "taken", "abandoned"])
def test_a_live_shot_is_not_asked_for_again(path: Path, state: str) -> None:
    """Whoever comes second, from whatever process, is told how far the first one is."""
    first, second = Ledger(path), Ledger(path)
    entry = intend(first, wanted())
    if state == "unknown":
        first.submissions.record_unknown(entry, "no answer", None, 2.0)
    if state == "abandoned":
        first.submissions.record_abandoned(entry, "given up", 2.0)
    if state in ("open", "taken"):
        first.submissions.record_accepted(entry, "job1", 2.0)
    if state == "taken":
        first.takes.record_take(entry.key, TAKE, 3.0)
    with pytest.raises(AlreadyAsked) as caught:
        intend(second, wanted(), "run2")
    assert (caught.value.submission.state, caught.value.submission.run) == (state, "run1")


@pytest.mark.parametrize("state", ["refused", "failed"])
def test_a_closed_shot_may_be_asked_for_again_and_stays_in_the_account(path: Path, state: str) -> None:
    """A failure is history: the new attempt counts, the old one is not forgotten."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    if state == "refused":
        ledger.submissions.record_refused(entry, "flagged", 422, 2.0)
    else:
        ledger.submissions.record_accepted(entry, "job1", 2.0)
        ledger.submissions.record_failed(entry, "flagged", 422, 2.0)
    closed = ledger.submissions.of_key(entry.key)
    assert closed is not None
    assert (closed.state, closed.why, closed.code) == (state, "flagged", 422)
    again = intend(ledger, wanted(), "run2")
    standing = ledger.submissions.of_key(entry.key)
    assert standing is not None
    assert standing.id == again.id
    assert [attempt.state for attempt in ledger.submissions.all()] == [state, "intent"]


def test_an_upgrade_that_is_refused_costs_nothing(path: Path) -> None:
    """It would count against the budget for ever."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    ledger.submissions.record_accepted(entry, "job1", 2.0)
    ledger.submissions.record_upgrade(entry, "gull", "/film.yaml", "run1", Fraction(5), 3.0)
    ledger.submissions.forget_upgrade(entry)
    (standing,) = ledger.submissions.all()
    assert (standing.hd, standing.cost) == (None, entry.price)


def test_a_job_belongs_to_one_shot(path: Path) -> None:
    """A provider that answers with a name we know would give one scene another scene's clip."""
    ledger = Ledger(path)
    ledger.submissions.record_accepted(intend(ledger, wanted("a")), "job1", 2.0)
    other = intend(ledger, wanted("b"))
    with pytest.raises(KnownJob):
        ledger.submissions.record_accepted(other, "job1", 2.0)
    standing = ledger.submissions.of_key(other.key)
    assert standing is not None
    assert standing.state == "intent"


def test_two_providers_may_have_a_job_of_one_name(path: Path) -> None:
    """Both count from 1: the second take would be lost, as if it belonged to another shot."""
    ledger = Ledger(path)
    here, there = wanted(), replace(wanted(), provider="kie", model="seedance")
    for shot in (here, there):
        ledger.submissions.record_accepted(intend(ledger, shot), "1", 2.0)
        ledger.takes.record_take(shot.key, TAKE, 4.0)
    ledger.takes.record_original_owed(there.key, "1", 5.0)
    assert [(entry.provider, entry.job, entry.owes_original) for entry in ledger.submissions.all()] == [
        ("apikley", "1", False),
        ("kie", "1", True),
    ]
    assert (ledger.takes.job_seconds("seedance", "kie"), ledger.takes.job_seconds("seedance")) == (3.0, None)
    with pytest.raises(KnownJob):
        ledger.submissions.record_accepted(intend(ledger, replace(there, prompt="A tern")), "1", 2.0)


def test_each_unit_is_counted_by_itself(path: Path) -> None:
    """Credits of two services and dollars are never one number; what was charged is in the unit of the price."""
    ledger = Ledger(path)
    intend(ledger, wanted())
    kie = intend(ledger, replace(wanted(), provider="kie"))
    ledger.submissions.record_accepted(kie, "1", 2.0)
    ledger.submissions.record_upgrade(kie, "gull", "/film.yaml", "run1", Fraction(1, 4), 3.0, unit="EUR")
    fal = replace(wanted(), provider="fal")
    paid = ledger.submissions.record_intent(
        fal, "gull", "/film.yaml", "run1", Fraction(12, 25), 1.0, unit="USD", reason="no take yet"
    )
    ledger.submissions.record_accepted(paid, "1", 2.0)
    ledger.takes.record_take(fal.key, replace(TAKE, credits=Fraction(1, 2), unit="USD"), 4.0)
    parts = (("EUR", Fraction(1, 4)), ("USD", Fraction(1, 2)), ("apikley", Fraction(60)), ("kie", Fraction(60)))
    assert ledger.charges.total("run", "run1") == Cost(parts)
    assert Cost.total(entry.cost for entry in ledger.submissions.all()) == Cost(parts)
    assert Cost.total(charge.cost for charge in ledger.charges.all()) == Cost(parts)
    assert ledger.takes.of_key(fal.key)["720p"].unit == "USD"


def test_a_budget_in_money_counts_every_unit_and_refuses_to_guess(path: Path) -> None:
    """In the transaction that records the intent; a unit without a rate is named, and free shots are never refused."""
    ledger, spend = Ledger(path), Ledger(path).submissions.record_intent
    providers = {"apikley": PRICES, "kie": Prices(), "comfy": Prices()}
    budget = parse_budget({"per_run": "0.75 USD"}, "/c.toml", PriceBook("apikley", providers))
    fal, kie, comfy = (replace(wanted(), provider=name) for name in ("fal", "kie", "comfy"))
    spend(wanted(), "gull", "/film.yaml", "run1", Fraction(60), 1.0, budget)
    with pytest.raises(OverBudget, match=r"allows 0.75 USD; in this run 0.30 USD spent, 0.45 USD left, .* 0.46 USD"):
        spend(fal, "gull", "/film.yaml", "run1", Fraction("0.46"), 1.0, budget, unit="USD")
    with pytest.raises(OverBudget, match="does not say what this is worth: kie") as caught:
        spend(kie, "gull", "/film.yaml", "run1", Fraction(1), 1.0, budget)
    assert caught.value.hint == "set credit and currency in [providers.kie] in config.toml"
    spend(comfy, "gull", "/film.yaml", "run1", Fraction(0), 1.0, budget)
    spend(fal, "gull", "/film.yaml", "run1", Fraction("0.45"), 1.0, budget, unit="USD")
    assert [entry.provider for entry in ledger.submissions.all()] == ["apikley", "comfy", "fal"]


@pytest.mark.parametrize("damage", ["unit = 'gold'", "unit = 3", "provider = x'00'"])
def test_a_unit_that_is_none_is_no_amount(path: Path, damage: str) -> None:
    """A sum of unknown things would be told as money."""
    ledger = Ledger(path)
    intend(ledger, wanted())
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE jobs SET {damage}")
    with pytest.raises(LocalFault):
        ledger.submissions.all()


def test_hd_is_written_down_before_it_is_asked_for(path: Path) -> None:
    """Its price is in the account whatever happens next."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    ledger.submissions.record_accepted(entry, "job1", 2.0)
    ledger.submissions.record_upgrade(entry, "gull", "/film.yaml", "run1", Fraction(5), 3.0)
    ledger.takes.record_take(entry.key, TAKE, 4.0)
    standing = ledger.submissions.of_key(entry.key)
    assert standing is not None
    assert standing.hd == 5


def limits(**table: float) -> Budget:
    return parse_budget(table, "/config.toml", PriceBook("apikley", {"apikley": PRICES}))


def test_what_is_spent_is_counted_by_run_storyboard_and_month(path: Path) -> None:
    """From the rows themselves, whatever became of each: so it holds across crashes. A month is one in UTC."""
    ledger = Ledger(path)
    december = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    moments = {
        "before": december - 1,
        "first": december,
        "last": december + 31 * 86400 - 1,
        "after": december + 31 * 86400,
    }
    for run, now in moments.items():
        ledger.submissions.record_intent(wanted(run), "gull", "/film.yaml", run, Fraction(60), now)
    lost = ledger.submissions.record_intent(wanted("lost"), "tern", "/other.yaml", "first", Fraction(250), december)
    ledger.submissions.record_unknown(lost, "no answer", None, december)
    refused = ledger.submissions.record_intent(
        wanted("refused"), "heron", "/other.yaml", "first", Fraction(250), december
    )
    ledger.submissions.record_refused(refused, "flagged", 422, december)
    cheap = ledger.submissions.record_intent(wanted("cheap"), "tern", "/other.yaml", "first", Fraction(60), december)
    ledger.submissions.record_accepted(cheap, "job1", december)
    ledger.submissions.record_charge(cheap, Fraction(119, 2), december)
    ledger.submissions.record_failed(cheap, "no clip", 501, december)
    assert ledger.charges.total("month", "2026-12").credits == 120 + 250 + Fraction(119, 2)
    assert (ledger.charges.total("month", "2026-11").credits, ledger.charges.total("month", "2027-01").credits) == (
        60,
        60,
    )
    assert ledger.charges.total("run", "first").credits == 60 + 250 + Fraction(119, 2)
    assert ledger.charges.total("storyboard", "/film.yaml").credits == 240
    assert not ledger.charges.total("storyboard", "/none.yaml")
    assert sum(charge.credits for charge in ledger.charges.all()) == 240 + 250 + Fraction(119, 2)
    assert [(found.scene, found.state) for found in ledger.charges.all("/other.yaml")] == [
        ("tern", "unknown"), ("heron", "refused"), ("tern", "failed"),
    ]  # fmt: skip


@pytest.mark.parametrize("span", ["per_run", "per_storyboard", "per_month"])
def test_what_would_go_over_is_not_written_down(path: Path, span: str) -> None:
    """The intent is undone with its transaction: the same shot can be asked for once there is room."""
    ledger, budget = Ledger(path), limits(**{span: 150})
    for prompt in ("a", "b"):
        ledger.submissions.record_intent(wanted(prompt), "gull", "/film.yaml", "run1", Fraction(60), 1.0, budget)
    with pytest.raises(OverBudget, match=rf"{span} allows 150 credits .* 120 credits .* spent, 30 credits .* left"):
        ledger.submissions.record_intent(wanted("c"), "gull", "/film.yaml", "run1", Fraction(60), 1.0, budget)
    assert (ledger.submissions.of_key(wanted("c").key), len(ledger.submissions.all())) == (None, 2)
    ledger.submissions.record_intent(
        wanted("c"), "gull", "/film.yaml", "run1", Fraction(60), 1.0, limits(**{span: 180})
    )
    with pytest.raises(AlreadyAsked):  # Somebody has it: that costs nothing, and is said before any limit.
        ledger.submissions.record_intent(wanted("a"), "gull", "/film.yaml", "run1", Fraction(60), 1.0, budget)


def test_hd_is_paid_once_within_the_budget_of_whoever_adds_it(path: Path) -> None:
    """Asked for twice it is one charge; where the limit does not reach, none."""
    ledger, budget = Ledger(path), limits(per_storyboard=6)
    entries = [
        ledger.submissions.record_intent(wanted(prompt), "gull", "/film.yaml", "run1", Fraction(60), 1.0)
        for prompt in "ab"
    ]
    for _ in range(2):
        ledger.submissions.record_upgrade(entries[0], "tern", "/other.yaml", "run2", Fraction(5), 2.0, budget)
    with pytest.raises(OverBudget, match=r"5 credits .* spent, 1 credit .* left"):
        ledger.submissions.record_upgrade(entries[1], "tern", "/other.yaml", "run2", Fraction(5), 2.0, budget)
    assert [entry.hd for entry in ledger.submissions.all()] == [5, None]
    assert (ledger.charges.total("run", "run2").credits, ledger.charges.total("storyboard", "/film.yaml").credits) == (
        5,
        120,
    )
    (charge,) = ledger.charges.all("/other.yaml")
    assert (charge.hd, charge.scene, charge.credits, charge.at) == (True, "tern", 5, "1970-01-01T00:00:02Z")


def test_a_damaged_amount_is_no_room_in_the_budget(path: Path) -> None:
    """A sum that cannot be made is a fault, not a zero."""
    ledger = Ledger(path)
    intend(ledger, wanted("a"))
    with sqlite3.connect(path) as other:
        other.execute("UPDATE jobs SET credits = 'none'")
    with pytest.raises(LocalFault):
        ledger.submissions.record_intent(
            wanted("b"), "gull", "/film.yaml", "run1", Fraction(60), 1.0, limits(per_run=1000)
        )
    with pytest.raises(LocalFault):
        ledger.charges.all()


def test_an_uploaded_image_is_remembered_while_it_lives(path: Path) -> None:
    """Nothing is uploaded twice, and no dead address is handed out."""
    ledger = Ledger(path)
    until = datetime(2026, 1, 2, tzinfo=UTC)
    ledger.upload_addresses.remember_upload("s3://b", "a" * 64, "https://b/a", until)
    assert ledger.upload_addresses.upload_address("s3://b", "a" * 64, datetime(2026, 1, 1, tzinfo=UTC)) == "https://b/a"
    assert ledger.upload_addresses.upload_address("s3://b", "a" * 64, until) is None
    assert ledger.upload_addresses.upload_address("s3://other", "a" * 64, datetime(2026, 1, 1, tzinfo=UTC)) is None


def _die_after_intent(path: Path) -> None:
    intend(Ledger(path), wanted())
    os.kill(os.getpid(), signal.SIGKILL)


def test_an_intent_outlives_its_process(path: Path) -> None:
    """Killed between the intent and the answer, the next run knows that money may be on its way."""
    process = multiprocessing.get_context("spawn").Process(target=_die_after_intent, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    entry = Ledger(path).submissions.of_key(wanted().key)
    assert entry is not None
    assert entry.state == "intent"


def test_it_is_written_through_to_the_disk(path: Path) -> None:
    """A power cut keeps every row: FULL, not the NORMAL that a WAL user often gets."""
    ledger = Ledger(path)
    (level,) = ledger.database.connection.execute("PRAGMA synchronous").fetchone()
    assert level == 2


@pytest.mark.parametrize(
    "damage", [b"not a database, but long enough to be read as one" * 40, b"SQLite format 3\0" + b"x" * 4096]
)
def test_a_damaged_ledger_is_said_not_replaced(path: Path, damage: bytes) -> None:
    """A new empty ledger in its place would forget what was paid for."""
    path.write_bytes(damage)
    with pytest.raises(LocalFault) as caught:
        Ledger(path)
    assert str(path) in caught.value.message
    assert path.read_bytes() == damage


def test_a_damaged_row_is_said(path: Path) -> None:
    """A number that is none stops the run; nothing is guessed."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    with sqlite3.connect(path) as other:
        other.execute("UPDATE jobs SET credits = 'lots'")
    with pytest.raises(LocalFault):
        ledger.submissions.of_key(entry.key)


def test_a_damaged_page_is_found(path: Path) -> None:
    """doctor reads the whole file."""
    ledger = Ledger(path)
    for number in range(200):
        intend(ledger, wanted(f"prompt {number}"))
    ledger.close()
    sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"\xff" * 4096
    path.write_bytes(content)
    try:
        found = Ledger(path).database.problems()
    except LocalFault:
        found = ["unreadable"]
    assert found


def test_a_ledger_of_a_later_version_is_left_alone(path: Path) -> None:
    Ledger(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 5")
    with pytest.raises(LocalFault, match="newer storyboard"):
        Ledger(path)


def test_a_constraint_that_is_no_double_is_not_hidden(path: Path) -> None:
    """Only a live row of the same key means that somebody has asked already."""
    ledger = Ledger(path)
    no_scene: Any = None  # It breaks another rule than the one on live rows.
    with pytest.raises(sqlite3.IntegrityError):
        ledger.submissions.record_intent(wanted(), no_scene, "/film.yaml", "run1", Fraction(60), 1.0)


def test_a_moment_is_told_in_utc() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00Z"


def test_locks_are_known_by_what_they_pin(path: Path) -> None:
    """To the day: an unchanged film writes nothing, and a take that stays in use stays young."""
    ledger = Ledger(path)
    ledger.pins.record_pins("/a.lock.yaml", ["d1", "d2"], 100.0)
    ledger.pins.record_pins("/b.lock.yaml", ["d1"], 200.0)
    before = ledger.database.connection.total_changes
    ledger.pins.record_pins("/a.lock.yaml", ["d1"], 100.0 + DAY - 1)
    ledger.pins.record_pins("/a.lock.yaml", [], 100.0 + 9 * DAY)
    assert ledger.database.connection.total_changes == before
    ledger.pins.record_pins("/a.lock.yaml", ["d1"], 100.0 + DAY)
    assert ledger.pins.by_lock() == {"/a.lock.yaml": {"d1": 100.0 + DAY, "d2": 100.0}, "/b.lock.yaml": {"d1": 200.0}}


def test_a_removed_take_is_known_until_it_comes_again(path: Path) -> None:
    """What gc took away must never look as if the disk had lost it."""
    ledger = Ledger(path)
    ledger.pins.record_removal([TAKE.digest, "e" * 64, "f" * 64], 5.0)
    ledger.pins.record_return(["f" * 64])
    assert ledger.pins.removals() == {TAKE.digest: 5.0, "e" * 64: 5.0}
    ledger.submissions.record_accepted(intend(ledger, wanted()), "job1", 2.0)
    ledger.takes.record_take(wanted().key, TAKE, 6.0)
    assert ledger.pins.removals() == {"e" * 64: 5.0}


def test_an_address_that_does_not_serve_is_forgotten(path: Path) -> None:
    ledger = Ledger(path)
    now, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    ledger.upload_addresses.remember_upload("s3://b", "a" * 64, "https://b/a", until)
    ledger.upload_addresses.remember_upload("s3://c", "a" * 64, "https://c/a", until)
    ledger.upload_addresses.forget_upload("s3://b", "a" * 64)
    assert (
        ledger.upload_addresses.upload_address("s3://b", "a" * 64, now),
        ledger.upload_addresses.upload_address("s3://c", "a" * 64, now),
    ) == (None, "https://c/a")


@pytest.mark.parametrize(
    "damage", ["fps = '1/0'", "fps = 'fast'", "bytes = x'00', fps = x'ff'", "remarks = '[1]'", "remarks = '{}'"]
)
def test_a_damaged_take_is_said(path: Path, damage: str) -> None:
    """In words, wherever takes are read."""
    ledger = Ledger(path)
    ledger.takes.record_take("k" * 64, TAKE, 1.0)
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE takes SET {damage}")
    with pytest.raises(LocalFault):
        ledger.takes.of_key("k" * 64)
    with pytest.raises(LocalFault):
        ledger.takes.all()


def test_a_callback_is_kept_for_whoever_waits_for_it(path: Path) -> None:
    """It is there for the next process; and a nonce that is no attempt's, however near, is nobody's."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    assert len(entry.nonce) >= 32
    assert ledger.inbox.record_callback(entry.nonce, "job1", 2.0)
    assert ledger.inbox.record_callback(entry.nonce, "job2", 3.0)
    assert ledger.inbox.record_callback(entry.nonce, "job1", 4.0)
    for near in (entry.nonce[:-1] + "~", entry.nonce[:-1], entry.nonce[:10], "", "x" * 32):
        assert not ledger.inbox.record_callback(near, "job3", 5.0)
    later = Ledger(path)
    assert later.inbox.jobs_named_by_callbacks(entry.nonce) == ("job1", "job2")
    assert [job for _, _, job in later.inbox.callbacks_after(0)] == ["job1", "job2", "job1"]
    assert [job for _, _, job in later.inbox.callbacks_after(1)] == ["job2", "job1"]
    later.inbox.discard_callback(entry.nonce, "job1")
    assert ledger.inbox.jobs_named_by_callbacks(entry.nonce) == ("job2",)


def test_callbacks_without_end_do_not_fill_the_disk(path: Path) -> None:
    """Who knows one path could write as much as he likes."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    assert all(ledger.inbox.record_callback(entry.nonce, f"job{number}", 2.0) for number in range(100))
    assert len(ledger.inbox.callbacks_after(0)) == 16


@pytest.mark.parametrize("state", ["refused", "failed", "abandoned", "taken"])
def test_a_callback_that_comes_late_changes_nothing(path: Path, state: str) -> None:
    """What is over stays over, whatever is said of it afterwards."""
    ledger = Ledger(path)
    entry = intend(ledger, wanted())
    if state == "taken":
        ledger.submissions.record_accepted(entry, "job1", 2.0)
        ledger.takes.record_take(entry.key, TAKE, 3.0)
    else:
        {
            "refused": lambda: ledger.submissions.record_refused(entry, "no", None, 2.0),
            "failed": lambda: ledger.submissions.record_failed(entry, "", 1, 2.0),
        }.get(state, lambda: ledger.submissions.record_abandoned(entry, "given up", 2.0))()
    before = ledger.submissions.all()
    assert ledger.inbox.record_callback(entry.nonce, "job2", 4.0)
    assert ledger.inbox.jobs_named_by_callbacks(entry.nonce) == ()
    assert not ledger.submissions.adopt(entry, "job2", 5.0)
    assert ledger.submissions.all() == before


def test_a_job_is_adopted_once_and_by_one(path: Path) -> None:
    """A job that another shot has is nobody else's."""
    ledger = Ledger(path)
    first, second = intend(ledger, wanted("a")), intend(ledger, wanted("b"))
    ledger.submissions.record_unknown(first, "no answer", 500, 2.0)
    assert ledger.submissions.adopt(first, "job1", 3.0)
    assert not ledger.submissions.adopt(first, "job2", 4.0)
    with pytest.raises(KnownJob):
        ledger.submissions.adopt(second, "job1", 5.0)
    assert [(entry.state, entry.job, entry.why) for entry in ledger.submissions.all()] == [
        ("open", "job1", ""),
        ("intent", None, ""),
    ]


@pytest.mark.ci
def test_two_that_make_it_at_one_moment_both_have_it(tmp_path: Path) -> None:
    """The first two renders on a machine, begun together: one would be told that the ledger is locked."""
    told: list[LocalFault] = []

    def begin(path: Path, start: threading.Barrier) -> None:
        start.wait(60)
        try:
            Ledger(path).close()
        except LocalFault as error:
            told.append(error)

    for number in range(100):
        start = threading.Barrier(4)
        threads = [threading.Thread(target=begin, args=(tmp_path / str(number) / "ledger.db", start)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert told == []
