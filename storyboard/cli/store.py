"""storyboard store: the takes that were paid for."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import draft_option, json_option, realm_of
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storyboard.state.ledger import Ledger
    from storyboard.state.store import Store
    from storyboard.workflow.collect_garbage import GarbageFound


@click.group
def command() -> None:
    """Look after the takes that were paid for."""


@command.command("ls")
@draft_option
@json_option
def ls(draft: bool, as_json: bool) -> None:
    """Every take: when it came, for which scene, its length, size and name."""
    from storyboard.model.submission import rfc3339
    from storyboard.model.text import json_number

    store, ledger = _opened(draft)
    removed = ledger.pins.removals()
    scenes = {entry.key: entry.scene for entry in ledger.submissions.all()}
    rows = [
        {
            "sha256": take.digest,
            "scene": scenes.get(key),
            "resolution": take.resolution,
            "seconds": json_number(take.measure.seconds),
            "size": f"{take.measure.width}x{take.measure.height}",
            "bytes": take.bytes,
            "came": rfc3339(at),
            "held": store.holds(take.digest, take.bytes),
            "removed": rfc3339(removed[take.digest]) if take.digest in removed else None,
        }
        for key, take, at in ledger.takes.all()
    ]
    if as_json:
        click.echo(to_json({"takes": rows}))
        return
    for row in rows:
        why = f"removed by store gc on {str(row['removed'])[:10]}" if row["removed"] else "gone from the store"
        gone = "" if row["held"] else f"  {why}"
        name, scene, size = str(row["sha256"])[:12], one_line(str(row["scene"] or "–"), 64), row["size"]
        click.echo(f"{row['came']}  {name}  {scene:<16} {row['seconds']:>6g} s  {size}{gone}")
    click.echo(f"{_takes(len(rows))} in {store.root}", err=True)


@command.command("verify")
@draft_option
@json_option
def verify(draft: bool, as_json: bool) -> int:
    """Read every take again; what is damaged is moved aside. Nothing is lost by it: its job can be fetched again."""
    from storyboard.config.settings import settings
    from storyboard.model.errors import LocalFault
    from storyboard.state.realm import store_claim
    from storyboard.system.claims import shared_lock

    # Never during a gc, which would remove what is being read.
    with shared_lock(store_claim(settings().realm_folder(realm_of(draft)))):
        store, ledger = _opened(draft)
        digests = list(store)
        damaged = [digest for digest in digests if not store.is_intact(digest)]
        for digest in damaged:
            store.set_aside(store.path(digest))
        absent = {take.digest for _, take, _ in ledger.takes.all()} - {*digests} | {*damaged}
        removed = sorted(absent & {*ledger.pins.removals()} - {*damaged})
    lost = sorted(absent - {*removed})
    if as_json:
        found = {"checked": len(digests), "damaged": damaged, "gone": lost, "removed": removed}
        click.echo(to_json(found))
    else:
        gone = f", {len(removed)} removed by gc" if removed else ""
        click.echo(f"{_takes(len(digests))} read, {len(damaged)} damaged, {len(lost)} not in the store{gone}")
    if damaged:
        aside = store.root / "damaged"
        raise LocalFault(
            f"damaged, and moved to {aside}: {_takes(len(damaged))}", "storyboard render fetches them again, unpaid"
        )
    return 0


@command.command("gc")
@click.option("--delete", is_flag=True, help="Move them into the store's trash; what has been there a day is removed.")
@click.option("--restore", is_flag=True, help="Bring everything back from the trash.")
@click.option(
    "--older-than", "days", type=click.FloatRange(0), default=14.0, metavar="DAYS",
    help="Only takes that came, and were last pinned by a lock, so long ago (14).",
)  # fmt: skip
@click.option(
    "--gone", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="This storyboard or folder will not come back: its locks keep nothing. May be repeated.",
)  # fmt: skip
@draft_option
@json_option
def gc(delete: bool, restore: bool, days: float, gone: tuple[Path, ...], draft: bool, as_json: bool) -> None:
    """List the takes that nothing needs any more. Only --delete removes any."""
    import time
    from contextlib import closing, nullcontext

    from storyboard.config.settings import settings
    from storyboard.model.errors import InputError
    from storyboard.workflow.collect_garbage import GarbageCollector

    if delete and restore:
        raise InputError("--delete and --restore are opposites", "say one of them")
    now, found = time.time(), settings()
    store, ledger = _opened(draft)
    clearing = GarbageCollector(realm_of(draft) or found.service_realm, found, ledger, store)
    with closing(ledger), clearing.alone() if delete or restore else nullcontext():
        back = clearing.restore() if restore else ()
        waste = clearing.waste(days, _meant(gone), now)
        if delete:
            clearing.carry_out(waste, now)
    if as_json:
        click.echo(to_json(_document(waste, back, now, delete=delete)))
        return
    for line in _spare(waste):
        click.echo(safe_text(line))
    for line in (*_kept(waste), *_done(waste, back, store.root / "trash", now, delete=delete)):
        click.echo(safe_text(line), err=True)


def _meant(paths: tuple[Path, ...]) -> list[Path]:
    """Paths as they were typed, and resolved as in the ledger."""
    return [path.absolute() for path in paths] + [path.resolve() for path in paths]


def _spare(waste: "GarbageFound") -> "Iterator[str]":
    """A line for each take that can be removed."""
    from storyboard.model.submission import rfc3339
    from storyboard.model.text import one_line

    for spare in waste.found.unreferenced:
        whose, day = f"{spare.scene} of {one_line(spare.storyboard, 200)}", rfc3339(spare.last)[:10]
        yield f"{spare.digest[:12]}  {_megabytes(spare.bytes):>9}  last used {day}  {whose}: {spare.why}"


def _kept(waste: "GarbageFound") -> "Iterator[str]":
    """What is kept, and why."""
    from storyboard.model.text import one_line
    from storyboard.workflow.collect_garbage import NOT_THERE

    found = waste.found
    kept = [(found.needed, "needed"), (found.young, "too young"), (found.unknown, "unknown to the ledger")]
    if said := ", ".join(f"{number} {why}" for number, why in kept if number):
        yield f"{'kept':<8} {said}"
    for trouble, number in found.doubtful.items():
        yield f"{'kept':<8} {_takes(number)}: {one_line(trouble, 400)}"
    if any(trouble.endswith(NOT_THERE) for trouble in found.doubtful):
        yield f"{'':<8} if it will not come back, say so: --gone PATH"


def _done(waste: "GarbageFound", back: tuple[str, ...], trash: Path, now: float, *, delete: bool) -> "Iterator[str]":
    """What was removed, or would be."""
    from storyboard.costs.prices import amount
    from storyboard.model.submission import rfc3339
    from storyboard.state.ledger.pins import DAY

    if back:
        yield f"{'restored':<8} {_takes(len(back))}"
    spare = waste.found.unreferenced
    credits = sum((each.credits for each in spare), Fraction(0))
    price = f", bought for {amount(credits)} credits" if credits else ""
    said = f"{_takes(len(spare))}, {_megabytes(sum(each.bytes for each in spare))}{price}"
    if not spare:
        yield f"{'spare':<8} nothing"
    elif delete:
        yield f"{'trash':<8} {said}: now in {trash}"
        yield f"{'':<8} a render that needs one brings it back, and so does --restore"
        yield f"{'':<8} from {rfc3339(now + DAY)} on, --delete removes them for good"
    else:
        yield f"{'spare':<8} {said}; --delete moves them into the trash"
    if due := [trashed for trashed in waste.trash if trashed.due(now)]:
        what = "removed for good" if delete else "which --delete removes for good"
        yield f"{'trash':<8} {_takes(len(due))}, {_megabytes(sum(each.bytes for each in due))}, {what}"
    if resting := [trashed.since for trashed in waste.trash if not trashed.due(now) and not trashed.wanted]:
        until = rfc3339(max(resting) + DAY)
        yield f"{'trash':<8} {_takes(len(resting))} in it, which --delete removes for good from {until} on"


def _document(waste: "GarbageFound", back: tuple[str, ...], now: float, *, delete: bool) -> dict[str, object]:
    from storyboard.model.submission import rfc3339
    from storyboard.model.text import json_number

    found = waste.found
    return {
        "deleted": delete,
        "spare": [
            {
                "sha256": spare.digest,
                "bytes": spare.bytes,
                "scene": spare.scene,
                "storyboard": spare.storyboard,
                "why": spare.why,
                "credits": json_number(spare.credits),
                "last": rfc3339(spare.last),
            }
            for spare in found.unreferenced
        ],
        "bytes": sum(spare.bytes for spare in found.unreferenced),
        "kept": {
            "needed": found.needed,
            "young": found.young,
            "unknown": found.unknown,
            "doubtful": [{"why": why, "takes": takes} for why, takes in found.doubtful.items()],
        },
        "trash": [
            {"sha256": trashed.digest, "bytes": trashed.bytes, "since": rfc3339(trashed.since), "due": trashed.due(now)}
            for trashed in waste.trash
        ],
        "restored": list(back),
    }


def _takes(number: int) -> str:
    return f"{number} take{'' if number == 1 else 's'}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _opened(draft: bool) -> "tuple[Store, Ledger]":
    from storyboard.config.settings import settings
    from storyboard.state.ledger import Ledger
    from storyboard.state.store import Store

    realm = settings().realm_folder(realm_of(draft))
    return Store(realm / "takes"), Ledger(realm / "ledger.db")
