"""What is paid for is fetched, whatever has become of its scene."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from studio import Run, Studio

from storyboard.model import events
from storyboard.state.store import Store

# The service does not serve the clip of this prompt for a while: its job is paid for, and stays open.
LATE = "clip:http=404 x4 @gull"
BROKEN = "storyboard: 1\nscenes: [oh\n"


@pytest.fixture
def owing(studio: Studio) -> Studio:
    """A film whose first scene is paid for and not fetched."""
    studio.serve(LATE)
    studio.scenes("A gull over a very long and quiet sea", "A tern")
    done = studio.render(cut=False)
    assert (done.exit, done.made) == (3, 1)
    return studio


def takes(studio: Studio) -> int:
    return len([*Store(studio.settings.realm_folder() / "takes")])


def owed(studio: Studio) -> list[tuple[str, str]]:
    return [(event.scene, event.end) for event in studio.seen if isinstance(event, events.Owed)]


def test_the_job_of_an_edited_scene_is_fetched_beside_the_new_one(owing: Studio) -> None:
    """Its take lies in the store, and is found when the prompt returns."""
    owing.scenes("A crane", "A tern")
    done = owing.render(cut=False)
    assert (done.exit, done.made, takes(owing), owing.service.posts) == (0, 1, 3, 3)
    assert owed(owing) == [("s1", "fetched")]
    owing.scenes("A gull over a very long and quiet sea", "A tern")
    assert (owing.render(cut=False).made, owing.service.posts) == (0, 3)


@pytest.mark.ci
def test_a_render_of_another_scene_fetches_it_too(owing: Studio) -> None:
    """--scene is about what is generated, not about what is paid for."""
    owing.scenes("A gull over a very long and quiet sea", "A heron")
    done = owing.render(cut=False, only=("s2",))
    assert (done.exit, done.made, takes(owing)) == (0, 1, 3)
    assert owed(owing) == [("s1", "fetched")]


@pytest.mark.ci
def test_an_owed_job_that_does_not_come_changes_no_status(owing: Studio) -> None:
    """A film that is whole is not held up by what nobody needs any more."""
    owing.serve()  # It has never heard of the job.
    owing.scenes("A tern")
    done = owing.render(cut=False)
    assert (done.exit, done.kept, takes(owing), owing.service.posts) == (0, 1, 1, 0)
    assert owed(owing) == [("s1", "open")]


@pytest.mark.ci
def test_a_folder_that_cannot_be_written_is_told_as_a_fault_of_this_machine(owing: Studio, run: Run) -> None:
    """Not as one of the job: a whole film is cut all the same, collect ends 6, and so does new work that meets it."""
    arriving = owing.settings.realm_folder() / "takes" / "arriving"
    shutil.rmtree(arriving)
    arriving.write_bytes(b"")
    owing.scenes("A tern")
    assert owing.render(cut=False).exit == 0
    (why,) = [event.why for event in owing.seen if isinstance(event, events.Owed)]
    advice = "make room on the disk or set STORYBOARD_HOME to a folder that can be written"
    assert "the clip cannot be written" in why
    assert advice in why
    status, out, _ = run("collect", "film.yaml")
    assert (status, out.split()[:2], advice in out) == (6, ["open", "s1"], True)
    owing.scenes("A tern", "A crane")
    assert owing.render(cut=False).exit == 6
    arriving.unlink()
    done = owing.render(cut=False)
    assert (done.exit, takes(owing), owing.service.posts) == (0, 3, 3)


@pytest.mark.ci
def test_without_a_key_an_unchanged_film_is_still_cut(owing: Studio) -> None:
    """What is owed needs the service; a film whose takes are all here does not."""
    owing.environ["APIKLEY_BASE_URL"] = "http://127.0.0.1:9"
    owing.scenes("A tern")
    assert owing.render(cut=False).exit == 0
    assert owed(owing) == [("s1", "open")]


@pytest.mark.ci
def test_it_is_named_and_fetched_without_a_valid_storyboard(owing: Studio, run: Run) -> None:
    """A syntax error stops no payment that was made, so it hides none."""
    owing.write(BROKEN)
    named = '"A gull over a very long …", 60 credits, 0.30 USD of a rehearsal, submitted'
    for verb in ("plan", "status", "render"):
        status, _, said = run(verb, "film.yaml")
        assert status == 2
        assert named in said
        assert "the service keeps it until about" in said
    status, out, _ = run("doctor", "--offline", "--json")
    (finding,) = [found for found in json.loads(out)["findings"] if found["subject"] == "owed"]
    assert named in finding["said"]
    status, out, _ = run("collect", "film.yaml", "--json")
    (ended,) = json.loads(out)["owed"]
    assert (status, ended["scene"], ended["end"], takes(owing)) == (0, "s1", "fetched", 2)
    assert run("collect", "film.yaml") == (
        0,
        "",
        "nothing to download: every job is downloaded or has ended\n",
    )
    status, _, said = run("collect", "flim.yaml")
    assert status == 2
    assert "nothing was submitted for it" in said


@pytest.mark.ci
def test_plan_and_status_name_what_no_scene_needs(owing: Studio, run: Run) -> None:
    owing.scenes("A tern")
    for verb in ("plan", "status"):
        assert 'owed     s1               "A gull over' in run(verb, "film.yaml")[1]
    (job,) = json.loads(run("plan", "film.yaml", "--json")[1])["owed"]
    assert (job["scene"], job["credits"], job["prompt"]) == ("s1", 60, "A gull over a very long and quiet sea")
    (same,) = json.loads(run("status", "film.yaml", "--json")[1])["owed"]
    assert same == job


@pytest.mark.ci
def test_what_a_removed_project_owes_is_fetched(owing: Studio, run: Run, tmp_path: Path, monkeypatch: Any) -> None:
    """The money is gone whether the folder is there or not; and no folder is made anew."""
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(owing.folder)
    status, out, _ = run("collect", "--all")
    assert (status, out.split()[:2], takes(owing)) == (0, ["fetched", "s1"], 2)
    assert not owing.folder.exists()


@pytest.mark.ci
def test_an_upgrade_that_was_bought_is_owed_while_its_scene_is_kept_at_720p(studio: Studio, run: Run) -> None:
    """It is paid for: it is named, comes by the next render without charge, and is there when 1080p returns."""
    service = studio.serve("hd:code=429")
    film = "storyboard: 1\nscenes:\n - {id: a, prompt: a, resolution: 1080p}\n"
    studio.write(film)
    assert (studio.render(cut=False).exit, service.charged) == (3, 60)
    studio.write(film.replace("1080p", "720p"))
    out = run("plan", "film.yaml", "--all")[1]
    assert "keep     a" in out
    assert '"a", the HD version of its take, 5 credits, 0.03 USD of a rehearsal' in out
    assert "not downloaded with its take: render and `storyboard collect` download it" in " ".join(out.split())
    service.emulator.heal()
    assert (studio.render(cut=False).exit, owed(studio), takes(studio)) == (0, [("a", "fetched")], 2)
    assert (studio.render(cut=False).exit, owed(studio)) == (0, [])
    studio.write(film)
    assert (studio.render(cut=False).exit, service.posts, service.charged, takes(studio)) == (0, 1, 65, 2)
