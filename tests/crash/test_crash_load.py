"""Many scenes while the service fails in every way it can: each is done, failed with a reason, or unknown."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from house import Film, Forks, Home, Seller, Tell

from storyboard.emulator.faults.faults import storm

pytestmark = pytest.mark.ci

# A job that never ends is given up after real seconds; the others wait in scaled ones.
PATIENCE = {"JOB_DEADLINE": 3.0, "HD_DEADLINE": 3.0}
WORDS = ("--no-cut", "--at-once", "50")


@dataclass(frozen=True, slots=True)
class Stand:
    """How a storyboard stands after a render: scenes by what the ledger says, and what the render said of itself."""

    states: Counter[str]
    done: dict[str, Any]
    memory: float


def _stormy(percent: float) -> tuple[str, ...]:
    return (*storm(percent), f"job:stuck %{percent / 20}")


@pytest.fixture
def stormy(tmp_path: Path) -> Iterator[Seller]:
    seller = Seller(tmp_path, *_stormy(20))
    yield seller
    seller.close()


def _home(root: Path, count: int, seller: Seller) -> Home:
    scenes = "".join(f"  - {{id: s{n}, prompt: '{{tag}} bird {n}'{_more(n)}}}\n" for n in range(count))
    # The storm refuses contents at random: its author insists on each scene.
    words = (*WORDS, *(word for n in range(count) for word in ("--retry", f"s{n}")))
    home = Home(root, f"{root.name}:", Film(f"storyboard: 1\nscenes:\n{scenes}", words, picture=True), seller)
    home.environ["STORYBOARD_TIME_SCALE"] = "0.001"
    return home


def _more(number: int) -> str:
    """Some scenes want HD, some show a local image."""
    return ", resolution: 1080p" * (number % 5 == 0) + ", first_frame: frame.png" * (number % 7 == 0)


def _rendered(home: Home, forks: Forks) -> Stand:
    ended = forks.render(home, patience=PATIENCE)
    last = json.loads((home.root / "stdout").read_text().splitlines()[-1])
    assert (ended["exit"] == last["exit"]) if last["event"] == "done" else (ended["exit"] == 5), home.said
    states = {entry.key: entry.state for entry in home.entries}
    return Stand(Counter(states.values()), last, ended["memory"])


def _all_told(home: Home, stand: Stand) -> None:
    """Every scene of a render that was let run has an end, and each end that is not a take has its reason."""
    lines = [json.loads(line) for line in (home.root / "stdout").read_text().splitlines()]
    begun = max(at for at, line in enumerate(lines) if line["event"] == "planned")
    told = [line for line in lines[begun:] if line["event"] in ("finished", "failed", "unknown")]
    assert all(line.get("why") for line in told if line["event"] != "finished")
    if stand.done["event"] == "done" and stand.done["exit"] != 5:
        assert len(told) + stand.done["kept"] == len(home.scenes)


@pytest.mark.parametrize("count", [80, pytest.param(500, marks=pytest.mark.slow)])
def test_in_a_storm_every_scene_has_an_end(
    tmp_path: Path, stormy: Seller, forks: Forks, record_property: Tell, count: int
) -> None:
    """20 % of all requests fail; rendered again until nothing more is to be had: nothing is paid twice."""
    home = _home(tmp_path / "author", count, stormy)
    stands: list[Stand] = []
    while not stands or stands[-1].states.total() != count or set(stands[-1].states) - {"taken", "unknown", "open"}:
        assert len(stands) < 80, stands[-1].states
        stands.append(_rendered(home, forks))
        _all_told(home, stands[-1])
        assert home.charged_twice() == []
    stormy.ask("heal")
    last = _rendered(home, forks)
    assert last.done["exit"] in (3, 4)
    assert home.wrong_bytes(stormy.sold(home.tag)) == []
    assert home.charged_twice() == []
    assert len(home.lock.scenes) == last.states["taken"]
    assert "Traceback" not in home.said
    memory = max(stand.memory for stand in stands)
    assert memory < 200, f"{memory} MiB"
    for name, number in {"renders": len(stands), **last.states, "memory (MiB)": round(memory)}.items():
        record_property("figure", (f"a storm over {count} scenes, {name}", number))


@pytest.mark.slow
def test_in_a_long_storm_nothing_grows(tmp_path: Path, forks: Forks, record_property: Tell) -> None:
    """20,000 tasks in one process, 5 % faults: memory and descriptors stay flat, no task and no thread is left."""
    # Without those that end a render for all scenes: most of the time would go into plans.
    seller = Seller(tmp_path, *(way for way in storm(5) if not re.search("=(401|402|404|455|505)", way)))
    try:
        homes = [_home(tmp_path / f"author-{number}", 500, seller) for number in range(40)]
        orders = [home.order(times=2, patience=PATIENCE) for home in homes]
        (ended,) = forks.together([{**orders[0], "series": orders}])
        sold = seller.sold("author-")
        assert [home.charged_twice() for home in homes] == [[]] * len(homes)
    finally:
        seller.close()
    assert len(sold) > 18_000
    seen = ended["seen"]
    warm = seen[len(seen) // 4]
    assert seen[-1]["memory"] - warm["memory"] < 10, seen
    assert {one["descriptors"] for one in seen[1:]} == {seen[1]["descriptors"]}
    assert {(one["tasks"], one["threads"]) for one in seen} == {(0, 1)}
    for name in ("memory", "descriptors"):
        record_property("figure", (f"{len(sold)} tasks, {name} after a quarter", round(warm[name])))
        record_property("figure", (f"{len(sold)} tasks, {name} at the end", round(seen[-1][name])))
