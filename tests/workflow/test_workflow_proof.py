"""The cheap pass: a film of proofs by another model first, then the takes of the file's own, scene by scene."""

import json

import pytest
from studio import Run, Studio, png

import storyboard
from storyboard.state.lockfile import read_lock
from storyboard.workflow.facts import current_plan
from storyboard.workflow.workspace import open_workspace

FILM = """\
storyboard: 1
defaults: {model: veo3, resolution: 1080p}
scenes:
  - {id: gull, prompt: A gull., takes: 2}
  - {id: boat, prompt: A boat., first_frame: {scene: gull}}
"""


def doings(studio: Studio, model: str = "") -> dict[str, str]:
    with open_workspace(studio.folder / "film.yaml", studio.settings, model=model) as workspace:
        steps = current_plan(workspace).steps
    return {f"{step.scene} {step.shot.take}": f"{step.name}: {step.why}" for step in steps}


def test_a_cheaper_proof_then_the_final_film(studio: Studio, run: Run) -> None:
    """A proof is pinned beside the scene, shows it, and is replaced by the next render, a scene at a time."""
    service = studio.serve()
    studio.write(FILM)
    ladder = "ladder   proof 180 (--model veo3_fast), final 750, HD 10 credits; --picked saves 250\n"
    assert ladder in run("plan", "film.yaml")[1]
    assert json.loads(run("plan", "film.yaml", "--json")[1])["ladder"] == {
        "proof": {"model": "veo3_fast", "credits": 180},
        "final": 750,
        "hd": 10,
        "picked_saves": 250,
    }
    assert "to pay   180 credits" in run("plan", "film.yaml", "--model", "veo3_fast")[1]
    status, _, err = run("render", "film.yaml", "--model", "veo3_fast", "--yes", "--no-cut")
    assert (status, service.charged) == (0, 180)
    pinned = read_lock(studio.folder / "film.lock.yaml").scenes
    proofs = {name: proof for name in ("gull", "boat") if (proof := pinned[name].proof)}
    assert [(pinned[name].takes, sorted(proof.takes)) for name, proof in proofs.items()] == [({}, [1, 2]), ({}, [1])]
    assert set(doings(studio).values()) == {"make: replaces its proof"}
    assert set(doings(studio, "veo3_fast").values()) == {"keep: proof: unchanged"}

    status, out, err = run("render", "film.yaml", "--scene", "gull", "--picked", "--yes")
    assert (status, out) == (0, "out/film.mp4\n")
    assert "proof    boat: replaced by `storyboard render film.yaml`" in err
    pinned = read_lock(studio.folder / "film.lock.yaml").scenes
    assert (pinned["gull"].proof, sorted(pinned["gull"].takes), bool(pinned["boat"].proof)) == (None, [1], True)
    assert doings(studio) == {
        "gull 1": "keep: unchanged",
        "gull 2": "make: model veo3_fast -> veo3",
        "boat 1": "make: replaces its proof",
    }


CARDS = """\
storyboard: 1
defaults: {model: veo3}
scenes:
  - {id: a, prompt: A gull.}
  - {id: b, prompt: A boat.}
"""


@pytest.mark.ci
def test_a_proof_never_replaces_a_final_take(studio: Studio, run: Run) -> None:
    """What has its own take needs no proof; what has changed has one beside it; the film is cut from both."""
    service = studio.serve()
    studio.write(CARDS)
    assert run("render", "film.yaml", "--scene", "a", "--yes")[0] == 0
    assert run("cut", "film.yaml")[0] == 3
    assert doings(studio, "veo3_fast") == {"a 1": "keep: has its own take", "b 1": "make: proof: no take yet"}
    status, out, err = run("render", "film.yaml", "--model", "veo3_fast", "--yes")
    assert (status, out) == (0, "out/film.mp4\n")
    assert "proof    b: replaced by `storyboard render film.yaml`" in err
    assert service.charged == 250 + 60
    assert "proof    b: replaced by" in run("cut", "film.yaml")[2]
    assert json.loads(run("store", "gc", "--older-than", "0", "--json")[1])["spare"] == []
    final = read_lock(studio.folder / "film.lock.yaml").scenes["a"]

    studio.write(CARDS.replace("A gull", "Two gulls"))
    assert run("cut", "film.yaml")[0] == 3
    assert run("render", "film.yaml", "--model", "veo3_fast", "--yes", "--no-cut")[0] == 0
    both = read_lock(studio.folder / "film.lock.yaml").scenes["a"]
    assert (both.takes, both.proof is None, service.charged) == (final.takes, False, 370)
    assert "proof    a, b: replaced by" in run("cut", "film.yaml")[2]
    assert run("cut", "film.yaml", "--partial")[0] == 0
    studio.write(CARDS)
    assert doings(studio)["a 1"] == "keep: unchanged"
    assert run("render", "film.yaml", "--model", "veo3", "--yes", "--no-cut")[0] == 0
    own = read_lock(studio.folder / "film.lock.yaml").scenes["b"]
    assert (bool(own.takes), own.proof, service.charged) == (True, None, 620)


@pytest.mark.ci
def test_another_machine_shows_the_proofs_of_the_lock(studio: Studio, run: Run) -> None:
    """The lock names the jobs of proofs as well: they are fetched, and not bought again; under another id, too."""
    service = studio.serve()
    studio.write(CARDS)
    assert run("render", "film.yaml", "--model", "veo3_fast", "--yes", "--no-cut")[0] == 0
    studio.environ["STORYBOARD_HOME"] = str(studio.folder / "other")
    studio.write(CARDS.replace("id: a", "id: c"))
    assert {what.partition(":")[0] for what in doings(studio, "veo3_fast").values()} == {"collect"}
    assert run("render", "film.yaml", "--model", "veo3_fast", "--no-cut")[0] == 0
    assert [*read_lock(studio.folder / "film.lock.yaml").scenes] == ["b", "c"]
    assert service.charged == 120


ODD = """\
storyboard: 1
scenes:
  - {id: a, prompt: A gull., references: [art/a.png]}
"""


def test_a_model_that_cannot_make_a_scene(studio: Studio, run: Run) -> None:
    """Said with the scene's line, before anything is paid."""
    png(studio.folder / "art/a.png")
    studio.write(ODD)
    status, _, err = run("plan", "film.yaml", "--model", "veo3")
    assert (status, "film.yaml:3" in err, "references work with veo3_fast only, this is veo3" in err) == (2, True, True)
    assert "did you mean" in run("plan", "film.yaml", "--model", "veo3_fats")[2]
    assert "--model is for takes of the service" in run("plan", "film.yaml", "--model", "veo3", "--draft")[2]


@pytest.mark.ci
def test_proofs_are_looked_at_by_the_model_that_made_them(studio: Studio, run: Run) -> None:
    """Whoever made a proof sees it: alone with its titles, in the list of takes, on the sheet, and from Python."""
    service = studio.serve()
    studio.write(CARDS)
    proof = ("--model", "veo3_fast")
    assert run("preview", "film.yaml", "a", *proof, "--yes")[0] == 0
    assert (service.charged, bool(read_lock(studio.folder / "film.lock.yaml").scenes["a"].proof)) == (60, True)
    for flags, states in ((proof, ["keep", "make"]), ((), ["make", "make"])):
        scenes = json.loads(run("takes", "film.yaml", *flags, "--json")[1])["scenes"]
        assert [take["state"] for scene in scenes for take in scene["takes"]] == states
    assert run("sheet", "film.yaml", *proof)[0] == 0
    assert run("sheet", "film.yaml", "--poster", *proof)[0] == 0
    told = run("sheet", "film.yaml", "--poster", "--scene", "b", *proof)[2]
    assert "--model veo3_fast --scene b" in " ".join(told.split())
    with storyboard.open(studio.folder / "film.yaml", model="veo3_fast", configuration=studio.settings) as board:
        assert [step.name for step in board.plan().steps] == ["keep", "make"]
    assert service.charged == 60
