"""Chains in a plan: what a chained shot's key has in it, and which step waits for which."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import PurePosixPath

from storyboard.costs.price_book import PriceBook
from storyboard.model.lock import Lock
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.problem import Place
from storyboard.model.scene_shots import SceneShots
from storyboard.model.storyboard import FrameAt, Generated, Output, Scene, SceneFrame, Storyboard, Trim
from storyboard.planning.changes import changes
from storyboard.planning.plan import make_plan
from storyboard.planning.shots import scene_shots
from storyboard.planning.steps import Facts, Make, Plan
from storyboard.providers.apikley.veo import CAPABILITIES, PRICES

BOOK = PriceBook("apikley", {"apikley": PRICES})
CATALOGUE = Catalogue.of("apikley", CAPABILITIES)

PLACE = Place("film.yaml", 1, 1)
PLAIN = Generated("A gull", "veo3_fast", "16:9", None, None, (), None, True, None, "720p")


def frame(scene: str, at: FrameAt = "last") -> SceneFrame:
    return SceneFrame(scene, at, PLACE)


def film(trims: Mapping[str, Trim] | None = None, **sources: Generated) -> Storyboard:
    scenes = (
        Scene(name, number, source, (trims or {}).get(name, Trim()), PLACE)
        for number, (name, source) in enumerate(sources.items(), 1)
    )
    return Storyboard("film", "film", tuple(scenes), (), Output(PurePosixPath("out.mp4"), None, None, "pad"))


def wanted(board: Storyboard) -> Mapping[str, SceneShots]:
    return scene_shots(board, CATALOGUE, Lock())


def planned(board: Storyboard) -> Plan:
    return make_plan(board, wanted(board), Facts(), BOOK, CATALOGUE)


def linked(*names: str) -> dict[str, Generated]:
    """Scenes that each begin with the last frame of the one named before."""
    first = {names[0]: replace(PLAIN, prompt=names[0])}
    return first | {name: replace(PLAIN, prompt=name, first_frame=frame(before)) for before, name in pairwise(names)}


def test_the_key_of_a_chained_shot_stays() -> None:
    """A change of these letters bills every chain there is again."""
    board = film({"x": Trim(Fraction(1, 2), Fraction(6))}, x=PLAIN, y=replace(
        PLAIN, prompt="A tern", first_frame=frame("x"), last_frame=frame("x", Fraction(5, 2)),
    ))  # fmt: skip
    shots = wanted(board)
    source = shots["x"].shot.key
    assert shots["y"].shot.recipe == {
        "prompt": "A tern",
        "first_frame": {"key": source, "take": 1, "at": "last", "to": "6"},
        "last_frame": {"key": source, "take": 1, "at": "5/2", "from": "1/2"},
    }
    assert source == "21e8a96ffc0a3b7f0b01b744e7c2cd35b081169bbeb0f2243861c1c44281d7b1"
    assert shots["y"].shot.key == "7df550304659425660057fd1cd9c35a94ff2615750f0f9de91be123191ef9a34"


def test_a_key_has_the_take_that_stands_there() -> None:
    """The picked one, whatever the scene is called and wherever it lies."""
    takes = replace(PLAIN, takes=3, pick=2)
    one = wanted(film(x=takes, y=replace(PLAIN, first_frame=frame("x"))))
    other = wanted(film(z=replace(PLAIN, first_frame=frame("renamed")), renamed=takes))
    recipe = one["y"].shot.recipe["first_frame"]
    assert recipe == {"key": one["x"].keys[2], "take": 2, "at": "last"}
    assert one["y"].shot.key == other["z"].shot.key
    first = wanted(film(x=replace(takes, pick=1), y=replace(PLAIN, first_frame=frame("x"))))
    assert changes(first["y"].shot.recipe, one["y"].shot) == "starts from another take of x: 1 -> 2"


def test_steps_wait_for_what_they_need_and_no_more() -> None:
    """The order of the film is that of the plan; what is made first follows from the frames."""
    plan = planned(film(**dict(reversed(linked("a", "b", "c").items())), x=replace(PLAIN, prompt="x")))
    assert [step.scene for step in plan.steps] == ["c", "b", "a", "x"]
    assert {step.scene: [take.scene for take in step.after] for step in plan.steps} == {
        "a": [], "b": ["a"], "c": ["b"], "x": [],
    }  # fmt: skip
    assert plan.credits == 240
    assert [step.scene for step in plan.restricted_to(["c"]).steps] == ["c", "b", "a"]
    assert [step.scene for step in plan.restricted_to(["b", "x"]).steps] == ["b", "a", "x"]
    assert [str(each) for each in plan.frames_to_upload] == ["the last frame of b", "the last frame of a"]


def test_a_long_chain_is_planned() -> None:
    """Depth costs no recursion, and no time beyond that of its scenes."""
    names = [f"s{number}" for number in range(1_000)]
    plan = planned(film(**dict(reversed(linked(*names).items()))))
    assert all(isinstance(step, Make) for step in plan.steps)
    assert len(plan.restricted_to(["s999"]).steps) == 1_000
