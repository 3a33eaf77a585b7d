"""The real `storyboard render`, killed or told to stop from outside at instants that nobody chose."""

import json
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress

import pytest
from house import BIRDS, Builder, Film, Forks, Home, Tell, film

# Pauses as long as the rest of such a render, so that instants fall everywhere in it.
SCALE = "0.002"
FILM = film(*BIRDS, words=("--at-once", "2"))


def _begun(home: Home, *under: str, event: str = "planned") -> "subprocess.Popen[str]":
    """A render that has come so far; at first, that it has shown its plan."""
    home.environ["STORYBOARD_TIME_SCALE"] = SCALE
    process = home.process(*under)
    assert process.stdout is not None
    while json.loads(process.stdout.readline() or home.said)["event"] != event:
        pass
    return process


def _until(process: "subprocess.Popen[str]", seconds: float) -> None:
    """Let it work for so long, or to its end."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


def _settled(home: Home, forks: Forks) -> list[str]:
    """Render to the end; which promises do not hold then."""
    status = forks.render(home)["exit"]
    found = home.broken()
    found += [f"exit {status}"] * (status != (4 if home.unknown() else 0))
    found += ["there is no film"] * (not home.unknown() and not home.cut())
    return found + [home.said] * ("Traceback" in home.said or "sorry" in home.said)


def _lasting(house: Builder, name: str) -> float:
    """Seconds that such a render takes here and now, so that instants fall into it on any machine."""
    home = house(name, FILM)
    process, began = _begun(home), time.monotonic()
    process.communicate(timeout=60)
    home.remove()
    return time.monotonic() - began


def _killed(wanted: int, part: int, forks: Forks, house: Builder, tell: Tell) -> None:
    """At least ``wanted`` kills, up to two in a row of one film."""
    counted: Counter[str] = Counter()
    dice, longest = random.Random(part), _lasting(house, f"whole-{part}")
    while counted["kills"] < wanted:
        counted["films"] += 1
        assert counted["films"] < 4 * wanted
        home = house(f"kill-{part}-{counted['films']}", FILM)
        for most in (longest, longest / 2):
            process = _begun(home)
            _until(process, dice.uniform(0, most))
            process.kill()
            process.communicate()
            home.freed()
            counted["kills"] += process.returncode == -signal.SIGKILL
        assert _settled(home, forks) == [], counted["films"]
        counted["charged"] += len(home.seller.sold(home.tag))
        counted["unknown"] += len(home.unknown())
        home.remove()
    for name, number in counted.items():
        tell("figure", (f"kill -9 from outside, {name}", number))


@pytest.mark.ci
@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in (1, 2))])
def test_killed_from_outside_nothing_is_lost(part: int, forks: Forks, house: Builder, record_property: Tell) -> None:
    """At any instant, twice in a row; the run after them makes the film, or says what it cannot know."""
    _killed(6, part, forks, house, record_property)


def test_killed_once_nothing_is_lost(forks: Forks, house: Builder) -> None:
    """Right after a submission, where most is at stake."""
    home = house("killed", FILM)
    process = _begun(home, event="submitted")
    process.kill()
    process.communicate()
    home.freed()
    assert process.returncode == -signal.SIGKILL
    assert _settled(home, forks) == []


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_killed_from_outside_often_nothing_is_lost(
    part: int, forks: Forks, house: Builder, record_property: Tell
) -> None:
    _killed(30, 100 + part, forks, house, record_property)


INTERRUPT, END, HANG_UP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
TOLD = ((INTERRUPT,), (INTERRUPT, INTERRUPT), (INTERRUPT, INTERRUPT, INTERRUPT), (END,), (HANG_UP,), ())


def _told_to_go(signals: tuple[signal.Signals, ...], seed: int, forks: Forks, house: Builder) -> None:
    """Each signal at an instant of its own; without signals, whoever reads its output goes away."""
    home, dice = house(f"told-{seed}", FILM), random.Random(f"{signals}/{seed}")
    longest = _lasting(house, f"whole-{seed}")
    process = _begun(home)
    for number in signals:
        _until(process, dice.uniform(0, longest / len(signals)))
        process.send_signal(number)
    if not signals:
        _until(process, dice.uniform(0, longest))
        assert process.stdout is not None
        process.stdout.close()
        process.wait(60)
    else:
        process.communicate(timeout=60)
    # One that has ended before the signal came has ended well.
    assert process.returncode in ((0, 130) if signals else (0,)), (process.returncode, home.said)
    assert _settled(home, forks) == []
    home.remove()


@pytest.mark.ci
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("signals", TOLD, ids=lambda signals: "-".join(one.name for one in signals) or "closed")
def test_told_to_go_it_ends_as_documented(
    signals: tuple[signal.Signals, ...], seed: int, forks: Forks, house: Builder
) -> None:
    """Exit 130 at whatever instant, no traceback, and the next run has what was paid for."""
    _told_to_go(signals, seed, forks, house)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3, 20))
@pytest.mark.parametrize("signals", TOLD, ids=lambda signals: "-".join(one.name for one in signals) or "closed")
def test_told_to_go_often_it_ends_as_documented(
    signals: tuple[signal.Signals, ...], seed: int, forks: Forks, house: Builder
) -> None:
    _told_to_go(signals, seed, forks, house)


@pytest.mark.ci
@pytest.mark.parametrize("number", [INTERRUPT, END, HANG_UP], ids=lambda number: number.name)
def test_told_to_go_while_the_film_is_cut_it_leaves_nothing_half_written(
    number: signal.Signals, forks: Forks, house: Builder
) -> None:
    """Once all is bought, the end is not a matter of seconds: a long film is cut for minutes."""
    home = house("cutting", FILM)
    process = _begun(home, event="cutting")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 130, home.said
    assert home.leftovers() == []
    assert _settled(home, forks) == []


@pytest.mark.ci
def test_a_render_under_nohup_outlives_its_terminal(forks: Forks, house: Builder) -> None:
    """What whoever started it has it ignore stays ignored."""
    home = house("nohup", FILM)
    process = _begun(home, "nohup", event="submitted")
    process.send_signal(HANG_UP)
    process.communicate(timeout=60)
    assert process.returncode == 0, home.said
    assert _settled(home, forks) == []


def _five_at_once(rounds: range, forks: Forks, house: Builder, tell: Tell) -> None:
    """In each round one of them makes the film; the others leave with exit 7, or find it made."""
    counted: Counter[int] = Counter()
    for number in rounds:
        home = house(f"round-{number}", Film(FILM.text))
        home.environ["STORYBOARD_TIME_SCALE"] = "0.005"
        ended = [one["exit"] for one in forks.together([home.order()] * 5)]
        lines = map(json.loads, (home.root / "stdout").read_text().splitlines())
        made = [line["made"] for line in lines if line["event"] == "done"]
        assert sorted(made)[-1] == sum(made) == 3
        assert set(ended) <= {0, 7}, ended
        assert home.broken() == []
        assert home.said.count("another render of film.yaml is in progress") == ended.count(7)
        counted.update(ended)
        home.remove()
    assert counted[7] > counted[0]
    tell("figure", ("five at once, rounds", len(rounds)))
    tell("figure", ("five at once, left with exit 7", counted[7]))


@pytest.mark.ci
def test_of_five_renders_at_once_one_pays(forks: Forks, house: Builder, record_property: Tell) -> None:
    _five_at_once(range(5), forks, house, record_property)


@pytest.mark.slow
def test_of_five_renders_at_once_one_pays_every_time(forks: Forks, house: Builder, record_property: Tell) -> None:
    _five_at_once(range(100, 200), forks, house, record_property)
