"""storyboard render: generate what is missing, and cut the film."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.may_cancel import may_cancel
from storyboard.cli.options import (
    again,
    agreed_options,
    approval_options,
    at_once_option,
    draft_option,
    file_argument,
    locate_storyboard,
    model_option,
    pairs,
    picked_option,
    realm_of,
    reencode_option,
    run_options,
    var_option,
)
from storyboard.cli.owed_table import mention_owed
from storyboard.cli.run_dialog import agree, reporting, run_settings, say
from storyboard.model.errors import InputError

if TYPE_CHECKING:
    from storyboard.workflow.facts import Agreed


@click.command
@file_argument
@draft_option
@approval_options
@click.option("--scene", "only", multiple=True, metavar="ID", help="Generate only this scene. May be repeated.")
@picked_option
@model_option
@agreed_options
@at_once_option
@var_option
@click.option("--plan", "saved", type=click.Path(path_type=Path), help="Execute exactly this saved plan, or stop.")
@click.option("-o", "--output", "out", type=click.Path(path_type=Path), help="Path of the film.")
@reencode_option
@run_options
def command(
    file: str | None,
    draft: bool,
    yes: bool,
    max_cost: str | None,
    only: tuple[str, ...],
    picked: bool,
    model: str,
    rebuy: tuple[str, ...],
    retry: tuple[str, ...],
    at_once: int | None,
    given: tuple[str, ...],
    saved: Path | None,
    out: Path | None,
    reencode: bool,
    no_cut: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    """Say what it costs, make what is missing, and cut the film."""
    from storyboard.cli.next_steps import done_event
    from storyboard.config.settings import settings
    from storyboard.workflow.render import render
    from storyboard.workflow.render_options import RenderOptions
    from storyboard.workflow.workspace import claimed_workspace

    found, where = run_settings(settings(), max_cost, at_once), locate_storyboard(file)
    with reporting(found, as_json=as_json, quiet=quiet, verbose=verbose) as report:
        options = RenderOptions(
            approve=lambda workspace, plan: agree(workspace, plan, found.at_once, yes=yes, silent=quiet or as_json),
            on_event=report,
            only=only,
            picked=picked,
            at_once=found.at_once,
            saved_plan=None if saved is None else _promised(saved),
            out=out,
            cut=not no_cut,
            reencode=reencode,
            checksum=as_json,
            agreed=_agreed(rebuy, retry),
            may_cancel=may_cancel,
        )
        flags = again(draft=draft, given=given, only=only, picked=picked, out=out, max_cost=max_cost)
        opened = claimed_workspace(where, found, realm_of(draft), given=pairs(given), model=model)
        with mention_owed(where), opened as workspace:
            flags += again(reencode=reencode, model=model)
            done = done_event(render(workspace, options), flags, _previews(workspace.shown, draft, given, only))
        report(done)
    return done.exit if as_json else say(done, found.prices, quiet=quiet)


def _agreed(rebuy: tuple[str, ...], retry: tuple[str, ...]) -> "Agreed":
    from storyboard.workflow.facts import Agreed

    return Agreed(rebuy, retry)


def _previews(shown: str, draft: bool, given: tuple[str, ...], only: tuple[str, ...]) -> tuple[str, ...]:
    """The commands that show the scenes that were asked for, where the film cannot be cut yet."""
    file, flags = shlex.quote(shown), again(draft=draft, given=given)
    return tuple(f"storyboard preview {file} {shlex.quote(scene)}{flags}" for scene in only)


def _promised(path: Path) -> Mapping[str, object]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(
            f"the plan {path} cannot be read: {error.strerror}", "create one with `storyboard plan -o`"
        ) from None
    except (ValueError, RecursionError):
        raise InputError(f"{path} is not a saved plan", "create one with `storyboard plan -o`") from None
    if not isinstance(document, dict) or not isinstance(document.get("steps"), list):
        raise InputError(f"{path} is not a saved plan", "create one with `storyboard plan -o`")
    return document
