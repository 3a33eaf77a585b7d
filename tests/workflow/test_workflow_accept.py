"""A restyle changes every prompt; takes that are accepted or frozen stand all the same, and are never paid again."""

import json

import pytest
from studio import Run, Studio

from storyboard.state.lockfile import read_lock
from storyboard.workflow.facts import current_plan
from storyboard.workflow.workspace import open_workspace

FILM = """\
storyboard: 1
vars: {look: dusk}
scenes:
  - {id: gull, prompt: "A gull at {{ look }}.", takes: 2}
  - {id: boat, prompt: "A boat at {{ look }}.", first_frame: {scene: gull}}
  - {id: hut, prompt: "A hut at {{ look }}."}
"""


def doings(studio: Studio) -> dict[str, str]:
    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        steps = current_plan(workspace).steps
    return {f"{step.scene} {step.shot.take}": f"{step.name}: {step.why}" for step in steps}


def test_a_restyle_with_accept(studio: Studio, run: Run) -> None:
    """One word re-buys a film; what is accepted stays, its dependents too, until the scene changes again."""
    service = studio.serve()
    studio.write(FILM)
    assert run("accept", "film.yaml", "gull")[0::2] == (
        2,
        "storyboard: scene 'gull' has no take that could be accepted\n  hint: generate it: storyboard render\n",
    )
    assert studio.render(cut=False).exit == 0
    before = read_lock(studio.folder / "film.lock.yaml")
    assert run("accept", "film.yaml", "hut")[2].startswith("as it was hut: its take was generated from what the scene")

    studio.write(FILM.replace("look: dusk", "look: dawn"))
    note = "note     'dusk' -> 'dawn' in vars.look buys 3 of the 3 scenes again: 240 credits, 1.20 USD"
    said = run("plan", "film.yaml")[1]
    assert (
        f"{note}: to keep their takes: `storyboard accept film.yaml gull boat hut`, or 'frozen: true' in a scene\n"
        in said
    )
    assert "ladder   final 240 credits; --picked saves 60\n" in said
    assert run("accept", "film.yaml", "gull") == (
        0,
        "",
        "accepted  gull: prompt: 1 word: a render does not pay 120 credits, 0.60 USD for it\n"
        "undo      storyboard accept --undo film.yaml gull\n",
    )
    assert doings(studio) == {
        "gull 1": "keep: accepted: the scene has changed since (prompt: 1 word)",
        "gull 2": "keep: accepted: the scene has changed since (prompt: 1 word)",
        "boat 1": "make: prompt: 1 word",
        "hut 1": "make: prompt: 1 word",
    }
    assert studio.render(cut=False).exit == 0
    assert read_lock(studio.folder / "film.lock.yaml").scenes["gull"].all_keys == before.scenes["gull"].all_keys
    assert service.posts == 6
    studio.write(FILM.replace("look: dusk", "look: noon"))
    assert doings(studio)["gull 2"] == "make: prompt: 1 word"


@pytest.mark.ci
def test_what_was_accepted_holds_and_can_be_taken_back(studio: Studio, run: Run) -> None:
    """In any order, under another id, with more takes, against gc; until the scene changes again or it is undone."""
    service = studio.serve()
    studio.write(FILM)
    assert studio.render(cut=False).exit == 0
    before = read_lock(studio.folder / "film.lock.yaml")
    studio.write(FILM.replace("look: dusk", "look: dawn"))
    assert run("accept", "film.yaml", "boat", "hut")[0] == 0
    assert run("accept", "film.yaml", "gull")[0] == 0
    assert "as it was gull: it was accepted before" in run("accept", "film.yaml", "gull")[2]
    assert run("plan", "film.yaml", "--rebuy", "gull")[1].count("keep") == 3
    assert studio.render(cut=False).exit == 0
    after = read_lock(studio.folder / "film.lock.yaml")
    assert {name: pinned.all_keys for name, pinned in after.scenes.items()} == {
        name: pinned.all_keys for name, pinned in before.scenes.items()
    }
    assert (service.posts, "dawn" in (studio.folder / "film.lock.yaml").read_text()) == (4, False)
    assert json.loads(run("store", "gc", "--older-than", "0", "--json")[1])["spare"] == []

    studio.write(FILM.replace("look: dusk", "look: dawn").replace("takes: 2", "takes: 3").replace("id: hut", "id: cot"))
    assert list(doings(studio).values()).count("make: no take yet") == 1
    assert doings(studio)["cot 1"].startswith("keep: accepted")
    assert doings(studio)["gull 3"] == "make: no take yet"
    studio.write(FILM.replace("look: dusk", "look: noon"))
    assert doings(studio)["gull 2"] == "make: prompt: 1 word"
    assert doings(studio)["boat 1"] == "make: prompt: 1 word; starts from a frame of gull, which has changed"

    studio.write(FILM.replace("look: dusk", "look: dawn"))
    assert run("accept", "film.yaml", "--undo", "hut", "gull") == (
        0,
        "",
        "undone    hut: it is accepted no longer\nundone    gull: it is accepted no longer\n"
        "make      hut: prompt: 1 word: 60 credits, 0.30 USD\n"
        "make      gull: prompt: 1 word: 60 credits, 0.30 USD\n"
        "make      gull take 2: prompt: 1 word: 60 credits, 0.30 USD\n",
    )
    assert run("accept", "film.yaml", "--undo", "hut")[2] == "as it was hut: it was not accepted: nothing to undo\n"
    assert studio.render(cut=False, only=("hut",)).exit == 0
    assert read_lock(studio.folder / "film.lock.yaml").scenes["hut"].accepted is None
    assert service.posts == 5


FROZEN = FILM.replace("takes: 2", "takes: 2, frozen: true, seed: 10007")


def test_a_restyle_with_frozen(studio: Studio, run: Run) -> None:
    """A frozen scene is made once; then no change of it and no wish for more buys anything. A lost take is fetched."""
    service = studio.serve()
    studio.write(FROZEN.split("  - {id: boat")[0])
    assert studio.render(cut=False).exit == 0
    assert doings(studio) == {"gull 1": "keep: frozen", "gull 2": "keep: frozen"}
    changed = studio.write(
        FROZEN.split("  - {id: boat")[0]
        .replace("look: dusk", "look: dawn")
        .replace("takes: 2", "takes: 5, pick: 2, resolution: 1080p, model: veo3")
    )
    since = "frozen: the scene has changed since (prompt: 1 word; model veo3_fast -> veo3)"
    assert doings(studio) == {"gull 1": f"keep: {since}", "gull 2": f"keep: {since}"}
    assert run("accept", "film.yaml", "gull")[2] == (
        "as it was gull: it is frozen, and stands without being accepted\n"
    )
    assert studio.render(cut=False).exit == 0
    pinned = read_lock(studio.folder / "film.lock.yaml").scenes["gull"]
    assert (pinned.pick, sorted(pinned.takes), service.posts) == (2, [1, 2], 2)

    with open_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
        workspace.realm.store.path(pinned.takes[2]["720p"].digest).unlink()
    assert doings(studio)["gull 2"].startswith("collect: its rehearsal take is not here any more")
    assert studio.render(cut=False).exit == 0
    assert doings(studio)["gull 2"] == f"keep: {since}"
    changed.write_text(changed.read_text().replace("pick: 2", "pick: 4"))
    assert doings(studio)["gull 4"] == (
        "blocked: the scene is frozen, and has no take 4; "
        "pick a take that it has, or remove 'frozen' from scene gull to buy this one"
    )
    assert (studio.render(cut=False).exit, service.posts) == (4, 2)


@pytest.mark.ci
def test_another_machine_fetches_what_stands(studio: Studio, run: Run) -> None:
    """The lock names the jobs: what was accepted comes by them, and what cannot come is not bought."""
    service = studio.serve()
    studio.write(FILM)
    assert studio.render(cut=False).exit == 0
    studio.write(FILM.replace("look: dusk", "look: dawn").replace("id: hut", "frozen: true, id: hut"))
    assert run("accept", "film.yaml", "gull", "boat")[0] == 0
    studio.environ["STORYBOARD_HOME"] = str(studio.folder / "other")
    assert {scene: what.partition(":")[0] for scene, what in doings(studio).items()} == dict.fromkeys(
        ("gull 1", "gull 2", "boat 1", "hut 1"), "collect"
    )
    done = studio.render(cut=False)
    assert (done.exit, service.posts, done.credits) == (0, 4, 0)
    assert set(doings(studio).values()) == {
        "keep: accepted: the scene has changed since",
        "keep: frozen: the scene has changed since",
    }
    lock = studio.folder / "film.lock.yaml"
    lock.write_text("".join(line for line in lock.read_text().splitlines(True) if "job:" not in line))
    studio.environ["STORYBOARD_HOME"] = str(studio.folder / "third")
    why = "(the lock names no job to download it by)"
    ways = {what.partition("; ")[2] for what in doings(studio).values()}
    assert ways == {
        f"to buy what the scene says now: storyboard accept --undo FILE {scene} {why}" for scene in ("gull", "boat")
    } | {f"to buy what the scene says now, remove 'frozen' from scene hut {why}"}
    assert run("render", "film.yaml", "--yes", "--rebuy", "hut", "--rebuy", "gull", "--no-cut")[0] == 4
    assert service.posts == 4
