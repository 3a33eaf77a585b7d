"""The provider comfy: jobs of one's own ComfyUI, by names of ours, so that none of them is ever lost."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from storyboard.costs.prices import Prices, free_prices
from storyboard.http.exchange import Meaning, Part, Rejection, Reply, Request
from storyboard.http.policy import AnswerKind, Call
from storyboard.model.capabilities import Capabilities
from storyboard.model.errors import InputError
from storyboard.model.shot import Shot
from storyboard.model.suggest import did_you_mean
from storyboard.providers.base import (
    Address,
    AskNext,
    Dispatch,
    Inspection,
    JobFailed,
    JobState,
    NoResult,
    Pending,
    Provider,
    Ready,
    SentImage,
    Timing,
    is_job_name,
)
from storyboard.providers.comfy.meanings import ANSWERS, ENVIRONMENT, failure_words, refusal_words
from storyboard.providers.comfy.nodes import read_version
from storyboard.providers.comfy.terms import WorkflowModel, read_model

T = TypeVar("T")

FOLDER = "storyboard"  # below ComfyUI's own folders for input and output
_CLIPS = (".mp4", ".webm", ".mov", ".mkv")
_LARGEST_REPLY = 64 * 1024 * 1024  # bytes: the queue and the history repeat whole workflows
_LARGEST_OWN_SEED = 2**48 - 1  # of a seed that is derived

_GONE = "ComfyUI has neither the job nor its clip: it was restarted, or somebody deleted the job"


class Comfy:
    """A ComfyUI with the models that config.toml defines; without any, what is known before it is read."""

    name = "comfy"
    answers = ANSWERS
    environment = ENVIRONMENT
    # Its queue is one's own: a clip may take an hour on a small GPU, and looking costs nothing.
    timing = Timing(first=1.0, pause=1.0, deadline=4 * 3600.0, period=0.0)
    hosts: tuple[str, ...] = ()
    rehearses = False

    def __init__(self, models: Sequence[WorkflowModel] = ()) -> None:
        self.models: Mapping[str, WorkflowModel] = {each.model.name: each for each in models}
        usual = next(iter(self.models), "")
        self.capabilities = Capabilities(tuple(each.model for each in models), usual=usual)
        self.prices: Prices = free_prices(self.models)

    def with_table(self, table: Mapping[str, object], folder: Path) -> "Comfy":
        """The provider with the models of [providers.comfy.models]. Raise InputError."""
        for key in table:
            if key != "models":
                raise InputError(
                    f"[providers.comfy]: unknown key {key!r:.60}", did_you_mean(key, ("models", "base_url"))
                )
        models = table.get("models")
        if not isinstance(models, Mapping) or not models:
            raise InputError(
                "comfy has no model: a model is a workflow that you export from ComfyUI",
                'write [providers.comfy.models.NAME] and workflow = "FILE.json" into config.toml',
            )
        return Comfy([read_model(name, each, folder) for name, each in models.items()])

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        """The body of POST /prompt: the workflow filled in, under our name of the job."""
        known = self.models.get(shot.model) or self.models[self.capabilities.usual]
        values: dict[str, object] = {
            "prompt": shot.prompt,
            "seed": _own_seed(shot) if shot.seed is None else shot.seed,
            "out": f"{FOLDER}/{dispatch.name}",
            "frames": known.frames(Fraction(shot.seconds or known.model.seconds)),
        }
        if shot.negative is not None:
            values["negative"] = shot.negative
        values.update({image.role: image.address for image in images})
        name = shot.resolution or known.model.resolutions[0].name
        if size := known.sizes.get((shot.aspect, name)):
            values["width"], values["height"] = size
        return {"prompt": known.graph.with_values(values), "prompt_id": dispatch.name, "client_id": FOLDER}

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        return Request(
            Call.SUBMIT,
            "POST",
            "/prompt",
            body=self.request(shot, images, dispatch),
            reply_bytes=_LARGEST_REPLY,
        )

    def read_submission(self, reply: Reply) -> str | NoResult:
        if not 200 <= reply.status < 300:
            return Rejection(None, refusal_words(reply.body))
        job = _table(reply.body).get("prompt_id")
        return str(job) if is_job_name(job) else Meaning(AnswerKind.NO_RECEIPT, refusal_words(reply.body))

    def status(self, job: str) -> Request:
        return _history(job)

    def read_status(self, job: str, reply: Reply) -> JobState | NoResult | AskNext[JobState]:
        return _ended(job, reply, JobFailed(AnswerKind.OVER, _GONE))

    def search(self, dispatch: Dispatch) -> Request:
        return _history(dispatch.name)

    def read_search(self, dispatch: Dispatch, reply: Reply) -> str | NoResult | AskNext[str | None] | None:
        """The name is ours: the question is only whether the job, or its clip, is there."""
        return _name_of(dispatch.name, _ended(dispatch.name, reply, None))

    def inspection(self) -> Request:
        return Request(Call.BALANCE, "GET", "/system_stats")

    def read_inspection(self, reply: Reply) -> Inspection | NoResult | AskNext[Inspection]:
        return read_version({name: each.graph for name, each in self.models.items()}, reply)

    def upload(self, name: str, content: bytes, kind: str) -> Request:
        form = (
            Part("image", content, filename=name, kind=kind),
            Part("subfolder", FOLDER),
            Part("type", "input"),
            Part("overwrite", "true"),
        )
        return Request(Call.UPLOAD, "POST", "/upload/image", form=form)

    def read_upload(self, reply: Reply, now: datetime) -> Address | NoResult:
        """The image's name for LoadImage: "subfolder/name"."""
        if not 200 <= reply.status < 300:
            return Rejection(None, refusal_words(reply.body))
        said = _table(reply.body)
        name, folder = said.get("name"), said.get("subfolder")
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            return Meaning(AnswerKind.UNREADABLE, "it gives the image no name")
        return Address(f"{folder}/{name}" if isinstance(folder, str) and folder else name, None)


def _history(job: str) -> Request:
    return Request(Call.POLL, "GET", f"/history/{quote(job, safe='')}", reply_bytes=_LARGEST_REPLY)


def _own_seed(shot: Shot) -> int:
    """A seed for a shot that has none: another for each take, the same whenever the same take is asked for."""
    return int.from_bytes(hashlib.sha256(f"seed {shot.own_key} {shot.take}".encode()).digest()[:8]) & _LARGEST_OWN_SEED


def _content(reply: Reply, key: str | None = None) -> Mapping[str, object] | NoResult:
    if not 200 <= reply.status < 300:
        return Rejection(None, refusal_words(reply.body))
    if not isinstance(reply.body, dict) or (key and not isinstance(reply.body.get(key), list)):
        return Meaning(AnswerKind.UNREADABLE, "this is no answer of ComfyUI's")
    return reply.body


def _entries(value: object) -> list[list[object]]:
    return [each for each in value if isinstance(each, list) and len(each) > 1] if isinstance(value, list) else []


def _number(entry: list[object]) -> float:
    return float(entry[0]) if isinstance(entry[0], int) else 0.0


def _ended(job: str, reply: Reply, gone: T, *, queued: bool = True) -> JobState | NoResult | AskNext[JobState | T]:
    """The end of a job by its history; without one it may be in the queue, and then in neither.

    It leaves the queue at the very moment in which it enters the history: this is looked at again after the queue
    (``queued`` False). ``gone`` is the answer where no trace of it is left, not even its file.
    """
    if isinstance(history := _content(reply), Meaning | Rejection):
        return history
    entry = _table(history.get(job))
    if not entry:
        if queued:
            request = Request(Call.POLL, "GET", "/queue", reply_bytes=_LARGEST_REPLY)
            return AskNext(request, lambda later: _queued(job, later, gone))
        return _look(job, gone)
    status = _table(entry.get("status"))
    if status.get("status_str") == "error":
        return JobFailed(AnswerKind.OVER, failure_words(status.get("messages")))
    if clips := _clips(entry.get("outputs"), job):
        return Ready(clips[0], others=len(clips) - 1)
    return _look(job, JobFailed(AnswerKind.OVER, "the workflow ended and saved no clip of this job"))


def _queued(job: str, reply: Reply, gone: T) -> JobState | NoResult | AskNext[JobState | T]:
    """Whether the job runs or waits, by the queue's reply."""
    if isinstance(queue := _content(reply, "queue_running"), Meaning | Rejection):
        return queue
    if any(entry[1] == job for entry in _entries(queue.get("queue_running"))):
        return Pending()
    names = [entry[1] for entry in sorted(_entries(queue.get("queue_pending")), key=_number)]
    if job in names:
        return Pending(queued=True, place=names.index(job) + 1)
    return AskNext(_history(job), lambda later: _ended(job, later, gone, queued=False))


def _look(job: str, gone: T) -> AskNext[JobState | T]:
    """Look for the clip's file, whose name is known: it is served after a restart, too."""
    query = {"filename": f"{job}_00001_.mp4", "subfolder": FOLDER, "type": "output"}
    return AskNext(Request(Call.POLL, "HEAD", "/view", query=query), lambda later: _filed(later, _view(query), gone))


def _filed(reply: Reply, url: str, gone: T) -> Ready | NoResult | T:
    if 200 <= reply.status < 300:
        return Ready(url)
    return gone if reply.status == 404 else Rejection(None, refusal_words(reply.body))


def _clips(outputs: object, job: str) -> list[str]:
    """The paths of the clips in the outputs of a job, those named after it: each node has lists by their kind."""
    files = [
        file
        for node in _table(outputs).values()
        for made in _table(node).values()
        for file in (made if isinstance(made, list) else [])
        if isinstance(file, dict) and isinstance(file.get("filename"), str)
    ]
    clips = [file for file in files if file["filename"].lower().endswith(_CLIPS) and job in file["filename"]]
    names = ("filename", "subfolder", "type")
    return [_view({name: str(file[name]) for name in names if isinstance(file.get(name), str)}) for file in clips]


def _view(query: Mapping[str, str]) -> str:
    return "/view?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())


def _name_of(
    job: str, found: JobState | NoResult | AskNext[JobState | None] | None
) -> str | NoResult | AskNext[str | None] | None:
    """The job's name where there is any trace of it."""
    if isinstance(found, AskNext):
        asked = found
        return AskNext(asked.request, lambda reply: _name_of(job, asked.read(reply)))
    return job if isinstance(found, Pending | Ready | JobFailed) else found


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


provider: Provider = Comfy()
