"""Told to go at each line of the program that signals go through, from the first to the last."""

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest
from house import BIRDS, RENDER, Builder, Forks, Home, Tell, film

FILM = film(*BIRDS)
MODULES = "__main__ cli.main system.signals workflow.session workflow.render cli.render cli.run_dialog"

# One scene is cut by ffmpeg, the others are copied.
LONG = film(BIRDS[0] + ", trim: {from: 0.25, to: 0.75}", *BIRDS[1:], words=())
CUTTING = "workflow.assemble film.write film.registry film.splice film.copy system.files system.claims"
CUTTING += " export.sidecars media.workers media.ffmpeg"
INTERRUPT, END, HANG_UP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

# Once, or once and then the whole way out again and again.
TOLD = {
    "SIGINT": (INTERRUPT,),
    "SIGTERM": (END,),
    "SIGHUP": (HANG_UP,),
    "over and over": (HANG_UP, END, HANG_UP),
    "Ctrl-C thrice": (INTERRUPT, INTERRUPT),
}

# Programs that are told to go where an exception would be lost, and how they end.
PROGRAM = """
import asyncio, os, signal, sys, weakref
from storyboard.system import signals

class Thing:
    pass

class Last:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

signals.take()
try:
    {}
except KeyboardInterrupt:
    os._exit(130)
"""
LOST = {
    "in a finalizer": "Last(); signal.pause()",
    "in a callback of a weak reference": """
    thing = Thing()
    seen = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGINT))
    del thing
    signal.pause()""",
    "when the loop listens no more": """
    async def work():
        asyncio.get_running_loop().set_default_executor(Executor())
    class Executor(asyncio.base_events.concurrent.futures.ThreadPoolExecutor):
        def shutdown(self, *given, **named):
            signal.raise_signal(signal.SIGHUP)
            super().shutdown(*given, **named)
    signals.run(work)""",
    "before the loop listens": """
    async def work():
        await asyncio.Event().wait()
    def begin():
        signal.raise_signal(signal.SIGHUP)
        return work()
    signals.run(begin)""",
    "while another thread has the signal": """
    import threading
    async def work():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        def other():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
            signal.raise_signal(signal.SIGTERM)
        threading.Thread(target=other).start()
        await asyncio.Event().wait()
    signals.run(work)""",
    "a third time": """
    for _ in range(3):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass
    sys.exit(1)""",
}


@pytest.mark.parametrize("where", LOST)
def test_told_to_go_where_nobody_hears_it_goes(where: str) -> None:
    """Python drops what is raised in a finalizer, and a loop that has ended calls nobody: a render would go on."""
    program = PROGRAM.format(LOST[where])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (130, "")


STEP = 80


def _lines(
    home: Home, forks: Forks, modules: str, at: str = "", numbers: Sequence[int] = ()
) -> tuple[int, dict[str, bool]]:
    """The exit status of the program, told to go at the line ``at``; the lines and whether its status was known."""
    watched = [f"storyboard.{name}" for name in modules.split()] + ["asyncio.runners"]
    (ended,) = forks.together([home.order(told={"modules": watched, "at": at, "numbers": numbers})])
    return ended["exit"], {one["line"]: one["late"] for one in ended["lines"]}


def _wrong(home: Home, status: int, late: bool, forks: Forks) -> list[str]:
    found = [f"exit {status}"] * (status != (0 if late else 130))
    found += [word for word in ("Traceback", "ignored", "Warning", "sorry") if word in home.said]
    last, due = forks.render(home)["exit"], 4 if home.unknown() else 0
    return found + [f"then exit {last}"] * (last != due) + home.broken()


def _told(name: str, step: int, forks: Forks, house: Builder, tell: Tell) -> None:
    status, lines = _lines(house("whole", FILM), forks, MODULES)
    assert (status, set(lines.values())) == (0, {False, True})
    wrong, reached = {}, list(lines)[list(TOLD).index(name) % step :: step]
    for number, line in enumerate(reached):
        home = house(f"line-{number}", FILM)
        status, at = _lines(home, forks, MODULES, line, TOLD[name])
        if found := _wrong(home, status, at[line], forks):
            wrong[line] = found, home.said
        assert name == "Ctrl-C thrice" or not home.unknown()
        home.remove()
    tell("figure", ("told to go at a line", len(reached)))
    assert wrong == {}


@pytest.mark.ci
@pytest.mark.parametrize("name", TOLD)
def test_told_to_go_at_a_line_it_exits_130(name: str, forks: Forks, house: Builder, record_property: Tell) -> None:
    """Or as it would have, once its status is known; nothing is lost, and nothing is said that looks like a fault."""
    _told(name, STEP, forks, house, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
def test_told_to_go_at_any_line_it_exits_130(name: str, forks: Forks, house: Builder, record_property: Tell) -> None:
    _told(name, 1, forks, house, record_property)


def _told_while_it_cuts(name: str, step: int, forks: Forks, house: Builder, tell: Tell) -> None:
    bought = house("bought", LONG)
    assert forks.together([bought.order() | {"words": [*RENDER, "--no-cut"]}])[0]["exit"] == 0
    cuts = bought.copied("whole")
    status, lines = _lines(cuts, forks, CUTTING)
    whole = cuts.cut()
    assert (status, bool(whole)) == (0, True), cuts.said
    wrong, reached = {}, list(lines)[list(TOLD).index(name) % step :: step]
    for number, line in enumerate(reached):
        home = bought.copied(f"line-{number}")
        status, _ = _lines(home, forks, CUTTING, line, TOLD[name])
        if found := _wrong(home, status, False, forks) + ["another film"] * (home.cut() != whole):
            wrong[line] = found, home.said
        home.remove()
    tell("figure", ("told to go at a line of the cut", len(reached)))
    assert wrong == {}


@pytest.mark.ci
@pytest.mark.parametrize("name", TOLD)
def test_told_to_go_at_a_line_of_the_cut_it_exits_130(
    name: str, forks: Forks, house: Builder, record_property: Tell
) -> None:
    """Whatever it was about to write, the next render makes the same film, and nothing lies beside it."""
    _told_while_it_cuts(name, 3 * STEP, forks, house, record_property)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOLD)
def test_told_to_go_at_any_line_of_the_cut_it_exits_130(
    name: str, forks: Forks, house: Builder, record_property: Tell
) -> None:
    _told_while_it_cuts(name, 1, forks, house, record_property)
