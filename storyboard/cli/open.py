"""storyboard open: open the film, its contact sheet, or the take of a scene. Pays nothing."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import again, draft_option, file_argument, locate_storyboard, pairs, realm_of, var_option
from storyboard.model.errors import InputError, SceneFailed

if TYPE_CHECKING:
    from storyboard.workflow.status_report import StatusReport


@click.command
@file_argument
@draft_option
@var_option
@click.option("--sheet", is_flag=True, help="Open the contact sheet instead of the film.")
@click.option("--take", "scene", metavar="SCENE", help="Open the take of this scene instead of the film.")
def command(file: str | None, draft: bool, given: tuple[str, ...], sheet: bool, scene: str | None) -> None:
    """Open the film with the program that your desktop has for it, and print its path."""
    from storyboard.cli.events_text import near
    from storyboard.config.settings import settings
    from storyboard.system.desktop import open_file
    from storyboard.workflow.status_report import read_status
    from storyboard.workflow.workspace import open_workspace

    if sheet and scene:
        raise InputError("--sheet and --take exclude each other", "open one after the other")
    with open_workspace(
        locate_storyboard(file), settings(), realm_of(draft), given=pairs(given), looking=True
    ) as workspace:
        report = read_status(workspace)
    flags = again(draft=draft, given=given)
    path = _take(report, scene, flags) if scene else _made(report, flags, sheet=sheet)
    click.echo(near(str(path)))
    open_file(path)


def _made(report: "StatusReport", flags: str, *, sheet: bool) -> Path:
    """The film, or its contact sheet. Raise InputError if it has not been made."""
    path, verb = (report.sheet, "sheet") if sheet else (report.film, "render")
    if not path.is_file():
        what = "contact sheet" if sheet else "film"
        raise InputError(f"there is no {what} yet", f"make it with: {_typed(verb, report, flags)}")
    return path


def _take(report: "StatusReport", scene: str, flags: str) -> Path:
    """The take of a scene, or its local file. Raise InputError for another name, SceneFailed if there is no take."""
    from storyboard.model.suggest import did_you_mean
    from storyboard.model.text import one_line

    paths = report.paths
    if scene not in paths:
        raise InputError(f"no scene of the film is called '{one_line(scene, 80)}'", did_you_mean(scene, paths))
    path = paths[scene]
    if path is None and scene in {own.scene for own in report.own_scenes}:
        typed = f"{_typed('preview', report, flags)} {scene}"
        raise InputError(f"scene {scene} has no file: it is drawn for the film", f"make a film of it with: {typed}")
    if path is None:
        typed = f"{_typed('render', report, flags)} --scene {scene}"
        raise SceneFailed(f"scene {scene} has no take and no file of its own", f"make its take with: {typed}")
    return path


def _typed(verb: str, report: "StatusReport", flags: str) -> str:
    return f"storyboard {verb} {shlex.quote(report.storyboard)}{flags}"
