"""What is tried when the provider refuses a scene: in order, each once, within the budget, whatever is killed."""

import json
from contextlib import closing

import pytest
from studio import Run, Studio, png

from storyboard.state.ledger import Ledger
from storyboard.state.lockfile import read_lock

FACE = """storyboard: 1
scenes:
  - id: face
    prompt: A portrait
    references: [frame.png]
    if_refused: [again, {without: references}, {model: veo3}]
  - {id: lamp, prompt: A lamp}
"""
RULES = "if_refused: [again, {without: references}, {model: veo3}]"


def tries(studio: Studio) -> list[tuple[str, bool, str, str]]:
    """Of each submission of the scene: model, whether there were references, what became of it, and why it was sent."""
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        found = [each for each in ledger.submissions.all() if each.scene == "face"]
    return [(each.model, "references" in each.recipe, each.state, each.reason) for each in found]


def test_a_refused_scene_is_tried_in_the_ways_that_it_names_and_what_comes_stands(studio: Studio, run: Run) -> None:
    """The plan says the worst case; the take of the second fallback is kept from then on, until the scene changes."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    studio.serve("submit:code=400 @A portrait model=veo3_fast")
    studio.write(FACE)
    png(studio.folder / "frame.png")
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    assert (totals["credits"], totals["at_most"]) == (120, 120 + 60 + 60 + 250)
    assert "to pay   120 credits, 0.60 USD; at most 490 credits" in run("plan", "film.yaml")[1]
    status, _, said = run("render", "film.yaml", "--no-cut")
    assert (status, studio.service.posts) == (2, 0)
    assert "120 credits, 0.60 USD; at most 490 credits, 2.45 USD" in said
    status, _, said = run("render", "film.yaml", "--no-cut", "--yes", "--max-cost", "400")
    assert (status, studio.service.posts) == (5, 0)
    assert run("render", "film.yaml", "--yes", "--no-cut")[0] == 0
    assert tries(studio) == [
        ("veo3_fast", True, "refused", "no take yet"),
        ("veo3_fast", True, "refused", "refused for its content: the same again"),
        ("veo3_fast", False, "refused", "refused for its content: without references"),
        ("veo3", False, "taken", "refused for its content: without references, with veo3"),
    ]
    pinned = read_lock(studio.folder / "film.lock.yaml").scenes["face"]
    assert pinned.accepted not in (None, pinned.key)
    _, text, _ = run("plan", "film.yaml", "--all")
    assert "made without references, with veo3, as the scene itself was refused for its content" in text
    assert "its take is a fallback of 'if_refused'" in run("accept", "film.yaml", "face", "--undo")[2]
    studio.write(FACE.replace(f"    {RULES}\n", ""))
    assert studio.render(cut=False).exit == 0
    assert studio.service.posts == 5
    studio.write(FACE.replace("A portrait", "A sailor"))
    assert json.loads(run("plan", "film.yaml", "--json")[1])["totals"]["make"] == 1


def test_what_was_refused_once_is_not_tried_again_in_another_run(studio: Studio, run: Run) -> None:
    """Where all is refused, the next run submits nothing of it; --retry submits the scene itself once more."""
    service = studio.serve("submit:code=400 @A portrait")
    rules = "if_refused: [{without: seed}, {model: veo3}]"
    studio.write(f"storyboard: 1\nscenes:\n  - {{id: face, prompt: A portrait, seed: 11111, {rules}}}\n")
    assert (run("render", "film.yaml", "--yes", "--no-cut")[0], service.posts) == (3, 3)
    status, _, said = run("render", "film.yaml", "--yes", "--no-cut")
    assert (status, service.posts) == (3, 3)
    assert "refused for its content 1 time, and so was all of 'if_refused'" in said
    assert "or submit it once more with --retry face" in said
    assert (run("render", "film.yaml", "--yes", "--no-cut", "--retry", "face")[0], service.posts) == (3, 4)
    assert [model for model, *_ in tries(studio)] == ["veo3_fast", "veo3_fast", "veo3", "veo3_fast"]


@pytest.mark.ci
def test_a_shot_that_begins_with_a_frame_of_a_fallback_is_made_in_the_same_run(studio: Studio, run: Run) -> None:
    """It, and what follows it, is planned again for the take that came, at the same price; nothing is bought twice."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    service = studio.serve("submit:code=400 @A portrait model=veo3_fast")
    face = "{id: face, prompt: A portrait, if_refused: [{model: veo3}]}"
    studio.write(
        f"storyboard: 1\nscenes:\n  - {face}\n  - {{id: lamp, prompt: A lamp, first_frame: {{scene: face}}}}\n"
        "  - {id: boat, prompt: A boat, first_frame: {scene: lamp}}\n"
        "  - {id: twin, prompt: A lamp, resolution: 1080p, first_frame: {scene: face}}\n"
    )
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    status, _, said = run("render", "film.yaml", "--yes", "--max-cost", str(totals["at_most"]))
    assert (status, service.posts) == (0, 4)
    assert "starts from the take of face that the film uses now, at no higher price" in " ".join(said.split())
    text = (studio.folder / "film.lock.yaml").read_bytes()
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    assert (totals["keep"], totals["at_most"]) == (4, 0)
    assert (studio.render().exit, service.posts) == (0, 4)
    assert (studio.folder / "film.lock.yaml").read_bytes() == text


@pytest.mark.ci
def test_what_another_film_bought_meanwhile_is_not_bought_again(studio: Studio, run: Run) -> None:
    """Planned again, a scene may find its shot bought: another process paid for it after the question."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    service = studio.serve("submit:code=400 @A portrait model=veo3_fast")
    face = "{id: face, prompt: A portrait, if_refused: [{model: veo3}]}"
    lamp = "{id: lamp, prompt: A lamp, first_frame: {scene: face}}"
    for name in ("film.yaml", "other.yaml"):
        studio.write(f"storyboard: 1\nscenes:\n  - {face}\n  - {lamp}\n", name)
    ends: list[int] = []
    done = studio.render(
        cut=False, approve=lambda at, plan: ends.append(run("render", "other.yaml", "--yes", "--no-cut")[0])
    )
    assert (ends, done.exit, len(service.emulator.jobs), service.posts) == ([0], 0, 2, 4)
    pins = [read_lock(studio.folder / f"{name}.lock.yaml").scenes for name in ("film", "other")]
    assert pins[0]["lamp"] == pins[1]["lamp"]


@pytest.mark.ci
def test_what_begins_with_a_scene_that_was_refused_before_is_made_in_the_run_of_its_fallback(studio: Studio) -> None:
    """Killed, or stopped, between the refusal and the fallback: the next run has nothing to try but the fallback."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    service = studio.serve("submit:code=400 @A portrait")
    lamp = "  - {id: lamp, prompt: A lamp, first_frame: {scene: face}}\n"
    studio.write(f"storyboard: 1\nscenes:\n  - {{id: face, prompt: A portrait}}\n{lamp}")
    for _ in range(2):
        assert studio.render(cut=False).exit == 3
    service = studio.serve("submit:code=400 @A portrait model=veo3_fast")
    studio.write(f"storyboard: 1\nscenes:\n  - {{id: face, prompt: A portrait, if_refused: [{{model: veo3}}]}}\n{lamp}")
    assert (studio.render(cut=False).exit, service.posts) == (0, 2)
    assert (studio.render(cut=False).exit, service.posts) == (0, 2)
