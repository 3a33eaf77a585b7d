"""storyboard settle: decide a submission whose answer was lost."""

import time

import click

from storyboard.cli.options import locate_storyboard, pairs, var_option
from storyboard.model.errors import InputError


@click.command
@click.argument("file")
@click.argument("scene")
@click.option(
    "--adopt",
    metavar="TASK",
    help="The submission was accepted as job TASK: download it (checked with the provider first).",
)
@click.option("--again", is_flag=True, help="Submit it again. May be charged twice, if the first one was accepted.")
@click.option("--abandon", is_flag=True, help="Abandon it: it is not submitted again.")
@click.option("--take", type=int, metavar="N", help="Number of the take (default: the first that needs a decision).")
@var_option
def command(
    file: str, scene: str, adopt: str | None, again: bool, abandon: bool, take: int | None, given: tuple[str, ...]
) -> None:
    """Resolve a SCENE whose submission got no answer, or whose job never ends."""
    from storyboard.config.settings import settings
    from storyboard.state.realm import claim_storyboard
    from storyboard.workflow import settle
    from storyboard.workflow.workspace import open_workspace

    if (adopt is not None) + again + abandon != 1:
        raise InputError("say one of --adopt TASK, --again and --abandon", "storyboard settle --help explains them")
    where = locate_storyboard(file)
    with claim_storyboard(where), open_workspace(where, settings(), given=pairs(given)) as workspace:
        entry = settle.submission_to_settle(workspace, scene, take)
        name, price = entry.take, workspace.prices.describe(entry.price)
        if adopt is not None:
            settle.adopt(workspace, entry, adopt, time.time())
            click.echo(f"{name}: the job is adopted; the next render collects it, and pays nothing", err=True)
        elif again:
            settle.request_again(workspace, entry, time.time())
            click.echo(f"{name}: the next render submits again: {price}; this may pay for it twice", err=True)
        else:
            settle.abandon(workspace, entry, time.time())
            click.echo(f"{name}: abandoned and not submitted again; it may have cost {price}", err=True)
