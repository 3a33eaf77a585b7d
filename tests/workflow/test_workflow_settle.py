"""A submission whose answer was lost is decided by its author, and by nobody else."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from studio import Studio

from storyboard.cli.main import status
from storyboard.state.ledger import Ledger
from storyboard.state.realm import claim_storyboard


@pytest.fixture
def settle(studio: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """storyboard settle film.yaml ...: (exit status, what it said)."""
    monkeypatch.chdir(studio.folder)

    def command(*arguments: str) -> tuple[int, str]:
        for name, value in studio.environ.items():
            monkeypatch.setenv(name, value)
        left = status(["settle", "film.yaml", *arguments])
        return left, capsys.readouterr().err

    return command


def lost(studio: Studio) -> Any:
    """Two scenes, and the second one's answer was lost after it had been charged."""
    service = studio.serve("submit:drop-after x1 @tern")
    studio.scenes("A gull", "A tern")
    assert studio.render().exit == 4
    return service


def test_an_adopted_job_is_collected_and_not_paid_again(studio: Studio, settle: Any) -> None:
    """Found on the provider's list of jobs: nothing is lost, and nothing is paid twice."""
    service = lost(studio)
    job = next(job.id for job in service.emulator.jobs if "tern" in job.prompt)
    left, said = settle("s2", "--adopt", job)
    assert (left, "collects it" in said) == (0, True)
    done = studio.render()
    assert (done.exit, done.frames, service.posts) == (0, 384, 2)


def test_another_job_is_not_adopted(studio: Studio, settle: Any) -> None:
    """A slip of the finger would put one scene's clip into another, for good."""
    service = lost(studio)
    other = next(job.id for job in service.emulator.jobs if "gull" in job.prompt)
    left, said = settle("s2", "--adopt", other)
    assert left == 2
    assert "something else: A gull" in said
    assert settle("s2", "--adopt", "nowhere-to-be-found")[0] in (2, 3)
    assert studio.render().exit == 4
    assert service.posts == 2


def test_a_job_that_a_callback_has_named_is_not_asked_for_again(studio: Studio, settle: Any) -> None:
    """What nobody knew at the render may be known by now: asking again would pay for it twice."""
    service = lost(studio)
    job = next(job.id for job in service.emulator.jobs if "tern" in job.prompt)
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        entry = next(entry for entry in ledger.submissions.all() if entry.scene == "s2")
        assert ledger.inbox.record_callback(entry.nonce, job, 5.0)
    left, said = settle("s2", "--again")
    assert (left, "a callback has named the job of s2" in said) == (2, True)
    assert studio.render().exit == 0
    assert service.posts == 2


def test_again_says_that_it_may_pay_twice(studio: Studio, settle: Any) -> None:
    service = lost(studio)
    left, said = settle("s2", "--again")
    assert left == 0
    assert "60 credits, 0.30 USD; this may pay for it twice" in said
    assert (studio.render().exit, service.posts) == (0, 3)


def test_what_is_given_up_is_not_asked_for_again(studio: Studio, settle: Any) -> None:
    """Not by this run nor by the next; until the author decides otherwise, or changes the scene."""
    service = lost(studio)
    left, said = settle("s2", "--abandon")
    assert (left, "it may have cost 60 credits" in said) == (0, True)
    for _ in range(2):
        done = studio.render()
        assert (done.exit, done.failed, done.unknown, service.posts) == (3, 1, 0, 2)
    assert settle("s2", "--again")[0] == 0
    assert (studio.render().exit, service.posts) == (0, 3)


def test_a_job_that_never_ends_can_be_given_up(studio: Studio, settle: Any, own_home: Path) -> None:
    """The provider lost it: without a word of the author the scene would wait for ever."""
    service = studio.serve("clip:http=404 @tern")
    studio.scenes("A gull", "A tern")
    assert studio.render().exit == 3
    service.emulator.heal()
    assert settle("s2", "--adopt", "x")[0] == 2
    assert settle("s2", "--again")[0] == 0
    assert (studio.render().exit, service.posts) == (0, 3)


def test_nothing_is_decided_while_a_render_is_claim_storyboard(studio: Studio, settle: Any) -> None:
    """It may be collecting the very job that is given up."""
    lost(studio)
    with claim_storyboard(studio.folder / "film.yaml"):
        assert settle("s2", "--again")[0] == 7
    assert studio.render().exit == 4


def test_there_must_be_something_to_decide(studio: Studio, settle: Any) -> None:
    """No flag, two flags, no such scene, a scene that is done: nothing is changed."""
    lost(studio)
    assert "nothing to decide about s1" in settle("s1", "--again")[1]
    assert "no scene 's9'" in settle("s9", "--again")[1]
    assert "say one of" in settle("s2")[1]
    assert "say one of" in settle("s2", "--again", "--abandon")[1]
    assert studio.render().exit == 4


def test_a_submission_of_before_is_not_forgotten(studio: Studio, settle: Any) -> None:
    """The prompt was edited meanwhile: what may have been paid for is still told, until it is decided."""
    service = lost(studio)
    studio.scenes("A gull", "A heron")
    assert (studio.render().exit, service.posts) == (0, 3)
    assert any(getattr(event, "scene", "") == "s2" and "earlier submission" in str(event) for event in studio.seen)
    assert settle("s2", "--abandon")[0] == 0
    studio.render()
    assert not any("earlier submission" in str(event) for event in studio.seen)
