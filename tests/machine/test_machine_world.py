"""A state machine over the whole house: whatever an author, a service, a disk and a clock do, money is paid once.

Real: render, desk, session, run, ledger, store, locks, settle, clearing, `store verify`, the inbox of callbacks, the
verification of clips, SQLite and the files of a folder in memory. Stand-ins, all in `town`: the service (with books of
its own), time, and the wire, whose clips come from a shelf. A kill is an exception that nothing catches, at the n-th
effect on the world; whatever would happen after it has no effect either.
"""

import asyncio
import json
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from canary import KEY
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from town import HD, PRICES, Clips, Doors, Job, Killed, Line, Post, Service, Time, move_in

from storyboard.cli.store import command as store_command
from storyboard.config.settings import settings as configured
from storyboard.costs.budget import parse_budget
from storyboard.model.cost import Cost
from storyboard.model.errors import InputError, StoryboardError
from storyboard.model.lock import Lock
from storyboard.model.submission import LIVE, Submission
from storyboard.model.take import Take
from storyboard.parsing.yaml import load
from storyboard.planning import plan as planning
from storyboard.planning import steps
from storyboard.planning.steps import take_id
from storyboard.state import rescue
from storyboard.state.ledger import Ledger, rows
from storyboard.state.ledger import database as ledger_room
from storyboard.state.ledger.pins import DAY
from storyboard.state.lockfile import parse_lock
from storyboard.state.realm import Realm
from storyboard.state.store import Store
from storyboard.system.claims import exclusive_lock
from storyboard.system.files import private_dir
from storyboard.workflow import settle
from storyboard.workflow.collect import collect
from storyboard.workflow.collect_garbage import GarbageCollector
from storyboard.workflow.facts import current_plan, pin_takes
from storyboard.workflow.prepare import BackgroundPreparation
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.session import session
from storyboard.workflow.workspace import Workspace, claimed_workspace

FILES = ("film.yaml", "other.yaml")
WORDS = ("a gull", "a tern", "a heron", "a skua", "a knot", "a ruff", "a smew", "an auk")
NAMES = ("one", "two", "three", "four")
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None

ANSWERS = st.lists(
    st.sampled_from(
        ("sold", "sold", "lost", "lost and called", "never arrived", "refused", "no credits", "failed", "slow", "wrong")
    ),
    min_size=1,
    max_size=3,
)
FETCHES = st.lists(st.sampled_from(("whole", "expired", "cut", "stalled", "disk full")), min_size=1, max_size=2)
KILLS = st.one_of(st.integers(0, 12), st.integers(0, 140))
WHICH = st.sampled_from(FILES)
# What a scene is wanted in, and how many takes of it.
SIZES = ("720p", "720p", "1080p", "720p, takes: 2", "1080p, takes: 3, pick: 2", "1080p, takes: 2")


def _takes(size: str) -> int:
    """How many takes a scene has that is written so."""
    return int(size.partition("takes: ")[2][:1] or 1)


SCENES = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(WORDS), st.sampled_from(SIZES)),
    min_size=1,
    max_size=4,
    unique_by=lambda scene: scene[0],
)


@dataclass
class Attempt:
    """What is known from outside of one entry of the ledger: ``said`` to its sender, and ``decided`` by the author.

    ``doubtful`` is whether nobody can know what became of it; ``job`` is the name that the ledger once had for it.
    """

    storyboard: str
    said: str
    sold: Job | None
    doubtful: bool
    cost: Fraction
    decided: str = ""
    job: str | None = None
    hd: bool = False


@cache
def _parsed(text: bytes) -> Lock:
    return parse_lock(load(text, "lock"), "lock")


def _dead(error: BaseException) -> bool:
    return isinstance(error, Killed) or (isinstance(error, BaseExceptionGroup) and error.subgroup(Killed) is not None)


class World(RuleBasedStateMachine):
    """One author with two storyboards in a folder, and one home."""

    doors: Doors
    clips: Clips
    time: Time
    service: Service
    count: Counter[str]

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="machine-", dir=MEMORY))
        self.home, self.project = self.root / "home", self.root / "project"
        self.project.mkdir()
        self.time.now, self.time.ticked = 1_800_000_000.0, 0.0
        self.service.begin(self.afford, self.call)
        self.settings = configured({"STORYBOARD_HOME": str(self.home)})
        self.attempts: dict[int, Attempt] = {}
        self.scenes: dict[str, list[tuple[str, str, str]]] = {}
        self.history: dict[str, list[list[tuple[str, str, str]]]] = {name: [] for name in FILES}
        self.limit: tuple[str, int] | None = None
        self.spoiled: set[str] = set()  # Takes that the disk damaged or lost.
        self.cleared: set[str] = set()  # Takes that gc took away.
        self.thrown: dict[str, float] = {}  # Takes in the trash, and since when.
        self.busy: str | None = None
        self.ears = ExitStack()

    def teardown(self) -> None:
        self.ears.close()
        rmtree(self.root)

    # The author's desk

    @initialize(film=SCENES, other=SCENES, hears=st.booleans())
    def begin(self, film: Any, other: Any, hears: bool) -> None:
        self.write("film.yaml", film)
        self.write("other.yaml", other)
        if hears:
            shell = {"STORYBOARD_HOME": str(self.home), "STORYBOARD_CALLBACK_URL": "https://tunnel.example"}
            self.settings = configured(shell)
            # `storyboard callbacks` listens elsewhere: a render finds what it has heard in the inbox.
            private_dir(self.home)
            where = self.home / f"callbacks.{self.settings.callbacks.port}.claim"
            self.ears.enter_context(exclusive_lock(where, "it listens"))

    def write(self, name: str, scenes: list[tuple[str, str, str]]) -> None:
        self.scenes[name] = scenes
        lines = (f"  - {{id: {id}, prompt: {words}, resolution: {size}}}\n" for id, words, size in scenes)
        (self.project / name).write_text("storyboard: 1\nscenes:\n" + "".join(lines))

    def edit(self, name: str, scenes: list[tuple[str, str, str]]) -> None:
        self.history[name].append(self.scenes[name])
        self.write(name, scenes)

    @property
    def ledger_file(self) -> Path:
        return self.home / "ledger.db"

    @property
    def store(self) -> Store:
        return Store(self.home / "takes")

    def lock_file(self, name: str) -> Path:
        return self.project / name.replace(".yaml", ".lock.yaml")

    def afford(self, credits: Fraction) -> None:
        """Asked as a request comes: whether the budget can have allowed it. At the least, for a job may cost 5 less."""
        if self.limit is None or self.busy is None:
            return
        span, most = self.limit
        spent = sum(map(_least, self.service.posts), Fraction(0)) + HD * len(self.service.lately_raised)
        if span == "per_storyboard":
            mine = [attempt for attempt in self.attempts.values() if attempt.storyboard == self.busy and attempt.cost]
            spent += sum((_cost(attempt) - 5 for attempt in mine), Fraction(0))
        if spent + credits > most:
            self.service.wrong.append(f"{credits} credits are asked for, {spent} are spent, {span} is {most}")

    def call(self, nonce: str, job: str) -> None:
        with closing(Ledger(self.ledger_file)) as ledger:
            ledger.inbox.record_callback(nonce, job, self.time.wall())

    @contextmanager
    def at(self, name: str) -> Iterator[Workspace]:
        with claimed_workspace(self.project / name, self.settings) as found:
            yield found

    def does(self, act: Callable[[], object], after: int | None = None, *, stumbles: bool = False) -> bool:
        """Do it, perhaps to the death; whether it came to its end. Then look at everything."""
        self.doors.arm(after, stumbles=stumbles)
        ended, died = False, False
        try:
            act()
            ended = True
        except StoryboardError:
            pass
        except BaseException as error:
            if not _dead(error):
                assert not self.service.wrong, self.service.wrong
                raise
            died = True
        finally:
            dead, stumbled = self.doors.dead, stumbles and self.doors.left is None
            self.doors.arm(None)
        assert died == dead, "somebody went on after the kill"
        self.count.update({"killed": died, "effects failed": stumbled})
        self.book(died=died, stumbled=stumbled)
        return ended

    # Rendering

    def renders(self, name: str, answers: Any, fetches: Any, only: Any = (), **trouble: Any) -> bool:
        self.service.plan(answers, fetches)
        self.busy = name
        self.count["renders"] += 1

        def act() -> None:
            with self.at(name) as workspace:
                render(workspace, RenderOptions(only=only, cut=False))

        ended = self.does(act, **trouble)
        self.busy = None
        lock = self.lock(name)
        if ended and lock is not None:
            assert set(lock.scenes) <= {id for id, _, _ in self.scenes[name]}, "the lock names a scene that is not"
        return ended

    @rule(name=WHICH)
    def render(self, name: str) -> None:
        """All goes well: then whatever is bought is there."""
        if self.renders(name, ("sold",), ("whole",)):
            with closing(Ledger(self.ledger_file)) as ledger:
                wanted = {(words, n) for _, words, size in self.scenes[name] for n in range(1, _takes(size) + 1)}
                for entry in ledger.submissions.all():
                    good = entry.job and self.service.jobs[entry.job].fate == "good"
                    needed = (entry.recipe["prompt"], entry.take.number) in wanted
                    if good and needed and entry.state in ("open", "taken"):
                        takes = ledger.takes.of_key(entry.key).values()
                        assert any(self.store.holds(take.digest, take.bytes) for take in takes), "bought, and not there"

    @rule(name=WHICH, answers=ANSWERS, fetches=FETCHES, data=st.data())
    def render_in_trouble(self, name: str, answers: Any, fetches: Any, data: Any) -> None:
        only = data.draw(st.sampled_from([(), *((id,) for id, _, _ in self.scenes[name])]))
        self.renders(name, answers, fetches, only=only)

    @rule(name=WHICH, answers=ANSWERS, kill=KILLS)
    def render_killed(self, name: str, answers: Any, kill: int) -> None:
        self.renders(name, answers, ("whole",), after=kill)

    @rule(name=WHICH, answers=ANSWERS, after=KILLS)
    def render_on_a_failing_disk(self, name: str, answers: Any, after: int) -> None:
        """One write fails. A job that was told is in the ledger, or kept by ``rescue`` for the next render."""
        self.renders(name, answers, ("whole",), after=after, stumbles=True)

    @rule(answers=ANSWERS, fetches=FETCHES)
    def render_both_at_once(self, answers: Any, fetches: Any) -> None:
        """Two processes that planned at the same moment, with one ledger."""
        self.service.plan(answers, fetches)

        async def together(desks: list[Workspace]) -> None:
            plans = [current_plan(at) for at in desks]
            runs = (
                session(at, plan, 8, BackgroundPreparation(at, plan), lambda event: None)
                for at, plan in zip(desks, plans, strict=True)
            )
            for at, plan, (outcomes, *_) in zip(desks, plans, await asyncio.gather(*runs), strict=True):
                kept = {take_id(step): step.take for step in plan.steps if step.name == "keep"}
                pin_takes(at, kept | {scene: take for scene, take in outcomes.items() if isinstance(take, Take)})

        def act() -> None:
            with self.at("film.yaml") as film, self.at("other.yaml") as other:
                asyncio.run(together([film, other]))

        self.does(act)

    @rule(fetches=FETCHES, data=st.data())
    def collect(self, fetches: Any, data: Any) -> None:
        """`storyboard collect`: of one storyboard or of all; it asks for nothing that costs."""
        file = data.draw(st.sampled_from((None, *FILES)))
        self.service.plan(("sold",), fetches)
        self.does(lambda: collect(self.settings, file and self.project / file, lambda event: None))
        assert not self.service.posts

    # What authors do

    @rule(name=WHICH, scenes=SCENES)
    def write_anew(self, name: str, scenes: Any) -> None:
        self.edit(name, scenes)

    @rule(name=WHICH, which=st.integers(0, 3), words=st.sampled_from(WORDS), size=st.sampled_from(SIZES))
    def change_a_scene(self, name: str, which: int, words: str, size: str) -> None:
        scenes = list(self.scenes[name])
        scenes[which % len(scenes)] = (scenes[which % len(scenes)][0], words, size)
        self.edit(name, scenes)

    @rule(name=WHICH, which=st.integers(0, 3), words=st.sampled_from(WORDS), back=st.booleans())
    def change_a_scene_and_clear(self, name: str, which: int, words: str, back: bool) -> None:
        """The take of before goes into the trash; and comes out of it unpaid where the author thinks better of it."""
        self.change_a_scene(name, which, words, "720p")
        self.render(name)
        self.clears(0)
        if back:
            self.undo(name)
            self.render(name)

    @rule(name=WHICH, turn=st.integers(1, 3))
    def rename_and_reorder(self, name: str, turn: int) -> None:
        names = dict(zip(NAMES, (*NAMES[turn:], *NAMES[:turn]), strict=True))
        self.edit(name, [(names[id], words, size) for id, words, size in reversed(self.scenes[name])])

    @rule(name=WHICH)
    def undo(self, name: str) -> None:
        if self.history[name]:
            self.write(name, self.history[name].pop())

    @rule(name=WHICH)
    def delete_the_lock(self, name: str) -> None:
        self.lock_file(name).unlink(missing_ok=True)

    @rule(name=WHICH, to=st.integers(0, 200), days=st.sampled_from((0, 1)), keep=st.booleans())
    def damage_the_lock(self, name: str, to: int, days: int, keep: bool) -> None:
        """A lock in a merge conflict: nothing is bought or removed on its word; then it is restored, or deleted."""
        file = self.lock_file(name)
        content = file.read_bytes() if file.exists() else b""
        file.write_bytes(b"<<<<<<< ours\n" + content[:to])
        assert not self.renders(name, ("sold",), ("whole",)), "rendered by a lock that cannot be read"
        assert not self.service.posts
        self.clears(days)
        file.write_bytes(content)
        if not keep or not content:
            file.unlink()

    @rule(span=st.sampled_from(("per_run", "per_storyboard", "per_month")), most=st.sampled_from((60, 130, 300, 900)))
    def set_a_budget(self, span: str, most: int) -> None:
        self.limit = (span, most)
        self.settings = replace(self.settings, budget=parse_budget({span: most}, "config.toml", self.settings.prices))

    @rule()
    def lift_the_budget(self) -> None:
        self.limit = None
        self.settings = replace(self.settings, budget=parse_budget({}, "config.toml", self.settings.prices))

    @rule(name=WHICH, how=st.sampled_from(("again", "abandon", "adopt")), data=st.data())
    def settle(self, name: str, how: str, data: Any) -> None:
        scene = data.draw(st.sampled_from([id for id, _, _ in self.scenes[name]] + list(NAMES)))
        job = data.draw(st.sampled_from(["job-none", *self.service.jobs]))
        now = self.time.wall()

        def act() -> None:
            with self.at(name) as at:
                entry = settle.submission_to_settle(at, scene)
                if how == "adopt":
                    return settle.adopt(at, entry, job, now)
                self.attempts[entry.id].decided = how
                if how == "abandon":
                    return settle.abandon(at, entry, now)
                self.service.taboo.discard(entry.key)
                return settle.request_again(at, entry, now)

        self.service.plan(("sold",), ("whole",))
        self.does(act)

    # What the service does

    @precondition(lambda self: self.service.jobs)
    @rule(data=st.data(), how=st.sampled_from(("true", "late", "forged", "unknown")))
    def call_back(self, data: Any, how: str) -> None:
        jobs = list(self.service.jobs.values())
        one, other = data.draw(st.sampled_from(jobs)), data.draw(st.sampled_from(jobs))
        nonce = "A" * 32 if how == "unknown" else other.callback if how == "forged" else one.callback
        self.service.plan(("sold",), ("whole",))
        if nonce:
            self.does(lambda: self.call(nonce, "job-none" if how == "late" else one.name))

    @rule(fate=st.sampled_from(("good", "failed")))
    def finish_slow_jobs(self, fate: str) -> None:
        for job in self.service.jobs.values():
            job.fate = fate if job.fate == "slow" else job.fate

    # What disks, clocks and gc do

    @rule(days=st.sampled_from((-1, 1, 1, 16)))
    def jump(self, days: int) -> None:
        self.time.now += days * DAY

    @rule(data=st.data(), how=st.sampled_from(("flipped", "cut", "lost")))
    def spoil_a_take(self, data: Any, how: str) -> None:
        digests = list(self.store)
        assume(digests)
        digest = data.draw(st.sampled_from(digests))
        path = self.store.path(digest)
        content = bytearray(path.read_bytes())
        path.unlink()
        self.spoiled.add(digest)
        if how != "lost":
            content[len(content) // 2] ^= 255
            path.write_bytes(content if how == "flipped" else content[:-100])

    @rule()
    def verify(self) -> None:
        """`store verify` names exactly what is damaged, and moves it aside."""
        damaged = {digest for digest in self.store if not self.store.is_intact(digest)}
        shell = {"STORYBOARD_HOME": str(self.home)}
        with closing(Ledger(self.ledger_file)):
            pass
        said = CliRunner().invoke(store_command, ["verify", "--json"], env=shell)
        found = json.loads(said.stdout)
        assert set(found["damaged"]) == damaged <= self.spoiled
        assert set(found["gone"]) <= self.spoiled | self.cleared
        assert not damaged & set(self.store)

    @rule(days=st.sampled_from((0, 0, 1, 14)))
    def clear(self, days: int) -> None:
        self.clears(days)

    @rule()
    def restore(self) -> None:
        with self.clearing() as clearing, clearing.alone():
            clearing.restore()
        assert not self.store.trash()

    @contextmanager
    def clearing(self) -> Iterator[GarbageCollector]:
        with closing(Realm("paid", self.home)) as realm:
            yield GarbageCollector(self.settings, realm)

    def clears(self, days: int) -> None:
        """`store gc --delete`: what goes is old, pinned by no lock, awaited by no job, and nowhere in doubt."""
        now, before, trash = self.time.wall(), set(self.store), self.store.trash()
        with self.clearing() as clearing:
            with clearing.alone():
                clearing.carry_out(clearing.waste(days, [], now), now)
            came, entries = list(clearing.realm.ledger.takes.all()), clearing.realm.ledger.submissions.all()
        after, left = set(self.store), self.store.trash()
        locks = {str((self.project / name).resolve()): self.lock(name) for name in FILES}
        pinned = {digest for lock in locks.values() if lock for digest in _pins(lock)}
        assert not before - after - set(left), "gc removed what was never in the trash"
        for digest in before - after:
            assert digest not in pinned, "gc took what a lock pins"
            keys = {key for key, take, _ in came if take.digest == digest}
            assert max(at for _, take, at in came if take.digest == digest) <= now - days * DAY, "gc took a young take"
            for entry in entries:
                if entry.key in keys:
                    assert entry.state not in ("intent", "unknown", "open"), "gc took what a job may need"
                    assert locks[entry.storyboard] is not None, "gc took what a missing lock may pin"
            self.count["takes cleared"] += 1
            self.cleared.add(digest)
            self.thrown[digest] = now
        for digest in set(trash) - set(left) - after:
            assert digest in self.thrown, "the trash had what gc did not put there"
            assert now - self.thrown[digest] >= DAY, "removed for good before a day had passed"
            assert digest not in pinned, "gc removed for good what a lock pins"

    # What must hold

    def lock(self, name: str) -> Lock | None:
        """A lock as it lies there; None where there is none, or it cannot be read."""
        try:
            return _parsed(self.lock_file(name).read_bytes())
        except (FileNotFoundError, InputError):
            return None

    def book(self, *, died: bool, stumbled: bool = False) -> None:
        """Compare the ledger with the service's books, after one step."""
        assert not self.service.wrong, self.service.wrong
        if not self.ledger_file.exists():
            assert not self.service.jobs
            return
        with closing(Ledger(self.ledger_file)) as ledger:
            entries = ledger.submissions.all()
            charges = ledger.charges.all()
            by_storyboard = Cost.total(
                ledger.charges.total("storyboard", str((self.project / name).resolve())) for name in FILES
            ).credits
            came: dict[str, set[str]] = {}
            for key, take, _ in ledger.takes.all():
                came.setdefault(key, set()).add(take.digest)
        saved = {kept.job for kept in rescue.rescued_jobs(self.ledger_file)}
        self.introduce(entries, saved, died=died, stumbled=stumbled)
        for entry in entries:
            self.look_at(entry, came, cut=died or stumbled)
        for key, digests in came.items():
            assert digests <= self.service.digests(key), "a take that was never sold under this shot"
        total = sum((charge.credits for charge in charges), Fraction(0))
        assert total == by_storyboard == sum((_cost(attempt) for attempt in self.attempts.values()), Fraction(0))
        assert total >= sum((job.cost + HD * job.hd for job in self.service.jobs.values()), Fraction(0))
        known = {entry.job for entry in entries} | saved
        held = {entry.id: entry for entry in entries}
        for id, attempt in self.attempts.items():
            if attempt.sold and attempt.sold.name not in known:
                assert attempt.doubtful, f"{attempt.sold.name} is paid for and forgotten"
                assert held[id].job or held[id].state in ("intent", "unknown") or attempt.decided, (
                    "a lost job is closed"
                )
        self.service.told_to = known - {None}

    def introduce(self, entries: list[Submission], saved: set[str], *, died: bool, stumbled: bool) -> None:
        """Find for each new entry the request that it is about."""
        posts = list(self.service.posts)
        self.count.update({"requests": len(posts), "answers lost": sum(post.said == "lost" for post in posts)})
        for entry in entries:
            if entry.id in self.attempts:
                continue
            post = next((post for post in posts if post.shot.key == entry.key), None)
            if post:
                posts.remove(post)
            else:
                assert died or stumbled, "an intent, and nothing was asked for"
            said = post.said if post else "never sent"
            unheard = (died or stumbled) and entry.job is None and entry.state == "intent"
            if stumbled and post and post.job and post.said == "told" and not entry.job:
                assert post.job.name in saved, "the disk failed once, and a job is forgotten"
            self.attempts[entry.id] = Attempt(
                Path(entry.storyboard).name,
                said,
                post.job if post else None,
                said == "lost" or unheard,
                PRICES[entry.model],
            )
        assert not posts, "something was asked for without an intent"
        self.service.posts = []

    def look_at(self, entry: Submission, came: Mapping[str, set[str]], *, cut: bool) -> None:
        """One entry: nothing in it is more, or less, than what happened."""
        attempt = self.attempts[entry.id]
        job = self.service.jobs[entry.job] if entry.job else None
        assert attempt.job in (None, entry.job), "the name of a job was lost"
        attempt.job = entry.job
        if job:
            assert self.service.is_asked_for(job, entry.key), "the job of another request"
        match entry.state:
            case "intent" | "unknown":
                assert attempt.doubtful, f"{entry.state}, and no answer was lost"
            case "refused":
                assert attempt.said == "refused", "refused, says the ledger alone"
            case "failed":
                heard = job and job.fate == "failed" and job.heard
                assert heard or attempt.decided == "again", "closed without the service's word"
            case "abandoned":
                assert attempt.decided == "abandon"
            case "open" | "taken":
                assert job, "there is no job"
                assert entry.state == "open" or came.get(entry.key), "taken, and there is no take"
        if attempt.said == "refused" and not attempt.doubtful:
            assert entry.state == "refused"
        charged = entry.credits if entry.charged is None else entry.charged
        if entry.state != "refused":
            told = job is not None and job.name in self.service.lately_ready
            if told and not cut:
                assert job is not None
                assert charged == job.cost, "the service said what it took"
            assert charged in ({attempt.cost, job.cost} if told and job else {attempt.cost})
        attempt.cost = Fraction(0) if entry.state == "refused" else charged
        assert entry.hd in (None, HD)
        assert not attempt.hd or entry.hd, "an HD version was forgotten"
        assert not (job and job.hd) or entry.hd, "an HD version was bought, and not written down"
        attempt.hd = entry.hd is not None

    @invariant()
    def takes_are_whole(self) -> None:
        """A take that the ledger has lies in the store with its own bytes, if neither the disk nor gc took it."""
        self.count["steps"] += 1
        store, there = self.store, set(self.store)
        intact = {digest for digest in there if store.is_intact(digest)}
        self.spoiled -= intact
        self.cleared -= there
        assert there - intact <= self.spoiled, "a take has other bytes than its name says"
        if not self.ledger_file.exists():
            return
        trash = set(store.trash())
        assert trash <= self.cleared | self.spoiled | there
        for name in FILES:
            lock = self.lock(name)
            for scene, pinned in lock.scenes.items() if lock else ():
                for number, some in pinned.takes.items():
                    digests, known = {take.digest for take in some.values()}, pinned.all_keys[number]
                    assert digests <= self.service.digests(known), f"{scene} is given a take of another shot"
                for digest in digests - intact:
                    assert digest in self.spoiled | self.cleared, f"the take that {scene} has is gone"


def _pins(lock: Lock) -> set[str]:
    return {take.digest for pinned in lock.scenes.values() for some in pinned.takes.values() for take in some.values()}


def _cost(attempt: Attempt) -> Fraction:
    return attempt.cost + (HD if attempt.hd else 0)


def _least(post: Post) -> Fraction:
    return Fraction(0) if post.said == "refused" else PRICES[post.shot.model] - 5


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[World]:
    """The machine, in its town."""
    monkeypatch.setenv("APIKLEY_API_KEY", KEY)
    World.doors, World.clips, World.time = Doors(), Clips(tmp_path), Time()
    World.count = Counter()
    World.service = Line.service = Service(World.time, World.doors, World.clips)
    move_in(monkeypatch, World.time, World.clips, lambda name: World.service)
    World.doors.watch(monkeypatch)
    return World


def _explored(world: type[World], examples: int, *, whole: bool = True) -> None:
    """Run so many examples of 50 steps each; a failure is made small where ``whole``."""
    run_state_machine_as_test(
        world,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.generate, Phase.shrink) if whole else (Phase.generate,),
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{examples} examples:", ", ".join(f"{number:,} {what}" for what, number in world.count.items()))


@pytest.mark.parametrize(
    "examples", [4, pytest.param(20, marks=pytest.mark.ci), pytest.param(300, marks=pytest.mark.slow)]
)
def test_whatever_happens_nothing_is_paid_twice_and_nothing_bought_is_lost(world: type[World], examples: int) -> None:
    _explored(world, examples)


@pytest.mark.slow
def test_the_same_at_length(world: type[World]) -> None:
    _explored(world, 5_000)


def _many_live_rows(patch: pytest.MonkeyPatch) -> None:
    tables = rows.TABLES.replace("UNIQUE INDEX IF NOT EXISTS one_live_job", "INDEX IF NOT EXISTS one_live_job")
    assert tables != rows.TABLES
    patch.setattr(ledger_room, "TABLES", tables)


def _unknown_sent_again(patch: pytest.MonkeyPatch) -> None:
    act, live = planning._step, str(LIVE)
    patch.setattr(ledger_room, "TABLES", rows.TABLES.replace(live, live.replace("'unknown', ", "")))

    def step(shot: Any) -> steps.Step:
        found = act(shot)
        lost = isinstance(found, steps.Blocked) and shot.facts.entries[shot.wanted.key].state == "unknown"
        return steps.Make(shot.scene, shot.wanted, "720p", "", shot.price_of(shot.wanted)) if lost else found

    patch.setattr(planning, "_step", step)


def _locks_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(GarbageCollector, "_locks", lambda self, gone: [])


@pytest.mark.ci
@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (_many_live_rows, "is asked for a second time"),
        (_unknown_sent_again, "is asked for a second time"),
        (_locks_ignored, "gc took what a"),
    ],
)
def test_the_machine_finds_what_is_broken(
    world: type[World], monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], found: str
) -> None:
    broken(monkeypatch)
    with pytest.raises(AssertionError, match=found):
        _explored(world, 300, whole=False)
