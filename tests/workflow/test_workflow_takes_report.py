"""The takes of a scene side by side, and the history of what was bought for it: by the ledger, without a network."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from studio import Run, Studio

SCHEMAS = Path(__file__).parents[2] / "schemas"
FILM = """\
storyboard: 1
scenes:
  - {id: gull, prompt: A gull at dusk., seed: 20000, takes: 2, trim: {to: 2}}
  - {id: boat, prompt: A boat.}
  - {id: card, still: "#102030", seconds: 2}
"""


def document(run: Run, *command: str) -> dict[str, Any]:
    status, out, err = run(*command, "--json")
    assert (status, err) == (0, "")
    found: dict[str, Any] = json.loads(out)
    schema = json.loads((SCHEMAS / f"{command[0]}.schema.json").read_text("utf-8"))
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(found)
    return found


def test_two_takes_side_by_side(studio: Studio, run: Run) -> None:
    """What a person compares: seed, length, size, loudness, price; the picture of each; also before it is bought."""
    studio.serve("clip:silent @boat")
    file = studio.write(FILM)
    status, out, err = run("takes", "film.yaml")
    assert (status, err, out.splitlines()) == (
        0,
        "",
        [
            "gull",
            "                    seed  length      size   loudness  price",
            "take 1   used      20000       –         –          –     60",
            "         make: no take yet",
            "take 2             20001       –         –          –     60",
            "         make: no take yet",
            "",
            "boat",
            "                    seed  length      size   loudness  price",
            "take 1   used          –       –         –          –     60",
            "         make: no take yet",
        ],
    )
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    file.write_text(FILM.replace("takes: 2", "takes: 3, pick: 2"))
    studio.close()
    status, out, _ = run("takes", "film.yaml", "gull")
    lines = out.splitlines()
    assert status == 0
    assert lines[2].startswith("take 1             20000     8 s    128x72 ")
    assert lines[2].endswith(" LUFS     60")
    assert lines[4].startswith("take 2   used      20001     8 s    128x72 ")
    assert lines[6:] == [
        "take 3             20002       –         –          –     60",
        "         make: no take yet",
        "sheet    out/film.gull.takes.png",
    ]
    assert max(len(line) for line in lines if "/" not in line) <= 60
    with Image.open(studio.folder / "out" / "film.gull.takes.png") as sheet:
        assert sheet.width > 3 * 400

    (boat,) = [line for line in run("takes", "film.yaml", "boat")[1].splitlines() if line.startswith("take 1")]
    assert boat.endswith("   no sound     60")
    found = document(run, "takes", "film.yaml", "gull")
    (scene,) = found["scenes"]
    takes = scene["takes"]
    assert [(take["number"], take["seed"], take["price"], take["picked"]) for take in takes] == [
        (1, 20000, 60, False), (2, 20001, 60, True), (3, 20002, 60, False),
    ]  # fmt: skip
    assert [Path(take["path"]).is_file() if take["path"] else None for take in takes] == [True, True, None]
    assert -70 < takes[0]["loudness"] < 0


@pytest.mark.parametrize("scene", ["card", "gul"])
def test_a_scene_without_takes(scene: str, studio: Studio, run: Run) -> None:
    studio.write(FILM)
    status, out, err = run("takes", "film.yaml", scene)
    assert (status, out) == (2, "")
    assert err.startswith(f"storyboard: scene '{scene}' ")


@pytest.mark.ci
def test_the_history_of_a_scene(studio: Studio, run: Run) -> None:
    """What was bought for former words, and for a scene that is gone, is never out of reach."""
    service = studio.serve()
    file = studio.write(FILM)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    file.write_text(FILM.replace("dusk", "dawn"))
    assert run("render", "film.yaml", "--yes", "--no-cut", "--picked")[0] == 0
    posts = service.posts
    studio.close()
    found = document(run, "history", "film.yaml", "gull")
    rows = [(row["number"], row["prompt"], row["price"], row["reason"], row["used"]) for row in found["takes"]]
    assert rows == [
        (1, "A gull at dusk.", 60, "no take yet", False),
        (2, "A gull at dusk.", 60, "no take yet", False),
        (1, "A gull at dawn.", 60, "prompt: 1 word", True),
    ]
    assert posts == 4
    told = run("history", "film.yaml", "gull")[1].splitlines()
    assert "         … at [-dusk.-] {+dawn.+}" in told or "         A gull at [-dusk.-] {+dawn.+}" in told
    assert "         bought, in the store, used in the film" in told

    file.write_text("storyboard: 1\nscenes:\n  - {id: boat, prompt: A boat.}\n")
    gone = document(run, "history", "film.yaml", "gull")
    assert [row["used"] for row in gone["takes"]] == [False] * 3
    for row in gone["takes"]:
        Path(row["path"]).unlink()
    assert "         bought, not in the store any more" in run("history", "film.yaml", "gull")[1]
    file.write_text("storyboard: 1\nscenes: [\n")
    assert len(document(run, "history", "film.yaml", "gull")["takes"]) == 3
    status, _, err = run("history", "film.yaml", "gul")
    assert (status, err) == (
        2, "storyboard: nothing was bought for a scene 'gul' of film.yaml\n  hint: did you mean 'gull'?\n",
    )  # fmt: skip


@pytest.mark.ci
def test_a_take_that_another_machine_bought(studio: Studio, run: Run, own_home: Path) -> None:
    """The lock file has it, this ledger has not: the history says so."""
    studio.serve()
    studio.write(FILM)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    studio.environ["STORYBOARD_HOME"] = str(own_home / "other")
    found = document(run, "history", "film.yaml", "gull")
    rows = [(row["number"], row["state"], row["asked"], row["path"], row["used"]) for row in found["takes"]]
    assert rows == [(1, "pinned", None, None, True), (2, "pinned", None, None, False)]
    assert "bought elsewhere, not in the store" in run("history", "film.yaml", "gull")[1]
