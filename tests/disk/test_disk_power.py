"""The power goes at any moment: what is promised holds for whatever the disk kept, and for no lesser code."""

import ast
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import PACKAGE, Call, doors
from power import Effect, Recorder, cuts, earlier
from studio import Studio

from storyboard.cli.next_steps import done_event
from storyboard.model import events
from storyboard.providers.apikley.veo import Apikley
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import claimed_workspace

Open = Callable[[str], Studio]
SYNCS = ("fsync", "keep_names")


def recorded(studio: Studio, monkeypatch: pytest.MonkeyPatch, recorder: Recorder) -> tuple[list[Effect], str, str]:
    """A render that meets a full disk just when a job's name comes, and the render after it, which ends well."""
    folder = studio.folder.parent
    studio.scenes("A gull", "A tern")
    submission, status = Apikley.submission, Apikley.status

    def submitting(self: Apikley, shot: Any, *more: Any) -> Any:
        recorder.saw("post", shot.key)
        return submission(self, shot, *more)

    def polling(self: Apikley, job: str) -> Any:
        recorder.saw("used", job)
        return status(self, job)

    monkeypatch.setattr(Apikley, "submission", submitting)
    monkeypatch.setattr(Apikley, "status", polling)

    def report(event: events.Event) -> None:
        match event:
            case events.Submitted():
                recorder.saw("used", event.job)
            case events.Failed() if event.why.startswith("PAID: job "):
                recorder.saw("used", event.why.split()[2])
            case events.Finished():
                recorder.saw("told", event.sha256)

    updates = 0

    def full(call: Call) -> None:
        nonlocal updates
        if call.door == "sql" and "state = 'open'" in call.data[0] and call.data[0].startswith("UPDATE jobs SET state"):
            updates += 1
            if updates in (2, 3):  # the second job, and once more after the ballast has gone
                error = sqlite3.OperationalError("database or disk is full")
                error.sqlite_errorcode = sqlite3.SQLITE_FULL
                raise error

    recorder.ill = full
    options = RenderOptions(on_event=report, at_once=1)

    def rendered() -> events.Done:
        with claimed_workspace(studio.folder / "film.yaml", studio.settings) as workspace:
            return done_event(render(workspace, options))

    with doors(recorder, folder):
        first, second = rendered(), rendered()
    recorder.saw("end", second.film)
    assert (first.exit, second.exit, second.frames) == (6, 0, 384)
    ledger = folder / "home" / "rehearsals" / "ledger.db"
    return recorder.effects, str(ledger), str(studio.folder / "film.lock.yaml")


@pytest.mark.ci
def test_whenever_the_power_goes_the_promises_hold(open_studio: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step of two renders, twelve disks each."""
    disks = list(cuts(*recorded(open_studio("power"), monkeypatch, Recorder())))
    print(f"{len(disks)} crash images")
    assert [why for found in disks for why in found] == []
    assert len(disks) >= 2000


def syncs() -> Iterator[tuple[str, int, int]]:
    """Every place in the package that has something written through to the disk: file, first and last line."""
    for file in sorted(Path(PACKAGE).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            name = node.func if isinstance(node, ast.Call) else None
            called = name.attr if isinstance(name, ast.Attribute) else name.id if isinstance(name, ast.Name) else ""
            if called in SYNCS:
                yield str(file), node.lineno, node.end_lineno or node.lineno


def passes(site: tuple[str, int, int]) -> bool:
    """Whether the call that is being made came by this place."""
    file, first, last = site
    frame: Any = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename == file and first <= frame.f_lineno <= last:
            return True
        frame = frame.f_back
    return False


@pytest.mark.ci
@pytest.mark.parametrize("site", [pytest.param(site, id=f"{Path(site[0]).name}:{site[1]}") for site in syncs()])
def test_no_sync_is_there_for_nothing(
    open_studio: Open, monkeypatch: pytest.MonkeyPatch, site: tuple[str, int, int]
) -> None:
    """With any one of them left out, a power cut breaks a promise."""
    recorder = Recorder(dropped=lambda call: passes(site))
    assert any(cuts(*recorded(open_studio("power"), monkeypatch, recorder)))


@pytest.mark.ci
def test_one_place_says_how_much_sqlite_syncs() -> None:
    """A second connection, or a second word on it, would need a test of its own."""
    said = [
        file.name
        for file in Path(PACKAGE).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "PRAGMA synchronous" in node.value
    ]
    opened = [file.name for file in Path(PACKAGE).rglob("*.py") if "sqlite3.connect(" in file.read_text("utf-8")]
    assert (said, opened) == (["database.py"], ["database.py"])


@pytest.mark.ci
def test_a_ledger_that_syncs_less_would_forget(open_studio: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a WAL user often gets, NORMAL, is not enough."""
    disks = cuts(*recorded(open_studio("power"), monkeypatch, Recorder(softened=True)))
    told = "\n".join(why for found in disks for why in found)
    assert "its intent is lost" in told
    assert "its name is lost" in told


@pytest.mark.ci
def test_no_two_writes_may_change_places(open_studio: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each order that ARCHITECTURE.md promises: the other way round, a promise breaks."""
    effects, ledger, lock = recorded(open_studio("power"), monkeypatch, Recorder())
    post = next(effect for effect in effects if effect.what == "post")
    used = next(effect for effect in effects if effect.what == "used")
    rescued = next(effect for effect in effects if effect.what == "name" and "rescue" in effect.to)
    told = next(effect for effect in effects if effect.what == "used" and effect.data != used.data)
    take = next(effect for effect in effects if effect.what == "name" and effect.to.endswith(".mp4"))
    digest = Path(take.to).stem
    taken = next(effect for effect in effects if effect.what == "commit" and digest in effect.data.takes)
    names_lock = next(effect for effect in effects if effect.what == "name" and effect.to == lock)
    home = str(Path(ledger).parent)
    orders: dict[str, tuple[Callable[[Effect], bool], Callable[[Effect], bool], str]] = {
        "the request before its intent": (
            lambda it: it is post,
            lambda it: it.what == "commit" and post.data in it.data.keys,
            "its intent is lost",
        ),
        "a job told before it is written down": (
            lambda it: it is used,
            lambda it: it.what == "commit" and used.data in it.data.jobs,
            "its name is lost",
        ),
        "a rescued job told before it is kept": (
            lambda it: it is told,
            lambda it: it is rescued,
            "its name is lost",
        ),
        "a rescue file gone before the ledger has its job": (
            lambda it: it.what == "remove" and it.path == rescued.to,
            lambda it: it.what == "commit" and told.data in it.data.jobs,
            "its name is lost",
        ),
        "a take in the ledger before the store": (
            lambda it: it is taken,
            lambda it: it is take,
            "the store has not",
        ),
        "the lock before the ledger has its take": (
            lambda it: it.file == names_lock.file or (it.what == "names" and it.path == str(Path(lock).parent)),
            lambda it: it is taken,
            "the lock names a take that is lost",
        ),
        "a name before its bytes": (
            lambda it: it is take,
            lambda it: it.what == "sync" and it.file == take.file,
            "half a file",
        ),
        "a folder synced before the name is in it": (
            lambda it: it.what == "names" and it.path == str(Path(take.to).parent),
            lambda it: it is take,
            "the store has not",
        ),
        "a folder synced before the ledger's own is in it": (
            lambda it: it.what == "names" and it.path == str(Path(home).parent),
            lambda it: it.what == "folder" and it.path == home,
            "its intent is lost",
        ),
    }
    for order, (what, before, breaks) in orders.items():
        disks = cuts(earlier(effects, what, before), ledger, lock)
        assert any(breaks in why for found in disks for why in found), order
