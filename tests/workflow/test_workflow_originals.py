"""The uncropped original of a 9:16 clip: downloaded beside the take, because its address expires with the clip's."""

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


def test_an_original_that_does_not_come_costs_nothing(studio: Studio) -> None:
    """It is an extra: the scene has its take, and the author hears what is missing."""
    studio.serve("clip:http=410 @_original")
    studio.write(UPRIGHT)
    done = studio.render()
    assert (done.exit, done.made, originals(studio)) == (0, 1, [])
    (warned,) = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert warned.startswith("its uncropped original was not downloaded: the clip's address does not serve it (410)")


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
