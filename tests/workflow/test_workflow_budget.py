"""A budget holds before the first request, and before each one after it: across runs, crashes and processes."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from fractions import Fraction
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from studio import Run, Studio

from storyboard.model import events
from storyboard.model.errors import OverBudget
from storyboard.model.shot import Shot
from storyboard.planning.steps import Plan
from storyboard.state.ledger import Ledger
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import Workspace, claimed_workspace

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def limit(own_home: Path) -> Callable[[str], Path]:
    """Write [budget] into the user's config.toml."""

    def write(text: str) -> Path:
        file = own_home / "config" / "storyboard" / "config.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"[budget]\n{text}\n")
        return file

    return write


def elsewhere(studio: Studio, prompt: str, credits: int = 60) -> None:
    """Another process of this user asks for a shot of its own just now."""
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    shot = Shot(prompt, "veo3_fast", "16:9", None, None, (), None, True, None, 1, "apikley")
    ledger.submissions.record_intent(shot, "other", "/other.yaml", "another-run", Fraction(credits), time.time())
    ledger.close()


def test_a_plan_over_the_cap_is_refused_before_the_first_request(studio: Studio, run: Run) -> None:
    """501 scenes and credits for five: not one request leaves, and the message has the numbers."""
    service = studio.serve()
    studio.scenes(*(f"Shot {number}" for number in range(501)))
    left, out, err = run("render", "film.yaml", "--yes", "--max-cost", "300")
    assert (left, out, len(service.emulator.requests)) == (5, "", 0)
    assert "--max-cost allows 300 credits (1.50 USD)" in err
    assert "300 credits (1.50 USD) left" in err
    assert "this costs 30060 credits (150.30 USD)" in err
    assert "--scene" in err
    assert "larger --max-cost" in err
    left, _, _ = run("render", "film.yaml", "--yes", "--no-cut", "--max-cost", "60", "--scene", "s7", "-q")
    assert (left, service.posts) == (0, 1)


@pytest.mark.parametrize("cost", ["0", "-1", "nan", "inf", "1e12"])
def test_a_cap_that_is_no_amount_is_refused(studio: Studio, run: Run, cost: str) -> None:
    studio.scenes("A gull")
    left, _, err = run("render", "film.yaml", "--max-cost", cost)
    assert (left, "--max-cost must be a number larger than 0" in err) == (2, True)


@pytest.mark.ci
def test_the_plan_says_that_the_budget_does_not_reach(studio: Studio, run: Run, limit: Callable[[str], Path]) -> None:
    """In text and in the document, with what is spent, what is left, and the file in which it can be raised."""
    studio.serve()
    file = limit("per_storyboard = 150\nper_month = 1000")
    studio.scenes("A gull", "A tern", "A heron")
    assert run("render", "film.yaml", "--yes", "--scene", "s1", "-q")[0] == 0
    assert run("plan", "film.yaml")[0] == 2
    left, out, err = run("plan", "film.yaml", "--json")
    (problem,) = json.loads(out)["problems"]
    assert left == 2
    said = "per_storyboard allows 150 credits (0.75 USD); on this storyboard 60 credits (0.30 USD) spent, 90 credits"
    assert said in problem["message"]
    assert said in err
    assert f"raise per_storyboard in [budget] of {file}" in problem["hint"]
    left, _, err = run("render", "film.yaml", "--yes")
    assert (left, said in err) == (5, True)
    assert run("render", "film.yaml", "--yes", "--scene", "s2", "-q")[0] == 0
    assert run("plan", "film.yaml", "--draft")[0] == 0


def test_a_film_that_is_there_needs_no_budget(studio: Studio, limit: Callable[[str], Path]) -> None:
    """What costs nothing is not refused, whatever was spent before the limit was set."""
    service = studio.serve()
    studio.scenes("A gull", "A tern")
    studio.render()
    limit("per_run = 1\nper_storyboard = 1\nper_month = 1")
    assert (studio.render().exit, service.posts) == (0, 2)


def test_what_was_lost_counts_and_what_was_refused_does_not(studio: Studio, limit: Callable[[str], Path]) -> None:
    """An unknown submission may have been paid for; a failed job too; a refused one was not."""
    service = studio.serve("submit:drop-after @Lost", "submit:code=422 @Refused", "job:fail=501 @Failed")
    limit("per_storyboard = 240")
    studio.scenes("Lost", "Refused", "Failed", "A gull")
    first = studio.render()
    assert (first.exit, first.credits, service.posts) == (4, 180, 4)
    studio.scenes("Lost", "A tern", "Failed otherwise", "A gull")
    with pytest.raises(OverBudget, match=r"180 credits .* spent, 60 credits .* left, and this costs 120 credits"):
        studio.render()
    assert studio.render(only=("s2",)).made == 1
    with pytest.raises(OverBudget, match=r"240 credits .* spent, 0 credits .* left"):
        studio.render(only=("s3",))
    assert service.posts == 5


@pytest.mark.ci
def test_a_limit_that_is_reached_meanwhile_stops_the_run(studio: Studio, limit: Callable[[str], Path]) -> None:
    """Four fit when the plan is agreed to; then another process spends: two are asked for, and both are collected."""
    service = studio.serve()
    limit("per_month = 240")
    studio.scenes("A gull", "A tern", "A heron", "A crane")

    def meanwhile(at: Workspace, plan: Plan) -> None:
        elsewhere(studio, "One")
        elsewhere(studio, "Two")

    done = studio.render(approve=meanwhile)
    assert (done.exit, done.made, done.failed, done.credits, service.posts) == (5, 2, 0, 120, 2)
    notes = "\n".join(done.notes)
    assert "per_month allows 240 credits (1.20 USD); this month 240 credits" in notes
    assert "waiting  not generated yet: s3, s4" in notes
    assert sum(isinstance(event, events.Finished) for event in studio.seen) == 2
    limit("per_month = 360")
    again = studio.render()
    assert (again.exit, again.made, again.kept, service.posts) == (0, 2, 2, 4)


def test_what_the_service_reports_settles_the_account(studio: Studio, limit: Callable[[str], Path]) -> None:
    """A table that is too cheap lets the plan pass; the run stops when what was really charged reaches the limit."""
    service = studio.serve()
    limit("per_run = 100\n[prices.models]\nveo3_fast = 20")
    studio.scenes("A gull", "A tern", "A heron", "A crane")
    done = studio.render(at_once=1)
    assert (done.exit, done.made, done.credits, service.posts) == (5, 2, 120, 2)


@pytest.mark.ci
def test_an_hd_version_is_within_the_budget(studio: Studio, limit: Callable[[str], Path]) -> None:
    """Credits for one 1080p version of two: both takes are kept, and the second version is had when there is more."""
    service = studio.serve()
    limit("per_storyboard = 130")
    studio.write(
        "storyboard: 1\nscenes:\n"
        "  - {id: a, prompt: A gull, resolution: 1080p}\n  - {id: b, prompt: A tern, resolution: 1080p}\n"
    )

    def meanwhile(at: Workspace, plan: Plan) -> None:
        limit("per_storyboard = 125")
        object.__setattr__(at, "settings", studio.settings)

    done = studio.render(approve=meanwhile)
    assert (done.exit, done.made, done.credits, service.posts) == (5, 1, 125, 2)
    limit("per_storyboard = 130")
    again = studio.render()
    assert (again.exit, again.credits, service.posts) == (0, 5, 2)


def test_a_run_that_stopped_asks_for_no_hd_version(studio: Studio, limit: Callable[[str], Path]) -> None:
    """The second clip is over the limit, and stops the run; what is at work is fetched, and nothing is added to it."""
    service = studio.serve()
    limit("per_storyboard = 125")
    text = "storyboard: 1\nscenes:\n  - {id: a, prompt: A gull, resolution: 1080p}\n  - {id: b, prompt: A tern}\n"
    studio.write(text)

    def meanwhile(at: Workspace, plan: Plan) -> None:
        limit("per_storyboard = 70")
        object.__setattr__(at, "settings", studio.settings)

    done = studio.render(approve=meanwhile)
    assert (done.exit, done.credits, done.failed, service.posts) == (5, 60, 0, 1)
    assert any(isinstance(event, events.Fetched) for event in studio.seen)
    limit("per_storyboard = 125")
    again = studio.render()
    assert (again.exit, again.credits, service.posts) == (0, 65, 2)


def test_an_hd_version_counts_for_whoever_adds_it(studio: Studio) -> None:
    """Another storyboard had the take: it paid for the clip, this one pays for the 1080p version."""
    studio.serve()
    studio.scenes("A gull")
    studio.scenes("A gull", name="other.yaml", more="defaults: {resolution: 1080p}\n")
    assert studio.render().credits == 60
    other = studio.render("other.yaml")
    assert (other.exit, other.credits) == (0, 5)


def test_one_file_has_one_account_however_it_is_typed(studio: Studio, limit: Callable[[str], Path]) -> None:
    """A limit on a storyboard is not escaped from another folder, or through a link."""
    service = studio.serve()
    limit("per_storyboard = 60")
    studio.scenes("A gull", "A tern")
    studio.render(only=("s1",))
    (studio.folder / "sub").mkdir()
    (studio.folder.parent / "link").symlink_to(studio.folder)
    for name in ("sub/../film.yaml", "../link/film.yaml"):
        with pytest.raises(OverBudget):
            studio.render(name)
    assert service.posts == 1


def _render(folder: Path, environ: dict[str, str], name: str, start: Barrier | None, at_once: int) -> None:
    """A render in a process of its own; killed at its first accepted job where there is no ``start`` to wait for."""
    os.environ.update(environ)
    studio = Studio(folder, environ)
    if start:
        os._exit(studio.render(name, approve=lambda at, plan: start.wait(60) and None, at_once=at_once, cut=False).exit)

    class _Watching(list[events.Event]):
        def append(self, event: events.Event) -> None:
            if isinstance(event, events.Submitted):
                os.kill(os.getpid(), signal.SIGKILL)

    with claimed_workspace(folder / name, studio.settings) as workspace:
        render(workspace, RenderOptions(on_event=_Watching().append, at_once=at_once))


@pytest.mark.ci
def test_a_budget_outlives_a_killed_run(studio: Studio, limit: Callable[[str], Path]) -> None:
    """Killed after its first job: the next run finds 60 credits spent, and may not make the other two for 120."""
    service = studio.serve()
    studio.scenes("A gull", "A tern", "A heron")
    process = SPAWN.Process(target=_render, args=(studio.folder, {**studio.environ}, "film.yaml", None, 1))
    process.start()
    process.join(60)
    assert (process.exitcode, service.posts) == (-signal.SIGKILL, 1)
    limit("per_storyboard = 170\nper_month = 170")
    with pytest.raises(OverBudget) as caught:
        studio.render()
    for name in ("per_storyboard", "per_month"):
        assert f"{name} allows 170 credits" in caught.value.message
    assert caught.value.message.count("60 credits (0.30 USD) spent, 110 credits (0.55 USD) left") == 2
    assert service.posts == 1
    assert studio.render(only=("s1", "s2")).made == 2
    assert service.posts == 2


@pytest.mark.parametrize("fit", [1, pytest.param(5, marks=pytest.mark.ci)])
def test_two_processes_share_one_budget(studio: Studio, limit: Callable[[str], Path], fit: int) -> None:
    """Both plans fit by themselves, and both are agreed to; together they buy as many shots as the month allows."""
    service = studio.serve(latency=0.05)
    limit(f"per_month = {60 * fit + 59}")
    start = SPAWN.Barrier(2)
    names = ("one.yaml", "two.yaml")
    for name in names:
        studio.scenes(*(f"{name} {number}" for number in range(fit)), name=name)
    renders = [
        SPAWN.Process(target=_render, args=(studio.folder, {**studio.environ}, name, start, 8)) for name in names
    ]
    for process in renders:
        process.start()
    for process in renders:
        process.join(120)
    assert (service.posts, service.charged) == (fit, 60 * fit)
    assert 5 in [process.exitcode for process in renders]
    assert {process.exitcode for process in renders} <= {0, 5}
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    assert [entry.state for entry in ledger.submissions.all()] == ["taken"] * fit
