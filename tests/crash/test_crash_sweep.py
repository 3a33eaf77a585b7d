"""kill -9 at every point between two effects, and once more in the run after it; then a run that is let be.

Nothing is charged twice, nothing that was charged is lost, no bytes are wrong. A scene is unknown only where a kill met
it between its intent and the answer to its submission.
"""

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from house import BIRDS, RENDER, Builder, Film, Forks, Tell, film
from sweeping import PARTS, each, sweep, told

pytestmark = pytest.mark.ci

FILMS: Mapping[str, Film] = {
    "prompts": film(*BIRDS),
    "one-by-one": film(*BIRDS, words=("--no-cut", "--at-once", "1")),
    "images": film(
        BIRDS[0] + ", first_frame: frame.png", BIRDS[1] + ", references: [frame.png]", BIRDS[2], picture=True
    ),
    "hd": film(BIRDS[0] + ", resolution: 1080p", BIRDS[1], BIRDS[2] + ", resolution: 1080p"),
    "chain": film(
        BIRDS[0],
        BIRDS[1] + ", first_frame: {scene: one}",
        BIRDS[2] + ", first_frame: {scene: two, at: 0.5}",
        after={"two": "one", "three": "two"},
    ),
    "lost": film(*BIRDS[:2], "id: three, prompt: '{tag} a heron (lost)'", lost=("three",)),
    "refused": film(*BIRDS[:2], "id: three, prompt: '{tag} a heron (refused)'", refused=("three",)),
    "fallbacks": film(
        BIRDS[0],
        "id: two, prompt: '{tag} a tern (fallback)', seed: 10001, if_refused: [again, {without: seed}, {model: veo3}]",
        "id: three, prompt: '{tag} a heron (failing)', if_refused: [{model: veo3}], resolution: 1080p",
        "id: four, prompt: '{tag} a swan', first_frame: {scene: two}",
        "id: five, prompt: '{tag} a duck', first_frame: {scene: four}",
        after={"four": "two", "five": "four"},
    ),
    "takes": film(
        BIRDS[0],
        "id: two, prompt: '{tag} a tern (takes)', seed: 99998, takes: 3, pick: 2, resolution: 1080p",
        takes={"two": 3},
    ),
    "retakes": film(
        BIRDS[0],
        "id: two, prompt: '{tag} a tern (takes) (silent)', seed: 10001, retake: {on: [no-sound], at_most: 2}",
        BIRDS[2] + ", first_frame: {scene: two}",
        retakes={"two": 3},
        after={"three": "two"},
    ),
    "shared": film(BIRDS[0], "id: two, prompt: '{tag} a gull'", BIRDS[2], twins=("one", "two")),
}
# Every n-th point of the first part in CI; every one of them behind ./dev test --all.
STEP = {"prompts": 8}
SELDOM = 16
CALLED, CALLED_STEP = ("prompts", "lost"), 48


@pytest.mark.parametrize("name", FILMS)
def test_killed_between_two_effects_nothing_is_lost(
    name: str, forks: Forks, house: Builder, record_property: Tell
) -> None:
    """Two kills and a run to the end, for one kill after another."""
    counted, broken = sweep(FILMS[name], each(0, STEP.get(name, SELDOM)), forks, house)
    told(record_property, "kill -9 between two effects", counted)
    assert broken == []
    assert counted["charged twice"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", FILMS)
def test_killed_between_any_two_effects_nothing_is_lost(
    name: str, part: int, forks: Forks, house: Builder, record_property: Tell
) -> None:
    """The same, and no point is left out."""
    counted, broken = sweep(FILMS[name], each(part, 1), forks, house)
    told(record_property, "kill -9 between any two effects", counted)
    assert broken == []
    assert counted["charged twice"] == 0


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", CALLED)
def test_killed_and_called_back_nothing_that_was_charged_is_unknown(
    name: str, part: int, forks: Forks, house: Builder, record_property: Tell
) -> None:
    """While somebody listens, each job that was charged is found, whichever answer to a submission a kill swallowed."""
    counted, broken = sweep(FILMS[name], each(part, CALLED_STEP), forks, house, called=True)
    told(record_property, "kill -9 and called back", counted)
    assert broken == []
    assert counted["charged twice"] == counted["unknown and charged"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", FILMS)
def test_killed_anywhere_and_called_back_nothing_that_was_charged_is_unknown(
    name: str, part: int, forks: Forks, house: Builder, record_property: Tell
) -> None:
    counted, broken = sweep(FILMS[name], each(part, 1), forks, house, called=True)
    told(record_property, "kill -9 anywhere and called back", counted)
    assert broken == []
    assert counted["charged twice"] == counted["unknown and charged"] == 0


def test_without_the_intent_the_sweep_finds_double_charges(forks: Forks, house: Builder, record_property: Tell) -> None:
    """The control: a ledger that forgets its intents pays twice, and the sweep sees it."""
    counted, _ = sweep(FILMS["prompts"], each(0, 10), forks, house, forget=True)
    told(record_property, "the control, no intent is written", counted)
    assert counted["charged twice"] > 0


@pytest.mark.parametrize("part", range(2))
def test_killed_while_the_film_is_cut_it_is_cut_again(
    part: int, forks: Forks, house: Builder, record_property: Tell
) -> None:
    """The same bytes come of it, and nothing but the film stays behind."""
    bought = house("bought", replace(FILMS["prompts"], words=()))
    assert forks.together([bought.order() | {"words": [*RENDER, "--no-cut"]}])[0]["exit"] == 0
    cuts = bought.copied("whole")
    total, whole = forks.render(cuts, watched=True)["points"], cuts.cut()
    assert whole
    killed, broken = 0, []
    for kill in range(1 + part, total + 1, 12):
        home = bought.copied(f"kill-{kill}")
        ends = [forks.render(home, at, watched=True) for at in (kill, random.Random(kill).randint(1, total))]
        last = forks.render(home)
        found = home.broken() + ["another film"] * (home.cut() != whole) + ["exit"] * (last["exit"] != 0)
        broken += [f"killed {[end.get('killed') for end in ends]} at {kill}: {what}" for what in found]
        killed += sum("killed" in end for end in ends)
        home.remove()
    record_property("figure", ("kill -9 while cutting, kill points", killed))
    assert broken == []
