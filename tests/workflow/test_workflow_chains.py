"""Chains: shots that begin with a frame of another one are generated after it, paid for once, and say why they are."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from studio import Run, Service, Studio, png

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.media.frames import frame_png
from storyboard.model import events
from storyboard.model.lock import Lock
from storyboard.planning.steps import Step
from storyboard.state.lockfile import read_lock
from storyboard.workflow.facts import current_plan
from storyboard.workflow.workspace import open_workspace

HEAD = "storyboard: 1\nscenes:\n"


def scene(name: str, *more: str) -> str:
    return f"  - {{{', '.join((f'id: {name}', f'prompt: A {name}.', *more))}}}\n"


def begins(name: str, at: str = "last") -> str:
    return f"first_frame: {{scene: {name}, at: {at}}}"


def chain(*names: str, **more: str) -> str:
    """Scenes that each begin with the last frame of the one before. ``more`` are further keys of a scene."""
    links = [(name, *([begins(names[at - 1])] if at else []), more.get(name, "")) for at, name in enumerate(names)]
    return "".join(scene(name, *(word for word in words if word)) for name, *words in links)


def steps(studio: Studio) -> Mapping[str, Step]:
    """The step of the take that the film uses, by scene."""
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        return current_plan(workspace).film_steps


def doings(studio: Studio) -> dict[str, str]:
    return {name: f"{step.name}: {step.why}" for name, step in steps(studio).items()}


def lock(studio: Studio) -> Lock:
    return read_lock(studio.folder / "film.lock.yaml")


def submitted(studio: Studio) -> list[str]:
    return [event.scene for event in studio.seen if isinstance(event, events.Submitting)]


def uploads(studio: Studio) -> int:
    return sum(seen.path.endswith("/file-base64-upload") for seen in studio.service.emulator.requests)


def last_frame(studio: Studio, name: str) -> str:
    """The digest of the last frame of the take that is pinned for a scene, as an image."""
    pinned = lock(studio).scenes[name]
    take = pinned.takes[pinned.pick]["720p"]
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        content, _ = frame_png(workspace.realm.store.path(take.digest), take.measure.frames - 1)
    return hashlib.sha256(content).hexdigest()


def sent(studio: Studio, name: str) -> tuple[str | None, str | None]:
    take = lock(studio).scenes[name].takes[lock(studio).scenes[name].pick]["720p"]
    return take.first_frame, take.last_frame


def test_a_chain_whose_second_shot_is_picked_anew(studio: Studio, run: Run) -> None:
    """The whole price is known at first; another take in the middle buys what follows it, and says so; back is free."""
    service = studio.serve()
    film = studio.write(HEAD + chain("a", "b", "c", "d", "e", b="takes: 2"))
    plan = run("plan", "film.yaml")[1]
    assert "to pay   360 credits" in plan
    assert "no take yet; after b" in plan
    assert (
        "images   the last frame of a, the last frame of b, the last frame of c, the last frame of d: sent to" in plan
    )
    assert studio.render(cut=False).exit == 0
    assert submitted(studio)[0] == "a"
    assert submitted(studio)[-3:] == ["c", "d", "e"]
    assert sent(studio, "a") == (None, None)
    for before, name in zip("abcd", "bcde", strict=True):
        assert sent(studio, name) == (last_frame(studio, before), None)
    assert uploads(studio) == 4

    first = film.read_text()
    film.write_text(first.replace("takes: 2", "takes: 2, pick: 2"))
    assert doings(studio) == {
        "a": "keep: unchanged",
        "b": "keep: unchanged",
        "c": "make: starts from another take of b: 1 -> 2",
        "d": "make: starts from a frame of c, which has changed",
        "e": "make: starts from a frame of d, which has changed",
    }
    assert studio.render(cut=False).exit == 0
    assert (submitted(studio), service.posts, service.charged) == (["c", "d", "e"], 9, 540)
    film.write_text(first.replace("takes: 2", "takes: 2, pick: 1"))
    assert {what.partition(":")[0] for what in doings(studio).values()} == {"keep"}
    assert studio.render(cut=False).exit == 0
    assert service.posts == 9


@pytest.mark.ci
def test_a_source_that_fails_stops_what_follows_it_alone(studio: Studio) -> None:
    """Nothing is paid for shots that have nothing to begin with; their neighbours go on, and the next run goes on."""
    service = studio.serve("submit:code=422 x1 @b")
    studio.write(HEAD + chain("a", "b", "c", "d") + chain("x", "y"))
    done = studio.render(cut=False)
    assert (done.exit, service.charged) == (3, 180)
    failed = {event.scene: event.why for event in studio.seen if isinstance(event, events.Failed)}
    assert failed["c"] == "not generated: waits for b, which has no take"
    assert failed["d"] == "not generated: waits for c, which has no take"
    assert [what.partition(":")[0] for what in doings(studio).values()] == ["keep", *["make"] * 3, "keep", "keep"]
    assert studio.render(cut=False).exit == 0
    assert (submitted(studio), service.charged) == (["b", "c", "d"], 360)


@pytest.mark.ci
def test_what_waits_for_a_lost_answer_says_so(studio: Studio, run: Run) -> None:
    """It is blocked with its reason and since when, and costs nothing; settled, the chain goes on."""
    service = studio.serve("submit:drop-after x1 @b")
    studio.write(HEAD + chain("a", "b", "c", "d"))
    assert studio.render(cut=False).exit == 4
    found = steps(studio)
    assert (found["b"].name, found["c"].name, found["d"].name) == ("blocked", "blocked", "blocked")
    assert found["c"].why.startswith("waits for b, blocked since 20")
    assert found["c"].why == found["d"].why
    assert found["c"].why.endswith(" UTC")
    assert [take.scene for take in found["d"].after] == ["c"]
    status, out, _ = run("plan", "film.yaml", "--json")
    document = json.loads(out)
    assert (status, document["totals"]["credits"], document["frames"]) == (0, 0, [])
    assert studio.render(cut=False).exit == 4
    assert service.posts == 2
    job = service.emulator.jobs[-1].id
    assert run("settle", "film.yaml", "b", "--adopt", job)[0] == 0
    assert studio.render(cut=False).exit == 0
    assert (service.posts, service.charged) == (4, 240)


@pytest.mark.ci
def test_scenes_share_a_keyframe(studio: Studio) -> None:
    """One picture joins several shots: it is taken once, uploaded once, and its name changes nothing."""
    studio.serve()
    film = studio.write(
        "storyboard: 1\nkeyframes:\n  porch: {scene: a, at: 2.5}\n  dusk: dusk.png\nscenes:\n"
        + scene("b", "first_frame: {keyframe: porch}")
        + scene("a", "trim: {from: 1}")
        + scene("c", "first_frame: {keyframe: dusk}", "last_frame: {keyframe: porch}")
        + scene("d", begins("a", "2.5"), "last_frame: {keyframe: dusk}")
    )
    png(studio.folder / "dusk.png")
    assert studio.render(cut=False).exit == 0
    assert submitted(studio)[0] == "a"
    assert uploads(studio) == 2
    (frame,) = {sent(studio, "b")[0], sent(studio, "c")[1], sent(studio, "d")[0]}
    with open_workspace(film, studio.settings) as workspace:
        take = lock(studio).scenes["a"].takes[1]["720p"]
        content, _ = frame_png(workspace.realm.store.path(take.digest), 84)
    assert frame == hashlib.sha256(content).hexdigest()
    film.write_text(film.read_text().replace("porch", "door"))
    assert {what.partition(":")[0] for what in doings(studio).values()} == {"keep"}
    film.write_text(film.read_text().replace("id: a,", "id: z,").replace("scene: a,", "scene: z,"))
    assert {what.partition(":")[0] for what in doings(studio).values()} == {"keep"}


@pytest.mark.ci
def test_what_moves_a_frame_is_told(studio: Studio) -> None:
    """A trim and another moment are other frames: bought again with that reason, where they decide the frame."""
    studio.serve()
    film = studio.write(HEAD + scene("a") + scene("b", begins("a")) + scene("c", begins("a", "first")))
    assert studio.render(cut=False).exit == 0
    whole = film.read_text()
    film.write_text(whole.replace("A a.", "A a., trim: {from: 1}"))
    assert doings(studio)["b"] == "keep: unchanged"
    assert doings(studio)["c"] == "make: starts from another frame of a: its trim has changed"
    film.write_text(whole.replace("A a.", "A a., trim: {to: 6}"))
    assert doings(studio)["b"] == "make: starts from another frame of a: its trim has changed"
    assert doings(studio)["c"] == "keep: unchanged"
    film.write_text(whole.replace("at: last", "at: 2.5"))
    assert doings(studio)["b"] == "make: starts from another frame of a: last -> 2.5 s"
    film.write_text(whole.replace(begins("a"), "first_frame: 'https://example.com/a.png'"))
    assert doings(studio)["b"] == "make: first_frame is an image now"
    film.write_text(whole.replace(begins("a", "first"), begins("a", "first") + ", last_frame: {scene: b}"))
    assert doings(studio)["c"] == "make: last_frame added: the first frame of b"


def test_no_chain_is_begun_that_could_not_go_on(studio: Studio, run: Run) -> None:
    """Without a place for its frames the first scene is not paid for; a public folder is none. A draft needs none."""
    service = studio.serve()
    film = studio.write(HEAD + chain("a", "b"))
    del studio.environ["STORYBOARD_UPLOADS"]
    status, _, err = run("render", "film.yaml", "--yes")
    assert (status, service.posts) == (2, 0)
    assert "film.yaml:4:40: the last frame of a has to be uploaded, and there is no place for uploads" in err
    studio.environ["STORYBOARD_UPLOADS"] = "https://example.com/film"
    status, _, err = run("render", "film.yaml", "--yes")
    assert (status, service.posts) == (2, 0)
    assert "and a public folder takes no uploads" in err
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    assert run("render", "film.yaml", "--yes", "--no-cut", "--scene", "b")[0] == 0
    assert (service.posts, film.read_text()) == (2, HEAD + chain("a", "b"))


@pytest.mark.ci
def test_a_scene_waits_only_for_what_it_needs(studio: Studio) -> None:
    """Two chains go on side by side: one whose first shot takes long does not hold up the other."""
    studio.serve("poll:late=45 x45 @x")
    studio.write(HEAD + chain("x", "y") + chain("a", "b", "c"))
    waits = {name: [take.scene for take in step.after] for name, step in steps(studio).items()}
    assert waits == {"x": [], "y": ["x"], "a": [], "b": ["a"], "c": ["b"]}
    assert studio.render(cut=False).exit == 0
    told = [(type(event).__name__, event.scene) for event in studio.seen if hasattr(event, "scene")]
    assert {scene for kind, scene in told[: told.index(("Finished", "a"))] if kind == "Submitting"} == {"a", "x"}
    assert told.index(("Submitting", "b")) < told.index(("Finished", "x"))
    for before, name in (("a", "b"), ("b", "c"), ("x", "y")):
        assert told.index(("Finished", before)) < told.index(("Submitting", name))


@pytest.mark.ci
def test_frames_are_kept_verified_and_cleared(studio: Studio, run: Run) -> None:
    """A frame lies in the store with its take: a damaged one is taken again, and goes when nothing needs it."""
    service = studio.serve()
    film = studio.write(HEAD + chain("a", "b"))
    assert studio.render(cut=False).exit == 0
    (file,) = Path(studio.environ["STORYBOARD_HOME"]).rglob("*.png")
    before = file.read_bytes()
    assert "1 frame read, 0 damaged" in run("store", "verify")[1]
    file.chmod(0o600)
    file.write_bytes(b"damaged")
    assert "1 frame read, 1 damaged, and moved aside" in run("store", "verify")[1]
    film.write_text(film.read_text().replace("A b.", "A bee."))
    assert studio.render(cut=False).exit == 0
    assert (file.read_bytes(), service.posts) == (before, 3)
    assert uploads(studio) == 1


@pytest.mark.ci
def test_nothing_begins_with_a_frame_of_a_damaged_file(studio: Studio, run: Run) -> None:
    """Most damage decodes: a shot would be paid for that begins with a broken picture."""
    service = studio.serve()
    studio.write(HEAD + chain("a", "b"))
    assert studio.render(cut=False, only=("a",)).exit == 0
    (file,) = Path(studio.environ["STORYBOARD_HOME"]).rglob("*.mp4")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(content)
    status, _, told = run("render", "film.yaml", "--yes", "--no-cut")
    assert (status, service.posts) == (3, 1)
    assert "b: not generated: the file of a is damaged\n         run `storyboard store verify`" in told
    assert run("store", "verify")[0] == 6
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    assert (service.posts, sent(studio, "b")) == (2, (last_frame(studio, "a"), None))


@pytest.mark.ci
def test_nothing_begins_with_a_scene_without_frames(studio: Studio, run: Run) -> None:
    """The cut refuses such a trim; a longer one is another frame, and what began with this one was paid for nothing."""
    service = studio.serve()
    studio.write(HEAD + chain("a", "b", a="trim: {from: 4, to: 4.01}"))
    assert "the trim leaves no frame of scene 'a'" in run("plan", "film.yaml")[1]
    status, _, told = run("render", "film.yaml", "--yes", "--no-cut")
    assert (status, service.posts) == (3, 1)
    assert "b: not generated: the trim leaves no frame of a\n         make the trim longer" in told
    assert "the trim leaves no frame of scene 'a'" in run("plan", "film.yaml")[1]


@pytest.mark.ci
def test_a_source_that_was_bought_again_is_remarked(studio: Studio, run: Run) -> None:
    """The shot is the same and its picture is not: what began with the lost one is kept, and the plan says so."""
    first = studio.serve()
    studio.write(HEAD + chain("a", "b"))
    assert studio.render(cut=False).exit == 0
    began = sent(studio, "b")
    lost = lock(studio).scenes["a"].takes[1]["720p"]
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        workspace.realm.store.path(lost.digest).unlink()
    second = Service(Behaviour(film="tiny"))
    studio.environ["APIKLEY_BASE_URL"] = second.emulator.url
    assert run("render", "film.yaml", "--yes", "--no-cut", "--rebuy", "a")[0] == 0
    assert (first.posts, second.posts, sent(studio, "b")) == (2, 1, began)
    assert "'b' was made with the last frame of a as an earlier take had it" in run("plan", "film.yaml")[1]
    second.close()


@pytest.mark.ci
def test_a_clone_keeps_what_was_sent(studio: Studio, tmp_path: Path) -> None:
    """Another machine fetches a chain by its jobs, pays nothing, and its lock still names the frames."""
    service = studio.serve()
    studio.write(HEAD + chain("a", "b"))
    assert studio.render(cut=False).exit == 0
    pinned = (studio.folder / "film.lock.yaml").read_bytes()
    studio.environ["STORYBOARD_HOME"] = str(tmp_path / "second")
    assert studio.render(cut=False).exit == 0
    assert (service.posts, (studio.folder / "film.lock.yaml").read_bytes()) == (2, pinned)
    (studio.folder / "film.lock.yaml").unlink()
    assert {what.partition(":")[0] for what in doings(studio).values()} == {"keep"}


@pytest.mark.ci
def test_several_takes_begin_with_one_frame(studio: Studio, run: Run) -> None:
    """Each take of a chained scene is a shot of its own; a render of the film's takes alone makes what they need."""
    service = studio.serve()
    film = studio.write(HEAD + scene("b", begins("a"), "takes: 3", "pick: 2") + scene("a", "takes: 2"))
    assert run("render", "film.yaml", "--yes", "--no-cut", "--picked")[0] == 0
    assert service.posts == 2
    assert run("plan", "film.yaml", "-o", "plan.json")[0] == 0
    assert run("render", "film.yaml", "--yes", "--no-cut", "--plan", "plan.json")[0] == 0
    pinned = lock(studio).scenes["b"]
    assert {take["720p"].first_frame for take in pinned.takes.values()} == {last_frame(studio, "a")}
    assert (sorted(pinned.takes), service.posts, uploads(studio)) == ([1, 2, 3], 5, 1)
    film.write_text(film.read_text().replace("takes: 2}", "takes: 2, pick: 2}"))
    assert [step["step"] for step in json.loads(run("plan", "film.yaml", "--json")[1])["steps"]] == [
        "make", "make", "make", "keep", "keep",
    ]  # fmt: skip


@pytest.mark.ci
def test_a_run_that_is_stopped_leaves_the_rest_of_its_chain(studio: Studio) -> None:
    """Out of credits between two links: what follows was not asked for, which is no failure, and goes on later."""
    service = studio.serve("submit:code=402 x1 @b")
    studio.write(HEAD + chain("a", "b", "c"))
    done = studio.render(cut=False)
    assert (done.exit, done.failed, service.charged) == (5, 0, 60)
    assert not [event for event in studio.seen if isinstance(event, events.Failed)]
    assert studio.render(cut=False).exit == 0
    assert (submitted(studio), service.charged) == (["b", "c"], 180)
