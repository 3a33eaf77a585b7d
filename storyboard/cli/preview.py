"""storyboard preview: one scene with its titles and sound. Pays for the scene if it has no take."""

from pathlib import Path

import click

from storyboard.cli.options import again, approval_options, locate_storyboard, model_option, pairs, realm_of, var_option
from storyboard.cli.run_dialog import agree, reporting, run_settings, say


@click.command
@click.argument("names", nargs=-1, metavar="[FILE] SCENE")
@click.option("--draft", is_flag=True, help="Use a draft take (generated locally, free).")
@approval_options
@var_option
@model_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where the preview goes.")
@click.option("-q", "--quiet", is_flag=True, help="Print only warnings, failures and the path.")
def command(
    names: tuple[str, ...],
    draft: bool,
    yes: bool,
    max_cost: str | None,
    given: tuple[str, ...],
    model: str,
    output: Path | None,
    quiet: bool,
) -> int:
    """Make one scene with its titles and sound, and print the path of its film."""
    from storyboard.cli.next_steps import done_event
    from storyboard.config.settings import settings
    from storyboard.workflow.preview import preview
    from storyboard.workflow.render_options import RenderOptions
    from storyboard.workflow.workspace import claimed_workspace

    if not 1 <= len(names) <= 2:
        raise click.UsageError("name one scene: storyboard preview [FILE] SCENE")
    *file, scene = names
    found, where = run_settings(settings(), max_cost), locate_storyboard(file[0] if file else None)
    with reporting(found, as_json=False, quiet=quiet, verbose=False) as report:
        options = RenderOptions(
            approve=lambda workspace, plan: agree(workspace, plan, found.at_once, yes=yes, silent=quiet),
            on_event=report,
            at_once=found.at_once,
            out=output,
        )
        flags = again(draft=draft, given=given, only=(scene,), max_cost=max_cost, model=model)
        with claimed_workspace(where, found, realm_of(draft), given=pairs(given), model=model) as workspace:
            done = done_event(preview(workspace, scene, options), flags)
        report(done)
    say(done, found.prices, quiet=quiet)
    return done.exit
