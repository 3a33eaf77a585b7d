"""A service unlike the built-in one: no key, clips in its replies, a queue, images by its own names, jobs by ours."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from studio import Studio, png

from storyboard.model import events

pytestmark = pytest.mark.ci

CODE = """
from base64 import b64decode
from dataclasses import replace
from storyboard.http.exchange import Meaning, Part, Request
from storyboard.http.policy import AnswerKind, Call
from storyboard.model.capabilities import Auth, Capabilities, Environment
from storyboard.providers.apikley.veo import Apikley
from storyboard.providers.base import Address, JobFailed, Pending, Ready, Timing

class Engine(Apikley):
    name = "engine"
    environment = Environment("ENGINE_KEY", "ENGINE_KEY_FILE", "ENGINE_URL", "http://127.0.0.1:1", "engine", "",
        Auth(header=""))
    capabilities = Capabilities(
        tuple(replace(model, images="IMAGES") for model in Apikley.capabilities.models), Apikley.capabilities.usual)
    timing = Timing(first=1, pause=1, deadline=60, period=0.01)
    rehearses = False

    def submission(self, shot, images, dispatch):
        sent = [image.address or image.kind for image in images]
        body = {"name": dispatch.name, "prompt": shot.prompt, "images": sent}
        return Request(Call.SUBMIT, "POST", "/jobs", body=body)

    def read_submission(self, reply):
        return reply.body["job"] if reply.status == 200 else Meaning(AnswerKind.CUT)

    def status(self, job):
        return Request(Call.POLL, "GET", "/jobs/" + job, reply_bytes=1 << 26)

    def read_status(self, job, reply):
        if "place" in reply.body:
            return Pending(queued=True, place=reply.body["place"])
        if "url" in reply.body:
            return Ready(self.url + reply.body["url"], with_key=True)
        return Ready("", content=b64decode(reply.body["clip"]), others=1)

    def upload(self, name, content, kind):
        return Request(Call.UPLOAD, "POST", "/images", form=(Part("image", content, name, kind),))

    def read_upload(self, reply, now):
        return Address(reply.body["name"], None)

    def balance(self):
        return None

    def cancel(self, job):
        return Request(Call.CANCEL, "POST", "/cancel/" + job)

    def read_cancel(self, reply):
        return reply.body == {"cancelled": True}

    def search(self, dispatch):
        return Request(Call.POLL, "GET", "/named/" + dispatch.name)

    def read_search(self, dispatch, reply):
        return reply.body.get("job") if reply.status == 200 else Meaning(AnswerKind.BUSY)

PROVIDER = Engine()
"""


@dataclass
class Engine:
    """The service. ``lose`` says of the next submissions: keep one and say nothing, or drop it."""

    clip: bytes
    lose: list[str] = field(default_factory=list)
    jobs: dict[str, list[object]] = field(default_factory=dict)
    submitted: list[dict[str, object]] = field(default_factory=list)
    uploads: int = 0
    hidden: bool = False
    is_stuck: bool = False
    polls: int = 0
    cancelled: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: bytes) -> object:
        """What it says; None closes the connection."""
        match method, path.strip("/").split("/"):
            case "POST", ["images"]:
                self.uploads += b'filename="' in body
                return {"name": "stored.png"}
            case "POST", ["jobs"]:
                asked = json.loads(body)
                self.submitted.append(asked)
                lost = self.lose.pop(0) if self.lose else ""
                if lost != "drop":
                    done = {"clip": b64encode(self.clip).decode()}
                    self.jobs[f"job-{asked['name']}"] = [{"place": 2}, {"place": 1}, done]
                return None if lost else {"job": f"job-{asked['name']}"}
            case "GET", ["jobs", job]:
                self.polls += 1
                if self.is_stuck:
                    return {"place": 1}
                states = self.jobs[job]
                return states.pop(0) if len(states) > 1 else states[0]
            case "POST", ["cancel", job]:
                self.cancelled.append(job)
                return {"cancelled": True}
            case "GET", ["named", name]:
                if self.hidden:
                    return None
                return {"job": f"job-{name}"} if f"job-{name}" in self.jobs else {}
        return {}


@pytest.fixture
def engine(
    tmp_path: Path, studio: Studio, clips: Callable[..., Path], own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Engine]:
    there = Engine(clips(seconds=8, size=(1280, 720)).read_bytes())

    class Speaks(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = there.answer(self.command, self.path, body)
            if said is None:
                self.close_connection = True
                return
            content = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *said: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Speaks)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    studio.environ["ENGINE_URL"] = f"http://127.0.0.1:{server.server_port}"
    studio.environ["STORYBOARD_TIME_SCALE"] = "0.001"
    config = own_home / "config" / "storyboard"
    config.mkdir(parents=True, exist_ok=True)
    (config / "config.toml").write_text('provider = "engine"\n', "utf-8")
    yield there
    server.shutdown()
    server.server_close()


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs the provider, for models that take images in the given form."""

    def install(images: str = "upload") -> None:
        folder = tmp_path / "packages"
        info = folder / "engine-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / "engine_provider.py").write_text(CODE.replace("IMAGES", images), "utf-8")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: engine\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[storyboard.providers]\nengine = engine_provider:PROVIDER\n")
        monkeypatch.syspath_prepend(str(folder))

    yield install
    sys.modules.pop("engine_provider", None)


def places(studio: Studio) -> list[int | None]:
    return [seen.place for seen in studio.seen if isinstance(seen, events.Waiting)]


@pytest.mark.parametrize(("form", "sent"), [("upload", "stored.png"), ("bytes", "image/png")])
def test_an_engine_of_ones_own(
    studio: Studio, engine: Engine, offered: Callable[[str], None], form: str, sent: str
) -> None:
    """Its takes would be rehearsals, its clips unread, its queue a failure, its images without a place to go."""
    offered(form)
    png(studio.folder / "a.png")
    studio.write(
        "storyboard: 1\nscenes:\n"
        + "".join(f"  - {{id: {scene}, prompt: {scene}, first_frame: a.png}}\n" for scene in "ab")
    )
    done = studio.render()
    assert (done.exit, done.made, done.film.endswith("rehearsal.mp4")) == (0, 2, False)
    assert [asked["images"] for asked in engine.submitted] == [[sent], [sent]]
    assert engine.uploads == (form == "upload")
    assert {2, 1} <= set(places(studio))
    assert any(isinstance(seen, events.Warned) and "another clip" in seen.why for seen in studio.seen)


@pytest.mark.parametrize(("lose", "sent"), [(["keep"], 1), (["drop", "keep"], 2)])
def test_a_lost_answer_is_searched_for_by_name(
    studio: Studio, engine: Engine, offered: Callable[[str], None], lose: list[str], sent: int
) -> None:
    """It would end unknown, or be made and charged twice."""
    offered("upload")
    engine.lose = lose
    studio.scenes("A")
    done = studio.render()
    assert (done.exit, done.made, done.unknown) == (0, 1, 0)
    assert len(engine.submitted) == sent
    assert len({str(asked["name"]) for asked in engine.submitted}) == 1
    assert len(engine.jobs) == 1


@pytest.mark.parametrize(("lose", "sent"), [pytest.param("keep", 1, marks=pytest.mark.slow), ("drop", 2)])
def test_what_could_not_be_searched_for_is_found_by_the_next_run(
    studio: Studio, engine: Engine, offered: Callable[[str], None], lose: str, sent: int
) -> None:
    """While the service is down nothing is known; then it must be found, not asked for anew under another name."""
    offered("upload")
    engine.lose, engine.hidden = [lose], True
    studio.scenes("A")
    assert studio.render().unknown == 1
    engine.hidden = False
    assert studio.render().exit == 0
    assert len(engine.submitted) == sent
    assert len({str(asked["name"]) for asked in engine.submitted}) == 1


def test_a_service_that_never_answers_ends_known(
    studio: Studio, engine: Engine, offered: Callable[[str], None]
) -> None:
    """A scene that is unknown stops a film until somebody decides, and here there is nothing to decide."""
    offered("upload")
    engine.lose = ["drop"] * 9
    studio.scenes("A")
    done = studio.render()
    assert (done.unknown, done.failed, len(engine.submitted)) == (0, 1, 4)


@pytest.mark.slow
@pytest.mark.parametrize(("answer", "cancelled"), [(b"y\n", 1), (b"\n", 0), (None, 0)])
def test_two_ctrl_c_ask_whether_to_cancel(
    studio: Studio, engine: Engine, offered: Callable[[str], None], answer: bytes | None, cancelled: int
) -> None:
    """One's own machine would go on for hours on what nobody wants; what is paid for must not end by a default."""
    offered("upload")
    engine.is_stuck = True
    studio.scenes("A")
    ours, theirs = pty.openpty()
    where = {"PYTHONPATH": os.pathsep.join(sys.path), **studio.environ}
    stream = subprocess.DEVNULL if answer is None else theirs
    with subprocess.Popen(
        [sys.executable, "-m", "storyboard", "render", "film.yaml", "--yes"],
        cwd=studio.folder,
        env={**os.environ, **where},
        stdin=stream,
        stdout=subprocess.DEVNULL,
        stderr=stream,
        start_new_session=True,
    ) as render:
        until(lambda: bool(engine.polls))
        os.kill(render.pid, signal.SIGINT)
        seen = engine.polls
        until(lambda: engine.polls > seen + 2)
        os.kill(render.pid, signal.SIGINT)
        if answer is not None:
            said = b""
            while b"[y/N]" not in said:
                said += os.read(ours, 1000)
            os.write(ours, answer)
        assert render.wait(20)
    os.close(ours)
    os.close(theirs)
    assert len(engine.cancelled) == cancelled


def until(happened: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.01)  # Another process is at work, and what it has sent is seen only by looking again.
