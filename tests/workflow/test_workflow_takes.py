"""Several takes of a scene: each is bought once, one is in the film, and none is lost."""

import json
from pathlib import Path

import pytest
from studio import Run, Studio

from storyboard.model.take import TakeId
from storyboard.state.lockfile import read_lock
from storyboard.workflow.facts import current_plan
from storyboard.workflow.workspace import open_workspace


def film(studio: Studio, takes: int, more: str = "", rest: str = "") -> Path:
    return studio.write(
        f"storyboard: 1\nscenes:\n  - {{id: gull, prompt: A gull, seed: 99998, takes: {takes}{more}}}\n{rest}"
    )


def steps(studio: Studio) -> dict[str, str]:
    """What the plan does about each take."""
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        return {f"{step.scene} {step.shot.take}": step.name for step in current_plan(workspace).steps}


def test_three_takes_one_is_picked(studio: Studio, run: Run) -> None:
    """The daily work: three at once, choose by a line in git, upgrade that one only, change N up and down."""
    service = studio.serve()
    film(studio, 3)
    status, out, _ = run("plan", "film.yaml")
    assert (status, out.splitlines()[0]) == (
        0, "make     gull  veo3_fast    180    0.90  takes 1, 2, 3 of 3 (1 is in the film): no take yet",
    )  # fmt: skip
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    assert sorted(job.order.seed for job in service.emulator.jobs) == [10000, 99998, 99999]
    first = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    assert (first.pick, sorted(first.takes), sorted(first.keys)) == (1, [1, 2, 3], [2, 3])

    film(studio, 3, ", pick: 2, resolution: 1080p")
    document = json.loads(run("plan", "film.yaml", "--json")[1])
    rows = [(step["take"], step["picked"], step["step"], step["credits"]) for step in document["steps"]]
    assert rows == [(1, False, "keep", 0), (2, True, "collect", 5), (3, False, "keep", 0)]
    assert run("render", "film.yaml", "--yes")[0] == 0
    second = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    assert (second.pick, sorted(second.takes[2]), second.takes[1], second.takes[3]) == (
        2, ["1080p", "720p"], first.takes[1], first.takes[3],
    )  # fmt: skip
    assert service.posts == 3

    film(studio, 5, ", pick: 2, resolution: 1080p")
    assert steps(studio) == {f"gull {n}": "make" if n > 3 else "keep" for n in range(1, 6)}
    film(studio, 1)
    lowered = (studio.folder / "film.lock.yaml").read_bytes()
    assert run("render", "film.yaml", "--no-cut")[0] == 0
    third = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    assert (third.pick, sorted(third.takes), sorted(third.takes[2])) == (1, [1, 2, 3], ["1080p", "720p"])
    assert json.loads(run("store", "gc", "--older-than", "0", "--json")[1])["spare"] == []
    film(studio, 3, ", pick: 2, resolution: 1080p")
    assert set(steps(studio).values()) == {"keep"}
    assert run("render", "film.yaml", "--no-cut")[0] == 0
    assert (studio.folder / "film.lock.yaml").read_bytes() == lowered
    assert service.posts == 3


def test_the_lock_says_which_take_was_used(studio: Studio) -> None:
    """Without the line in the file the film stays as it was, also under another id; for other shots it is take 1."""
    service = studio.serve()
    film(studio, 2, ", pick: 2")
    assert studio.render(cut=False).exit == 0
    film(studio, 2)
    assert used(studio) == TakeId("gull", 2)
    file = studio.folder / "film.yaml"
    file.write_text(file.read_text().replace("id: gull", "id: tern"))
    assert used(studio) == TakeId("tern", 2)
    assert studio.render(cut=False).exit == 0
    assert [*read_lock(studio.folder / "film.lock.yaml").scenes] == ["tern"]
    file.write_text(file.read_text().replace("A gull", "A tern"))
    assert used(studio) == TakeId("tern", 1)
    assert service.posts == 2


def used(studio: Studio) -> TakeId:
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        (step,) = current_plan(workspace).film_steps.values()
    return TakeId(step.scene, step.shot.take)


def test_a_take_that_fails_stops_neither_the_film_nor_the_others(studio: Studio) -> None:
    """The used take is there, so the film is; the exit status says that something was not generated."""
    service = studio.serve("submit:code=422 x1")
    film(studio, 3, ", pick: 3, trim: {to: 1}")
    done = studio.render(at_once=1)
    assert (done.exit, done.made, done.failed, done.frames, service.charged) == (3, 2, 1, 24, 120)
    assert done.notes[0].startswith("failed   gull: ")
    assert steps(studio) == {"gull 1": "make", "gull 2": "keep", "gull 3": "keep"}
    pinned = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    assert (pinned.pick, sorted(pinned.takes), sorted(pinned.keys)) == (3, [2, 3], [2])


@pytest.mark.ci
def test_the_film_waits_for_its_take_alone(studio: Studio) -> None:
    """The others are bought, pinned and kept while the film's own failed; those of the earlier prompt stay pinned."""
    service = studio.serve("submit:code=422 x1 @tern")
    film(studio, 2)
    assert studio.render(cut=False).exit == 0
    file = studio.folder / "film.yaml"
    before = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    file.write_text(file.read_text().replace("A gull", "A tern"))
    done = studio.render(at_once=1)
    assert (done.exit, done.film, service.charged) == (3, "", 180)
    after = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    assert (after.key, after.takes[1]) == (before.key, before.takes[1])
    assert after.keys != before.keys
    assert studio.render(cut=False).exit == 0
    assert (service.charged, set(steps(studio).values())) == (240, {"keep"})


@pytest.mark.ci
def test_two_scenes_of_one_shot_share_its_takes(studio: Studio) -> None:
    """Take 2 of the one is take 2 of the other; asked for alone, the other buys no more than it needs."""
    service = studio.serve()
    film(studio, 3, rest="  - {id: tern, prompt: A gull, seed: 99998, takes: 2, pick: 2}\n")
    assert studio.render(cut=False, only=("tern",), picked=True).exit == 0
    assert service.posts == 1
    assert studio.render(cut=False, only=("tern",)).exit == 0
    assert service.posts == 2
    assert studio.render(cut=False).exit == 0
    assert service.posts == 3


@pytest.mark.ci
def test_each_take_is_settled_by_itself(studio: Studio, run: Run) -> None:
    """Two answers lost: each is a decision, in the order of the takes, or by its number."""
    service = studio.serve("submit:drop-after x2")
    film(studio, 3)
    assert studio.render(cut=False, at_once=1).exit == 4
    lost, other = (job.id for job in service.emulator.jobs[:2])
    assert run("settle", "film.yaml", "gull", "--adopt", other, "--take", "2")[0] == 0
    assert run("settle", "film.yaml", "gull", "--take", "7", "--again")[0] == 2
    assert run("settle", "film.yaml", "gull", "--adopt", lost)[0] == 0
    assert studio.render(cut=False).exit == 0
    assert service.posts == 3


@pytest.mark.ci
def test_a_colleague_has_every_take(studio: Studio, tmp_path: Path) -> None:
    """A lock with two takes on a new machine: both are fetched by their jobs, and nothing is paid."""
    service = studio.serve()
    film(studio, 2, ", pick: 2")
    studio.render(cut=False)
    lock, charged = (studio.folder / "film.lock.yaml").read_bytes(), service.charged
    studio.environ["STORYBOARD_HOME"] = str(tmp_path / "second")
    assert steps(studio) == {"gull 1": "collect", "gull 2": "collect"}
    assert studio.render(cut=False).exit == 0
    assert steps(studio) == {"gull 1": "keep", "gull 2": "keep"}
    assert ((studio.folder / "film.lock.yaml").read_bytes(), service.charged, service.posts) == (lock, charged, 2)


@pytest.mark.ci
def test_a_lock_keeps_what_was_bought_under_other_ids(studio: Studio, run: Run, tmp_path: Path) -> None:
    """Scenes change their ids, and a machine without their takes renders another one: the jobs are only in the lock."""
    service, scene = studio.serve(), "  - {{id: {}, prompt: A {}., takes: 2}}\n"

    def write(*ids: str) -> None:
        studio.write("storyboard: 1\nscenes:\n" + "".join(map(scene.format, ids, ("gull", "cat", "dog"))))

    write("s1", "s2", "s3")
    studio.render(cut=False)
    first = read_lock(studio.folder / "film.lock.yaml").scenes
    studio.environ["STORYBOARD_HOME"] = str(tmp_path / "second")
    write("opening", "s1", "s3")
    assert run("render", "film.yaml", "--no-cut", "--scene", "s3")[0] == 0
    assert read_lock(studio.folder / "film.lock.yaml").scenes == {
        "opening": first["s1"], "s1": first["s2"], "s3": first["s3"],
    }  # fmt: skip
    write("s1", "opening", "s3")
    assert run("render", "film.yaml", "--no-cut", "--scene", "opening", "--picked")[0] == 0
    last = read_lock(studio.folder / "film.lock.yaml").scenes
    assert (last["s1"], last["opening"]) == (first["s1"], first["s2"])
    assert service.posts == 6


@pytest.mark.ci
def test_only_the_picked_take_is_bought_if_asked(studio: Studio, run: Run) -> None:
    service = studio.serve()
    film(studio, 3, ", pick: 2")
    assert run("plan", "film.yaml", "--picked", "-o", "p.json")[0] == 0
    assert run("render", "film.yaml", "--picked", "--plan", "p.json", "--yes", "--no-cut")[0] == 0
    assert service.posts == 1
    assert steps(studio) == {"gull 1": "make", "gull 2": "keep", "gull 3": "make"}
