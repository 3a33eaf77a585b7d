"""Replies: the JSON documents that the API returns. Values in, values out.

Sources: the API document (envelope, callback); api-facts.md 3.2 and 3.3 (record, shapes of resultUrls), 6.6 (upload).
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from storyboard.emulator.api.orders import Refusal
from storyboard.emulator.api.service import PRICES, FailedJob, FinishedJob, Job, Outcome, warning_of
from storyboard.emulator.faults.faults import CODES

Document = Mapping[str, object]

_CALLBACK_CODES = (200, 400, 422, 500, 501)


def envelope(code: int = 200, message: str = "", data: object = None) -> Document:
    """The envelope of all replies. An empty ``message`` is replaced by the usual text for ``code``."""
    return {"code": code, "msg": message or CODES.get(code, "error"), "data": data}


def refusal_reply(refusal: Refusal) -> Document:
    """The reply for a refused request."""
    return envelope(refusal.code, refusal.message)


def unknown_job(form: str) -> Document:
    """The reply for an unknown job, in one of the three forms that such services use (api-facts.md 3.6)."""
    match form:
        case "404":
            return envelope(404)
        case "null":
            return envelope(200)
    return envelope(422, "record is null")


def record(job: Job, outcome: Outcome | None, urls: tuple[str, str], shape: str) -> Document:
    """The record of a job: ``urls`` are those of its clip and of the original before it was cropped.

    ``shape`` is one of faults.SHAPES or "" for a plain list.
    """
    data: dict[str, object] = {
        "taskId": job.id,
        "paramJson": json.dumps(dict(job.request)),
        "successFlag": 0,
        "response": None,
        "createTime": round(job.created * 1000),
        "completeTime": None,
        "errorCode": None,
        "errorMessage": None,
        "creditsConsumed": PRICES.get(job.order.model, 0),
        "warning": warning_of(job.order) or None,
    }
    match outcome:
        case FinishedJob(brief=brief):
            data |= {"successFlag": 1, "completeTime": round(outcome.completed * 1000)}
            data |= _result(job, urls[0], urls[1] if brief.portrait else None, shape)
            data |= {"fallbackFlag": job.is_fallback}
        case FailedJob():
            data |= {"successFlag": outcome.flag, "completeTime": round(outcome.completed * 1000), "creditsConsumed": 0}
            data |= {"errorCode": outcome.code, "errorMessage": outcome.message or None}
    return envelope(data=data)


def callback(job: Job, outcome: Outcome, url: str) -> Document:
    """The body of a callback. resultUrls is text in brackets, as the API document shows it."""
    data: dict[str, object] = {"taskId": job.id, "fallbackFlag": job.is_fallback}
    if isinstance(outcome, FailedJob):
        code = outcome.code if outcome.code in _CALLBACK_CODES else 501
        return envelope(code or 501, outcome.message, data)
    origin = f"[{url}]" if outcome.brief.portrait else None
    info = {"resultUrls": f"[{url}]", "originUrls": origin, "resolution": "720p"}
    data |= {"promptJson": json.dumps(dict(job.request)), "info": info}
    return envelope(200, "Veo3.1 video generated successfully.", data)


def upload_reply(path: str, name: str, url: str, size: int, kind: str) -> Document:
    """The reply to an upload of ``size`` bytes."""
    data = {
        "success": True,
        "fileName": name,
        "filePath": path,
        "downloadUrl": url,
        "fileSize": size,
        "mimeType": kind,
        "uploadedAt": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {"success": True, **envelope(200, "File uploaded successfully", data)}


def _result(job: Job, url: str, original: str | None, shape: str) -> Document:
    """The fields of a record that hold the clip's URL, in ``shape``. originUrls is set only for a ratio but 16:9."""
    urls = {"string": json.dumps([url]), "brackets": f"[{url}]", "single": url}.get(shape, [url])
    response: dict[str, object] = {
        "taskId": job.id,
        "resultUrls": urls,
        "originUrls": [original] if original else None,
        "resolution": "720p",
        "seeds": [job.order.seed],
        "hasAudioList": [True],
    }
    match shape:
        case "info":
            return {"response": None, "info": {"resultUrls": [url]}}
        case "data":
            return {"response": None, "resultUrls": json.dumps([url])}
        case "null-first":
            return {"response": {**response, "resultUrls": None}}
    return {"response": response}
