"""storyboard store: the takes that were paid for."""

import json
from typing import TYPE_CHECKING

import click

from storyboard.commands.options import draft_option, json_option

if TYPE_CHECKING:
    from storyboard.ledger import Ledger
    from storyboard.store import Store


@click.group
def command() -> None:
    """Look after the takes that were paid for."""


@command.command("ls")
@draft_option
@json_option
def ls(draft: bool, as_json: bool) -> None:
    """Every take: when it came, for which scene, its length, size and name."""
    from storyboard.ledger import moment
    from storyboard.plan import number

    store, ledger = _opened(draft)
    scenes = {entry.key: entry.scene for entry in ledger.entries()}
    rows = [
        {
            "sha256": take.digest,
            "scene": scenes.get(key),
            "resolution": take.resolution,
            "seconds": number(take.measure.seconds),
            "size": f"{take.measure.width}x{take.measure.height}",
            "bytes": take.bytes,
            "came": moment(at),
            "held": store.held(take.digest, take.bytes),
        }
        for key, take, at in ledger.all_takes()
    ]
    if as_json:
        click.echo(json.dumps({"takes": rows}, indent=2))
        return
    for row in rows:
        gone = "" if row["held"] else "  gone from the store"
        name, scene, size = str(row["sha256"])[:12], row["scene"] or "–", row["size"]
        click.echo(f"{row['came']}  {name}  {scene:<16} {row['seconds']:>6g} s  {size}{gone}")
    click.echo(f"{_takes(len(rows))} in {store.root}", err=True)


@command.command("verify")
@draft_option
@json_option
def verify(draft: bool, as_json: bool) -> int:
    """Read every take again; what is damaged is moved aside. Nothing is lost by it: its job can be fetched again."""
    from storyboard.errors import LocalFault

    store, ledger = _opened(draft)
    digests = list(store)
    damaged = [digest for digest in digests if not store.intact(digest)]
    for digest in damaged:
        store.set_aside(store.path(digest))
    lost = sorted({take.digest for _, take, _ in ledger.all_takes()} - {*digests} | {*damaged})
    if as_json:
        click.echo(json.dumps({"checked": len(digests), "damaged": damaged, "gone": lost}, indent=2))
    else:
        click.echo(f"{_takes(len(digests))} read, {len(damaged)} damaged, {len(lost)} not in the store")
    if damaged:
        aside = store.root / "damaged"
        raise LocalFault(
            f"damaged, and moved to {aside}: {_takes(len(damaged))}", "storyboard render fetches them again, unpaid"
        )
    return 0


def _takes(number: int) -> str:
    return f"{number} take{'' if number == 1 else 's'}"


def _opened(draft: bool) -> "tuple[Store, Ledger]":
    from storyboard.config import settings
    from storyboard.ledger import Ledger
    from storyboard.store import Store

    realm = settings().realm(draft=draft)
    return Store(realm / "takes"), Ledger(realm / "ledger.db")
