"""What has been bought is never bought again: whole renders against a real service on this machine."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from studio import Studio, png
from tiers import every

from storyboard.model import events
from storyboard.model.errors import InputError, LocalFault
from storyboard.state.store import Store
from storyboard.workflow.preflight import document


def test_a_film_is_bought_once(studio: Studio) -> None:
    """The main promise: each shot is paid for once, and an unchanged storyboard costs not even a request."""
    service = studio.serve()
    studio.scenes("A gull", "A tern", "A heron")
    done = studio.render()
    assert (done.exit, done.made, done.frames, done.credits) == (0, 3, 576, 180)
    assert (service.posts, service.charged) == (3, 180)
    lock, film = studio.folder / "film.lock.yaml", Path(done.film)
    before = (len(service.emulator.requests), lock.read_bytes(), lock.stat().st_mtime_ns, film.stat().st_mtime_ns)

    again = studio.render()
    assert (again.exit, again.made, again.kept, again.sha256) == (0, 0, 3, done.sha256)
    after = (len(service.emulator.requests), lock.read_bytes(), lock.stat().st_mtime_ns, film.stat().st_mtime_ns)
    assert after == before


def test_only_the_changed_scene_is_paid_for(studio: Studio) -> None:
    """And a prompt put back as it was finds its old take."""
    service = studio.serve()
    studio.scenes("A gull", "A tern")
    first = studio.render()
    studio.scenes("A gull", "A tern at night")
    changed = studio.render()
    assert (changed.made, changed.kept, service.posts) == (1, 1, 3)
    studio.scenes("A gull", "A tern")
    back = studio.render()
    assert (back.made, service.posts, back.sha256) == (0, 3, first.sha256)


FILM = """
storyboard: 1
title: Birds
scenes:
  - id: gull
    prompt: "A gull over the sea"
  - id: tern
    prompt: A tern
"""

THE_SAME_SHOTS = [
    "storyboard: 1\nscenes:\n - {id: renamed, prompt: A gull over the sea}\n - {id: tern, prompt: A tern}\n",
    "storyboard: 1\nscenes:\n - {id: tern, prompt: A tern}\n - {id: gull, prompt: A gull over the sea}\n",
    FILM.replace("Birds", "Other birds"),
    FILM.replace("prompt: A tern", "prompt: A tern\n    trim: {from: 1, to: 2.5}\n    note: shorter"),
    FILM.replace("prompt: A tern", "prompt: A tern\n    skip: true"),
    FILM.replace("prompt: A tern", "prompt: >\n      A\n      tern\n\n"),
    FILM.replace("prompt: A tern", "prompt: 'A {{ bird }}'").replace("title:", "vars: {bird: tern}\ntitle:"),
    FILM.replace("prompt: A tern", "prompt: A tern\n    model: veo3_fast\n    aspect: 16:9\n    translate: true"),
    FILM.replace("prompt: A tern", "prompt: A tern\n    resolution: 720p\n    takes: 1\n    pick: 1"),
    FILM.replace("scenes:", "defaults: {model: veo3_fast}\noutput: {size: 64x64, fps: 12, fit: crop}\nscenes:"),
]


@pytest.mark.parametrize("text", every(3, THE_SAME_SHOTS))
def test_what_is_not_in_a_shot_costs_nothing(studio: Studio, text: str) -> None:
    """Renaming, reordering, retitling, trimming, reformatting, a default said aloud."""
    service = studio.serve()
    studio.write(FILM)
    studio.render()
    studio.write(text)
    again = studio.render()
    assert (again.exit, again.made, service.posts) == (0, 0, 2)


def test_losing_the_lock_or_the_project_costs_nothing(studio: Studio, tmp_path: Path) -> None:
    """What was bought is outside the project, and the lock is written anew, the same."""
    service = studio.serve()
    studio.write(FILM)
    first = studio.render()
    lock = (studio.folder / "film.lock.yaml").read_bytes()
    (studio.folder / "film.lock.yaml").unlink()
    assert studio.render().made == 0
    assert (studio.folder / "film.lock.yaml").read_bytes() == lock
    shutil.rmtree(studio.folder)
    studio.folder = tmp_path / "elsewhere"
    studio.write(FILM)
    again = studio.render()
    assert (again.made, again.sha256, service.posts) == (0, first.sha256, 2)
    assert (studio.folder / "film.lock.yaml").read_bytes() == lock


def test_a_store_that_lost_its_files_fetches_them_again(studio: Studio, own_home: Path) -> None:
    """The jobs are known: the clips come again, unpaid."""
    service = studio.serve()
    studio.write(FILM)
    first = studio.render()
    shutil.rmtree(own_home / "store" / "rehearsals" / "takes")
    Path(first.film).unlink()
    again = studio.render()
    assert (again.exit, service.posts, again.sha256) == (0, 2, first.sha256)


def test_a_damaged_take_is_moved_aside_and_fetched_again(studio: Studio) -> None:
    """A film is never cut from bytes that are not those that were bought."""
    service = studio.serve()
    studio.write(FILM)
    first = studio.render()
    store = Store(studio.settings.realm_folder() / "takes")
    digest = next(iter(store))
    path = store.path(digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    Path(first.film).unlink()
    with pytest.raises(LocalFault, match="damaged"):
        studio.render()
    assert (store.root / "damaged" / path.name).exists()
    again = studio.render()
    assert (again.exit, again.sha256, service.posts) == (0, first.sha256, 2)


def test_the_same_shot_is_bought_once(studio: Studio, tmp_path: Path) -> None:
    """Wanted by two scenes, by two storyboards, and by two checkouts of one user."""
    service = studio.serve()
    studio.scenes("A gull", "A gull", "A tern")
    studio.scenes("A tern", "A gull", name="other.yaml")
    done = studio.render()
    assert (done.exit, done.frames, service.posts) == (0, 576, 2)
    assert studio.render("other.yaml").kept == 2
    studio.folder = tmp_path / "checkout2"
    studio.scenes("A gull", "A tern")
    assert studio.render().kept == 2
    assert service.posts == 2


def test_hd_is_bought_on_top_of_the_take(studio: Studio) -> None:
    """The same take in 1080p: its base is not bought again; going back to 720p costs nothing, and loses nothing."""
    service = studio.serve()
    studio.write(FILM)
    studio.render()
    studio.write(FILM.replace("prompt: A tern", "prompt: A tern\n    resolution: 1080p"))
    hd = studio.render()
    assert (hd.exit, hd.made, hd.credits, service.posts) == (0, 1, 5, 2)
    lock = (studio.folder / "film.lock.yaml").read_text()
    assert "1080p:" in lock
    assert lock.count("720p:") == 2
    studio.write(FILM)
    assert (studio.render().made, service.posts) == (0, 2)
    assert (studio.folder / "film.lock.yaml").read_text() == lock


def test_local_images_go_up_once(studio: Studio) -> None:
    """Two scenes show one frame, and a later scene too: one upload while its address lives."""
    service = studio.serve()
    png(studio.folder / "frames" / "a.png")
    scene = "  - {{id: {0}, prompt: {0}, first_frame: frames/a.png}}\n"
    studio.write("storyboard: 1\nscenes:\n" + scene.format("a") + scene.format("b"))
    assert studio.render().exit == 0
    studio.write("storyboard: 1\nscenes:\n" + scene.format("a") + scene.format("c"))
    assert studio.render().exit == 0
    uploads = [seen for seen in service.emulator.requests if "upload" in seen.path and seen.method == "POST"]
    assert (service.posts, len(uploads)) == (3, 1)


@pytest.mark.ci
def test_a_moved_image_costs_nothing_and_changed_bytes_do(studio: Studio) -> None:
    service = studio.serve()
    text = "storyboard: 1\nscenes:\n  - {id: a, prompt: a, first_frame: FRAME}\n"
    png(studio.folder / "one.png")
    png(studio.folder / "two.png")
    png(studio.folder / "three.png", "red")
    studio.write(text.replace("FRAME", "one.png"))
    studio.render()
    studio.write(text.replace("FRAME", "two.png"))
    assert studio.render().made == 0
    studio.write(text.replace("FRAME", "three.png"))
    assert studio.render().made == 1
    assert service.posts == 2


def test_the_key_goes_to_the_api_alone(studio: Studio) -> None:
    """No clip host ever sees it."""
    service = studio.serve()
    studio.write(FILM)
    studio.render()
    clips = [seen for seen in service.emulator.requests if not seen.path.startswith("/api/")]
    assert clips
    assert not any(seen.key for seen in clips)
    assert all(seen.key for seen in service.emulator.requests if seen.path.startswith("/api/"))


@pytest.mark.ci
def test_drafts_and_paid_takes_never_mix(studio: Studio) -> None:
    """A draft writes no lock, is not in the paid store, and does not take the place of the film."""
    service = studio.serve()
    studio.write(FILM)
    draft = studio.render(realm="draft")
    assert (draft.exit, draft.credits, service.posts) == (0, 0, 0)
    assert draft.film == str(studio.folder / "out" / "film.mp4")
    assert not (studio.folder / "film.lock.yaml").exists()
    paid = studio.render()
    assert (paid.made, service.posts, paid.film) == (2, 2, draft.film)
    assert paid.sha256 != draft.sha256
    again = studio.render(realm="draft")
    assert again.made == 0
    assert again.film == str(studio.folder / "out" / "film.draft.mp4")
    assert studio.render().sha256 == paid.sha256


def test_only_the_scenes_asked_for(studio: Studio) -> None:
    """--scene pays for one scene; the film waits until every scene has its take."""
    service = studio.serve()
    studio.scenes("A gull", "A tern")
    one = studio.render(only=("s2",))
    assert (one.exit, one.made, one.film, service.posts) == (0, 1, "", 1)
    with pytest.raises(InputError, match="there is no scene 's3'"):
        studio.render(only=("s3",))
    assert studio.render().frames == 384
    assert service.posts == 2


def test_a_saved_plan_is_kept_or_refused(studio: Studio) -> None:
    """Nobody pays for something else than what was reviewed; the message says what moved."""
    service = studio.serve()
    studio.scenes("A gull", "A tern")
    plans = []
    with pytest.raises(InputError):
        studio.render(approve=lambda at, plan: (plans.append(document(at, plan)), _stop()))
    studio.scenes("A gull", "A tern at night")
    with pytest.raises(InputError, match="s2: it is another shot"):
        studio.render(saved_plan=plans[0])
    assert service.posts == 0
    studio.scenes("A gull", "A tern")
    assert studio.render(saved_plan=plans[0]).exit == 0


def _stop() -> None:
    raise InputError("only looking")


def test_events_tell_the_story_in_order(studio: Studio) -> None:
    """Who listens can draw it: each scene is asked for, accepted, fetched, finished; then the film is cut."""
    studio.serve()
    studio.scenes("A gull")
    studio.render()
    kinds = [type(event).__name__ for event in studio.seen]
    expected = ["Planned", "Submitting", "Submitted", "Waiting", "Fetched", "Finished", "Cutting"]
    assert list(dict.fromkeys(kinds)) == expected
    assert isinstance(studio.seen[-1], events.Cutting)
    assert studio.seen[-1].done == studio.seen[-1].frames == 192


@pytest.mark.ci
def test_a_changed_scene_with_an_image_is_drafted_again(studio: Studio) -> None:
    """The emulator of a draft takes its files with it: an address of the last one leads nowhere."""
    png(studio.folder / "a.png")
    text = "storyboard: 1\nscenes:\n  - {id: a, prompt: Dawn, first_frame: a.png}\n"
    studio.write(text)
    assert studio.render(realm="draft").exit == 0
    studio.write(text.replace("Dawn", "Dusk"))
    done = studio.render(realm="draft")
    assert (done.exit, done.made) == (0, 1)


def test_an_uploaded_image_belongs_to_one_service(studio: Studio) -> None:
    """Another emulator, or the real service after a rehearsal, has never seen it."""
    png(studio.folder / "a.png")
    text = "storyboard: 1\nscenes:\n  - {id: a, prompt: Dawn, first_frame: a.png}\n"
    studio.serve()
    studio.write(text)
    assert studio.render().exit == 0
    studio.serve()
    studio.write(text.replace("Dawn", "Dusk"))
    assert studio.render().exit == 0


def test_a_skipped_scene_keeps_its_pin(studio: Studio) -> None:
    """Left out today, back tomorrow: a clone must still find its take."""
    studio.serve()
    studio.write(FILM)
    studio.render()
    lock = (studio.folder / "film.lock.yaml").read_bytes()
    studio.write(FILM.replace("prompt: A tern", "prompt: A tern\n    skip: true"))
    studio.render()
    assert (studio.folder / "film.lock.yaml").read_bytes() == lock


@pytest.mark.ci
def test_a_rehearsal_leaves_a_paid_lock_and_film_alone(studio: Studio, own_home: Path) -> None:
    """The lock in git pins what was paid for: takes of an emulator must not slip in, nor over the film."""
    studio.serve()
    studio.write(FILM)
    first = studio.render()
    # As if it had been bought: the takes lie in the paid realm, the film is remembered as cut from them.
    shutil.move(own_home / "store" / "rehearsals", own_home / "was")
    shutil.copytree(own_home / "was" / "takes", own_home / "store" / "takes")
    films = studio.folder / ".storyboard" / "films.json"
    films.write_text(films.read_text().replace('"rehearsal"', '"paid"'))
    lock = (studio.folder / "film.lock.yaml").read_bytes()
    studio.serve(seed=7)
    again = studio.render()
    assert (again.exit, again.made) == (0, 2)
    assert (studio.folder / "film.lock.yaml").read_bytes() == lock
    assert again.film == str(studio.folder / "out" / "film.rehearsal.mp4")
    assert Path(first.film).exists()
    assert studio.render().made == 0


@pytest.mark.parametrize("fault", ["submit:code=451 x1", "job:fail=451 x1"])
@pytest.mark.ci
def test_an_image_that_could_not_be_fetched_goes_up_anew(studio: Studio, fault: str) -> None:
    """The address that did not serve is forgotten: asking again with the same one would fail again."""
    service = studio.serve(fault)
    png(studio.folder / "a.png")
    studio.write("storyboard: 1\nscenes:\n  - {id: a, prompt: a, first_frame: a.png}\n")
    assert studio.render().exit == 3
    assert studio.render().exit == 0
    uploads = [seen for seen in service.emulator.requests if "upload" in seen.path and seen.method == "POST"]
    assert len(uploads) == 2


def test_a_file_of_somebody_else_is_never_replaced(studio: Studio) -> None:
    """It is found out before anything is paid. Our own film is known, though the project was moved or a run killed."""
    service = studio.serve()
    studio.scenes("A gull")
    film = Path(studio.render().film)
    films = studio.folder / ".storyboard" / "films.json"
    (known,) = json.loads(films.read_text()).values()
    studio.folder = studio.folder.rename(studio.folder.with_name("moved"))
    assert (studio.render().exit, service.posts) == (0, 1)

    # Killed after the film had got its name, and before that was noted.
    film, films = studio.folder / "out" / "film.mp4", studio.folder / ".storyboard" / "films.json"
    staged = {str(film.with_name(".film.mp4.0123456789ab")): {**known, "modified": film.stat().st_mtime_ns}}
    films.write_text(json.dumps(staged))
    before = film.stat().st_ino
    assert (studio.render().exit, film.stat().st_ino) == (0, before)

    studio.scenes("A tern")
    for harm in (lambda: film.write_bytes(b"holiday"), lambda: film.symlink_to("/dev/null"), lambda: os.mkfifo(film)):
        film.unlink()
        harm()
        with pytest.raises(InputError, match="not written by storyboard"):
            studio.render()
    assert service.posts == 1
    film.unlink()
    assert (studio.render().exit, service.posts) == (0, 2)


def test_a_cut_that_was_killed_leaves_nothing_behind(studio: Studio) -> None:
    """The half of a film beside its place goes with the next render."""
    studio.serve()
    studio.scenes("A gull")
    script = f"""
import os, signal
from pathlib import Path
from storyboard.system.files import atomic_output
with atomic_output(Path({str(studio.folder)!r}, "out", "film.mp4")):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script])
    (left,) = (studio.folder / "out").iterdir()
    assert left.name.startswith(".film.mp4.")
    (studio.folder / ".film.lock.yaml.0123456789ab").touch()
    studio.render()
    assert [path.name for path in (studio.folder / "out").iterdir()] == ["film.mp4"]
    assert not list(studio.folder.glob(".film.lock.yaml.*"))
