"""A take that came with a remark is bought once more by itself: within the budget, and never more often than said."""

import json
from contextlib import closing

import pytest
from studio import Run, Studio

from storyboard.generation import next_retakes
from storyboard.model import events
from storyboard.model.lock import Pinned
from storyboard.state.ledger import Ledger
from storyboard.state.lockfile import read_lock

LAMP = "storyboard: 1\nscenes:\n  - {id: lamp, prompt: A lamp, retake: {on: [no-sound], at_most: 1}}\n"


def reasons(studio: Studio) -> list[str]:
    """Why each submission was sent."""
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        return [each.reason for each in ledger.submissions.all()]


def pinned(studio: Studio) -> Pinned:
    """What the lock pins of the scene."""
    return read_lock(studio.folder / "film.lock.yaml").scenes["lamp"]


def test_a_silent_take_is_bought_once_more_and_the_better_one_is_in_the_film(studio: Studio, run: Run) -> None:
    """The plan says the worst case, and a budget below that refuses the render; a second run changes nothing."""
    service = studio.serve("clip:silent x1")
    studio.write(LAMP)
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    assert (totals["credits"], totals["at_most"]) == (60, 120)
    assert "to pay   60 credits, 0.30 USD; at most 120 credits" in run("plan", "film.yaml")[1]
    assert run("render", "film.yaml", "--yes", "--max-cost", "100")[0] == 5
    assert service.posts == 0
    status, _, said = run("render", "film.yaml", "--yes")
    assert (status, service.posts) == (0, 2)
    assert "retake: take 1 has no-sound" in said
    assert reasons(studio) == ["no take yet", "retake: take 1 has no-sound"]
    lock = pinned(studio)
    assert (lock.pick, sorted(lock.takes)) == (2, [1, 2])
    assert [[each.name for each in lock.takes[number]["720p"].remarks] for number in (1, 2)] == [["no-sound"], []]
    text = (studio.folder / "film.lock.yaml").read_bytes()
    assert studio.render().exit == 0
    assert (service.posts, (studio.folder / "film.lock.yaml").read_bytes()) == (2, text)
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    assert (totals["keep"], totals["at_most"]) == (2, 0)
    studio.write(LAMP.replace("prompt: A lamp", "prompt: A lamp, pick: 1"))
    assert (studio.render(cut=False).exit, service.posts, pinned(studio).pick) == (0, 2, 1)
    studio.write(LAMP.replace("prompt: A lamp", "prompt: A boat, frozen: true"))
    assert (studio.render(cut=False).exit, service.posts, sorted(pinned(studio).takes)) == (0, 2, [1, 2])


def test_no_more_is_bought_than_the_rule_says(studio: Studio, run: Run) -> None:
    """A service that is silent for good is paid as often as was said, whatever number of runs; frozen buys none."""
    service = studio.serve("clip:silent")
    studio.write(LAMP.replace(", retake: {on: [no-sound], at_most: 1}", ""))
    assert (studio.render(cut=False).exit, service.posts) == (0, 1)
    studio.write(LAMP.replace("id: lamp", "id: lamp, frozen: true"))
    assert (studio.render(cut=False).exit, service.posts) == (0, 1)
    studio.write(LAMP.replace("at_most: 1", "at_most: 2"))
    _, text, _ = run("plan", "film.yaml")
    assert "retake: what came has a remark that 'retake' names" in text
    assert "60 credits, 0.30 USD; at most 120 credits" in text
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)
    assert (pinned(studio).pick, sorted(pinned(studio).takes)) == (1, [1, 2, 3])
    studio.write(LAMP.replace("at_most: 1", "at_most: 0"))
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)


@pytest.mark.ci
def test_a_shot_that_begins_with_a_frame_of_a_retake_is_made_in_the_same_run(studio: Studio, run: Run) -> None:
    """Its key holds the key of the take that the film uses: it is bought once, and with the better one."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    service = studio.serve("clip:silent x1 @A lamp")
    studio.write(LAMP + "  - {id: boat, prompt: A boat, first_frame: {scene: lamp}}\n")
    status, _, said = run("render", "film.yaml", "--yes", "--max-cost", "180")
    assert (status, service.posts) == (0, 3)
    assert "starts from the take of lamp that the film uses now, at no higher price" in " ".join(said.split())
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)
    assert json.loads(run("plan", "film.yaml", "--json")[1])["totals"]["keep"] == 3


@pytest.mark.ci
def test_what_began_with_a_take_that_is_replaced_stays_and_is_told(studio: Studio, run: Run) -> None:
    """Another shot of it is no part of what was approved: the next plan has it, with its price and its reason."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    service = studio.serve("clip:silent x1 @A lamp")
    boat = "  - {id: boat, prompt: A boat, first_frame: {scene: lamp}}\n"
    studio.write(LAMP.replace(", retake: {on: [no-sound], at_most: 1}", "") + boat)
    assert (studio.render(cut=False).exit, service.posts) == (0, 2)
    studio.write(LAMP + boat)
    status, _, said = run("render", "film.yaml", "--yes")
    assert (status, service.posts) == (0, 3)
    assert "to keep it: storyboard accept FILE boat" in " ".join(said.split())
    assert "starts from another take of lamp: 1 -> 2" in run("plan", "film.yaml")[1]
    assert run("accept", "film.yaml", "boat")[0] == 0
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)


@pytest.mark.ci
def test_a_retake_that_the_plan_names_is_waited_for(studio: Studio, run: Run) -> None:
    """The rule was added when the silent take was there: nothing begins with that one's frame before it is decided."""
    studio.environ["STORYBOARD_UPLOADS"] = "provider"
    service = studio.serve("clip:silent x1 @A lamp")
    boat = "  - {id: boat, prompt: A boat, first_frame: {scene: lamp}}\n"
    studio.write(LAMP.replace(", retake: {on: [no-sound], at_most: 1}", ""))
    assert (studio.render(cut=False).exit, service.posts) == (0, 1)
    studio.write(LAMP + boat)
    steps = json.loads(run("plan", "film.yaml", "--json")[1])["steps"]
    assert [(step["scene"], step["take"], step["step"], step["after"]) for step in steps] == [
        ("lamp", 1, "keep", []),
        ("lamp", 2, "make", []),
        ("boat", 1, "make", ["lamp"]),
    ]
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)


@pytest.mark.ci
def test_a_retake_has_the_resolution_of_the_scene(studio: Studio, run: Run) -> None:
    """Its 1080p version is priced; that of a take is bought once no retake takes its place, and nothing is left."""
    service = studio.serve("clip:silent x1")
    studio.write(LAMP.replace("prompt: A lamp", "prompt: A lamp, resolution: 1080p"))
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    assert totals["at_most"] == 2 * totals["credits"]
    assert (studio.render().exit, service.posts) == (0, 2)
    assert (pinned(studio).pick, sorted(pinned(studio).takes[2])) == (2, ["1080p", "720p"])
    assert sorted(pinned(studio).takes[1]) == ["720p"]
    totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
    assert (totals["keep"], totals["at_most"]) == (2, 0)


@pytest.mark.ci
def test_an_upgrade_that_waited_is_bought_where_the_retake_is_no_better(studio: Studio, run: Run) -> None:
    """The film has the first take, in 1080p by the same run; the other one is not upgraded."""
    service = studio.serve("clip:silent")
    studio.write(LAMP.replace("prompt: A lamp", "prompt: A lamp, resolution: 1080p"))
    for _ in range(2):
        assert (studio.render(cut=False).exit, service.posts, pinned(studio).pick) == (0, 2, 1)
        assert [sorted(pinned(studio).takes[number]) for number in (1, 2)] == [["1080p", "720p"], ["720p"]]


@pytest.mark.ci
def test_only_the_take_that_the_film_uses_is_upgraded(studio: Studio, run: Run) -> None:
    """A silent take in 720p waits beside its retake, and gets its own 1080p version only if that is no better."""
    for fault, used in (("clip:silent x1", 2), ("clip:silent", 1)):
        service = studio.serve(f"{fault} @A lamp {used}")
        studio.write(f"storyboard: 1\nscenes:\n  - {{id: lamp, prompt: A lamp {used}}}\n")
        assert (studio.render(cut=False).exit, service.posts) == (0, 1)
        studio.write(LAMP.replace("prompt: A lamp", f"prompt: A lamp {used}, resolution: 1080p"))
        text = run("plan", "film.yaml", "--all")[1]
        assert "its 1080p version waits for the retake" in " ".join(text.split())
        totals = json.loads(run("plan", "film.yaml", "--json")[1])["totals"]
        assert (totals["credits"], totals["at_most"]) == (65, 65)
        picked = ["--picked"] if used == 2 else []
        assert "spent    65 credits" in run("render", "film.yaml", "--yes", *picked)[2]
        assert (service.posts, pinned(studio).pick) == (2, used)
        assert {number: len(pinned(studio).takes[number]) for number in (1, 2)} == {used: 2, 3 - used: 1}
        assert json.loads(run("plan", "film.yaml", "--json")[1])["totals"]["keep"] == 2


@pytest.mark.ci
def test_scenes_that_share_a_shot_share_its_retake(studio: Studio, run: Run) -> None:
    """It is priced once, and bought once."""
    service = studio.serve("clip:silent x1")
    studio.write(LAMP + LAMP.splitlines()[2].replace("id: lamp", "id: lamp2, resolution: 1080p") + "\n")
    plan = json.loads(run("plan", "film.yaml", "--json")[1])
    assert [(step["credits"], step["at_most"]) for step in plan["steps"]] == [(60, 120), (5, 10)]
    assert (plan["totals"]["credits"], plan["totals"]["at_most"]) == (65, 130)
    assert (studio.render(cut=False).exit, service.posts) == (0, 2)
    assert (studio.render(cut=False).exit, service.posts) == (0, 2)


@pytest.mark.ci
def test_a_retake_by_hand_is_one_more(studio: Studio, run: Run) -> None:
    """The takes that the rule bought count: the command buys a new one. The author's other takes are no rivals."""
    service = studio.serve("clip:silent x1")
    studio.write(LAMP)
    assert (studio.render(cut=False).exit, service.posts) == (0, 2)
    assert run("retake", "film.yaml", "lamp", "--yes")[0] == 0
    assert (service.posts, pinned(studio).pick) == (3, 2)
    assert "takes: 3" in (studio.folder / "film.yaml").read_text()
    assert (studio.render(cut=False).exit, service.posts) == (0, 3)


@pytest.mark.ci
def test_a_fault_between_a_take_and_its_retake_is_that_scenes(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that nobody foresaw would cancel the neighbours, which are paid for."""

    def broken(*_: object) -> int:
        raise KeyError("rank")

    monkeypatch.setattr(next_retakes, "best_take", broken)
    service = studio.serve("clip:silent x1 @lamp")
    studio.write(LAMP + "".join(f"  - {{id: s{n}, prompt: A gull {n}}}\n" for n in range(3)))
    done = studio.render(cut=False)
    assert (service.posts, done.made, done.failed, done.exit) == (5, 5, 0, 0)
    told = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert any("no more of its retakes were bought" in why for why in told)
