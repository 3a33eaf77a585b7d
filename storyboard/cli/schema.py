"""storyboard schema: the JSON Schema of the storyboard file, for editors and other tools."""

from pathlib import Path

import click


@click.command
@click.option("--scenes", is_flag=True, help="Print the schema of include files instead.")
@click.option("--published", is_flag=True, help="Leave out what your config.toml adds.")
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead of stdout.")
def command(scenes: bool, published: bool, output: Path | None) -> None:
    """Print the JSON Schema of the storyboard file, with the models of the services in your config.toml."""
    from storyboard.parsing.schema import text
    from storyboard.system.files import replace

    schema = text("scenes") if scenes else text() if published else _configured()
    if output:
        replace(output, schema.encode())
    else:
        click.echo(schema, nl=False)


def _configured() -> str:
    from storyboard.config.settings import settings
    from storyboard.parsing.configured_schema import configured_text
    from storyboard.workflow.offers import configured_catalogue

    return configured_text(configured_catalogue(settings()))
