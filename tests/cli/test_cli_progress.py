"""How far a render is, and how long the rest takes: in a log, and on a terminal of any width."""

from fractions import Fraction

import pytest
from studio import Run, Studio

from storyboard.cli.display import _rows, _Screen, _total
from storyboard.cli.events_text import plain
from storyboard.cli.progress import AtWork, Progress, about, after
from storyboard.model import events
from storyboard.model.cost import Cost

LONG = "the-lamp-that-catches-fire-and-wakes-the-whole-town-at-midnight"


def credits(amount: int) -> Cost:
    return Cost.of(Fraction(amount), "apikley")


def planned(make: int, job_seconds: float | None = 60, at_once: int = 2) -> events.Planned:
    return events.Planned(make, 0, 0, 0, credits(60 * make), None, "USD", job_seconds, at_once)


def seen(*told: tuple[float, events.Event]) -> Progress:
    progress = Progress()
    for now, event in told:
        progress = after(progress, event, now)
    return progress


def price(cost: Cost) -> str:
    return f"{cost.credits} credits"


def test_what_waits_and_how_long_it_takes() -> None:
    """Six scenes, two at a time, a minute each: after half a minute it takes two and a half more."""
    begun = [(0.0, events.Submitting(scene, 1, "m")) for scene in "ab"]
    progress = seen((0, planned(6)), *begun)
    assert (progress.waiting, progress.seconds_left(30)) == (4, 150)
    assert _total(progress, price, 30)[:2] == ["0 of 6 takes, 4 waiting", "about 2 min left"]
    late = seen((0, planned(2)), *begun)
    assert late.seconds_left(300) == 6  # A job that is late does not end now.
    assert seen((0, planned(6, None)), *begun).seconds_left(30) is None
    done = after(after(late, events.Finished("a", 1, ""), 60), events.Failed("b", 1, None, ""), 60)
    assert done.seconds_left(60) is None
    assert _total(done, price, 60)[0] == "1 of 2 takes, 1 failed"


def test_a_log_has_a_line_for_each_tenth_of_a_cut() -> None:
    """Ten minutes without a word look like a program that hangs."""
    lines: list[str] = []
    times = iter(range(1000))
    report = plain(lines.append, lambda: next(times))
    for done in (0, 30, 90, 100, 105, 500, 400, 499, 1000, 1000):
        report(events.Cutting(done, 1000))
    assert lines == [
        "cutting  1000 frames",
        "cutting  10 %, about 30 s left",
        "cutting  50 %, about 5 s left",
        "cutting  100 %",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "1 s"), (9.1, "10 s"), (41, "45 s"), (100, "2 min"), (9000, "2.5 h")]
)
def test_an_estimate_is_no_more_exact_than_it_is(seconds: float, words: str) -> None:
    assert about(seconds) == f"about {words}"


@pytest.mark.parametrize("width", [60, 40])
def test_a_narrow_terminal_cuts_nothing(width: int) -> None:
    """The price that is being spent, cut off by an ellipsis."""
    rows = list(_rows(LONG, AtWork("making", "veo3_fast", 0), 75, width))
    assert max(map(len, rows)) <= width
    assert LONG in "".join(row.strip() for row in rows[:-1])
    assert rows[-1].split() == ["making", "1:15", "veo3_fast"]
    from rich.console import Console

    screen = _Screen(lambda cost: f"{cost.credits} credits, {float(cost.credits) / 200:.2f} USD")
    screen.progress = seen(
        (0, planned(12)), (0, events.Submitting(LONG, 1, "veo3_fast")), (0, events.Submitting("b", 1, "veo3"))
    )
    console = Console(width=width, height=24, record=True, file=None, force_terminal=False)
    with console.capture() as drawn:
        console.print(screen)
    lines = drawn.get().splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "0 of 12 takes, 10 waiting about" in text
    assert "spent 0 credits, 0.00 USD to spend 720 credits, 3.60 USD" in text
    assert "…" not in text


@pytest.mark.ci
def test_past_jobs_say_how_long_the_next_ones_take(studio: Studio, run: Run) -> None:
    """The plan of the second film says it, and so does its render."""
    studio.serve(latency=0.4)
    studio.scenes("A gull")
    studio.render()
    studio.scenes("A tern", "A skua")
    studio.render()
    (plan,) = [event for event in studio.seen if isinstance(event, events.Planned)]
    assert plan.job_seconds is not None
    assert 0.3 < plan.job_seconds < 30
    assert plan.at_once == 8


def test_a_cut_without_a_terminal_says_how_far_it_is(studio: Studio, run: Run) -> None:
    """Of render and cut alike; a program that reads JSON gets its events."""
    studio.serve()
    studio.scenes("A gull", "A tern")
    assert "cutting  384 frames\ncutting  100 %\n" in run("render", "film.yaml", "--yes")[2]
    status, out, err = run("cut", "film.yaml", "-o", "other.mp4", "--reencode")
    assert (status, out) == (0, "other.mp4\n")
    assert "cutting  384 frames\n" in err
    assert "cutting  100 %\n" in err
    assert "cutting" not in run("cut", "film.yaml", "-o", "third.mp4", "--json")[2]


def test_a_retake_is_one_more_take() -> None:
    """No plan counted it; nothing is left to spend, and not less than nothing."""
    seen = after(Progress(), events.Planned(1, 0, 0, 0, credits(60), None, "USD", None, 1), 0)
    for take in (1, 2):
        seen = after(seen, events.Submitting("a", take, "veo3"), 0)
        seen = after(seen, events.Submitted("a", take, "job", credits(60)), 0)
        seen = after(seen, events.Finished("a", take, ""), 0)
    assert (seen.done, seen.wanted, seen.waiting, seen.spent.credits, seen.to_spend) == (2, 2, 0, 120, Cost())
