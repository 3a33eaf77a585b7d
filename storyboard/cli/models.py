"""storyboard models: lists the models that storyboards may name, by what is configured. Pays nothing, needs no key."""

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import json_option
from storyboard.cli.plan_table import columns
from storyboard.model.text import one_line, to_json

if TYPE_CHECKING:
    from storyboard.workflow.models_report import ListedModel


@click.command
@json_option
def command(as_json: bool) -> None:
    """List the models of the configured services: shapes, lengths, images, sound, price of a clip, end.

    A scene names one as `model: WORD`. Services are configured in config.toml, as [providers.NAME].
    """
    from storyboard.config.settings import settings
    from storyboard.workflow.models_report import list_models

    listed, wrong = list_models(settings())
    if as_json:
        click.echo(to_json({"models": [each.document() for each in listed], "faults": _faults(wrong)}))
        return
    for each in listed:
        for line in _lines(each):
            click.echo(line)
    for name, (message, hint) in wrong.items():
        click.echo(f"{name}: {message}\n  hint: {hint}" if hint else f"{name}: {message}", err=True)


def _faults(wrong: Mapping[str, tuple[str, str]]) -> dict[str, object]:
    return {name: {"message": message, "hint": hint} for name, (message, hint) in wrong.items()}


def _lines(listed: "ListedModel") -> list[str]:
    from storyboard.workflow.model_ends import day_of

    wide = columns(sys.stdout)
    told = [listed.summary, listed.price, listed.ends(day_of(time.time()))]
    name = one_line(listed.word, 120) + (" (the usual one)" if listed.is_usual else "")
    rows = [row for text in told if text for row in _wrapped(one_line(text, 500), wide)]
    return [name, *rows]


def _wrapped(text: str, wide: int | None) -> list[str]:
    from textwrap import wrap

    return wrap(text, max(40, wide or 10_000), initial_indent="  ", subsequent_indent="    ")
