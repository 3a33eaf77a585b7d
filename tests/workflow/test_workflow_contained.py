"""What happens inside one scene is that scene's: odd images, odd answers, faults of ours; its neighbours go on."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from studio import Studio, png

from storyboard.cli.next_steps import done_event
from storyboard.emulator.drafts.brief import Brief
from storyboard.emulator.drafts.films import DraftFilms
from storyboard.http.exchange import Reply
from storyboard.model import events
from storyboard.model.errors import LocalFault
from storyboard.providers.apikley.veo import Apikley
from storyboard.providers.base import JobFailed, NoResult, Pending, Ready
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import claimed_workspace


class Odd(Apikley):
    """A provider with a fault of its own: the record of a tern is more than it can read."""

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
        if "tern" in str(reply.body):
            raise KeyError("feather")
        return super().read_status(job, reply)


def test_what_nobody_foresaw_in_one_scene_is_that_scenes(studio: Studio) -> None:
    """It ended this run and each later one, while the clips of paid neighbours expired at the service."""
    service = studio.serve()
    studio.scenes("A gull", "A tern", "A heron")
    seen: list[events.Event] = []
    options = RenderOptions(approve=lambda at, plan: None, on_event=seen.append)
    with claimed_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        done = done_event(render(replace(workspace, providers={"apikley": Odd()}), options))
    assert (done.exit, done.made, done.failed) == (1, 2, 1)
    (failed,) = [event for event in seen if isinstance(event, events.Failed)]
    assert (failed.scene, failed.why) == ("s2", "a fault of storyboard's own: KeyError: 'feather'")
    report = Path(failed.hint.removeprefix("the details are in ").partition(";")[0])
    assert "in read_status" in report.read_text()
    report.unlink()
    healed = studio.render()
    assert (healed.exit, healed.made, service.posts) == (0, 1, 3)


def assert_blames_the_emulator(done: events.Done, status: int) -> None:
    """The only scene has failed, and where the fault is storyboard's own, its file has the traceback."""
    assert (done.exit, done.made, done.failed) == (status, 0, 1)
    if status == 1:
        assert done.notes[0] == "failed   s1: a fault of the emulator's own: KeyError"
        report = Path(done.notes[1].strip().removeprefix("the details are in ").partition(";")[0])
        assert "feather" in report.read_text()
        report.unlink()


@pytest.mark.parametrize(
    ("fault", "status"),
    [(KeyError("feather"), 1), pytest.param(LocalFault("the disk is full"), 6, marks=pytest.mark.ci)],
)
def test_a_draft_that_its_emulator_breaks_is_no_failure_of_the_scene(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    """The service here is ours: exit 3 would send the author to the prompt, which is well."""

    async def clip(films: DraftFilms, brief: Brief) -> Path:
        raise fault

    monkeypatch.setattr(DraftFilms, "clip", clip)
    studio.scenes("A tern")
    done = studio.render(realm="draft", cut=False)
    assert_blames_the_emulator(done, status)


@pytest.mark.ci
@pytest.mark.parametrize(("fault", "status"), [(KeyError("feather"), 1), (LocalFault("the disk is full"), 6)])
def test_a_1080p_draft_that_its_emulator_breaks_is_no_failure_of_the_scene(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    """Its 720p version was made: only what is asked for afterwards breaks."""
    make = DraftFilms.clip

    async def clip(films: DraftFilms, brief: Brief) -> Path:
        if brief.hd:
            raise fault
        return await make(films, brief)

    monkeypatch.setattr(DraftFilms, "clip", clip)
    studio.write("storyboard: 1\nscenes:\n  - {id: s1, prompt: A tern, resolution: 1080p}\n")
    done = studio.render(realm="draft", cut=False)
    assert_blames_the_emulator(done, status)


@pytest.mark.parametrize("way", ["removed", "changed"])
def test_an_image_that_changes_meanwhile_fails_its_scene_alone(studio: Studio, way: str) -> None:
    """An editor saved it while the render waited: the others' clips were left at the service, or the exit was 0."""
    service = studio.serve()
    image = png(studio.folder / "a.png")
    studio.write(
        "storyboard: 1\nscenes:\n  - {id: a, prompt: A gull., first_frame: a.png}\n  - {id: b, prompt: A tern.}\n"
    )

    def meanwhile(*_: object) -> None:
        image.unlink() if way == "removed" else png(image, "red")

    done = studio.render(approve=meanwhile)
    assert (done.exit, done.made, done.failed, service.posts) == (3, 1, 1, 1)


@pytest.mark.parametrize("realm", [None, "draft"])
def test_a_phones_picture_of_several_is_a_first_frame(studio: Studio, realm: str | None) -> None:
    """MPO, as phones and 3D cameras write it: `KeyError: 'mpo'`, in each run."""
    studio.serve()
    picture = Image.new("RGB", (320, 180), "navy")
    picture.save(studio.folder / "phone.jpg", "MPO", save_all=True, append_images=[picture])
    studio.write("storyboard: 1\nscenes:\n  - {id: a, prompt: A gull., first_frame: phone.jpg}\n")
    done = studio.render(realm=realm)
    assert (done.exit, done.made) == (0, 1)
    assert not [event for event in studio.seen if isinstance(event, events.Warned)]
