"""The public Python API: plans, approvals, results and timelines as data, against a service on loopback."""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from studio import Studio
from turns import give_way

import storyboard
from storyboard import OpenStoryboard, Plan, Take
from storyboard.errors import Busy, InputError, Interrupted, SceneFailed
from storyboard.model import events
from storyboard.state.realm import claim_storyboard


@pytest.fixture
def film(studio: Studio) -> Path:
    studio.serve()
    return studio.scenes("A gull", "A tern")


def opened(studio: Studio, film: Path) -> AbstractContextManager[OpenStoryboard]:
    return storyboard.open(film, configuration=studio.settings)


def test_a_plan_that_costs_is_paid_only_where_it_is_approved(studio: Studio, film: Path) -> None:
    """A script that forgets to ask must not spend its user's money."""
    with opened(studio, film) as project:
        with pytest.raises(InputError, match=r"costs 120 credits.*confirmation required"):
            project.render()
        with pytest.raises(Interrupted, match="not approved"):
            project.render(approve=lambda plan: plan.credits < 100)
        assert studio.service.posts == 0
        asked: list[Plan] = []
        result = project.render(approve=lambda plan: not asked.append(plan))
        assert [step.scene for step in asked[0].steps] == ["s1", "s2"]
        assert (result.frames, result.made, result.spent, result.stopped_by) == (384, 2, 120, None)
        assert result.film == studio.folder / "out" / "film.mp4"
        assert project.render().made == 0  # nothing to pay, so nobody is asked
    assert studio.service.posts == 2


def test_exactly_the_given_plan_is_carried_out(studio: Studio, film: Path) -> None:
    """A plan that was looked at, and then another one paid: that is what a saved plan is there against."""
    with opened(studio, film) as project:
        plan = project.plan(scenes=["s2"])
        assert [(step.scene, step.name) for step in plan.steps] == [("s2", "make")]
        result = project.render(plan, approve=lambda plan: True)
        assert (list(result.outcomes), result.missing, result.film) == (["s2"], ("s1",), None)
        again = project.render(plan, approve=lambda plan: True)
        assert (again.made, again.spent) == (0, 0)
    assert studio.service.posts == 1
    studio.scenes("A gull", "A tern at night")
    with opened(studio, film) as project, pytest.raises(InputError, match="out of date"):
        project.render(plan, approve=lambda plan: True)


def test_a_render_meanwhile_is_seen(studio: Studio, film: Path) -> None:
    """A notebook stays open for hours: what a shell bought meanwhile must be neither bought again nor unpinned."""
    with opened(studio, film) as project:
        assert studio.render().exit == 0
        lock = (studio.folder / "film.lock.yaml").read_bytes()
        result = project.render(approve=lambda plan: True)
        assert (result.made, result.spent, studio.service.posts) == (0, 0, 2)
        assert (studio.folder / "film.lock.yaml").read_bytes() == lock


def test_what_fails_is_data(studio: Studio) -> None:
    """A script decides by the error of each scene, not by words that were printed."""
    studio.serve("submit:code=422 @gull")
    with opened(studio, studio.scenes("A gull", "A tern")) as project:
        result = project.render(approve=lambda plan: True)
        failed, taken = result.outcomes["s1"], result.outcomes["s2"]
        assert isinstance(failed, SceneFailed)
        assert (failed.code, isinstance(taken, Take)) == (422, True)
        assert (result.film, result.failed_count, result.spent) == (None, 1, 60)
        with pytest.raises(SceneFailed, match="no take yet: s1"):
            project.timeline()


def test_the_timeline_is_that_of_the_film(studio: Studio, film: Path) -> None:
    """What an exporter writes for an editor must be the film frame by frame."""
    seen: list[events.Event] = []
    with opened(studio, film) as project:
        result = project.render(approve=lambda plan: True, on_event=seen.append)
        timeline = project.timeline()
        assert [(clip.scene, clip.at, clip.frames) for clip in timeline.clips] == [("s1", 0, 192), ("s2", 192, 192)]
        assert (timeline.frames, timeline.fps) == (result.frames, 24)
    assert {type(event) for event in seen} >= {events.Planned, events.Submitted, events.Finished, events.Cutting}


def test_a_film_with_a_slate_lies_beside_the_whole_one(studio: Studio, film: Path) -> None:
    with opened(studio, film) as project:
        project.render(project.plan(["s1"]), approve=lambda plan: True)
        result = project.cut(missing="slate")
        assert result.film == studio.folder / "out" / "film.partial.mp4"
        assert list(result.slates) == ["s2"]
        with pytest.raises(SceneFailed, match="no take yet: s2"):
            project.cut()


async def test_it_renders_in_a_running_loop(studio: Studio, film: Path) -> None:
    """A web server that starts a render must go on answering meanwhile."""
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await give_way()
            beats += 1

    heart = asyncio.create_task(beat())
    with opened(studio, film) as project:
        result = await project.render_async(approve=lambda plan: True)
    heart.cancel()
    assert (result.frames, result.made) == (384, 2)
    assert beats > 100


def test_two_at_once_are_told(studio: Studio, film: Path) -> None:
    with opened(studio, film) as project, claim_storyboard(film), pytest.raises(Busy):
        project.render(approve=lambda plan: True)


def test_problems_are_data(studio: Studio) -> None:
    (studio.folder / "film.yaml").write_text("storyboard: 1\nscenes:\n  - id: a\n    promt: A gull\n")
    (problem, *_) = storyboard.validate(studio.folder / "film.yaml")
    assert (problem.place.line, problem.severity) == (4, "error")
    assert "promt" in problem.message


def test_a_call_that_cannot_work_is_refused_before_anything_is_paid(studio: Studio, film: Path) -> None:
    """A notebook runs inside an event loop: its user must not approve a plan that then cannot be carried out."""

    async def notebook() -> None:
        with opened(studio, film) as project, pytest.raises(InputError, match="inside a running event loop"):
            project.render(approve=lambda plan: True)

    asyncio.run(notebook())
    with opened(studio, film) as project, pytest.raises(InputError, match="missing is 'slates'"):
        project.cut(missing="slates")  # type: ignore[arg-type]  # what a user without a type checker may write
    assert studio.service.posts == 0
