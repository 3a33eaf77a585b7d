"""Arguments that several verbs share."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from storyboard.model.errors import InputError

if TYPE_CHECKING:
    from storyboard.model.realm_kind import Kind

F = TypeVar("F", bound=Callable[..., object])


def file_argument(command: F) -> F:
    """Add the argument FILE, optional if the folder holds exactly one storyboard."""
    return click.argument("file", required=False, metavar="[FILE]")(command)


def json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def draft_option(command: F) -> F:
    return click.option("--draft", is_flag=True, help="Use draft takes (generated locally, free).")(command)


def var_option(command: F) -> F:
    text = "Set a variable of the storyboard, as plain text. May be repeated."
    return click.option("--var", "given", multiple=True, metavar="NAME=VALUE", help=text)(command)


def agreed_options(command: F) -> F:
    """Add --rebuy and --retry."""
    rebuy = "Buy takes of this scene again that were bought and are lost. May be repeated."
    retry = "Submit takes of this scene once more that were refused for their content. May be repeated."
    command = click.option("--retry", multiple=True, metavar="SCENE", help=retry)(command)
    return click.option("--rebuy", multiple=True, metavar="SCENE", help=rebuy)(command)


def approval_options(command: F) -> F:
    """Add --yes and --max-cost."""
    most = "Stop before the first request if the run costs over N credits, or over an amount such as 5USD."
    command = click.option("--max-cost", metavar="N", help=most)(command)
    return click.option("--yes", is_flag=True, help="Approve the cost without a prompt.")(command)


def at_once_option(command: F) -> F:
    text = "Maximum number of jobs in progress (default 8)."
    return click.option("--at-once", type=click.IntRange(1, 1000), help=text)(command)


def run_options(command: F) -> F:
    """Add what a run that cuts a film makes, and how it is shown: --no-cut, --json, --quiet and --verbose."""
    timed, quiet = "Print one timestamped line per event.", "Print only errors and the path of the film."
    command = click.option("-v", "--verbose", is_flag=True, help=timed)(command)
    command = click.option("-q", "--quiet", is_flag=True, help=quiet)(command)
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line.")(command)
    return click.option("--no-cut", is_flag=True, help="Generate the takes, but do not cut the film.")(command)


def picked_option(command: F) -> F:
    text = "Of each scene, generate only the take that the film uses."
    return click.option("--picked", is_flag=True, help=text)(command)


def model_option(command: F) -> F:
    text = "Make proofs: use this model for scenes that have no take of their own."
    return click.option("--model", default="", metavar="MODEL", help=text)(command)


def proofs_option(command: F) -> F:
    text = "Show proofs by this model for scenes that have no take of their own."
    return click.option("--model", default="", metavar="MODEL", help=text)(command)


def reencode_option(command: F) -> F:
    text = "Re-encode every frame (default: copy where possible)."
    return click.option("--reencode", is_flag=True, help=text)(command)


def pairs(given: tuple[str, ...]) -> dict[str, str]:
    """Return the variables of NAME=VALUE arguments. Raise InputError."""
    for text in given:
        if "=" not in text:
            raise InputError(f"--var {text!r} has no value", "--var hour=dusk")
    return dict(text.split("=", 1) for text in given)


def locate_storyboard(file: str | None) -> Path:
    """Return the absolute path of the storyboard that is meant. Raise InputError."""
    from storyboard.workflow.source_files import locate

    return locate(file, Path.cwd())


def realm_of(draft: bool) -> "Kind | None":
    """Return the realm that --draft names; None for that of the configured service."""
    return "draft" if draft else None


def again(
    *,
    draft: bool = False,
    given: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    rebuy: tuple[str, ...] = (),
    retry: tuple[str, ...] = (),
    out: Path | None = None,
    max_cost: str | None = None,
    picked: bool = False,
    reencode: bool = False,
    model: str = "",
) -> str:
    """Return the flags that give the same film again, quoted for a shell."""
    words = ["--draft"] if draft else []
    words += [word for pair in given for word in ("--var", pair)]
    for flag, scenes in (("--scene", only), ("--rebuy", rebuy), ("--retry", retry)):
        words += [word for scene in scenes for word in (flag, scene)]
    words += ["--model", model] if model else []
    words += ["--picked"] if picked else []
    words += ["--max-cost", max_cost] if max_cost is not None else []
    words += ["-o", str(out)] if out else []
    words += ["--reencode"] if reencode else []
    return "".join(f" {shlex.quote(word)}" for word in words)
