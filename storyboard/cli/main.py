"""The command line: arguments in, exit status out. Imports verbs when they are called; turns errors into statuses."""

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module

import click

from storyboard.cli.exit_status import error_status
from storyboard.model.errors import LocalFault, Problems, StoryboardError
from storyboard.model.text import one_line
from storyboard.system import signals
from storyboard.system.files import hint_for_errno
from storyboard.system.traceback_file import keep_traceback

# Verb -> what it does. The list is the help page, so that --help imports no verb.
VERBS = {
    "init": "Start a small project that renders at once.",
    "validate": "Check storyboards; list every problem with file, line and column.",
    "prompts": "Print the prompts and requests exactly as they would be sent.",
    "plan": "Show what a render would generate, why, and the cost.",
    "render": "Render the film: plan, confirm, generate, download, cut.",
    "collect": "Download clips that are not downloaded yet, also without a valid storyboard.",
    "preview": "Make one scene with its titles and sound.",
    "cut": "Cut the film from existing takes.",
    "takes": "List the takes of scenes side by side; write a sheet.",
    "pick": "Choose the take of a scene that the film uses.",
    "accept": "Keep the takes of a scene that has changed.",
    "retake": "Generate more takes of a scene.",
    "pin-models": "Write its model into each scene that has its take.",
    "history": "List every take that was bought for a scene.",
    "sheet": "Make a contact sheet of all scenes, or a poster.",
    "open": "Open the film, its contact sheet, or a take.",
    "status": "Show running jobs, charges, and scenes that need a decision.",
    "settle": "Resolve a submission whose answer was lost.",
    "callbacks": "Receive the provider's callbacks (webhooks).",
    "store": "List, verify and clean up the stored takes.",
    "emulator": "Run a local server with the provider's API.",
    "provider": "Check the declaration of a video service.",
    "models": "List the models that scenes may name, with prices and limits.",
    "schema": "Print the JSON Schema of the storyboard file.",
    "completion": "Print the completion script of a shell.",
    "doctor": "Check installation, network, configuration and stored files.",
}


# What a disk or a system may refuse: never a fault of this program.
_LOCAL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.EIO}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"storyboard.cli.{cmd_name.replace('-', '_')}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = get_close_matches(args[0], VERBS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{one_line(args[0], 60)}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": None})
@click.version_option(package_name="storyboard-render", prog_name="storyboard")
def storyboard() -> None:
    """Turns a storyboard, a YAML file kept in git, into a finished film.

    Each shot is bought once. `storyboard render FILE --draft` costs nothing and needs no key.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit status (commands.md)."""
    _open_streams()
    left = status(arguments)
    signals.ignore()
    try:
        sys.stdout.flush()
    except OSError as error:
        # Python would flush again at exit, and print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if not isinstance(error, BrokenPipeError):
            click.echo(f"storyboard: the output could not be written: {error.strerror}", err=True)
            left = left or 6
    # Python's own exit waits for threads and can still be interrupted by a signal; nothing is left to do.
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(left)


def _open_streams() -> None:
    """Replace standard streams that were closed: else the next opened file would take their place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))


def status(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    try:
        result = storyboard.main(args=arguments, prog_name="storyboard", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except StoryboardError as error:
        return _fail(error)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return 2
    except (click.exceptions.Abort, KeyboardInterrupt):
        _tell("storyboard: interrupted")
        return 130
    except (BrokenPipeError, SystemExit):
        return 0  # Whoever read our output has had enough; click makes a SystemExit(1) of it.
    except OSError as error:
        if error.errno not in _LOCAL:
            return _apologise(error)
        return _fail(LocalFault(f"{error.filename or 'the disk'}: {error.strerror}", hint_for_errno(error.errno)))
    except Exception as error:  # What no other line foresaw is a fault of storyboard itself.
        return _apologise(error)


def _tell(text: str) -> None:
    """Write to stderr. A closed one changes no exit status."""
    with suppress(OSError):
        click.echo(text, err=True)


def _fail(error: StoryboardError) -> int:
    if isinstance(error, Problems):
        from storyboard.parsing.source import format_problem

        for problem in error.problems:
            _tell(format_problem(problem))
    _tell(f"storyboard: {error.message}")
    if error.hint:
        _tell(f"  hint: {error.hint}")
    return error_status(error)


def _apologise(error: BaseException) -> int:
    where = keep_traceback(error)
    _tell(f"storyboard: unexpected error, a bug in storyboard\n  hint: {where}")
    return 1
