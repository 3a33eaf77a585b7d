"""storyboard cut: cut the film from takes that exist. Pays nothing."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import (
    again,
    draft_option,
    file_argument,
    json_option,
    locate_storyboard,
    pairs,
    realm_of,
    reencode_option,
    var_option,
)
from storyboard.model.errors import SceneFailed
from storyboard.model.text import safe_text, to_json

if TYPE_CHECKING:
    from storyboard.cli.events_text import Report
    from storyboard.config.settings import Settings
    from storyboard.model.realm_kind import Kind
    from storyboard.workflow.render_options import RenderOptions
    from storyboard.workflow.summary import RenderResult


@click.command
@file_argument
@draft_option
@var_option
@json_option
@reencode_option
@click.option(
    "--partial", is_flag=True, help="Show a slate for each missing scene; writes NAME.partial.mp4, exit status 3."
)
@click.option("--chapters", is_flag=True, help="Write a list of chapters, NAME.chapters.txt.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Path of the film.")
def command(
    file: str | None,
    draft: bool,
    given: tuple[str, ...],
    as_json: bool,
    reencode: bool,
    partial: bool,
    chapters: bool,
    output: Path | None,
) -> int:
    """Cut the film from the takes that are in the store."""
    from storyboard.cli.events_json import as_document
    from storyboard.cli.events_text import ending, near
    from storyboard.cli.next_steps import done_event, render_command
    from storyboard.config.settings import settings
    from storyboard.workflow.cut import TakesMissing
    from storyboard.workflow.render_options import RenderOptions

    found = settings()
    try:
        with _reporting(found, as_json=as_json) as report:
            options = RenderOptions(on_event=report, out=output, reencode=reencode, chapters=chapters, checksum=as_json)
            where = locate_storyboard(file)
            done = done_event(_cut(where, found, realm_of(draft), pairs(given), options, partial=partial))
    except TakesMissing as error:
        typed = render_command(error.storyboard, again(draft=draft, given=given))
        hint = f"make {'it' if len(error.scenes) == 1 else 'them'} with: {typed}"
        raise SceneFailed(error.message, hint) from None
    if as_json:
        click.echo(to_json(as_document(done, found.prices), indent=None))
        return done.exit
    for line in ending(done, found.prices):
        click.echo(safe_text(line), err=True)
    click.echo(near(done.film))
    return done.exit


def _reporting(found: "Settings", *, as_json: bool) -> "AbstractContextManager[Report]":
    """What is given the events of a cut: with --json, warnings alone are shown."""
    from storyboard.cli import display, events_text

    def tell(text: str) -> None:
        click.echo(text, err=True)

    return nullcontext(events_text.warnings_only(tell)) if as_json else display.progress(found.prices.describe, tell)


def _cut(
    file: Path,
    found: "Settings",
    realm: "Kind | None",
    given: "Mapping[str, str]",
    options: "RenderOptions",
    *,
    partial: bool,
) -> "RenderResult":
    from storyboard.workflow.cut import cut_only
    from storyboard.workflow.partial import TolerantFiles, cut_partial
    from storyboard.workflow.source_files import Project
    from storyboard.workflow.workspace import claimed_workspace

    tolerant = TolerantFiles(Project(file.parent)) if partial else None
    with claimed_workspace(file, found, realm, given=given, files=tolerant) as workspace:
        return cut_partial(workspace, options, tolerant.troubles) if tolerant else cut_only(workspace, options)
