"""Town: what surrounds the program in the state machine. A service that sells, a clock, the doors where a process dies.

The service's stand-in keeps its own books, and is asked through the contract of every provider and in the place of the
wire; it checks each request as it comes: whether it may come at all, and whether the author's budget reaches for it.
"""

import asyncio
import errno
import functools
import hashlib
import io
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from turns import give_way

import storyboard.http.client
import storyboard.workflow.collect
import storyboard.workflow.facts
import storyboard.workflow.offers
import storyboard.workflow.owed_jobs
import storyboard.workflow.session
import storyboard.workflow.settle
import storyboard.workflow.workspace
from storyboard.http.clip_download import Arriving, DownloadedFile
from storyboard.http.exchange import Reply, Request
from storyboard.http.policy import Call
from storyboard.media import ffmpeg
from storyboard.media.verify import examine
from storyboard.model.errors import (
    AddressExpired,
    BadMedia,
    LocalFault,
    NotAsked,
    RunRefused,
    SceneFailed,
    Stalled,
    StoryboardError,
    SubmissionUnknown,
)
from storyboard.model.shot import Shot
from storyboard.providers.apikley.veo import provider as apikley
from storyboard.providers.base import Dispatch, Pending, Ready, SentImage
from storyboard.system.clock import Clock

PRICES = {"veo3_fast": Fraction(60), "veo3": Fraction(250)}
HD = Fraction(5)

# Different clips; a service may sell the same bytes twice, and so does this one, once it has sold so many.
CLIPS = 16


class Killed(BaseException):
    """The process is dead. Nothing may catch it, and nothing that happens after it has an effect."""


class Doors:
    """Each effect on the world passes here. After ``left`` more the process dies; or, where it ``stumbles``, one fails.

    ``left`` is None where nothing is to happen.
    """

    def __init__(self) -> None:
        self.left: int | None = None
        self.dead = False
        self.stumbles = False

    def arm(self, left: int | None, *, stumbles: bool = False) -> None:
        self.left, self.dead, self.stumbles = left, False, stumbles

    def __call__(self, error: Exception | None = None) -> None:
        """Pass a door. Raise Killed, or ``error`` where this is the effect that fails."""
        if self.dead:
            raise Killed
        if self.left is None:
            return
        self.left -= 1
        if self.left >= 0:
            return
        if not self.stumbles:
            self.dead = True
            raise Killed
        if error is not None:
            self.left = None
            raise error

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """What another process does is no effect of this one."""
        left, self.left = self.left, None
        yield
        self.left = left

    def around(self, patch: pytest.MonkeyPatch, owner: Any, name: str, counts: Callable[..., bool]) -> None:
        act = getattr(owner, name)

        @functools.wraps(act)
        def acting(*arguments: Any, **named: Any) -> Any:
            if self.left is not None and counts(*arguments, **named):
                self(OSError(errno.EIO, "Input/output error"))
            return act(*arguments, **named)

        patch.setattr(owner, name, acting)

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Stand at every door of this process through which a render changes the world."""
        for name in ("write", "pwrite", "fsync", "replace", "unlink", "mkdir", "chmod", "ftruncate"):
            self.around(patch, os, name, lambda *_, **__: True)
        writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
        self.around(patch, os, "open", lambda path, flags, *_, **__: bool(flags & writing))
        self.around(patch, io, "open", lambda file, mode="r", *_, **__: bool(set(mode) & set("wax+")))
        doors, connect = self, sqlite3.connect

        class Watched(sqlite3.Connection):
            def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
                if doors.left is not None and not sql.startswith(("SELECT", "PRAGMA user_v", "PRAGMA integ")):
                    doors(_broken())
                return super().execute(sql, parameters)

            def __exit__(self, *error: Any) -> Any:
                try:
                    if doors.left is not None and error[0] is None:
                        doors()
                except Killed:
                    self.rollback()
                    raise
                return super().__exit__(*error)

        patch.setattr(sqlite3, "connect", lambda *args, **named: connect(*args, factory=Watched, **named))


def _broken() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


class Time(Clock):
    """Time that passes as soon as somebody waits for it. ``now`` is seconds since 1970, ``ticked`` monotonic ones."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.ticked = 1_800_000_000.0, 0.0

    def monotonic(self) -> float:
        return self.ticked

    def wall(self) -> float:
        return self.now

    time = wall

    def between(self, low: float, high: float) -> float:
        return (low + high) / 2

    def passed(self, seconds: float) -> None:
        self.now += seconds
        self.ticked += seconds

    async def pause(self, seconds: float) -> None:
        self.passed(max(seconds, 0))
        await give_way()

    async def pause_or(self, seconds: float, until: asyncio.Event) -> None:
        if until.is_set():
            await give_way()
        else:
            await self.pause(seconds)


@dataclass
class Job:
    """A job that the service has sold: ``fate`` is good, failed or slow; ``cost`` what it says that it took for it."""

    name: str
    shot: Shot
    clip: int
    fate: str
    cost: Fraction
    callback: str
    hd: bool = False
    heard: bool = False


@dataclass
class Post:
    """A submission that arrived. ``job`` is None where nothing was sold; ``said`` what the sender was told of it."""

    shot: Shot
    said: str
    job: Job | None = None


@dataclass(eq=False, repr=False)
class Service:
    """The service and its books.

    ``taboo`` are the keys that must not be asked for as things stand: a request for one may be a second payment.
    ``afford`` is told what each sale costs, before it. ``posts`` and ``lately_...`` are those of the present step;
    ``told_to`` are the jobs that the author's ledger knows. What went ``wrong`` is told once the step is over.
    """

    clock: Time
    doors: Doors
    clips: "Clips"
    name: str = "apikley"
    capabilities = apikley.capabilities
    answers = apikley.answers
    environment = apikley.environment
    prices = apikley.prices
    timing = apikley.timing
    hosts = apikley.hosts
    rehearses = apikley.rehearses

    def begin(self, afford: Callable[[Fraction], None], call_back: Callable[[str, str], None]) -> None:
        """Open with empty books."""
        self.afford, self.call_back = afford, call_back
        self.jobs: dict[str, Job] = {}
        self.requests: dict[str, str] = {}  # by the key of a shot: what its request says
        self.taboo: set[str] = set()
        self.wrong: list[str] = []
        self.told_to: set[str] = set()
        self.plan(("sold",), ("whole",))

    def plan(self, answers: Sequence[str], fetches: Sequence[str]) -> None:
        """What becomes of the next submissions and fetches, in turn and over again."""
        self._answers, self._fetches = cycle(answers), cycle(fetches)
        self.posts: list[Post] = []
        self.lately_raised: list[str] = []
        self.lately_ready: set[str] = set()

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        return {"prompt": shot.prompt}

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        return Request(Call.SUBMIT, "POST", "/submit", body={"shot": shot, "callback": dispatch.callback})

    def status(self, job: str) -> Request:
        return Request(Call.POLL, "GET", "/poll", query={"job": job})

    def upscale(self, job: str) -> Request:
        return Request(Call.HD, "GET", "/hd", query={"job": job})

    def echo(self, job: str) -> Request:
        return Request(Call.POLL, "GET", "/prompt", query={"job": job})

    def read_submission(self, reply: Reply) -> str:
        raise AssertionError("the line gives answers that are read already")

    read_upscale = read_submission

    def read_status(self, job: str, reply: Reply) -> str:
        raise AssertionError("the line gives answers that are read already")

    read_echo = read_status

    async def answer(self, request: Request, wire: "Line") -> Any:
        """What the provider would read in the reply to a request."""
        if request.body is not None:
            return await self.submit(request.body["shot"], request.body["callback"], wire)
        ask = {"/poll": self.poll, "/hd": self.hd, "/prompt": self.prompt}[request.path]
        return await ask(request.query["job"])

    async def submit(self, shot: Any, callback: Any, wire: "Line") -> str:
        if self.doors.left is not None:
            self.doors()
        await give_way()
        if wire.stopped:
            self.posts.append(Post(shot, "refused"))
            raise NotAsked(wire.stopped)
        if shot.key in self.taboo:
            self.wrong.append(f"{shot.prompt!r} is asked for a second time")
        self.requests[shot.key] = repr({**shot.recipe, "take": None})
        self.afford(PRICES[shot.model])
        said = next(self._answers)
        if said in ("refused", "no credits"):
            self.posts.append(Post(shot, "refused"))
            if said == "refused":
                raise SceneFailed("the prompt is refused", code=400)
            raise RunRefused("no credits are left", code=402)
        self.taboo.add(shot.key)
        if said == "never arrived":
            self.posts.append(Post(shot, "lost"))
            raise SubmissionUnknown("the connection broke")
        return self._sold(shot, said, callback or "")

    def _sold(self, shot: Shot, said: str, callback: str) -> str:
        number = len(self.jobs) + 1
        fate = said if said in ("failed", "slow") else "good"
        cost = PRICES[shot.model] - (5 if number % 3 == 0 else 0)
        job = Job(f"job-{number:04}", shot, number % CLIPS, fate, cost, callback.rpartition("/")[2])
        self.jobs[job.name] = job
        names = sorted(self.told_to)
        lost = said in ("lost", "lost and called") or (said == "wrong" and bool(names))
        self.posts.append(Post(shot, "lost" if lost else "told", job))
        if self.doors.left is not None:
            self.doors()
        if said == "lost and called" and job.callback:
            with self.doors.elsewhere():
                self.call_back(job.callback, job.name)
        if said == "wrong" and names:
            return names[-1]  # The name of another job, which is known already.
        if lost:
            raise SubmissionUnknown("the connection broke")
        return job.name

    async def poll(self, job: str) -> Pending | Ready:
        await give_way()
        found = self._job(job)
        if found.fate == "failed":
            found.heard = True
            self.taboo.discard(found.shot.key)
            raise SceneFailed("the clip was stopped by a filter", code=501)
        if found.fate == "slow":
            return Pending()
        self.lately_ready.add(job)
        return Ready(f"https://clips/{job}", 12345, found.cost)

    async def hd(self, job: str) -> Pending | Ready:
        await give_way()
        found = self._job(job)
        if not found.hd:
            self.afford(HD)
            found.hd = True
            self.lately_raised.append(job)
        return Ready(f"https://clips/{job}/hd")

    async def prompt(self, job: str) -> str | None:
        return self._job(job).shot.prompt

    def _job(self, name: str) -> Job:
        if name not in self.jobs:
            raise Stalled("there is no record of it")
        return self.jobs[name]

    def bytes_of(self, url: str) -> bytes:
        """What an address serves just now. Raise as the wire does."""
        job, hd = self.jobs[url.split("/")[3]], url.endswith("/hd")
        match next(self._fetches):
            case "expired":
                raise AddressExpired("the address has expired")
            case "stalled":
                raise Stalled("nothing came")
            case "disk full":
                raise LocalFault("the clip cannot be written: no space left")
            case "cut":
                return self.clips.of(job.clip, hd=hd)[:-900]
        return self.clips.of(job.clip, hd=hd)

    def is_asked_for(self, job: Job, key: str) -> bool:
        """Whether a job was asked for by the shot of this key, or in the same words by another take of the scene.

        A service repeats the prompt of a job, and not which take it is for: two takes without a seed are two clips of
        one request, and a callback that names the other's job gives them to each other.
        """
        return self.requests.get(key, key) == self.requests[job.shot.key]

    def digests(self, key: str) -> set[str]:
        """The takes that were sold under a key, or for the same request."""
        jobs = [job for job in self.jobs.values() if self.is_asked_for(job, key)]
        return {self.clips.digest(job.clip, hd=hd) for job in jobs for hd in (False, True)}


class Line:
    """In the place of the wire: clips come from the service's shelf, and through the same door onto the disk."""

    service: Service

    def __init__(self, api: object, clock: Clock, answers: object, *, notice: object = None, period: float = 0) -> None:
        self.clock = clock
        self.stopped: StoryboardError | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def stop(self, why: StoryboardError) -> None:
        self.stopped = why

    async def send(self, request: Request, read: object) -> Any:
        return await self.service.answer(request, self)

    async def fetch(self, url: str, into: Path, *, with_key: bool = False) -> DownloadedFile:
        await give_way()
        content = self.service.bytes_of(url)
        with Arriving(into) as file:
            file.write(content)
            file.keep()
        return DownloadedFile(len(content), hashlib.sha256(content).hexdigest())


class Clips:
    """Small MP4s, each of its own bytes. The real ``examine`` reads each that comes, once."""

    def __init__(self, folder: Path) -> None:
        file = folder / "clip.mp4"
        source = ["-f", "lavfi", "-i", "color=navy:s=64x36:d=1.5:r=24", "-f", "lavfi", "-i", "sine=d=1.5"]
        command = [ffmpeg.binary(), "-v", "error", *source, "-c:v", "libx264", "-c:a", "aac", "-y", str(file)]
        subprocess.run(command, check=True, env={})
        self._clip = file.read_bytes()
        self._seen: dict[str, Any] = {}

    def of(self, number: int, *, hd: bool) -> bytes:
        """The clip with a box that players skip, in which its number stands."""
        said = f"clip {number} {hd}".encode().ljust(1000)
        return self._clip + (len(said) + 8).to_bytes(4) + b"free" + said

    def digest(self, number: int, *, hd: bool) -> str:
        return hashlib.sha256(self.of(number, hd=hd)).hexdigest()

    def examine(self, path: Path) -> Any:
        """What the real one says of these bytes."""
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in self._seen:
            try:
                self._seen[digest] = examine(path)
            except BadMedia as error:
                self._seen[digest] = error
        if isinstance(found := self._seen[digest], BadMedia):
            raise BadMedia(found.message)
        return found


async def at_once(act: Callable[..., Any], *arguments: Any) -> Any:
    """In the place of a thread, so that an example runs the same way each time."""
    return act(*arguments)


def move_in(patch: pytest.MonkeyPatch, clock: Time, clips: Clips, find: Callable[[str], Service]) -> None:
    """Have the program meet this town where they would meet the world."""
    patch.setattr(storyboard.workflow.offers, "configured_provider", lambda settings: find(settings.provider))
    workflow = storyboard.workflow
    for module in (workflow.workspace, workflow.facts, workflow.owed_jobs, workflow.collect):
        patch.setattr(module, "time", clock)
    for module in (storyboard.workflow.session, storyboard.workflow.settle, storyboard.workflow.collect):
        patch.setattr(module, "Clock", lambda scale: clock)
    for module in (storyboard.workflow.session, storyboard.http.client, storyboard.workflow.collect):
        patch.setattr(module, "Client", Line)
    for module in (storyboard.workflow.session, storyboard.workflow.collect):
        patch.setattr(module, "examine", clips.examine)
    patch.setattr(asyncio, "to_thread", at_once)
