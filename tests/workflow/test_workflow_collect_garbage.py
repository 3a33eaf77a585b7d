"""Clearing the store: only what nothing needs goes, slowly, and whatever is needed after all is there again."""

import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest
from studio import Studio
from tiers import every

from storyboard.model import events
from storyboard.model.errors import Busy
from storyboard.planning.steps import Collect, Make
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.pins import DAY
from storyboard.state.realm import Realm, store_claim
from storyboard.state.store import Store
from storyboard.system.claims import exclusive_lock, shared_lock
from storyboard.workflow.collect_garbage import GarbageCollector, GarbageFound
from storyboard.workflow.facts import current_plan
from storyboard.workflow.workspace import open_workspace


class Keeper:
    """Whoever clears the store of a studio. ``now`` is his clock, in seconds since 1970."""

    def __init__(self, studio: Studio, *, draft: bool = False) -> None:
        self.settings = studio.settings
        self.kind = "draft" if draft else self.settings.service_realm
        self.realm = self.settings.realm_folder(self.kind)
        self.store = Store(self.realm / "takes")
        with closing(Ledger(self.realm / "ledger.db")) as ledger:
            self.now = max(at for _, _, at in ledger.takes.all()) + 20 * DAY

    def clear(self, *gone: Path, days: float = 14, delete: bool = True) -> GarbageFound:
        with closing(Realm(self.kind, self.realm)) as realm:
            clearing = GarbageCollector(self.settings, realm)
            with clearing.alone():
                waste = clearing.waste(days, gone, self.now)
                if delete:
                    clearing.carry_out(waste, self.now)
                return waste

    def restore(self) -> tuple[str, ...]:
        with closing(Realm(self.kind, self.realm)) as realm:
            return GarbageCollector(self.settings, realm).restore()

    @property
    def removed(self) -> set[str]:
        with closing(Ledger(self.realm / "ledger.db")) as ledger:
            return set(ledger.pins.removals())


def changed(studio: Studio) -> Keeper:
    """A film whose first scene has another take now: the store holds three takes, and the film needs two."""
    studio.scenes("A gull", "A tern")
    studio.render()
    studio.scenes("A heron", "A tern")
    studio.render()
    return Keeper(studio)


def test_only_what_no_lock_pins_goes_and_not_at_once(studio: Studio) -> None:
    """A look changes nothing; then the trash; then, after a day, for good. The film never notices."""
    service = studio.serve()
    keeper = changed(studio)
    before = set(keeper.store)
    (spare,) = keeper.clear(delete=False).found.unreferenced
    assert (spare.scene, spare.cost.credits, spare.why) == ("s1", 60, "the scene has another take now")
    assert set(keeper.store) == before
    assert not keeper.clear(days=30).found.unreferenced
    keeper.clear()
    assert set(keeper.store) == before - {spare.digest}
    assert set(keeper.store.trash()) == {spare.digest}
    keeper.now += DAY - 1
    keeper.clear()
    assert set(keeper.store.trash()) == {spare.digest}
    keeper.now += 1
    keeper.clear()
    assert not keeper.store.trash()
    assert (studio.render().made, service.posts) == (0, 3)


@pytest.mark.ci
def test_what_is_in_the_trash_is_not_lost(studio: Studio) -> None:
    """A prompt put back as it was finds its take there, at once and unpaid."""
    service = studio.serve()
    keeper = changed(studio)
    keeper.clear()
    requests = len(service.emulator.requests)
    studio.scenes("A gull", "A tern")
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        assert [step.name for step in current_plan(at).steps] == ["keep", "keep"]
    assert studio.render().made == 0
    assert len(service.emulator.requests) == requests
    assert not keeper.store.trash()
    assert not keeper.removed


@pytest.mark.ci
def test_everything_comes_back_from_the_trash(studio: Studio) -> None:
    studio.serve()
    keeper = changed(studio)
    before = set(keeper.store)
    (spare,) = keeper.clear().found.unreferenced
    assert keeper.restore() == (spare.digest,)
    assert set(keeper.store) == before
    assert not keeper.removed


def test_a_lock_that_pins_it_again_brings_it_back(studio: Studio) -> None:
    """An old commit was checked out while the take lay in the trash: it is not removed for good."""
    studio.serve()
    studio.scenes("A gull")
    studio.render()
    old = (studio.folder / "film.lock.yaml").read_bytes()
    studio.scenes("A heron")
    studio.render()
    keeper = Keeper(studio)
    (spare,) = keeper.clear().found.unreferenced
    (studio.folder / "film.lock.yaml").write_bytes(old)
    keeper.now += 2 * DAY
    keeper.clear()
    assert spare.digest in set(keeper.store)


def removed(studio: Studio) -> Keeper:
    """The take of "A gull" is removed for good, and the film wants it back."""
    keeper = changed(studio)
    keeper.clear()
    keeper.now += DAY
    keeper.clear()
    studio.scenes("A gull", "A tern")
    return keeper


@pytest.mark.ci
def test_what_was_removed_is_told_with_its_price(studio: Studio) -> None:
    """It is fetched again, unpaid, as long as the service has the job."""
    service = studio.serve()
    keeper = removed(studio)
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        step = current_plan(at).steps[0]
    assert isinstance(step, Collect)
    assert "its take was removed by store gc on 20" in step.why
    assert "--rebuy s1 generates it again for 60 credits" in step.why
    assert (studio.render().exit, service.posts) == (0, 3)
    assert not keeper.removed


@pytest.mark.ci
def test_a_removed_take_that_the_service_has_forgotten_can_be_made_anew(studio: Studio) -> None:
    """Only when its author says so, and then the plan has the price."""
    from storyboard.workflow import settle

    studio.serve()
    keeper = removed(studio)
    service = studio.serve()
    assert studio.render().exit == 4
    assert service.posts == 0
    with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
        settle.request_again(at, settle.submission_to_settle(at, "s1"), keeper.now)
        step = current_plan(at).steps[0]
        assert isinstance(step, Make)
        assert step.credits == 60
    assert (studio.render().exit, service.posts) == (0, 1)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("lock deleted", "film.lock.yaml is not there"),
        ("lock damaged", "film.lock.yaml cannot be read: film.lock.yaml: not a lock file of version 1"),
        ("lock a folder", "film.lock.yaml is no regular file"),
        ("folder moved", "film.lock.yaml is not there"),
        ("folder a file", "film.lock.yaml cannot be read: Not a directory"),
    ],
)
@pytest.mark.ci
def test_a_lock_that_cannot_be_read_keeps_its_takes(studio: Studio, harm: str, said: str) -> None:
    """Nobody knows then what the film needs: a disk that is not mounted must not cost its film."""
    studio.serve()
    keeper = changed(studio)
    before, lock = set(keeper.store), studio.folder / "film.lock.yaml"
    if harm == "lock deleted":
        lock.unlink()
    elif harm == "lock damaged":
        lock.write_text("storyboard-lock: 7\n")
    elif harm == "lock a folder":
        lock.unlink()
        lock.mkdir()
    else:
        studio.folder.rename(studio.folder.with_name("moved"))
        if harm == "folder a file":
            studio.folder.touch()
    found = keeper.clear().found
    assert set(keeper.store) == before
    ((trouble, takes),) = found.doubtful.items()
    assert trouble.endswith(said)
    assert takes == 3
    mourned = keeper.clear(studio.folder).found.unreferenced
    assert len(mourned) == (3 if said.endswith("is not there") else 0)


def test_a_film_that_only_shares_the_takes_keeps_them(studio: Studio, tmp_path: Path) -> None:
    """Another checkout never asked for anything: its lock is known all the same."""
    service = studio.serve()
    first = studio.folder
    studio.scenes("A gull")
    studio.render()
    studio.folder = tmp_path / "checkout"
    studio.scenes("A gull")
    studio.render()
    studio.folder = first
    studio.scenes("A heron")
    studio.render()
    assert not Keeper(studio).clear().found.unreferenced
    studio.folder = tmp_path / "checkout"
    assert (studio.render().kept, service.posts) == (1, 2)


def test_what_was_pinned_yesterday_is_young(studio: Studio) -> None:
    """A take that came long ago and was in the film until yesterday may be wanted back."""
    studio.serve()
    studio.scenes("A gull")
    studio.render()
    keeper = Keeper(studio)
    with closing(Ledger(keeper.realm / "ledger.db")) as ledger:
        ledger.pins.record_pins(str(studio.folder / "film.lock.yaml"), keeper.store, keeper.now - DAY)
    studio.scenes("A heron")
    studio.render()
    found = keeper.clear().found
    assert (found.unreferenced, found.young, found.needed) == ((), 1, 1)


@pytest.mark.ci
def test_the_base_of_an_hd_version_that_is_to_come_stays(studio: Studio) -> None:
    """It was asked for and may have been paid for: without its base it would be worth nothing."""
    service = studio.serve("hd:code=429")
    studio.scenes("A gull")
    studio.render()
    studio.write("storyboard: 1\nscenes:\n  - {id: s1, prompt: A gull, resolution: 1080p}\n")
    assert studio.render().exit == 3
    studio.scenes("A heron")
    assert studio.render().exit == 0
    found = Keeper(studio).clear().found
    assert (found.unreferenced, found.needed) == ((), 2)
    service.emulator.heal()
    assert studio.render().exit == 0
    owed = [event for event in studio.seen if isinstance(event, events.Owed)]
    assert [(event.scene, event.end) for event in owed] == [("s1", "fetched")]


@pytest.mark.ci
def test_drafts_go_with_their_scratch_folder(studio: Studio) -> None:
    """They cost nothing: a lock that went with .storyboard keeps none of them."""
    studio.scenes("A gull")
    studio.render(realm="draft")
    shutil.rmtree(studio.folder / ".storyboard")
    (spare,) = Keeper(studio, draft=True).clear().found.unreferenced
    assert (spare.cost.credits, spare.why) == (0, "no lock pins it")


@pytest.mark.ci
def test_what_the_ledger_does_not_know_stays(studio: Studio) -> None:
    """Bytes that somebody put there are not ours to judge; a file of another name is not even looked at."""
    studio.serve()
    keeper = changed(studio)
    foreign = keeper.store.path("ab" * 32)
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_bytes(b"x")
    (foreign.parent / "notes.mp4").write_bytes(b"x")
    assert keeper.clear().found.unknown == 1
    assert foreign.exists()
    keeper.store.throw_away("ab" * 32)
    keeper.now += 2 * DAY
    keeper.clear()
    assert foreign.exists()


def test_nothing_goes_while_a_render_is_at_work(studio: Studio) -> None:
    """It may have planned to keep just that take."""
    studio.serve()
    keeper = changed(studio)

    def clear(at: object, plan: object) -> None:
        with pytest.raises(Busy):
            keeper.clear()

    studio.render(approve=clear)
    place = store_claim(keeper.realm)
    with shared_lock(place), shared_lock(place), pytest.raises(Busy), exclusive_lock(place, "x"):
        pass
    assert len(keeper.clear().found.unreferenced) == 1


PROMPTS = ("A gull", "A tern", "A heron")
DEEDS = ("edit", "edit", "run", "run", "clear", "clear", "later", "damage", "lose", "lock", "restore")


@pytest.mark.parametrize("seed", every(4, range(4)))
@pytest.mark.ci
def test_whatever_happens_in_between(studio: Studio, seed: int) -> None:
    """Runs, clearings, damage, losses and lock edits in any order: nothing pinned goes, no bad byte is used.

    And however often takes are removed and fetched again, no shot is paid for twice.
    """
    chance = random.Random(seed)
    service = studio.serve()
    studio.scenes("A gull", "A tern")
    studio.render(cut=False)
    keeper, lock = Keeper(studio), studio.folder / "film.lock.yaml"
    locks = [lock.read_bytes()]

    def pinned() -> set[str]:
        with open_workspace(studio.folder / "film.yaml", studio.settings) as at:
            scenes = at.lockfile.read().scenes.values()
            return {take.digest for scene in scenes for some in scene.takes.values() for take in some.values()}

    for _ in range(30):
        match chance.choice(DEEDS):
            case "edit":
                studio.scenes(chance.choice(PROMPTS), chance.choice(PROMPTS))
            case "run":
                assert studio.render(cut=False).exit == 0
                locks.append(lock.read_bytes())
                assert all(map(keeper.store.is_intact, pinned()))
            case "clear":
                there = pinned() & {*keeper.store, *keeper.store.trash()}
                keeper.clear(days=chance.choice((0, 14)))
                assert there <= {*keeper.store}
            case "later":
                keeper.now += chance.choice((DAY / 2, 2 * DAY, 30 * DAY))
            case "damage" if held := [*keeper.store]:
                path = keeper.store.path(chance.choice(held))
                path.chmod(0o644)
                path.write_bytes(path.read_bytes()[:-1] + chance.choice((b"", b"!")))
                keeper.store.set_aside(path)  # as `store verify` does, and the next cut would
            case "lose" if held := [*keeper.store]:
                keeper.store.path(chance.choice(held)).unlink()
            case "lock":
                lock.write_bytes(chance.choice(locks))
            case "restore":
                keeper.restore()
    assert studio.render().exit == 0
    assert all(map(keeper.store.is_intact, keeper.store))
    assert len({job.prompt for job in service.emulator.jobs}) == len(service.emulator.jobs)
