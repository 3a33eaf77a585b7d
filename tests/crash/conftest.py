"""What the sweeps share: a service and a process that forks renders, one of each for a whole run of the tests."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from house import Builder, Forks, Home, Seller

FAULTS = (
    "submit:drop-after @(lost)",
    "submit:code=422 @(refused)",
    "submit:code=400 @(fallback) model=veo3_fast",
    "job:fail=400 @(failing) model=veo3_fast",
    "clip:silent @(silent)",
)


@pytest.fixture(scope="session")
def seller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seller]:
    """A service that loses answers and refuses where the prompt says so."""
    seller = Seller(tmp_path_factory.mktemp("seller"), *FAULTS)
    yield seller
    seller.close()


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    yield forks
    forks.close()


@pytest.fixture
def house(tmp_path: Path, seller: Seller) -> Builder:
    """Makes homes; the prompts of no two of them are alike, so that the service's account tells them apart."""
    return lambda name, film: Home(tmp_path / name, f"{tmp_path.name}-{name}:", film, seller)


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Seller]]:
    """A ComfyUI and a Gemini, which lose answers as the usual service does."""
    names = ("comfy", "gemini")
    found = {name: Seller(tmp_path_factory.mktemp(name), *FAULTS, dialect=name) for name in names}
    yield found
    for seller in found.values():
        seller.close()


@pytest.fixture
def mixed(tmp_path: Path, seller: Seller, others: Mapping[str, Seller]) -> Builder:
    """Makes homes of authors who ask three services."""
    return lambda name, film: Home(tmp_path / name, f"{tmp_path.name}-{name}:", film, seller, others)
