"""Interactions read: the job's name, its state, its clip, what it cost. Source: services.md section 3."""

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final
from urllib.parse import urlsplit

from storyboard.http.address import loopback_host
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.policy import AnswerKind, Call
from storyboard.model.text import one_line
from storyboard.providers.base import AskNext, JobFailed, JobState, NoResult, Pending, Ready, is_job_name
from storyboard.providers.gemini.google_errors import ENVIRONMENT, google_error, refusal, table_of, text_of
from storyboard.providers.gemini.omni_models import OF_WIRE

# A reply that holds a clip: inline ones are said to end at 4 MB, a third more in base64.
LARGEST_REPLY: Final = 64 * 1024 * 1024

_WAITING: Mapping[str, Pending] = {
    "queued": Pending(queued=True),
    "in_progress": Pending(),
    "idle": Pending(),
}
# Ends without a clip, and why.
_ENDS: Mapping[str, str] = {
    "failed": "it failed",
    "cancelled": "it was cancelled",
    "incomplete": "it ended before the clip was complete (incomplete)",
    "requires_action": "it waits for an answer that storyboard cannot give (requires_action)",
    "requires_continuation": "it reached the limit of tokens for one request (requires_continuation)",
    "budget_exceeded": "it exceeded the budget of tokens or money that Google allows it (budget_exceeded)",
}
_FILE = re.compile(r"(?:/(?P<version>v[0-9][a-z0-9]*)/)?files/(?P<name>[A-Za-z0-9_-]{1,128})(?::download)?")
_HOST = urlsplit(ENVIRONMENT.usual_url).hostname


def job_of(reply: Reply) -> str | NoResult:
    """The name of the job in the reply to a submission; a refusal that names one is a RECEIPT."""
    id = table_of(reply.body).get("id")
    if not 200 <= reply.status < 300:
        return Meaning(AnswerKind.RECEIPT, f"job {id}") if is_job_name(id) else refusal(reply)
    if is_job_name(id):
        return str(id)
    refused = refusal(reply)
    told = isinstance(refused, Rejection) and refused.code is not None and "id" not in table_of(reply.body)
    return refused if told else Meaning(AnswerKind.NO_RECEIPT, refused.words)


def read_interaction(job: str, reply: Reply, version: str) -> JobState | NoResult | AskNext[JobState]:
    """The state of the job by its interaction; ``version`` is that of the API, for the file of its clip."""
    if not 200 <= reply.status < 300:
        return refusal(reply)
    body = table_of(reply.body)
    id, status = body.get("id", job), body.get("status")
    if id not in (job, f"interactions/{job}"):
        return Meaning(AnswerKind.FOREIGN, one_line(str(id), 80) if isinstance(id, str) else "its id is no text")
    if not isinstance(status, str):
        return refusal(reply) if google_error(body) else Meaning(AnswerKind.UNREADABLE, "it names no status")
    if status in _WAITING:
        return _WAITING[status]
    if status != "completed" and status not in _ENDS:
        return Meaning(AnswerKind.UNREADABLE, f"its status is {one_line(status, 40)!r}")
    clips = list(_clips(body)) if status in ("completed", "incomplete") else []
    if clips:
        return _clip(clips[-1], Ready("", credits=_cost(body), others=len(clips) - 1), version)
    return _without_clip(status, "; ".join(dict.fromkeys(filter(None, _sentences(body)))))


def _without_clip(status: str, said: str) -> JobState:
    """Completed without a clip and without a word, it may not be whole yet: it is looked at again."""
    if status == "completed":
        return JobFailed(AnswerKind.OVER, f"it answered without a clip: {said}") if said else Pending(done=True)
    return JobFailed(AnswerKind.OVER, f"{_ENDS[status]}: {said}" if said else _ENDS[status])


def _outputs(body: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The steps in which the model answers, in order."""
    steps = body.get("steps")
    for step in map(table_of, steps if isinstance(steps, list) else ()):
        if step.get("type") == "model_output":
            yield step


def _contents(step: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    content = step.get("content")
    yield from map(table_of, content if isinstance(content, list) else ())


def _clips(body: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """Everything that is a video with bytes or an address, the latest last. "output_video" counts only alone."""
    found = [item for step in _outputs(body) for item in _contents(step) if item.get("type") == "video"]
    for item in found or [table_of(body.get("output_video"))]:
        if item.get("data") or item.get("uri"):
            yield item


def _sentences(body: Mapping[str, object]) -> Iterator[str]:
    """What the service says of a job without a clip: its errors, those of its steps, and the model's own words."""
    errors = body.get("errors")
    for error in map(table_of, errors if isinstance(errors, list) else ()):
        yield text_of(error.get("message")).strip()
    for step in _outputs(body):
        yield text_of(table_of(step.get("error")).get("message")).strip()
        yield from (text_of(item.get("text")).strip() for item in _contents(step) if item.get("type") == "text")


def _cost(body: Mapping[str, object]) -> Fraction | None:
    """USD, by the tokens of the usage; None where the model or the tokens are not told."""
    known = OF_WIRE.get(text_of(body.get("model")).removeprefix("models/"))
    return known.tokens.cost(body.get("usage")) if known else None


def _clip(item: Mapping[str, object], ready: Ready, version: str) -> JobState | NoResult | AskNext[JobState]:
    if data := item.get("data"):
        content = _decoded(data)
        return replace(ready, content=content) if content else Meaning(AnswerKind.UNREADABLE, "its clip is not base64")
    uri = item.get("uri")
    try:
        parts = urlsplit(uri) if isinstance(uri, str) and uri.isprintable() else None
    except ValueError:
        parts = None
    if not parts or not parts.path or parts.scheme not in ("", "http", "https"):
        return Meaning(AnswerKind.UNREADABLE, f"its clip is at no address of the web: {one_line(text_of(uri), 200)!r}")
    if parts.hostname not in (None, _HOST) and not loopback_host(parts.hostname):
        # The client gives the key to the service's own address only, and says so for any other.
        return replace(ready, url=parts.geturl(), with_key=True)
    if not (file := _FILE.fullmatch(parts.path)):
        path = f"/{parts.path.lstrip('/')}{'?' if parts.query else ''}{parts.query}"
        return replace(ready, url=path, with_key=True)
    path = f"/{file['version'] or version}/files/{file['name']}"
    later = replace(ready, url=f"{path}:download?alt=media", with_key=True)
    return AskNext(Request(Call.POLL, "GET", path), lambda reply: read_file(reply, later))


def _decoded(data: object) -> bytes:
    """The bytes in base64; empty where it is none."""
    try:
        return b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError):
        return b""


def read_file(reply: Reply, ready: Ready) -> JobState | NoResult:
    """``ready`` but where the file of its clip is not finished, or has failed.

    Whatever else is said of a file, its download shows: the words for states are second hand.
    """
    if not 200 <= reply.status < 300 and reply.status not in (400, 403, 404):
        return refusal(reply)
    body = table_of(reply.body)
    file = table_of(body.get("file")) or body
    match file.get("state"):
        case "PROCESSING" | "STATE_UNSPECIFIED":
            return Pending()
        case "FAILED":
            said = text_of(table_of(file.get("error")).get("message"))
            return JobFailed(AnswerKind.OVER, f"the file of its clip failed{': ' if said else ''}{said}")
    return ready
