"""storyboard plan: what would be made, why, and what it costs. Pays nothing, needs no key."""

import json
from pathlib import Path

import click

from storyboard.commands.options import draft_option, file_argument, json_option, located, pairs, var_option


@click.command
@file_argument
@draft_option
@var_option
@json_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Save the plan for `render --plan`.")
def command(file: str | None, draft: bool, given: tuple[str, ...], as_json: bool, output: Path | None) -> None:
    """Say scene by scene what would be done, why, and at what price."""
    from storyboard.config import settings
    from storyboard.desk import desk
    from storyboard.disk import replace
    from storyboard.errors import Problems
    from storyboard.terminal import plan_lines

    with desk(located(file), settings(), draft=draft, given=pairs(given)) as at:
        plan = at.plan()
        document = at.document(plan)
        text = json.dumps(document, indent=2, ensure_ascii=False)
        if output:
            replace(output, (text + "\n").encode())
            click.echo(f"saved in {output}: `storyboard render --plan {output}` does just this, or refuses", err=True)
        if as_json:
            click.echo(text)
        else:
            for line in plan_lines(at.storyboard, plan, at.prices):
                click.echo(line)
        obstacles = at.obstacles(plan)
        if obstacles:
            raise Problems(obstacles)
