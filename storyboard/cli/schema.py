"""storyboard schema: the JSON Schema of the storyboard file, for editors and other tools."""

from pathlib import Path

import click


@click.command
@click.option("--scenes", is_flag=True, help="Print the schema of include files instead.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
def command(scenes: bool, output: Path | None) -> None:
    """Print the JSON Schema of the storyboard file."""
    from storyboard.parsing.schema import text
    from storyboard.system.files import replace

    schema = text("scenes" if scenes else "storyboard")
    if output:
        replace(output, schema.encode())
    else:
        click.echo(schema, nl=False)
