"""storyboard store: the takes that were paid for."""

import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storyboard.cli.options import draft_option, json_option, realm_of
from storyboard.model.take import ORIGINAL
from storyboard.model.text import one_line, safe_text, to_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storyboard.config.settings import Settings
    from storyboard.costs.price_book import PriceBook
    from storyboard.model.realm_kind import Kind
    from storyboard.state.garbage import UnreferencedTake
    from storyboard.state.realm import Realm
    from storyboard.workflow.collect_garbage import Trashed
    from storyboard.workflow.ledger_backup import LedgerContent
    from storyboard.workflow.store_report import CollectionReport, ListedTake


@click.group
def command() -> None:
    """List, verify and clean up the stored takes."""


@command.command("ls")
@draft_option
@json_option
def ls(draft: bool, as_json: bool) -> None:
    """List every take: download time, scene, length, size and name."""
    from storyboard.config.settings import settings
    from storyboard.workflow.store_report import list_takes

    with closing(_realm(settings(), draft)) as realm:
        takes = list_takes(realm)
    if as_json:
        click.echo(to_json({"takes": [_take_document(listed) for listed in takes]}))
        return
    for listed in takes:
        click.echo(_take_line(listed, realm.kind))
    click.echo(f"{_takes(len(takes), realm.kind)} in {realm.store.root}", err=True)


def _take_document(listed: "ListedTake") -> dict[str, object]:
    from storyboard.model.submission import rfc3339
    from storyboard.model.text import json_number

    take = listed.take
    return {
        "sha256": take.digest,
        "scene": listed.scene,
        "resolution": take.resolution,
        "seconds": json_number(take.measure.seconds),
        "size": f"{take.measure.width}x{take.measure.height}",
        "bytes": take.bytes,
        "came": rfc3339(listed.downloaded),
        "held": listed.held,
        "removed": None if listed.removed is None else rfc3339(listed.removed),
        "original_owed": listed.owes_original,
    }


def _take_line(listed: "ListedTake", kind: "Kind") -> str:
    from storyboard.model.submission import rfc3339

    take, came = listed.take, rfc3339(listed.downloaded)
    missing = "missing from the store" if kind == "paid" else "not here any more"
    why = missing if listed.removed is None else f"removed by store gc on {rfc3339(listed.removed)[:10]}"
    gone = "" if listed.held else f"  {why}"
    scene, size = one_line(listed.scene or "–", 64), f"{take.measure.width}x{take.measure.height}"
    owed = "  its uncropped original is not downloaded yet" if listed.owes_original else ""
    original = "  original (uncropped)" if take.resolution == ORIGINAL else owed
    return f"{came}  {take.digest[:12]}  {scene:<16} {float(take.measure.seconds):>6g} s  {size}{original}{gone}"


@command.command("verify")
@draft_option
@json_option
def verify(draft: bool, as_json: bool) -> int:
    """Compare every take with its digest. Damaged takes are moved aside; the next render downloads them again."""
    from storyboard.config.settings import settings
    from storyboard.model.errors import LocalFault
    from storyboard.workflow.store_report import check_takes

    found = settings()
    kind = realm_of(draft) or found.service_realm
    check = check_takes(kind, found.realm_folder(kind), time.time())
    damaged, lost, removed = check.damaged, check.lost, check.removed
    if as_json:
        frames = {"frames": check.frames, "damaged_frames": check.damaged_frames}
        click.echo(to_json({"checked": check.checked, "damaged": damaged, "gone": lost, "removed": removed, **frames}))
    else:
        gone = f", {len(removed)} removed by gc" if removed else ""
        click.echo(f"{_takes(check.checked, kind)} read, {len(damaged)} damaged, {len(lost)} not in the store{gone}")
        if check.frames:
            again = ", and moved aside: each is extracted again when it is needed" if check.damaged_frames else ""
            click.echo(f"{_frames(check.frames)} read, {check.damaged_frames} damaged{again}")
    if damaged:
        raise LocalFault(
            f"damaged, and moved to {check.damaged_folder}: {_takes(len(damaged))}",
            "run `storyboard render` to download them again (free)",
        )
    return 0


@command.command("backup")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@draft_option
def backup(folder: Path, draft: bool) -> None:
    """Copy the ledger into DIR and verify the copy, also while renders are in progress."""
    import time

    from storyboard.config.settings import settings
    from storyboard.workflow.ledger_backup import back_up_ledger

    found = settings()
    kind = realm_of(draft) or found.service_realm
    content = back_up_ledger(kind, found.realm_folder(kind), folder, time.time())
    if content is None:
        click.echo("there is no ledger yet: nothing was submitted", err=True)
        return
    click.echo(content.file)
    click.echo(_content(content), err=True)


@command.command("accept")
@click.argument("copy", required=False, metavar="[BACKUP]", type=click.Path(path_type=Path))
@draft_option
def accept(copy: Path | None, draft: bool) -> None:
    """Continue with a ledger from which changes are missing, or with a BACKUP of it."""
    import time

    from storyboard.config.settings import settings
    from storyboard.workflow.ledger_backup import accept_ledger

    found = settings()
    content = accept_ledger(found.realm_folder(realm_of(draft) or found.service_realm), copy, time.time())
    click.echo(f"accepted: {_content(content)}", err=True)
    click.echo("a submission that is not in it may be paid for again: check what the service has charged", err=True)


def _content(content: "LedgerContent") -> str:
    from storyboard.model.submission import rfc3339

    last = "" if content.last is None else f"; the last change of a submission is of {rfc3339(content.last)}"
    return f"{content.submissions} submissions, {_takes(content.takes)}{last}"


@command.command("gc")
@click.option("--delete", is_flag=True, help="Move them to the trash, and delete takes that are there for over a day.")
@click.option("--restore", is_flag=True, help="Restore everything from the trash.")
@click.option(
    "--older-than", "days", type=click.FloatRange(0), default=14.0, metavar="DAYS",
    help="Only takes downloaded and last pinned more than DAYS days ago (default 14).",
)  # fmt: skip
@click.option(
    "--gone", multiple=True, type=click.Path(path_type=Path), metavar="PATH",
    help="Ignore the lock files of this deleted storyboard or folder. May be repeated.",
)  # fmt: skip
@draft_option
@json_option
def gc(delete: bool, restore: bool, days: float, gone: tuple[Path, ...], draft: bool, as_json: bool) -> None:
    """List the takes that nothing needs any more. Only --delete removes any."""
    import time

    from storyboard.config.settings import settings
    from storyboard.model.errors import InputError
    from storyboard.workflow.collect_garbage import GarbageCollector
    from storyboard.workflow.store_report import run_collection

    if delete and restore:
        raise InputError("--delete and --restore are opposites", "say one of them")
    now, found = time.time(), settings()
    with closing(_realm(found, draft)) as realm:
        collector = GarbageCollector(found, realm)
        report = run_collection(collector, days, gone, now, delete=delete, restore=restore)
    if as_json:
        click.echo(to_json(_document(report, found.prices)))
        return
    for line in _spare(report):
        click.echo(safe_text(line))
    for line in (*_kept(report), *_done(report, found.prices)):
        click.echo(safe_text(line), err=True)


def _spare(report: "CollectionReport") -> "Iterator[str]":
    """A line for each take that can be removed."""
    from storyboard.model.submission import rfc3339

    for spare in report.spare:
        whose, day = f"{spare.scene} of {one_line(spare.storyboard, 200)}", rfc3339(spare.last)[:10]
        yield f"{spare.digest[:12]}  {_megabytes(spare.bytes):>9}  last used {day}  {whose}: {spare.why}"


def _kept(report: "CollectionReport") -> "Iterator[str]":
    """What is kept, and why."""
    found = report.waste.found
    kept = [(found.needed, "needed"), (found.young, "too young"), (found.unknown, "unknown to the ledger")]
    if said := ", ".join(f"{number} {why}" for number, why in kept if number):
        yield f"{'kept':<8} {said}"
    for trouble, number in found.doubtful.items():
        yield f"{'kept':<8} {_takes(number)}: {one_line(trouble, 400)}"
    if report.has_missing_locks:
        yield f"{'':<8} if it will not come back, say so: --gone PATH"


def _done(report: "CollectionReport", prices: "PriceBook") -> "Iterator[str]":
    """What was removed, or would be."""
    from storyboard.model.submission import rfc3339

    if report.restored:
        yield f"{'restored':<8} {_takes(len(report.restored))}"
    price = f", bought for {prices.bare(report.spare_cost)}" if report.spare_cost else ""
    spare = f"{_takes(len(report.spare))}, {_megabytes(report.spare_bytes)}{price}"
    if not report.spare:
        yield f"{'spare':<8} nothing"
    elif report.deleted:
        yield f"{'trash':<8} {spare}: now in {report.trash_folder}"
        yield f"{'':<8} a render that needs one brings it back, and so does --restore"
        yield f"{'':<8} from {rfc3339(report.spare_due)} on, --delete removes them for good"
    else:
        yield f"{'spare':<8} {spare}; --delete moves them into the trash"
    if due := report.due:
        what = "removed for good" if report.deleted else "which --delete removes for good"
        yield f"{'trash':<8} {_takes(len(due))}, {_megabytes(sum(trashed.bytes for trashed in due))}, {what}"
    if frames := report.waste.frames:
        what = "deleted" if report.deleted else "which --delete deletes"
        yield f"{'frames':<8} {_frames(len(frames))} of takes that are gone, {_megabytes(sum(frames.values()))}, {what}"
    if resting := report.resting:
        until = rfc3339(report.resting_due)
        yield f"{'trash':<8} {_takes(len(resting))} in it, which --delete removes for good from {until} on"


def _document(report: "CollectionReport", prices: "PriceBook") -> dict[str, object]:
    found = report.waste.found
    return {
        "deleted": report.deleted,
        "spare": [_spare_document(take, prices) for take in report.spare],
        "bytes": report.spare_bytes,
        "kept": {
            "needed": found.needed,
            "young": found.young,
            "unknown": found.unknown,
            "doubtful": [{"why": why, "takes": takes} for why, takes in found.doubtful.items()],
        },
        "trash": [_trash_document(trashed, report.now) for trashed in report.waste.trash],
        "restored": list(report.restored),
        "frames": [{"sha256": digest, "bytes": size} for digest, size in report.waste.frames.items()],
    }


def _spare_document(take: "UnreferencedTake", prices: "PriceBook") -> dict[str, object]:
    from storyboard.model.submission import rfc3339

    return {
        "sha256": take.digest,
        "bytes": take.bytes,
        "scene": take.scene,
        "storyboard": take.storyboard,
        "why": take.why,
        **prices.document(take.cost),
        "last": rfc3339(take.last),
    }


def _trash_document(take: "Trashed", now: float) -> dict[str, object]:
    from storyboard.model.submission import rfc3339

    return {"sha256": take.digest, "bytes": take.bytes, "since": rfc3339(take.since), "due": take.due(now)}


def _takes(number: int, kind: "Kind" = "paid") -> str:
    return f"{number} {'rehearsal ' if kind == 'rehearsal' else ''}take{'' if number == 1 else 's'}"


def _frames(number: int) -> str:
    return f"{number} frame{'' if number == 1 else 's'}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _realm(settings: "Settings", draft: bool) -> "Realm":
    """Open the realm that --draft names. The caller closes it."""
    from storyboard.state.realm import Realm

    kind = realm_of(draft) or settings.service_realm
    realm = Realm(kind, settings.realm_folder(kind))
    if realm.narrowed:
        click.echo(safe_text(f"warning: {realm.narrowed}"), err=True)
    return realm
