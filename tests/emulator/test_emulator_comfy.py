"""The whole way of a film whose takes are made by a ComfyUI: the real client against the emulator's dialect."""

import shutil
from pathlib import Path

import pytest
from studio import Run, Service, Studio
from talking import picture

from storyboard.emulator.api.service import FinishedJob
from storyboard.emulator.drafts.frame_images import Photo

pytestmark = pytest.mark.ci
EXAMPLE = Path(__file__).parents[2] / "examples" / "comfy"
FRAMES = """storyboard: 1
scenes:
  - {id: a, model: wan22, prompt: it rains, first_frame: one.png, last_frame: two.png}
  - {id: b, model: ltx2, prompt: the sea, takes: 2}
"""


@pytest.fixture
def comfy(studio: Studio, own_home: Path) -> Service:
    """The emulator speaks as ComfyUI; the example's two workflows are configured for it."""
    service = serve(studio)
    studio.environ.pop("STORYBOARD_UPLOADS")
    shutil.copytree(EXAMPLE, own_home / "config" / "storyboard")
    for name in ("one.png", "two.png"):
        (studio.folder / name).write_bytes(picture(colour=(len(name), 90, 200)))
    studio.write(FRAMES)
    return service


def serve(studio: Studio, *faults: str) -> Service:
    service = studio.serve(*faults, dialect="comfy", film="tiny")
    studio.environ["COMFY_BASE_URL"] = service.emulator.url
    return service


def test_a_film_of_two_workflows(studio: Studio, comfy: Service) -> None:
    """Uploaded frames, both sizes, a seed for each take, and real takes although they come from this machine."""
    assert studio.settings.service_realm == "paid"
    done = studio.render()
    assert (done.exit, done.made) == (0, 3)
    jobs = {job.prompt: comfy.emulator.outcome(job.id) for job in comfy.emulator.jobs}
    frames, sound = jobs["it rains"], jobs["the sea"]
    assert isinstance(frames, FinishedJob)
    assert isinstance(sound, FinishedJob)
    assert [isinstance(still, Photo) for still in frames.brief.stills] == [True, True]
    assert (frames.brief.size, sound.brief.size) == ((832, 480), (1248, 704))
    assert len({job.order.seed for job in comfy.emulator.jobs}) == 3
    assert not any(seen.key for seen in comfy.emulator.requests)
    assert comfy.charged == 0
    assert studio.render().made == 0


def test_a_clip_is_found_after_a_restart(studio: Studio, comfy: Service) -> None:
    """ComfyUI forgets its jobs; the file has the job's name."""
    comfy.emulator.inject("clip:http=403")
    assert studio.render().failed == 3
    comfy.emulator.heal()
    comfy.emulator.restart()
    asked = len(comfy.emulator.jobs)
    done = studio.render()
    assert (done.exit, done.made, len(comfy.emulator.jobs)) == (0, 3, asked)
    assert "HEAD" in {seen.method for seen in comfy.emulator.requests}


def test_a_job_that_is_gone_is_made_again(studio: Studio, comfy: Service) -> None:
    """Where neither the job nor its file is left, nothing is lost but time."""
    studio.scenes("it is gone")
    comfy.emulator.inject("clip:http=403")
    assert studio.render().failed == 1
    another = serve(studio)
    assert studio.render().failed == 1
    assert "ComfyUI has neither the job nor its clip" in " ".join(str(event) for event in studio.seen)
    assert (studio.render().exit, len(another.emulator.jobs)) == (0, 1)


def test_a_job_that_fails_names_its_node(studio: Studio, comfy: Service) -> None:
    studio.scenes("it fails")
    serve(studio, "job:fail=501")
    done = studio.render()
    assert (done.exit, done.failed) == (3, 1)
    said = " ".join(str(event) for event in studio.seen)
    assert "node 20 (SaveVideo): Failed - Video generation task failed" in said


@pytest.mark.parametrize("fault", ["submit:drop-after x1", "submit:no-id x1", "submit:drop-before x1"])
def test_a_lost_answer_loses_no_job(studio: Studio, comfy: Service, fault: str) -> None:
    """The job has a name of ours: it is found, or asked for once more; never is it made twice."""
    studio.scenes("it is lost")
    comfy.emulator.inject(fault)
    assert (studio.render().exit, len(comfy.emulator.jobs)) == (0, 1)


def test_the_server_is_asked_for_its_nodes(studio: Studio, comfy: Service, run: Run) -> None:
    """Before a night's render: what the workflows need is there, and nothing is submitted."""
    status, _, said = run("validate", "film.yaml", "--online")
    assert (status, "no problems" in said) == (0, True)
    _, told, more = run("doctor")
    assert "has everything that the models in config.toml need" in told + more
    assert comfy.emulator.jobs == []
