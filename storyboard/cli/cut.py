"""storyboard cut: only the final cut, from takes that exist. Pays nothing, asks nobody."""

from pathlib import Path

import click

from storyboard.cli.options import (
    again,
    draft_option,
    file_argument,
    json_option,
    locate_storyboard,
    pairs,
    reencode_option,
    var_option,
)
from storyboard.model.errors import SceneFailed
from storyboard.model.text import safe_text, to_json


@click.command
@file_argument
@draft_option
@var_option
@json_option
@reencode_option
@click.option("--partial", is_flag=True, help="Show a slate for each scene that is missing; NAME.partial.mp4, exit 3.")
@click.option("--chapters", is_flag=True, help="Put a list of the chapters beside the film, as NAME.chapters.txt.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the film goes.")
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
    from storyboard.cli.events_text import ending, near, warnings_only
    from storyboard.cli.next_steps import done_event, render_command
    from storyboard.config.settings import settings
    from storyboard.workflow.cut import TakesMissing, cut_only
    from storyboard.workflow.partial import cut_partial
    from storyboard.workflow.render_options import RenderOptions

    options = RenderOptions(
        file=locate_storyboard(file),
        approve=lambda at, plan: None,
        on_event=warnings_only(lambda text: click.echo(text, err=True)),
        draft=draft,
        given=pairs(given),
        out=output,
        reencode=reencode,
        chapters=chapters,
        summed=as_json,
    )
    try:
        done = done_event((cut_partial if partial else cut_only)(options, settings()))
    except TakesMissing as error:
        typed = render_command(error.storyboard, again(draft=draft, given=given))
        hint = f"make {'it' if len(error.scenes) == 1 else 'them'} with: {typed}"
        raise SceneFailed(error.message, hint) from None
    if as_json:
        click.echo(to_json(as_document(done), indent=None))
        return done.exit
    for line in ending(done):
        click.echo(safe_text(line), err=True)
    click.echo(near(done.film))
    return done.exit
