"""Check the installation: what is installed, reachable, configured or damaged, and what to do."""

import os
import shlex
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from storyboard.model.errors import InputError, LocalFault, RunRefused, StoryboardError, SubmissionUnknown
from storyboard.model.realm_kind import KINDS
from storyboard.model.text import one_line
from storyboard.system import signals

if TYPE_CHECKING:
    from storyboard.config.settings import Settings
    from storyboard.model.take import Take
    from storyboard.state.store import Store

# Bytes. With less free, a render of a few dozen clips may fill the disk.
ROOM = 1_000_000_000

_OWED = 20  # jobs that are named one by one


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check, and what to do if it is bad.

    ``fault`` is the class of the error that a render would raise.
    """

    subject: str
    state: Literal["ok", "note", "bad"]
    said: str
    hint: str = ""
    fault: type[StoryboardError] | None = None


def check_installation(*, offline: bool) -> Iterator[Finding]:
    """Yield a finding for everything that a render needs; query the provider unless ``offline``."""
    from storyboard import __version__
    from storyboard.config.settings import settings

    yield Finding("storyboard", "ok", f"{__version__}, Python {sys.version.split()[0]}")
    yield from _names()
    yield from _ffmpeg()
    try:
        found = settings()
    except InputError as error:
        yield _bad("config", error)
        return
    known = "" if found.file.exists() else " (not there: everything is at its default)"
    yield Finding("config", "ok", f"{found.file}{known}")
    yield from _store(found)
    yield from _rights(found)
    yield from _ledger(found)
    yield from _leftovers(found)
    yield from _uploads(found)
    yield from _callbacks(found)
    yield from _provider(found, offline)
    for name in found.others:
        for finding in _provider(found.for_provider(name), offline):
            yield replace(finding, subject=name, said=f"{finding.subject}: {finding.said}")


def _names() -> Iterator[Finding]:
    """Whether another distribution installs the same import name, which breaks one of the two."""
    from importlib.metadata import packages_distributions

    owners = set(packages_distributions().get("storyboard", ())) - {"storyboard-render"}
    if owners:
        others = ", ".join(sorted(owners))
        yield Finding(
            "package", "bad", f"{others} installs the name storyboard too", f"pip uninstall {others}", LocalFault
        )


def _ffmpeg() -> Iterator[Finding]:
    from storyboard.media.ffmpeg import version

    try:
        yield Finding("ffmpeg", "ok", version())
    except LocalFault as error:
        yield _bad("ffmpeg", error)


def _store(found: "Settings") -> Iterator[Finding]:
    home = found.home
    near = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(near, os.W_OK):
        yield Finding(
            "store", "bad", f"{home} cannot be written", "STORYBOARD_HOME moves the store elsewhere", LocalFault
        )
        return
    free = shutil.disk_usage(near).free
    if free < ROOM:
        yield Finding("store", "bad", f"{home}: only {free / 1e6:.0f} MB are free", "free some space", LocalFault)
    else:
        yield Finding("store", "ok", f"{home}, {free / 1e9:.0f} GB free")


def _rights(found: "Settings") -> Iterator[Finding]:
    """Whether other users of this machine can read or change the store, the ledger or the key."""
    from storyboard.config.credentials import key_file

    if found.home.is_dir() and (owner := found.home.stat().st_uid) != os.getuid():
        said = f"{found.home} belongs to another user ({owner})"
        hint = f"run storyboard as user {owner}, or set STORYBOARD_HOME to a folder of your own"
        yield Finding("rights", "bad", said, hint, LocalFault)
    key = key_file(found)
    ledgers = [file for kind in KINDS for file in sorted(found.realm_folder(kind).glob("ledger.*"))]
    for path in (found.home, *ledgers, *([Path(os.path.expanduser(key))] if key else [])):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        if mode & 0o077:
            said = f"other users of this machine have rights on {path} (mode {mode:04o})"
            yield Finding("rights", "note", said, f"chmod {'700' if path.is_dir() else '600'} {shlex.quote(str(path))}")
    for kind in KINDS:
        folder = found.realm_folder(kind) / "takes"
        wide = sum(bool(path.stat().st_mode & 0o077) for path in folder.glob("[0-9a-f][0-9a-f]/*.mp4"))
        if wide:  # Releases before put takes into the store with mode 0444.
            said = f"{_count(wide, 'take')} in {folder} can be read by others as soon as the home is open to them"
            yield Finding("rights", "note", said, f"chmod -R go= {shlex.quote(str(folder))}")


def _ledger(found: "Settings") -> Iterator[Finding]:
    from storyboard.model.submission import rfc3339
    from storyboard.state.ledger import Ledger
    from storyboard.state.ledger.database import is_unused
    from storyboard.state.store import Store
    from storyboard.system.claims import is_locked

    realm = found.realm_folder()
    path = realm / "ledger.db"
    try:
        if is_unused(path):
            yield Finding("ledger", "ok", "empty: nothing was ever asked for")
            return
        with closing(Ledger(path)) as ledger:
            damage, entries = ledger.database.problems(), ledger.submissions.all()
            takes, removed = [take for _, take, _ in ledger.takes.all()], ledger.pins.removals()
    except LocalFault as error:
        yield _bad("ledger", error)
        return
    if damage:
        yield Finding("ledger", "bad", f"{path}: {damage[0]}", "restore it from a backup before you render", LocalFault)
        return
    yield Finding("ledger", "ok", f"{len(entries)} submissions")
    for entry in entries:
        lost = entry.state == "intent" and not is_locked(realm / "runs" / entry.run)
        if entry.state == "unknown" or lost:
            said = f"scene {entry.scene} of {entry.storyboard}: sent {rfc3339(entry.asked)}, and its answer was lost"
            yield Finding(
                "unknown",
                "bad",
                said,
                "it is not sent again by itself: storyboard settle decides it",
                SubmissionUnknown,
            )
    yield from _takes(Store(realm / "takes"), takes, {*removed}, "rehearsal takes" if found.rehearsal else "takes")
    yield from _owed(found)


def _owed(found: "Settings") -> Iterator[Finding]:
    """Jobs that were accepted and not downloaded, of all storyboards."""
    from storyboard.workflow.owed_jobs import read_owed

    owed = read_owed(found)
    for job in owed[:_OWED]:
        said = f"scene {job.submission.scene} of {job.submission.storyboard}: {job.sentence}"
        yield Finding("owed", "note", said, "storyboard collect --all downloads it, unpaid; so does its render")
    if owed[_OWED:]:
        yield Finding(
            "owed", "note", f"and {len(owed) - _OWED} more", "storyboard collect --all downloads them, unpaid"
        )


def _takes(store: "Store", takes: "list[Take]", removed: set[str], noun: str) -> Iterator[Finding]:
    trash, every = store.trash(), {take.digest for take in takes}
    absent = {take.digest for take in takes if not store.holds(take.digest, take.bytes)} - {*removed, *trash}
    if absent:
        said = f"{len(absent)} of {len(every)} {noun} are not in the store, or not whole"
        yield Finding("takes", "note", said, "render fetches what a film needs, unpaid; store verify looks closer")
    if trash:
        said = f"{_count(len(trash), 'take')}, {sum(trash.values()) / 1e6:.1f} MB, moved there by store gc"
        hint = "store gc --restore brings them back; store gc --delete removes them for good after a day"
        yield Finding("trash", "note", said, hint)


def _leftovers(found: "Settings") -> Iterator[Finding]:
    """Leftovers: rescued jobs, damaged clips, partial downloads."""
    from storyboard.state import rescue
    from storyboard.state.store import Store
    from storyboard.system.claims import is_locked

    realm = found.realm_folder()
    for kept in rescue.rescued_jobs(realm / "ledger.db"):
        said = f"the job {one_line(kept.job, 80)} was paid for and is not in the ledger: {kept.file}"
        yield Finding(
            "rescue", "bad", said, "make room if the disk is full; the next render or plan brings it in", LocalFault
        )
    store = Store(realm / "takes")
    if damaged := store.damaged_files():
        size = f"{sum(damaged.values()) / 1e6:.1f} MB"
        said = f"{_count(len(damaged), 'damaged file')}, {size}, in {store.root / 'damaged'}"
        yield Finding("damaged", "note", said, "look at them if you like, and remove them")
    halves = [name for name in store.partial_downloads() if not is_locked(realm / "runs" / name.partition(".")[0])]
    if halves:
        said = f"{_count(len(halves), 'clip')} partly downloaded by a render that was killed"
        yield Finding("halves", "note", said, "the next render that asks for something removes them")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _uploads(found: "Settings") -> Iterator[Finding]:
    from storyboard.generation.uploads import WAYS, parse_destination

    try:
        value = "provider" if _takes_own_uploads(found) else found.uploads
        way = parse_destination(value, found.provider, found.base_url)
    except StoryboardError as error:
        yield _bad("uploads", error)
        return
    if way:
        yield Finding("uploads", "ok", f"local images go to {way.destination}")
    else:
        yield Finding("uploads", "note", "no upload destination is configured: only drafts can use local images", WAYS)


def _takes_own_uploads(found: "Settings") -> bool:
    from storyboard.config.settings import configured_provider
    from storyboard.generation.uploads import takes_own_uploads

    try:
        return takes_own_uploads(configured_provider(found))
    except InputError:  # It is reported as the provider's.
        return False


def _callbacks(found: "Settings") -> Iterator[Finding]:
    import socket

    from storyboard.http.address import loopback_host
    from storyboard.system.claims import is_locked

    where = found.callbacks
    if where.url is None:
        yield Finding("callbacks", "ok", "not asked for: STORYBOARD_CALLBACK_URL is not set")
        return
    host = urlsplit(where.url).hostname or ""
    if loopback_host(host) and not found.rehearsal:
        said = "STORYBOARD_CALLBACK_URL is this machine, and the provider is not"
        yield Finding("callbacks", "note", said, "set it to the https address of a tunnel that leads here")
        return
    if is_locked(found.realm_folder() / f"callbacks.{where.port}.claim"):
        yield Finding("callbacks", "ok", f"{host} leads to {where.listens}, where storyboard listens just now")
        return
    try:
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        socket.create_server((where.host, where.port), family=family).close()
    except OSError as error:
        hint = "set STORYBOARD_CALLBACK_LISTEN to another host:port, and lead the tunnel there"
        yield Finding("callbacks", "note", f"{where.listens} cannot be listened on: {error.strerror}", hint)
        return
    yield Finding("callbacks", "ok", f"{host} leads to {where.listens}, which is free to be listened on")


def _provider(found: "Settings", offline: bool) -> Iterator[Finding]:
    from storyboard.config.credentials import api_key

    try:
        key = api_key(found)
    except StoryboardError as error:
        yield Finding("key", "note", error.message, error.hint)
        return
    yield Finding("key", "ok", "there is one" if key else "the service takes none")
    if offline:
        return
    try:
        yield Finding("provider", "ok", _balance(found))
        yield from _models(found)
    except (RunRefused, InputError) as error:
        yield _bad("provider", error)
    except StoryboardError as error:
        yield Finding("provider", "note", error.message, error.hint)


def _models(found: "Settings") -> Iterator[Finding]:
    """What the service says of the models that config.toml defines. Raise StoryboardError."""
    from storyboard.workflow.inspect_service import inspect_service

    if (said := inspect_service(found)) is None:
        return
    if not said.problems:
        yield Finding("models", "ok", f"{said.said} {said.fine}")
    for sentence in said.problems:
        yield Finding("models", "bad", f"{said.said}: {sentence}", said.problem_hint, RunRefused)
    for sentence in said.notes:
        yield Finding("models", "note", sentence, said.note_hint)


def _balance(found: "Settings") -> str:
    from storyboard.config.credentials import service_endpoint
    from storyboard.costs.prices import amount
    from storyboard.generation.provider_calls import credit_balance
    from storyboard.http.client import Client
    from storyboard.system.clock import Clock
    from storyboard.workflow.offers import provider_of

    provider = provider_of(found, found.service_realm)

    async def ask() -> str:
        api = service_endpoint(found)
        async with Client(api, Clock(found.time_scale), provider.answers) as client:
            balance = await credit_balance(provider, client)
        said = "does not tell its balance" if balance is None else f"{amount(balance)} credits left"
        return f"{provider.name} at {found.base_url}: {said}"

    return signals.run(ask)


def _bad(subject: str, error: StoryboardError) -> Finding:
    return Finding(subject, "bad", error.message, error.hint, type(error))
