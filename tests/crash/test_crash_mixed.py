"""kill -9 in films of three services: one on this machine whose takes are real and whose jobs are found, two that sell.

The takes of the ComfyUI lie in the paid realm and are copied into that of the film, which is a rehearsal. Each service
is asked for its own scenes once; nothing is charged twice, nothing is lost, and of the ComfyUI nothing stays unknown.
"""

from collections.abc import Mapping

import pytest
from house import Builder, Film, Forks, Tell, film
from sweeping import PARTS, each, some, sweep, told

pytestmark = pytest.mark.ci

FILMS: Mapping[str, Film] = {
    "mixed": film(
        "id: one, prompt: '{tag} a gull'",
        "id: two, prompt: '{tag} a tern', model: comfy/ltx2, seconds: 5",
        "id: three, prompt: '{tag} a heron', model: gemini/omni-1.2-flash, seconds: 5",
        "id: four, prompt: '{tag} a swan', first_frame: {scene: two}",
        after={"four": "two"},
        found=("two",),
    ),
    "mixed, lost": film(
        "id: one, prompt: '{tag} a gull (lost)'",
        "id: two, prompt: '{tag} a tern (lost)', model: comfy/ltx2, seconds: 5",
        "id: three, prompt: '{tag} a heron (lost)', model: gemini/omni-1.2-flash, seconds: 5",
        "id: four, prompt: '{tag} a swan', model: comfy/ltx2, seconds: 5",
        lost=("one", "three"),
        found=("two", "four"),
    ),
}
# Where a kill is aimed: while the ComfyUI is asked and has not answered; while its take is copied.
WINDOWS = ("comfy", "copies")


@pytest.mark.parametrize(("name", "count"), [("mixed", 5), ("mixed, lost", 2)])
def test_killed_in_a_film_of_three_services_each_is_asked_once(
    name: str, count: int, forks: Forks, mixed: Builder, record_property: Tell
) -> None:
    counted, broken = sweep(FILMS[name], some(count, name), forks, mixed)
    told(record_property, "kill -9 with three services", counted)
    assert broken == []
    assert counted["charged twice"] == 0


@pytest.mark.parametrize("window", WINDOWS)
def test_killed_while_one_is_asked_or_its_take_is_copied(
    window: str, forks: Forks, mixed: Builder, record_property: Tell
) -> None:
    counted, broken = sweep(FILMS["mixed"], some(3, window), forks, mixed, within=window)
    told(record_property, f"kill -9 with three services, {window}", counted)
    assert broken == []
    assert counted["kill points"] > 0
    assert counted["charged twice"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", FILMS)
def test_killed_anywhere_in_a_film_of_three_services_each_is_asked_once(
    name: str, part: int, forks: Forks, mixed: Builder, record_property: Tell
) -> None:
    """The same, and no point is left out."""
    counted, broken = sweep(FILMS[name], each(part, 1), forks, mixed)
    told(record_property, "kill -9 anywhere with three services", counted)
    assert broken == []
    assert counted["charged twice"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", FILMS)
def test_killed_anywhere_while_one_is_asked_or_its_take_is_copied(
    name: str, window: str, forks: Forks, mixed: Builder, record_property: Tell
) -> None:
    """Each point of both windows."""
    counted, broken = sweep(FILMS[name], lambda total: range(1, total + 1), forks, mixed, within=window)
    told(record_property, f"kill -9 anywhere with three services, {window}", counted)
    assert broken == []
    assert counted["charged twice"] == 0
