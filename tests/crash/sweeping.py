"""Sweeping: one film, killed at one point after another, and what is counted of it."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext

from house import Builder, Film, Forks, Home, Tell

PARTS = 4

# The points to be killed at, of so many.
Kills = Callable[[int], Iterable[int]]


def each(part: int, step: int) -> Kills:
    """Every ``step``-th point of this part, one of four."""
    return lambda total: range(1 + part * step, total + 1, PARTS * step)


def some(count: int, seed: str) -> Kills:
    """So many points, the same each time."""
    return lambda total: sorted(random.Random(seed).sample(range(1, total + 1), min(count, total)))


def sweep(
    film: Film, kills: Kills, forks: Forks, house: Builder, *, called: bool = False, **more: object
) -> tuple[Counter[str], list[str]]:
    """Kill at each of these points, and once more in the next run; what was counted, and what did not hold.

    ``called`` is whether the author is called back, and has somebody who listens the whole time.
    """
    first = house("whole", film)
    with _called_back(first, forks) if called else nullcontext():
        total = forks.render(first, watched=True, **more)["points"]
    assert first.broken() == []
    counted: Counter[str] = Counter()
    broken: list[str] = []
    for kill in kills(total):
        dice = random.Random(f"{film.text}/{kill}")
        home = house(f"kill-{kill}", film)
        with _called_back(home, forks) if called else nullcontext():
            ends = [forks.render(home, kill, watched=True, **more)]
            known = _found_by_name(home)
            ends.append(forks.render(home, dice.randint(1, total), watched=True, **more))
            home.age()
            last = forks.render(home, **more)
            if called and home.unknown():  # The call may have come when this one had given up.
                home.seller.ask("called")
                last = forks.render(home)
        asking = {scene for end in ends for scene in end.get("asking", ())}
        found = _judged(home, asking, last["exit"]) + _asked_again(known, _found_by_name(home))
        broken += [f"killed {[end.get('killed') for end in ends]} at {kill}: {what}" for what in found]
        sold = home.sold()
        for name, seller in home.sellers.items():
            counted[f"jobs of {name}"] += sum(len(of["jobs"]) for of in seller.sold(home.tag).values())
        counted["kill points"] += sum("killed" in end for end in ends)
        counted["charged"] += len(sold)
        counted["charged twice"] += sum(len(of["charged"]) > 1 for of in sold.values())
        counted["unknown"] += len({entry.key for entry in home.entries if entry.state in ("unknown", "intent")})
        counted["unknown and charged"] += len(home.charged_unknown())
        home.remove()
    return counted, broken


@contextmanager
def _called_back(home: Home, forks: Forks) -> Iterator[None]:
    home.called_back()
    with forks.listening(home):
        yield


def _found_by_name(home: Home) -> tuple[int, int]:
    """How many jobs the ComfyUI has of this author, and how often it was asked for any."""
    comfy = home.others.get("comfy")
    return (len(comfy.sold(home.tag)), comfy.asked) if comfy else (0, 0)


def _asked_again(known: tuple[int, int], now: tuple[int, int]) -> list[str]:
    """What is wrong where a job that there was already is asked for in the two runs after a kill."""
    jobs, requests = now[0] - known[0], now[1] - known[1]
    return [f"the ComfyUI was asked {requests} times for {jobs} jobs"] * (requests > 2 * jobs)


def _judged(home: Home, asking: set[str], status: int) -> list[str]:
    found, unknown = home.broken(), home.unknown()
    window = (asking | set(home.film.lost)) - set(home.film.found)
    window |= set(home.film.twins) if window & set(home.film.twins) else set()
    found += [f"{scene} is unknown, and no kill met it being asked for" for scene in sorted(unknown - window)]
    due = 4 if unknown else 3 if home.film.refused else 0
    found += [f"exit {status}, not {due}"] * (status != due)
    return found + [f"it said: {home.said}"] * ("Traceback" in home.said or "sorry" in home.said)


def told(tell: Tell, what: str, counted: Counter[str]) -> None:
    """Tell the figures of a sweep."""
    services = sorted(name for name in counted if name.startswith("jobs of "))
    shown = services if len(services) > 1 else []
    for name in ("kill points", "charged", "charged twice", "unknown", "unknown and charged", *shown):
        tell("figure", (f"{what}, {name}", counted[name]))
