"""When something goes wrong: one scene's trouble is its own, nothing bought is lost, and the end says what to type."""

import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from studio import Studio, freed
from tiers import every

from storyboard.model import events
from storyboard.model.errors import Busy, InputError, RunRefused, SceneFailed
from storyboard.state import rescue
from storyboard.state.ledger import Ledger

pytestmark = pytest.mark.ci


def test_a_refused_scene_stops_nobody(studio: Studio) -> None:
    """Its neighbours are paid for, safe and pinned; the film waits; the last lines say what to do."""
    service = studio.serve("submit:code=422 @tern")
    studio.scenes("A gull", "A tern", "A heron")
    done = studio.render()
    assert (done.exit, done.made, done.failed, done.film) == (3, 2, 1, "")
    lock = (studio.folder / "film.lock.yaml").read_text()
    assert "  s1:" in lock
    assert "  s2:" not in lock
    assert done.notes[0].startswith("failed   s2: ")
    assert done.notes[-1] == f"then     storyboard render {studio.folder / 'film.yaml'}"
    studio.scenes("A gull", "A stork", "A heron")
    fixed = studio.render()
    assert (fixed.exit, fixed.made, fixed.frames, service.posts) == (0, 1, 576, 4)


ENDS = ["job:fail=501 @tern", "job:flag=2 @tern", "poll:code=501 @tern", "poll:code=400 @tern"]


@pytest.mark.parametrize("fault", ENDS)
def test_a_job_that_comes_to_nothing_is_told(studio: Studio, fault: str) -> None:
    """The provider's reason reaches the author, and the attempt stays in the account."""
    studio.serve(fault)
    studio.scenes("A gull", "A tern")
    done = studio.render()
    assert (done.exit, done.made, done.failed) == (3, 1, 1)
    failed = [event for event in studio.seen if isinstance(event, events.Failed)]
    assert [event.scene for event in failed] == ["s2"]
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    assert [(entry.scene, entry.state) for entry in ledger.submissions.all()] == [("s1", "taken"), ("s2", "failed")]


LOST = [
    "submit:drop-after",
    "submit:cut",
    "submit:garbage",
    "submit:no-id",
    "submit:http=500",
    "submit:code=500+charged",
]


@pytest.mark.parametrize("fault", every(3, LOST))
def test_a_lost_answer_is_never_sent_again(studio: Studio, fault: str) -> None:
    """It may have been charged: the scene stops, its neighbours go on, exit 4, and no later run posts it."""
    service = studio.serve(f"{fault} @tern")
    studio.scenes("A gull", "A tern")
    first = studio.render()
    assert (first.exit, first.made, first.unknown) == (4, 1, 1)
    posts = service.posts
    for _ in range(2):
        again = studio.render()
        assert (again.exit, again.unknown, service.posts) == (4, 1, posts)
    studio.scenes("A gull", "A heron")
    edited = studio.render()
    assert (edited.exit, service.posts) == (0, posts + 1)


@pytest.mark.parametrize(
    ("fault", "posts", "status"),
    [("submit:drop-before", 1, 4), ("submit:http=429 x3", 4, 0), ("submit:code=455 x2", 3, 0)],
)
def test_a_submission_is_repeated_only_when_it_was_certainly_not_accepted(
    studio: Studio, fault: str, posts: int, status: int
) -> None:
    """429 and maintenance are waited for; a dropped connection is not repeated, whoever dropped it."""
    service = studio.serve(fault)
    studio.scenes("A gull")
    assert (studio.render().exit, service.posts) == (status, posts)


@pytest.mark.parametrize("fault", ["submit:code=401", "submit:http=401", "submit:code=402", "submit:code=404"])
def test_a_refused_run_asks_for_nothing_more(studio: Studio, fault: str) -> None:
    """A wrong key or an empty account is told once, and the scenes behind it are not tried."""
    service = studio.serve(fault)
    studio.scenes(*(f"bird {number}" for number in range(12)))
    done = studio.render(at_once=1)
    assert (done.exit, done.made, service.posts) == (5, 0, 1)
    assert done.failed == 0
    assert not any(isinstance(event, events.Failed) for event in studio.seen)
    assert done.notes[0].startswith("stopped  ")
    assert any(note.startswith("waiting  not generated yet: s1, s2, s3") for note in done.notes)


def test_a_stopped_run_does_not_send_again_what_waits(studio: Studio) -> None:
    """A submission that was refused for now is sent once more after the run was stopped, and paid for."""
    service = studio.serve("submit:code=429 @gull", "submit:code=401 @tern")
    studio.scenes("A gull", "A tern")
    done = studio.render(at_once=2)
    assert (done.exit, done.failed) == (5, 0)
    assert service.posts < 9
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    assert [(entry.state, entry.why) for entry in ledger.submissions.all()] == [("refused", "")] * 2
    sent = service.posts
    service.emulator.heal()
    assert (studio.render().exit, service.posts) == (0, sent + 2)


def test_a_service_that_is_ill_is_told(studio: Studio) -> None:
    """An author who reads nothing for minutes takes the run for hung; and the film must come all the same."""
    service = studio.serve("poll:http=503 x6")
    studio.scenes("A gull", "A tern", "A heron")
    assert (studio.render().exit, service.posts) == (0, 3)
    warned = [event.why for event in studio.seen if isinstance(event, events.Warned) and not event.scene]
    assert any("gave no valid response (job status); retrying in" in why for why in warned)


@pytest.mark.ci
def test_a_wall_clock_that_jumps_expires_nothing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day more, a day less, at every look: every deadline counts on the other clock."""
    looks = itertools.count()
    jumping = SimpleNamespace(monotonic=time.monotonic, time=lambda: time.time() + next(looks) % 2 * 86_400)
    monkeypatch.setattr("storyboard.system.clock.time", jumping)
    service = studio.serve("poll:http=500 x9", "poll:late=2", "clip:http=503 x2")
    studio.scenes("A gull", "A tern", "A heron")
    assert (studio.render().exit, service.posts) == (0, 3)
    assert next(looks) > 20
    assert not [event for event in studio.seen if isinstance(event, events.Failed)]


def test_no_key_is_said_before_anything_is_asked(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APIKLEY_API_KEY")
    service = studio.serve()
    studio.scenes("A gull")
    with pytest.raises(RunRefused, match="no API key"):
        studio.render()
    assert service.emulator.requests == []


@pytest.mark.parametrize("fault", ["clip:html", "clip:http=403", "clip:http=404", "clip:corrupt", "clip:cut"])
@pytest.mark.ci
def test_a_clip_that_does_not_come_is_fetched_by_a_later_run(studio: Studio, fault: str) -> None:
    """It is paid for. However long its host is ill, it is never bought again."""
    service = studio.serve(f"{fault} @tern")
    studio.scenes("A gull", "A tern")
    first = studio.render()
    assert (first.exit, first.made, first.failed) == (3, 1, 1)
    assert (studio.render().exit, service.posts) == (3, 2)
    service.emulator.heal()
    healed = studio.render()
    assert (healed.exit, healed.frames, service.posts) == (0, 384, 2)


@pytest.mark.parametrize("shape", every(3, ["string", "brackets", "single", "info", "data", "null-first"]))
def test_every_shape_of_result_addresses_is_read(studio: Studio, shape: str) -> None:
    """Four forms are documented or seen in the wild; each of them names a clip that is paid for."""
    studio.serve(f"poll:shape={shape}")
    studio.scenes("A gull")
    assert studio.render().exit == 0


def test_a_take_without_sound_is_kept_and_told(studio: Studio) -> None:
    """Up to 5 % of clips come without sound: the film gets exact silence there."""
    studio.serve("clip:silent @tern")
    studio.scenes("A gull", "A tern")
    done = studio.render()
    assert (done.exit, done.frames) == (0, 384)
    warned = [event for event in studio.seen if isinstance(event, events.Warned)]
    assert [event.scene for event in warned] == ["s2"]


HD_FILM = "storyboard: 1\nscenes:\n - {id: a, prompt: a, resolution: 1080p}\n - {id: b, prompt: b}\n"


@pytest.mark.parametrize("fault", ["hd:code=501", "job:fallback @a"])
def test_an_upgrade_that_is_refused_leaves_the_film_its_take(studio: Studio, fault: str) -> None:
    """It stayed booked as spent, and the film stayed without its scene, although the 720p take was there."""
    service = studio.serve(fault)
    studio.write(HD_FILM)
    for _ in range(2):
        done = studio.render()
        assert (done.exit, done.failed, done.frames) == (0, 0, 384)
        warned = [event.why for event in studio.seen if isinstance(event, events.Warned)]
        assert any(why.endswith("its 720p take is used, and the next render asks for 1080p again") for why in warned)
        assert spent(studio) == service.charged == 120
    assert service.posts == 2
    if fault.startswith("hd"):
        service.emulator.heal()
        assert (studio.render().exit, spent(studio), service.charged) == (0, 125, 125)
        assert "1080p:" in (studio.folder / "film.lock.yaml").read_text()


def spent(studio: Studio) -> Fraction:
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        return sum((charge.credits for charge in ledger.charges.all()), Fraction(0))


def test_an_upgrade_that_stalls_stays_booked(studio: Studio) -> None:
    """It may have been charged; its 720p take is safe, and the next run pays nothing for it."""
    service = studio.serve("hd:code=429")
    studio.write(HD_FILM)
    done = studio.render()
    assert (done.exit, done.failed, spent(studio)) == (3, 1, 125)
    assert "its 720p take is safe: run again, or say resolution: 720p" in "".join(done.notes)
    assert "settle" not in "".join(done.notes)
    service.emulator.heal()
    assert (studio.render().exit, spent(studio), service.posts) == (0, 125, 2)


def test_a_fallback_is_written_down_and_told(studio: Studio) -> None:
    """Another model than the one that was asked for, at the same price: the author must hear of it."""
    studio.serve("job:fallback")
    studio.scenes("A gull")
    assert studio.render().exit == 0
    warned = [event.why for event in studio.seen if isinstance(event, events.Warned)]
    assert warned == ["the service generated it with a fallback model, not with veo3_fast"]
    assert "fallback: true" in (studio.folder / "film.lock.yaml").read_text()
    with closing(Ledger(studio.settings.realm_folder() / "ledger.db")) as ledger:
        assert [take.fallback for _, take, _ in ledger.takes.all()] == [True]


def until(process: subprocess.Popen[str], event: str) -> list[dict[str, object]]:
    """Read events until one of this name."""
    seen: list[dict[str, object]] = []
    assert process.stdout is not None
    while not seen or seen[-1]["event"] != event:
        line = process.stdout.readline()
        assert line, (process.stderr.read() if process.stderr else "", seen)
        seen.append(json.loads(line))
    return seen


@pytest.mark.parametrize("event", every(3, ["submitted", "waiting", "fetched", "finished", "cutting"]))
def test_killed_at_any_moment_nothing_is_paid_twice(studio: Studio, event: str) -> None:
    """kill -9 after the job has a name: the next run collects."""
    service = studio.serve()
    studio.scenes("A gull", "A tern")
    process = studio.process("render", "film.yaml", "--yes", "--json", "--at-once", "1")
    until(process, event)
    process.kill()
    process.communicate()
    freed(*studio.folder.glob(".storyboard/*.claim"), *studio.settings.realm_folder().glob("runs/*"))
    done = studio.render()
    assert done.exit in (0, 4)
    assert len({job.prompt for job in service.emulator.jobs}) == len(service.emulator.jobs)
    if done.exit == 0:
        assert (done.frames, service.posts) == (384, 2)


@pytest.mark.ci
def test_a_draft_that_was_killed_is_drawn_again(studio: Studio) -> None:
    """Its emulator is gone with it: waiting for its jobs would be waiting for ever. Nor for one deleted."""
    studio.scenes("A gull", "A tern")
    process = studio.process("render", "film.yaml", "--draft", "--json", "--at-once", "1")
    until(process, "submitted")
    process.kill()
    process.communicate()
    freed(*studio.folder.glob(".storyboard/*.claim"), *studio.settings.realm_folder("draft").glob("runs/*"))
    assert studio.render(realm="draft").frames == 384
    shutil.rmtree(studio.settings.realm_folder("draft") / "takes")
    (studio.folder / "out" / "film.mp4").unlink()
    assert studio.render(realm="draft").frames == 384


@pytest.mark.parametrize("cache", [True, False])
def test_a_job_that_the_ledger_cannot_take_is_kept_elsewhere(
    studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch, cache: bool
) -> None:
    """The disk fills between the request and its answer: the job is told, kept, and collected by the next run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_home / "cache") if cache else "/proc/nowhere")
    monkeypatch.setattr("tempfile.tempdir", str(own_home))
    service = studio.serve()
    studio.scenes("A gull", "A tern")

    def refuse(action: int, *_: object) -> int:
        return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_UPDATE else sqlite3.SQLITE_OK

    done = studio.render(approve=lambda at, plan: at.realm.ledger.database.connection.set_authorizer(refuse), at_once=1)
    assert (done.exit, service.posts) == (6, 1)
    (job,) = service.emulator.jobs
    assert any(f"PAID: job {job.id} of scene s1" in note for note in done.notes)
    again = studio.render()
    assert (again.exit, again.frames, service.posts) == (0, 384, 2)
    assert not list(own_home.rglob("rescue/*/*.json"))


def test_a_rescue_file_that_nobody_needs_changes_nothing(
    studio: Studio, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rubbish in the folder is passed over; what belongs to a shot that has its job is cleared away."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_home / "cache"))
    service = studio.serve()
    studio.scenes("A gull")
    studio.render()
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    (entry,) = ledger.submissions.all()
    kept = rescue.keep(ledger.path, entry, "another-job")
    assert kept is not None
    (kept.parent / "rubbish.json").write_text("{")
    assert (studio.render().exit, service.posts) == (0, 1)
    assert ledger.submissions.all() == [entry]
    assert not kept.exists()


def test_a_second_render_leaves_at_once(studio: Studio) -> None:
    """Exit 7, and nothing is changed."""
    service = studio.serve(latency=30)
    studio.scenes("A gull")
    process = studio.process("render", "film.yaml", "--yes", "--json")
    until(process, "submitted")
    with pytest.raises(Busy):
        studio.render()
    assert service.posts == 1
    process.kill()
    process.communicate()


def test_ctrl_c_once_collects_what_is_paid_for(studio: Studio) -> None:
    """Nothing more is asked for; the job that is in flight is fetched and pinned; exit 130 and no traceback."""
    service = studio.serve(latency=1)
    studio.scenes("A gull", "A tern")
    process = studio.process("render", "film.yaml", "--yes", "--json", "--at-once", "1")
    until(process, "submitted")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    assert service.posts == 1
    assert "  s1:" in (studio.folder / "film.lock.yaml").read_text()
    assert json.loads(out.splitlines()[-1])["exit"] == 130


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM], [signal.SIGHUP]])
@pytest.mark.ci
def test_told_to_go_it_goes(studio: Studio, signals: list[signal.Signals]) -> None:
    """Within seconds, without a traceback; the next run collects."""
    service = studio.serve(latency=600)
    studio.scenes("A gull")
    process = studio.process("render", "film.yaml", "--yes", "--json")
    until(process, "submitted")
    for number in signals:
        process.send_signal(number)
        if len(signals) > 1 and number is signals[0]:
            until(process, "warning")
            signals = signals[1:]
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    assert [entry.state for entry in ledger.submissions.all()] == ["open"]
    assert service.posts == 1


@pytest.mark.ci
def test_told_to_end_in_two_ways_it_waits_for_an_answer(studio: Studio) -> None:
    """A terminal that closes hangs up, and a shell that ends tells to end: the answer on its way is money."""
    service = studio.serve("submit:slow=1")
    studio.scenes("A gull")
    process = studio.process("render", "film.yaml", "--yes", "--json")
    until(process, "planned")
    while not service.posts:
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    for number in (signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    ledger = Ledger(studio.settings.realm_folder() / "ledger.db")
    assert [entry.state for entry in ledger.submissions.all()] == ["open"]
    assert service.posts == 1


@pytest.mark.ci
def test_two_storyboards_at_once_share_a_shot(studio: Studio, tmp_path: Path) -> None:
    """Both want the same shot at the same moment: bought once, both get it."""
    service = studio.serve(latency=1)
    studio.scenes("A gull", "A tern")
    studio.scenes("A tern", "A gull", name="other/film.yaml")
    first = studio.process("render", "film.yaml", "--yes", "--json")
    second = studio.process("render", "other/film.yaml", "--yes", "--json")
    ends = [process.communicate(timeout=60) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], ends
    assert service.posts == 2


def test_cut_needs_every_take(studio: Studio) -> None:
    """cut pays nothing: it names the scenes that have no take."""
    from storyboard.workflow.cut import cut_only
    from storyboard.workflow.render_options import RenderOptions
    from storyboard.workflow.workspace import claimed_workspace

    service = studio.serve()
    path = studio.scenes("A gull", "A tern")
    studio.render(only=("s1",))

    def cut() -> int:
        with claimed_workspace(path, studio.settings) as workspace:
            return cut_only(workspace, RenderOptions()).frames

    with pytest.raises(SceneFailed, match="no take yet: s2"):
        cut()
    studio.render(cut=False)
    assert not (studio.folder / "out").exists()
    assert cut() == 384
    assert service.posts == 2


def test_a_success_without_an_address_is_not_polled_for_ever(studio: Studio) -> None:
    """A few more looks, then it is said; the job stays open, and the clip comes when its address does."""
    service = studio.serve("poll:shape=null-first x6 @tern")
    studio.scenes("A gull", "A tern")
    assert studio.render().exit in (0, 3)
    service.emulator.heal()
    assert (studio.render().exit, service.posts) == (0, 2)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("film.yaml", "is not a film name"),
        ("film", "is not a film name"),
        ("folder.mp4", "is a folder"),
        ("/proc/x/film.mp4", "cannot be written"),
        ("own.mp4", "is a clip of this storyboard"),
    ],
)
def test_a_film_never_takes_the_place_of_something_else(studio: Studio, out: str, said: str) -> None:
    """And it is found out before anything is paid for."""
    service = studio.serve()
    (studio.folder / "folder.mp4").mkdir()
    studio.scenes("A gull", name="first.yaml")
    own = Path(studio.render("first.yaml").film)
    shutil.copy(own, studio.folder / "own.mp4")
    path = studio.scenes("A tern", more="  - {id: own, file: own.mp4}\n")
    before = (path.read_bytes(), (studio.folder / "own.mp4").read_bytes(), service.posts)
    with pytest.raises(InputError, match=said):
        studio.render(out=studio.folder / out)
    assert (path.read_bytes(), (studio.folder / "own.mp4").read_bytes(), service.posts) == before


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [
        ("STORYBOARD_FFMPEG", "/nonexistent", 6),
        ("APIKLEY_BASE_URL", "http://example.org", 2),
        ("STORYBOARD_UPLOADS", "ftp://x", 2),
        ("APIKLEY_API_KEY", "", 5),
    ],
)
@pytest.mark.ci
def test_what_is_wrong_here_is_found_before_anything_is_paid(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, name: str, value: str, status: int
) -> None:
    """A missing ffmpeg after ten shots were bought would be a bad joke."""
    service = studio.serve()
    studio.scenes("A gull")
    monkeypatch.setenv(name, value)
    studio.environ[name] = value
    done = studio.process("render", "film.yaml", "--yes")
    _, err = done.communicate(timeout=60)
    assert done.returncode == status, err
    assert service.posts == 0
    assert "to pay" not in err


@pytest.mark.parametrize("redirect", every(3, ["| head -c 1", ">/dev/full", ">&-", "2>&-", "2>&1 | head -1"]))
@pytest.mark.parametrize("json", ["", "--json"])
@pytest.mark.ci
def test_nobody_listens(studio: Studio, redirect: str, json: str) -> None:
    """What is paid for is fetched and cut although nobody reads; no traceback, and nothing about a fault of ours."""
    studio.serve()
    studio.scenes("A gull")
    command = f"{sys.executable} -m storyboard render film.yaml --yes {json} {redirect}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=studio.folder, env={**os.environ, **studio.environ}, capture_output=True, text=True
    )
    assert "sorry" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "ignored" not in done.stderr
    assert (studio.folder / "out" / "film.mp4").exists()
