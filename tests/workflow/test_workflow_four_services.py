"""The example examples/services: one film of four services, each a server of its own on this machine."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from canary import KEY
from studio import Run, Service, Studio

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.providers.declared.catalogue import shipped_provider
from storyboard.providers.declared.interpreter import Declared

pytestmark = pytest.mark.ci
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def services(studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, Service]]:
    """The four services, the example's configuration, and its film."""
    config = own_home / "config" / "storyboard"
    config.mkdir(parents=True)
    for file in ("services/config.toml", "comfy/ltx2-sound.api.json"):
        shutil.copy(EXAMPLES / file, config)
    fal = shipped_provider("fal")
    assert isinstance(fal, Declared)
    others = {
        "fal": Service(Behaviour(declared=fal.declaration, film="tiny")),
        "gemini": Service(Behaviour(dialect="gemini", film="tiny")),
        "comfy": Service(Behaviour(dialect="comfy", film="tiny")),
    }
    usual = studio.serve(film="tiny")
    urls = {f"{name.upper()}_BASE_URL": service.emulator.url for name, service in others.items()}
    urls[fal.environment.base_url] = others["fal"].emulator.url
    studio.environ |= {**urls, "STORYBOARD_KEY_FAL": KEY, "STORYBOARD_KEY_GEMINI": KEY}
    for name, value in studio.environ.items():
        monkeypatch.setenv(name, value)
    shutil.copy(EXAMPLES / "services" / "harbour.yaml", studio.folder / "film.yaml")
    yield {"apikley": usual, **others}
    for service in others.values():
        service.close()


def jobs(services: Mapping[str, Service]) -> dict[str, int]:
    return {name: len(service.emulator.jobs) for name, service in services.items()}


def test_a_film_of_four_services(studio: Studio, services: Mapping[str, Service], run: Run) -> None:
    """Each is asked for its own scenes, once; the money is told by unit; a key goes to its own service alone."""
    _, plan, _ = run("plan", "film.yaml")
    assert "60 credits (0.30 USD) + 1.01 USD = 1.31 USD" in plan
    done = studio.render()
    assert (done.exit, done.made, bool(done.film)) == (0, 6, True)
    assert jobs(services) == {"apikley": 1, "fal": 2, "gemini": 1, "comfy": 2}
    assert not any(seen.key for seen in services["comfy"].emulator.requests)
    assert studio.render().made == 0


@pytest.mark.parametrize("name", ["apikley", "fal", "gemini", "comfy"])
def test_trouble_of_one_service_is_its_own(studio: Studio, services: Mapping[str, Service], name: str) -> None:
    """The others' scenes are made; once it is well again, only its own are, and nothing is made twice."""
    services[name].emulator.inject("submit:http=503")
    assert studio.render().exit != 0
    services[name].emulator.heal()
    before = jobs(services)
    done = studio.render()
    assert done.exit in (0, 4)
    if done.exit == 0:
        assert jobs(services) == {"apikley": 1, "fal": 2, "gemini": 1, "comfy": 2}
    assert all(before[other] <= jobs(services)[other] for other in before)


def test_a_draft_of_the_example(studio: Studio, services: Mapping[str, Service]) -> None:
    """Without a key, and without any of the services."""
    done = studio.render(realm="draft", cut=False)
    assert (done.exit, done.made) == (0, 6)
    assert jobs(services) == dict.fromkeys(services, 0)


def test_keeper_moves_to_another_vendor_by_one_line(studio: Studio, services: Mapping[str, Service], run: Run) -> None:
    """Nothing is bought until the author agrees; with the models pinned, what is finished stays where it is."""
    shutil.copytree(EXAMPLES / "keeper", studio.folder / "keeper", ignore=shutil.ignore_patterns("out", ".storyboard"))
    file = studio.folder / "keeper" / "keeper.yaml"
    assert studio.render("keeper/keeper.yaml", cut=False).made == 7
    own = file.read_text()
    moved = own.replace("  model: veo3_fast\n", "  model: fal/veo3.1/fast\n")
    file.write_text(moved)
    _, plan, _ = run("plan", "keeper/keeper.yaml")
    assert "fal makes 6 scenes with takes again, as another service did: 7.20 USD" in plan
    status, _, told = run("render", "keeper/keeper.yaml", "--yes", "--no-cut")
    assert (status, "--rebuy headland" in told, jobs(services)["fal"]) == (4, True, 0)
    file.write_text(own)
    assert run("pin-models", "keeper/keeper.yaml")[0] == 0
    file.write_text(file.read_text().replace("  model: veo3_fast\n", "  model: fal/veo3.1/fast\n"))
    assert studio.render("keeper/keeper.yaml", cut=False).made == 0
    assert jobs(services) == {"apikley": 7, "fal": 0, "gemini": 0, "comfy": 0}
