"""Told to go at each line of the program that signals go through, from the first to the last."""

import signal
from collections.abc import Sequence

import pytest
from house import BIRDS, Builder, Forks, Home, Tell, film

FILM = film(*BIRDS)
INTERRUPT, END, HANG_UP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

# Once, or once and then the whole way out again and again.
TOLD = {
    "SIGINT": (INTERRUPT,),
    "SIGTERM": (END,),
    "SIGHUP": (HANG_UP,),
    "over and over": (HANG_UP, END, HANG_UP),
}
STEP = 20


def _lines(home: Home, forks: Forks, at: str = "", numbers: Sequence[int] = ()) -> tuple[int, dict[str, bool]]:
    """The exit status of the program, told to go at the line ``at``; the lines and whether its status was known."""
    (ended,) = forks.together([home.order(told={"at": at, "numbers": numbers})])
    return ended["exit"], {one["line"]: one["late"] for one in ended["lines"]}


def _wrong(home: Home, status: int, late: bool, forks: Forks) -> list[str]:
    found = [f"exit {status}"] * (status != (0 if late else 130))
    found += [word for word in ("Traceback", "ignored", "Warning", "sorry") if word in home.said]
    last = forks.render(home)["exit"]
    return found + [f"then exit {last}"] * (last != 0) + home.broken()


def _told(name: str, step: int, forks: Forks, house: Builder, tell: Tell) -> None:
    status, lines = _lines(house("whole", FILM), forks)
    assert (status, set(lines.values())) == (0, {False, True})
    wrong, reached = {}, 0
    for number, line in enumerate(list(lines)[list(TOLD).index(name) % step :: step]):
        home = house(f"line-{number}", FILM)
        status, at = _lines(home, forks, line, TOLD[name])
        if found := _wrong(home, status, at[line], forks):
            wrong[line] = found, home.said
        reached += 1
        home.remove()
    tell("figure", ("told to go at a line", reached))
    assert wrong == {}


@pytest.mark.parametrize("name", TOLD)
def test_told_to_go_at_a_line_it_exits_130(name: str, forks: Forks, house: Builder, record_property: Tell) -> None:
    """Or as it would have, once its status is known; nothing is lost, and nothing is said that looks like a fault."""
    _told(name, STEP, forks, house, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
def test_told_to_go_at_any_line_it_exits_130(name: str, forks: Forks, house: Builder, record_property: Tell) -> None:
    _told(name, 1, forks, house, record_property)
