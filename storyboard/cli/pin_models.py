"""storyboard pin-models: write the present model into each scene that has its take. Pays nothing."""

import click

from storyboard.cli.options import locate_storyboard, pairs, var_option


@click.command
@click.argument("file")
@var_option
def command(file: str, given: tuple[str, ...]) -> None:
    """Write its model into each scene that has its take and names none, so that the default model can change.

    Nothing is bought again by it, nor by a change of `defaults: {model: …}` or of the usual provider afterwards.
    """
    from storyboard.config.settings import settings
    from storyboard.workflow.pin_models import pin_models

    found = pin_models(locate_storyboard(file), settings(), pairs(given))
    for each in found:
        click.echo(f"{each.name}:{each.line}: {each.scene}: model: {each.word}", err=True)
    if not found:
        click.echo("nothing to write: each scene that has its take names its model", err=True)
