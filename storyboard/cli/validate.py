"""storyboard validate: all problems of storyboards, with their places. Pays nothing, needs no key."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import json_option, locate_storyboard, pairs, var_option
from storyboard.model.text import one_line, to_json

if TYPE_CHECKING:
    from storyboard.model.problem import Problem
    from storyboard.model.storyboard import Storyboard


@click.command
@click.argument("files", nargs=-1, metavar="[FILE]...")
@var_option
@click.option("--deep", is_flag=True, help="Decode local clips too, and warn of damage with its time.")
@click.option("--online", is_flag=True, help="Ask the service for the nodes and files of configured models, too.")
@json_option
def command(files: tuple[str, ...], given: tuple[str, ...], deep: bool, online: bool, as_json: bool) -> int:
    """Check storyboards; list every problem with file, line and column."""
    from storyboard.cli.lengths import length_lines
    from storyboard.model.film_length import length_document
    from storyboard.parsing.source import format_problem

    found: list[Problem] = []
    films: list[dict[str, object]] = []
    for file in files or (None,):
        storyboard, problems = _checked(file, pairs(given))
        problems += _damaged(storyboard, file) if storyboard and deep else ()
        found += problems
        for problem in problems if not as_json else ():
            click.echo(format_problem(problem), err=True)
        name = file or str(locate_storyboard(file).name)
        if storyboard:
            films.append({"storyboard": name, **length_document(storyboard.scenes)})
        if not as_json:
            for line in length_lines(storyboard.scenes if storyboard else ()):
                click.echo(line, err=True)
            click.echo(_summary(name, storyboard, problems), err=True)
    for problem in _asked() if online else ():
        found.append(problem)
        if not as_json:
            click.echo(format_problem(problem), err=True)
    if as_json:
        click.echo(to_json({"problems": [_document(problem) for problem in found], "films": films}))
    return 2 if any(problem.severity == "error" for problem in found) else 0


def _checked(file: str | None, given: dict[str, str]) -> "tuple[Storyboard | None, tuple[Problem, ...]]":
    from storyboard.config.settings import settings
    from storyboard.workflow.validate import validate_storyboard

    path = locate_storyboard(file)
    return validate_storyboard(path, settings(), given, shown=file or path.name)


def _asked() -> "tuple[Problem, ...]":
    from storyboard.config.settings import settings
    from storyboard.workflow.inspect_service import service_problems

    return service_problems(settings())


def _damaged(storyboard: "Storyboard", file: str | None) -> "tuple[Problem, ...]":
    from storyboard.workflow.clip_remarks import damage_remarks
    from storyboard.workflow.source_files import Project

    return damage_remarks(storyboard, Project(locate_storyboard(file).parent))


def _summary(name: str, storyboard: "Storyboard | None", problems: "tuple[Problem, ...]") -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    counts = [_count(errors, "error"), _count(len(problems) - errors, "warning")]
    said = ", ".join(count for count in counts if count) or "no problems"
    scenes = len(storyboard.scenes) + len(storyboard.skipped) if storyboard else 0
    return f"{one_line(name)}: {_count(scenes, 'scene') + ', ' if scenes else ''}{said}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}" if number else ""


def _document(problem: "Problem") -> dict[str, object]:
    fields = asdict(problem)
    return {**fields.pop("place"), **{name: fields[name] for name in ("path", "message", "hint", "severity")}}
