"""storyboard sheet: a contact sheet or a poster of the film. Pays nothing."""

from pathlib import Path

import click

from storyboard.cli.options import (
    draft_option,
    file_argument,
    locate_storyboard,
    pairs,
    proofs_option,
    realm_of,
    var_option,
)


@click.command
@file_argument
@draft_option
@var_option
@proofs_option
@click.option("--poster", is_flag=True, help="Write one frame of the film instead, in full size.")
@click.option("--scene", metavar="ID", help="With --poster: the scene of the frame (default: the first).")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Path of the image.")
def command(
    file: str | None,
    draft: bool,
    given: tuple[str, ...],
    model: str,
    poster: bool,
    scene: str | None,
    output: Path | None,
) -> None:
    """Write a contact sheet: a frame of each scene with its id, time and prompt."""
    from storyboard.cli.events_text import near
    from storyboard.config.settings import settings
    from storyboard.model.errors import InputError
    from storyboard.workflow import sheet

    if scene and not poster:
        raise InputError("--scene names the scene of the poster", "add --poster")

    def warn(text: str) -> None:
        click.echo(text, err=True)

    options = sheet.SheetOptions(locate_storyboard(file), realm_of(draft), pairs(given), output, warn, model)
    made = [sheet.poster(options, scene or "", settings())] if poster else sheet.sheet(options, settings())
    for path in made:
        click.echo(near(str(path)))
