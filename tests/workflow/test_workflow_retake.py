"""More takes of a scene at the prompt: the plan, the question, then the line in git, then the takes."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable

import pytest
from studio import Run, Studio

from storyboard.config.settings import Settings
from storyboard.model.errors import InputError, Interrupted
from storyboard.planning.steps import Plan
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.retake import claimed_retake, render_retake
from storyboard.workflow.workspace import Workspace

FILM = """\
storyboard: 1
scenes:
  - id: gull   # the hero shot
    prompt: A gull.
  - {id: rock, prompt: A rock., takes: 2, frozen: true}
  - {id: card, still: "#102030", seconds: 2}
"""


def test_one_more_and_two_more(studio: Studio, run: Run) -> None:
    """What is there is kept; the number in the file rises with what is bought."""
    service = studio.serve()
    file = studio.write(FILM)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    status, out, err = run("retake", "film.yaml", "gull")
    assert (status, out, file.read_text()) == (2, "", FILM)
    assert "make     gull  veo3_fast     60    0.30  take 2 of 2: no take yet" in err
    assert err.endswith("confirmation required: this render costs 60 credits, 0.30 USD\n  hint: use --yes to approve\n")
    status, out, err = run("retake", "film.yaml", "gull", "--yes", "--no-cut")
    assert (status, out, service.posts) == (0, "", 4)
    assert "edited   film.yaml:4: takes: 2 (it was 1)" in err
    assert err.splitlines()[-1] == "compare  storyboard takes film.yaml gull"
    two = FILM.replace("# the hero shot\n", "# the hero shot\n    takes: 2\n")
    assert file.read_text() == two
    status, out, err = run("retake", "film.yaml", "gull", "--takes", "2", "--yes", "--json", "--no-cut")
    assert (status, err, json.loads(out.splitlines()[-1])["made"], service.posts) == (0, "", 2, 6)
    assert file.read_text() == two.replace("takes: 2\n  - {id: rock", "takes: 4\n  - {id: rock").replace(
        "    takes: 2\n    prompt", "    takes: 4\n    prompt"
    )


def test_over_the_budget_nothing_is_edited(studio: Studio, run: Run) -> None:
    service = studio.serve()
    file = studio.write(FILM)
    status, _, err = run("retake", "film.yaml", "gull", "--takes", "5", "--yes", "--max-cost", "100")
    assert (status, file.read_text(), service.posts) == (5, FILM, 0)
    assert "360" in err
    assert "such as with render --scene" in err


def retake(studio: Studio, approve: Callable[[Workspace, Plan], None]) -> None:
    settings: Settings = studio.settings
    with claimed_retake(studio.folder / "film.yaml", "gull", 1, settings, None, {}) as made:
        render_retake(made, RenderOptions(approve=approve, cut=False))


def test_the_answer_is_no(studio: Studio) -> None:
    """The file is edited only after the question; a file that was saved meanwhile is not overwritten."""
    service = studio.serve()
    file = studio.write(FILM)

    def no(workspace: Workspace, plan: Plan) -> None:
        raise Interrupted("nothing was submitted or paid")

    def save(workspace: Workspace, plan: Plan) -> None:
        file.write_text(FILM + "# more\n")

    with pytest.raises(Interrupted):
        retake(studio, no)
    assert file.read_text() == FILM
    with pytest.raises(InputError, match="changed by another program"):
        retake(studio, save)
    assert (file.read_text(), service.posts) == (FILM + "# more\n", 0)


REFUSED = {
    "rock": "film.yaml:5:51: scene 'rock' is frozen: no takes are bought",
    "card": "storyboard: film.yaml:6:10: no takes are generated of scene card",
    "gul": "storyboard: no scene of film.yaml is called 'gul'",
}


@pytest.mark.parametrize("scene", REFUSED)
def test_what_has_no_more_takes(scene: str, studio: Studio, run: Run) -> None:
    file = studio.write(FILM)
    status, _, err = run("retake", "film.yaml", scene, "--yes")
    assert (status, err.splitlines()[0], file.read_text()) == (2, REFUSED[scene], FILM)


def test_too_many_takes(studio: Studio, run: Run) -> None:
    studio.write("storyboard: 1\ndefaults: {takes: 98}\nscenes:\n  - {id: a, prompt: x}\n")
    status, _, err = run("retake", "film.yaml", "a", "--takes", "2", "--yes")
    assert (status, err.splitlines()[0]) == (2, "film.yaml:4:20: 'takes' is 100: it can be 1 to 99")


@pytest.mark.ci
def test_killed_between_the_file_and_the_takes(studio: Studio, run: Run) -> None:
    """The next render goes on: nothing is bought twice, and no take is lost."""
    service = studio.serve()
    studio.write(FILM)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    more = claimed_retake(studio.folder / "film.yaml", "gull", 2, studio.settings, None, {})
    with pytest.raises(KeyboardInterrupt), more as made:
        render_retake(made, RenderOptions(cut=False), killed)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    assert (service.posts, service.charged) == (5, 300)


def killed(retake: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.ci
def test_the_question_at_a_terminal(studio: Studio) -> None:
    """Asked once, answered y: the file has its line, and the take is there."""
    service = studio.serve()
    file = studio.write(FILM.replace("  - {id: rock, prompt: A rock., takes: 2, frozen: true}\n", ""))
    main, side = pty.openpty()
    command = [sys.executable, "-m", "storyboard", "retake", "film.yaml", "gull", "--no-cut"]
    with subprocess.Popen(
        command, cwd=studio.folder, env={**os.environ, **studio.environ}, stdin=side, stdout=side, stderr=side
    ) as asked:
        os.close(side)
        os.write(main, b"y\n")
        told = b""
        while part := _read(main):
            told += part
    os.close(main)
    assert (asked.returncode, service.posts) == (0, 2), told
    assert b"Pay 120 credits, 0.60 USD?" in told
    assert "    takes: 2\n" in file.read_text()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
