"""The uncropped original of a 9:16 clip: downloaded beside the take, because its address expires with the clip's."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from studio import Run, Studio

from storyboard.model import events
from storyboard.model.errors import InputError
from storyboard.model.take import ORIGINAL
from storyboard.state.ledger import Ledger

UPRIGHT = "storyboard: 1\ndefaults: {aspect: '9:16'}\nscenes:\n  - {id: a, prompt: A gull}\n"


def originals(studio: Studio) -> list[str]:
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        return [take.digest for _, take, _ in ledger.takes.all() if take.resolution == ORIGINAL]


def test_the_original_is_kept_beside_its_take(studio: Studio, run: Run) -> None:
    """After two weeks the service deletes it, and another crop of the same take would have to be bought."""
    service = studio.serve()
    path = studio.write(UPRIGHT)
    assert studio.render().exit == 0
    (digest,) = originals(studio)
    status, listed, _ = run("store", "ls")
    assert status == 0
    wide = next(line for line in listed.splitlines() if digest[:12] in line)
    assert wide.endswith("128x72  original (uncropped)")
    assert (studio.settings.realm_folder() / "takes" / digest[:2] / f"{digest}.mp4").is_file()
    assert digest not in path.with_name("film.lock.yaml").read_text()
    done = studio.render()
    assert (done.exit, done.kept, service.posts) == (0, 1, 1)


def test_a_take_that_is_lost_is_not_its_original(studio: Studio) -> None:
    """A wide original in the film's place, or a shot that is never fetched again because something of it is there."""
    service = studio.serve()
    studio.write(UPRIGHT)
    studio.render()
    (digest,) = originals(studio)
    for file in (studio.settings.realm_folder() / "takes").glob("*/*.mp4"):
        if file.stem != digest:
            file.unlink()
    done = studio.render()
    assert (done.exit, done.made, service.posts) == (0, 1, 1)
    assert originals(studio) == [digest]


def owed(studio: Studio) -> list[tuple[str, str, bool]]:
    return [(event.scene, event.end, event.is_original) for event in studio.seen if isinstance(event, events.Owed)]


def let_days_pass(studio: Studio, days: int) -> None:
    """Make every submission so many days older."""
    with closing(sqlite3.connect(studio.settings.realm_folder() / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE jobs SET asked = asked - ?", (days * 24 * 60 * 60,))


def render_without_original(studio: Studio, *faults: str) -> None:
    """Buy an upright take whose uncropped original does not come; ``faults`` hold from the next run on."""
    studio.serve("clip:http=404 x1 @_original", *faults)
    studio.write(UPRIGHT)
    studio.render()


def test_an_original_that_did_not_come_is_owed(studio: Studio, run: Run) -> None:
    """It is an extra: the scene has its take, and the next run asks for the rest."""
    service = studio.serve("clip:http=404 x1 @_original")
    studio.write(UPRIGHT)
    done = studio.render()
    assert (done.exit, done.made, originals(studio)) == (0, 1, [])
    (warned,) = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert warned.startswith("its uncropped original was not downloaded, the next run asks for it again: ")
    for verb in ("plan", "status"):
        shown = run(verb, "film.yaml")[1]
        assert 'owed     a                "A gull", the uncropped original of its take, submitted' in shown
        assert "not downloaded with its take: render and `storyboard collect` download it" in shown
    assert "its uncropped original is not downloaded yet" in run("store", "ls")[1]
    done = studio.render()
    assert (done.exit, done.kept, service.posts, owed(studio)) == (0, 1, 1, [("a", "fetched", True)])
    (digest,) = originals(studio)
    assert digest[:12] in (listed := run("store", "ls")[1])
    assert "not downloaded yet" not in listed
    studio.render()
    assert (owed(studio), service.posts) == ([], 1)


def test_an_original_that_the_service_deleted_is_given_up(studio: Studio) -> None:
    """Else each run asks for it for ever."""
    render_without_original(studio, "clip:http=410 @_original")
    done = studio.render()
    assert (done.exit, done.kept, originals(studio), owed(studio)) == (0, 1, [], [("a", "failed", True)])
    (why,) = [event.why for event in studio.seen if isinstance(event, events.Owed)]
    assert why.startswith("its uncropped original is not asked for again, the service has deleted it: the clip's addr")
    assert (studio.render().exit, owed(studio)) == (0, [])


@pytest.mark.ci
def test_an_original_is_owed_as_long_as_the_service_keeps_jobs(studio: Studio, run: Run) -> None:
    """A service that does not know a job today may know it tomorrow, until the days are over."""
    render_without_original(studio)
    studio.serve()  # It has never heard of the job.
    assert (studio.render().exit, owed(studio)) == (0, [("a", "open", True)])
    status, said, _ = run("collect", "film.yaml")
    assert (status, said.split()[:2]) == (3, ["open", "a"])
    let_days_pass(studio, 15)
    assert (studio.render().exit, owed(studio)) == (0, [("a", "failed", True)])
    assert (studio.render().exit, owed(studio)) == (0, [])


@pytest.mark.ci
def test_an_owed_original_is_collected_without_a_valid_storyboard(studio: Studio, run: Run) -> None:
    render_without_original(studio)
    studio.write("storyboard: 1\nscenes: [oh\n")
    assert "the uncropped original of its take" in run("plan", "film.yaml")[2]
    status, said, _ = run("collect", "--all", "--json")
    (ended,) = json.loads(said)["owed"]
    assert (status, ended["end"], ended["original"], [ended["sha256"]]) == (0, "fetched", True, originals(studio))


@pytest.mark.ci
def test_a_damaged_original_is_downloaded_again(studio: Studio, run: Run) -> None:
    """As `store verify` says: no scene shows it, so no scene would ask for it."""
    service = studio.serve()
    studio.write(UPRIGHT)
    studio.render()
    (digest,) = originals(studio)
    file = studio.settings.realm_folder() / "takes" / digest[:2] / f"{digest}.mp4"
    file.chmod(0o600)
    file.write_bytes(b"x" * file.stat().st_size)
    assert run("store", "verify")[0] == 6
    assert (studio.render().exit, owed(studio), service.posts) == (0, [("a", "fetched", True)], 1)
    assert run("store", "verify")[0] == 0


@pytest.mark.ci
def test_the_original_of_a_take_that_a_lock_pins_is_owed_too(studio: Studio, tmp_path: Path) -> None:
    """A second machine downloads the take by its job, and owes what it could not download beside it."""
    service = studio.serve()
    studio.write(UPRIGHT)
    studio.render()
    (first,) = originals(studio)
    service.emulator.inject("clip:http=404 x1 @_original")
    studio.environ["STORYBOARD_HOME"] = str(tmp_path / "second")
    assert (studio.render().exit, originals(studio), owed(studio)) == (0, [], [])
    assert (studio.render().exit, originals(studio), owed(studio)) == (0, [first], [("a", "fetched", True)])
    assert service.posts == 1


def test_originals_can_be_left_out(studio: Studio, own_home: Path) -> None:
    """They take as much room and time as the takes, and some authors need none."""
    config = own_home / "config" / "storyboard" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("originals = false\n")
    service = studio.serve()
    studio.write(UPRIGHT)
    assert (studio.render().exit, originals(studio)) == (0, [])
    assert not any("_original" in seen.path for seen in service.emulator.requests)
    config.write_text("originals = 1\n")
    with pytest.raises(InputError, match="originals must be true or false"):
        studio.render()
