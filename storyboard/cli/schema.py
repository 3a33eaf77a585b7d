"""storyboard schema: the JSON Schema of the storyboard file, for editors and other tools."""

from pathlib import Path

import click


@click.command
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
def command(output: Path | None) -> None:
    """Print the JSON Schema of the storyboard file."""
    from storyboard.parsing.schema import text
    from storyboard.system.files import replace

    if output:
        replace(output, text().encode())
    else:
        click.echo(text(), nl=False)
