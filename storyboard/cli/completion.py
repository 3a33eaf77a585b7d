"""storyboard completion: the script that completes verbs, flags and files in a shell."""

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command
@click.argument("shell", type=click.Choice(_SHELLS), metavar="|".join(_SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell, which reads it when it starts."""
    from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

    from storyboard.cli.main import storyboard

    kind = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}[shell]
    # Bash's own `source` would first start a bash, to look at its version.
    click.echo(ShellComplete.source(kind(storyboard, {}, "storyboard", "_STORYBOARD_COMPLETE")), nl=False)
