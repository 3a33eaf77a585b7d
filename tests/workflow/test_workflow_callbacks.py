"""With callbacks, a lost answer costs nothing: the provider says by itself which job it made, and is then asked."""

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from urllib.error import HTTPError

import pytest
from studio import Studio

from storyboard.cli.next_steps import done_event
from storyboard.model import events
from storyboard.state.ledger import Ledger
from storyboard.workflow.render import render
from storyboard.workflow.render_options import RenderOptions
from storyboard.workflow.workspace import claimed_workspace


@pytest.fixture
def called(studio: Studio) -> Iterator[Studio]:
    """A studio whose service can call back; the secrets of its paths are in the ledger and nowhere else."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    studio.environ |= {
        "STORYBOARD_CALLBACK_URL": f"http://127.0.0.1:{port}",
        "STORYBOARD_CALLBACK_LISTEN": f"127.0.0.1:{port}",
        "STORYBOARD_TIME_SCALE": "0.05",
    }
    yield studio
    secrets = [entry.nonce for entry in ledger(studio).submissions.all()]
    shown = repr(studio.seen).encode()
    left = b"".join(file.read_bytes() for file in studio.folder.rglob("*") if file.is_file())
    assert not [secret for secret in secrets if secret.encode() in shown + left]


def ledger(studio: Studio) -> Ledger:
    return Ledger(studio.settings.realm_folder() / "ledger.db")


def warnings(studio: Studio) -> list[str]:
    return [f"{event.scene}: {event.why}" for event in studio.seen if isinstance(event, events.Warned)]


@contextmanager
def listening(studio: Studio) -> Iterator[subprocess.Popen[str]]:
    """``storyboard callbacks``, once it listens; ended by Ctrl-C."""
    with studio.process("callbacks") as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == studio.environ["STORYBOARD_CALLBACK_LISTEN"]
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


@pytest.mark.ci
def test_lost_answers_are_found_again(called: Studio) -> None:
    """20 answers lost after they were charged: each job is told by its callback, none paid twice or unknown."""
    # So many lost answers in a row make the wire ask ever more rarely: pauses of minutes, scaled.
    called.environ["STORYBOARD_TIME_SCALE"] = "0.005"
    service = called.serve("submit:drop-after")
    called.scenes(*(f"Shot {number}" for number in range(20)))
    done = called.render(cut=False)
    assert (done.exit, done.made, done.unknown, done.failed, service.posts) == (0, 20, 0, 0, 20)
    jobs = {job.prompt: job.id for job in service.emulator.jobs}
    assert {entry.recipe["prompt"]: entry.job for entry in ledger(called).submissions.all()} == jobs


@pytest.mark.ci
def test_without_callbacks_they_stay_unknown(studio: Studio) -> None:
    """The same without an address: what the callbacks are worth."""
    service = studio.serve("submit:drop-after")
    studio.scenes(*(f"Shot {number}" for number in range(20)))
    done = studio.render(cut=False)
    assert (done.exit, done.unknown, service.posts) == (4, 20, 20)


@pytest.mark.parametrize("ear", [nullcontext, listening], ids=["own", "another"])
@pytest.mark.ci
def test_a_callback_pulls_the_next_question_forward(
    called: Studio, ear: Callable[[Studio], AbstractContextManager[object]]
) -> None:
    """The first question is due after 75 minutes here. It is asked when the service says that it is done.

    Whether the render hears it itself or another process does.
    """
    service = called.serve(latency=0.2)
    called.environ["STORYBOARD_TIME_SCALE"] = "100"
    called.scenes("A gull")
    with ear(called):
        process = called.process("render", "film.yaml", "--yes", "-q")
        try:
            process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 0
    assert [seen.path.rsplit("/", 1)[-1] for seen in service.emulator.requests].count("record-info") == 1


@pytest.mark.parametrize(
    "fault", ["callback:early @tern", "callback:late=0.3 @tern", "callback:twice @tern", "job:fail=501 @tern"]
)
@pytest.mark.ci
def test_early_late_and_double_callbacks_do_no_harm(called: Studio, fault: str) -> None:
    """Neither for a scene whose answer came nor for one whose answer was lost; a job that failed is told as failed."""
    service = called.serve(fault, "submit:drop-after @lost", latency=0.1)
    called.scenes("A gull", "A tern", "A lost tern")
    done = called.render()
    failed = 2 if "fail" in fault else 0
    assert (done.exit, done.failed, done.unknown, service.posts) == (3 if failed else 0, failed, 0, 3)
    jobs = {job.prompt: job.id for job in service.emulator.jobs}
    assert {entry.recipe["prompt"]: entry.job for entry in ledger(called).submissions.all()} == jobs


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("callback:lost", None),
        ("callback:elsewhere", None),
        ("callback:forged", None),
        ("callback:foreign", "it was asked for something else"),
    ],
)
@pytest.mark.ci
def test_what_is_not_confirmed_is_not_believed(called: Studio, fault: str, told: str | None) -> None:
    """No callback, one on another path, a job that is not there, another scene's job: the scene stays unknown."""
    called.environ["STORYBOARD_TIME_SCALE"] = "0.002"
    service = called.serve("submit:drop-after @tern", f"{fault} @tern")
    called.scenes("A gull", "A tern")
    done = called.render(at_once=1)
    assert (done.exit, done.made, done.unknown, service.posts) == (4, 1, 1, 2)
    lost = ledger(called).submissions.all()[1]
    assert (lost.scene, lost.state, lost.job) == ("s2", "unknown", None)
    doubts = [why for why in warnings(called) if "a callback names" in why]
    assert len(doubts) == (1 if told else 0)
    assert all(told in why for why in doubts if told)
    assert called.render().exit == 4
    assert service.posts == 2


@pytest.mark.ci
def test_a_job_that_another_scene_has_is_not_shared(called: Studio) -> None:
    """Both were asked for with the same words, and another seed: the echo alone would not tell them apart."""
    called.environ["STORYBOARD_TIME_SCALE"] = "0.01"
    service = called.serve("submit:drop-after", "callback:foreign")
    seeds = "  - {id: a, prompt: A tern, seed: 11111}\n  - {id: b, prompt: A tern, seed: 22222}\n"
    called.write(f"storyboard: 1\nscenes:\n{seeds}")
    done = called.render(at_once=1)
    assert (done.exit, done.made, done.unknown, service.posts) == (4, 1, 1, 2)
    assert sum("belongs to another shot" in why for why in warnings(called)) == 1
    assert [entry.job for entry in ledger(called).submissions.all()] == [service.emulator.jobs[0].id, None]


@pytest.mark.ci
def test_what_a_killed_run_left_is_found_by_the_next(called: Studio) -> None:
    """kill -9 while the answer is on its way; `storyboard callbacks` hears of the job, the next render collects it."""
    service = called.serve("submit:slow=600+charged")
    called.scenes("A gull")
    with listening(called) as ear:
        killed = called.process("render", "film.yaml", "--yes", "--json")
        assert ear.stderr is not None
        while "heard of job" not in (line := ear.stderr.readline()):
            assert line
        killed.kill()
        killed.communicate()
    assert ear.returncode == 0
    (job,) = service.emulator.jobs
    assert ledger(called).submissions.all()[0].state == "intent"
    service.emulator.heal()
    done = called.render()
    assert (done.exit, done.frames, service.posts) == (0, 192, 1)
    planned = next(event for event in called.seen if isinstance(event, events.Planned))
    assert (planned.collect, planned.make, planned.blocked, planned.credits) == (1, 0, 0, 0)
    assert ledger(called).submissions.all()[0].job == job.id


@pytest.mark.ci
def test_a_render_uses_what_another_process_hears(called: Studio) -> None:
    """`storyboard callbacks` has the port; and where it ends in the middle, the render listens itself."""
    service = called.serve("submit:drop-after", "callback:late=2 @tern")
    called.scenes("A gull", "A tern")
    with listening(called) as ear:

        def report(event: events.Event) -> None:
            called.seen.append(event)
            if isinstance(event, events.Finished) and event.scene == "s1":
                ear.send_signal(signal.SIGTERM)

        with claimed_workspace(called.folder / "film.yaml", called.settings) as workspace:
            done = done_event(render(workspace, RenderOptions(on_event=report)))
    assert (done.exit, done.unknown, service.posts) == (0, 0, 2)


@pytest.mark.ci
def test_replays_change_nothing(called: Studio) -> None:
    """The same callback again, with other names as well, when the film is done or the scene is given up."""
    service = called.serve("submit:drop-after @tern", "callback:lost")
    called.environ["STORYBOARD_TIME_SCALE"] = "0.002"
    called.scenes("A gull", "A tern")
    assert called.render().exit == 4
    at = ledger(called)
    at.submissions.record_abandoned(at.submissions.all()[1], "its submission was given up", 1.0)
    before = at.submissions.all()
    with listening(called):
        for job in service.emulator.jobs:
            for name in (job.id, "0" * 32):
                body = json.dumps({"data": {"taskId": name}}).encode()
                with urllib.request.urlopen(str(job.request["callBackUrl"]), body, timeout=30) as answer:
                    assert answer.status == 200
    assert at.submissions.all() == before
    done = called.render()
    assert (done.exit, done.kept, done.failed, service.posts) == (3, 1, 1, 2)


@pytest.mark.ci
def test_the_secret_of_the_path_is_nowhere(called: Studio) -> None:
    """Whoever reads a log, a lock or a film could else forge callbacks."""
    service = called.serve("submit:drop-after @tern", "callback:forged @heron", "submit:http=422 @stork")
    called.scenes("A gull", "A tern", "A heron", "A stork")
    said = ""
    for words in (["render", "film.yaml", "--yes", "--json"], ["render", "film.yaml", "--yes", "-v"], ["status"]):
        out, err = called.process(*words).communicate(timeout=120)
        said += out + err
    out, err = called.process("status", "film.yaml", "--json").communicate(timeout=120)
    nonces = [entry.nonce for entry in ledger(called).submissions.all()]
    assert len(nonces) >= 4
    assert sum(str(job.request["callBackUrl"]).endswith(tuple(nonces)) for job in service.emulator.jobs) == 3
    kept = b"".join(file.read_bytes() for file in called.folder.rglob("*") if file.is_file())
    for nonce in nonces:
        assert nonce not in said + out + err
        assert nonce.encode() not in kept


@pytest.mark.ci
def test_a_port_that_is_taken_stops_no_render(called: Studio) -> None:
    """It is said, and the film is made as without callbacks."""
    service = called.serve()
    called.scenes("A gull")
    with socket.create_server(("127.0.0.1", called.settings.callbacks.port)):
        done = called.render()
        out, err = called.process("callbacks").communicate(timeout=60)
    assert (done.exit, service.posts) == (0, 1)
    assert any("goes on without callbacks" in why for why in warnings(called))
    assert "callBackUrl" not in service.emulator.jobs[0].request
    assert (out, "cannot be listened on" in err) == ("", True)
    with listening(called):
        second = called.process("callbacks")
        out, err = second.communicate(timeout=60)
        assert (second.returncode, out, "is listened on already" in err) == (2, "", True)


def test_the_listener_alone_knows_nobody_at_first(called: Studio) -> None:
    """Before the first render there is no path that exists; without an address it says which one to set."""
    url = called.environ.pop("STORYBOARD_CALLBACK_URL")
    with listening(called) as ear:
        with pytest.raises(HTTPError) as caught:
            urllib.request.urlopen(f"{url}/cb/{'x' * 32}", b'{"data": {"taskId": "job-1"}}', timeout=30)
        assert caught.value.code == 404
    assert ear.returncode == 0


def test_ctrl_c_ends_the_waiting_for_a_callback(called: Studio) -> None:
    """It may not come for minutes; it is kept for the next run where somebody listens."""
    called.environ["STORYBOARD_TIME_SCALE"] = "100"
    service = called.serve("submit:drop-after", "callback:lost")
    called.scenes("A gull")
    process = called.process("render", "film.yaml", "--yes", "--json")
    assert process.stdout is not None
    while "waiting for the service to call back" not in (line := process.stdout.readline()):
        assert line
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=120)
    finally:
        process.kill()
    assert (process.returncode, service.posts) == (130, 1)
    assert ledger(called).submissions.all()[0].state == "unknown"


@pytest.mark.ci
def test_doctor_looks_at_the_listener(called: Studio) -> None:
    """An address that leads nowhere is found before it is needed."""
    called.serve()

    def said() -> str:
        out, _ = called.process("doctor", "--offline", "--json").communicate(timeout=120)
        (found,) = [finding for finding in json.loads(out)["findings"] if finding["subject"] == "callbacks"]
        return f"{found['state']}: {found['said']}"

    assert "free to be listened on" in said()
    with listening(called):
        assert "listens just now" in said()
    with socket.create_server(("127.0.0.1", called.settings.callbacks.port)):
        assert said().startswith("note: ")
    called.environ["APIKLEY_BASE_URL"] = "https://api.example.org"
    assert said() == "note: STORYBOARD_CALLBACK_URL is this machine, and the provider is not"
    del called.environ["STORYBOARD_CALLBACK_URL"]
    assert said().startswith("ok: not asked for")
