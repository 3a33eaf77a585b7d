"""A user's file: mypy reads it in strict mode and must find every name of the public API, with its type."""

import asyncio
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import storyboard
from storyboard import Plan, Problem, RenderResult, Storyboard, Take, Timeline
from storyboard.errors import Problems, StoryboardError


def cheap(plan: Plan) -> bool:
    return plan.credits < 500


def check(file: Path) -> list[str]:
    problems: tuple[Problem, ...] = storyboard.validate(file, variables={"hour": "dusk"})
    return [f"{problem.place}: {problem.message}" for problem in problems if problem.severity == "error"]


def title(file: str) -> str:
    try:
        board: Storyboard = storyboard.load(file)
    except Problems as error:
        return error.problems[0].message
    return board.title


def film(file: str) -> Path | None:
    with storyboard.open(file, realm="draft", configuration=storyboard.settings()) as project:
        plan: Plan = project.plan(scenes=["lamp"])
        result: RenderResult = project.render(plan, approve=cheap, on_event=print, at_once=4, out="film.mp4")
        timeline: Timeline = project.timeline()
        again = project.cut(missing="slate", chapters=True)
        outcomes: Mapping[str, Take | StoryboardError] = result.outcomes
        spent: Fraction = result.spent
        stopped: StoryboardError | None = result.stopped_by
        print(outcomes, spent, stopped, timeline.frames, again.film)
        return result.film


async def film_async(file: str) -> int:
    with storyboard.open(file) as project:
        return (await project.render_async(approve=cheap)).frames


if __name__ == "__main__":
    asyncio.run(film_async("film.yaml"))
