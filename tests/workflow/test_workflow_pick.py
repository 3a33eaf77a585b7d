"""A take is picked at the prompt: the line in git changes, and nothing is paid."""

import pytest
from studio import Run, Studio

from storyboard.state.lockfile import read_lock

FILM = """\
storyboard: 1
scenes:
  - id: gull   # the hero shot
    prompt: A gull.
    takes: 2

  - include: parts/boat.yaml
"""


def test_three_takes_then_pick(studio: Studio, run: Run) -> None:
    """The daily work: look at what came, choose one by its number, cut. Every other byte of the file stays."""
    service = studio.serve()
    studio.write("- {id: boat, prompt: A boat.}\n", "parts/boat.yaml")
    file = studio.write(FILM)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    assert run("pick", "film.yaml", "gull", "2") == (
        0,
        "",
        "picked   gull: take 2 of 2 (it was 1), in film.yaml:6\nthen     storyboard cut film.yaml\n",
    )
    assert file.read_text() == FILM.replace("    takes: 2\n", "    takes: 2\n    pick: 2\n")
    assert run("pick", "film.yaml", "gull", "2")[2].splitlines()[0] == (
        "picked   gull: take 2 of 2, as film.yaml:6 says already"
    )
    assert run("pick", "film.yaml", "gull", "1")[0] == 0
    assert file.read_text() == FILM.replace("    takes: 2\n", "    takes: 2\n    pick: 1\n")
    assert run("render", "film.yaml", "--no-cut")[0] == 0
    assert read_lock(studio.folder / "film.lock.yaml").scenes["gull"].pick == 1
    assert service.posts == 3


def test_a_take_that_is_not_bought_yet(studio: Studio, run: Run) -> None:
    """What the choice costs is said before anything is paid, and which command pays it; in the file that holds it."""
    studio.serve()
    studio.write("# boats\r\n- {id: boat, prompt: A boat., takes: 3}\r\n", "parts/boat.yaml")
    studio.write(FILM)
    assert run("pick", "film.yaml", "boat", "3", "--draft")[2].endswith("film.yaml --draft --picked\n")
    status, out, err = run("pick", "film.yaml", "boat", "2")
    assert (status, out, err.splitlines()) == (
        0,
        "",
        [
            "picked   boat: take 2 of 3 (it was 3), in parts/boat.yaml:2",
            "make     take 2: no take yet: 60 credits, 0.30 USD",
            "then     storyboard render film.yaml --picked",
        ],
    )
    written = (studio.folder / "parts/boat.yaml").read_bytes()
    assert written == b"# boats\r\n- {id: boat, prompt: A boat., takes: 3, pick: 2}\r\n"


def test_a_pick_that_was_wrong_is_put_right(studio: Studio, run: Run) -> None:
    """The verb that sets the number must not refuse the file because the number is wrong."""
    file = studio.write("storyboard: 1\nscenes:\n  - {id: a, prompt: x, takes: 2, pick: 9}\n")
    assert run("plan", "film.yaml")[0] == 2
    assert run("pick", "film.yaml", "a", "2")[0] == 0
    assert file.read_text() == "storyboard: 1\nscenes:\n  - {id: a, prompt: x, takes: 2, pick: 2}\n"


ODD = """\
storyboard: 1
vars: {look: dim}
scenes:
  - {id: a, prompt: x, takes: 2}
  - {id: b, prompt: y}
  - {id: still, still: "#102030", seconds: 2}
  - {id: off, prompt: z, takes: 2, skip: true}
"""

REFUSED = {
    ("a", "3"): "film.yaml:4:31: scene 'a' has 2 takes, and no take 3",
    ("b", "0"): "film.yaml:5:10: scene 'b' has 1 take, and no take 0",
    ("aa", "1"): "storyboard: no scene of film.yaml is called 'aa'",
    ("still", "1"): "storyboard: film.yaml:6:10: no takes are generated of scene still",
    ("off", "1"): "storyboard: film.yaml:7:10: no takes are generated of scene off",
}


@pytest.mark.parametrize(("scene", "number"), REFUSED)
def test_what_cannot_be_picked(scene: str, number: str, studio: Studio, run: Run) -> None:
    """With its place, and without a byte that is written."""
    file = studio.write(ODD)
    status, _, err = run("pick", "film.yaml", scene, number)
    assert (status, err.splitlines()[0]) == (2, REFUSED[scene, number])
    assert file.read_text() == ODD


def test_a_storyboard_with_errors_is_not_edited(studio: Studio, run: Run) -> None:
    file = studio.write(text := "storyboard: 1\nscenes:\n  - {id: a, prompt: x, takes: 2, sed: 3}\n")
    status, _, err = run("pick", "film.yaml", "a", "2")
    assert (status, err.splitlines()[0]) == (2, "film.yaml:3:34: unknown key 'sed'")
    assert file.read_text() == text


def test_a_link_in_the_project_stays(studio: Studio, run: Run) -> None:
    """An include may be a link to a file of the project: that file is edited."""
    shared = studio.write("- {id: boat, prompt: A boat., takes: 2}\n", "shared/boat.yaml")
    (studio.folder / "parts").mkdir()
    (studio.folder / "parts" / "boat.yaml").symlink_to(shared)
    studio.write(FILM)
    assert run("pick", "film.yaml", "boat", "2")[0] == 0
    assert (studio.folder / "parts" / "boat.yaml").is_symlink()
    assert shared.read_text() == "- {id: boat, prompt: A boat., takes: 2, pick: 2}\n"


@pytest.mark.ci
def test_scenes_that_begin_with_its_frames(studio: Studio, run: Run) -> None:
    """A choice that makes other scenes again says so with their price, before anything is paid."""
    service = studio.serve()
    begins = "  - {id: b, prompt: y, first_frame: {scene: a}}\n"
    studio.write(f"storyboard: 1\nscenes:\n  - {{id: a, prompt: x, takes: 2}}\n{begins}  - {{id: c, prompt: z}}\n")
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    status, _, err = run("pick", "film.yaml", "a", "2")
    first, other, last = err.splitlines()
    assert (status, first) == (0, "picked   a: take 2 of 2 (it was 1), in film.yaml:3")
    assert other.startswith("make     b: ")
    assert other.endswith(": 60 credits, 0.30 USD")
    assert last == "then     storyboard render film.yaml --picked"
    assert run("pick", "film.yaml", "a", "1")[2].splitlines()[1] == "then     storyboard cut film.yaml"
    assert service.posts == 4
