"""Gemini's replies: the JSON documents of the Interactions API, of files and of errors. Values in, values out.

Source: services.md section 3, and google-genai 3.6.1.
"""

from base64 import b64encode
from collections.abc import Mapping

from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import FailedJob, Outcome
from storyboard.emulator.faults.faults import CODES
from storyboard.emulator.gemini.interaction_orders import MODELS, QUALITIES, InteractionOrder

# HTTP status of each google.rpc status.
STATUSES: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_OF_CODE = {code: status for status, code in STATUSES.items() if status != "FAILED_PRECONDITION"}
_WORDS_TOKENS, _IMAGE_TOKENS = 4, 258  # characters of a token; tokens of an image


def google_refusal(status: str, message: str, reason: str = "") -> Document:
    """The document of a refusal; ``reason`` is that of a google.rpc.ErrorInfo."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    error = {"code": STATUSES[status], "message": message, "status": status, "details": details}
    return {"error": error}


def refusal_of_code(code: int) -> Document:
    """The document of an injected fault; for 0 that of an acceptance without a name."""
    if not code:
        return {"object": "interaction", "status": "in_progress"}
    status = _OF_CODE.get(code, "UNKNOWN")
    return {"error": {"code": code, "message": CODES.get(code, "error"), "status": status}}


def status_of(document: Document) -> int:
    """The HTTP status that a document is sent with."""
    error = document.get("error")
    code = error.get("code") if isinstance(error, dict) else 200
    return code if isinstance(code, int) else 200


def interaction_document(
    name: str, found: InteractionOrder, outcome: Outcome | None, video: Document, *, is_cancelled: bool
) -> Document:
    """The interaction of a job; ``video`` is where its clip is, or the clip itself."""
    said: dict[str, object] = {"id": name, "object": "interaction", "model": found.order.model, "status": "in_progress"}
    if is_cancelled:
        return {**said, "status": "cancelled"}
    if outcome is None:
        return said
    if isinstance(outcome, FailedJob):
        if outcome.flag == 1:
            return {**said, "status": "completed", "steps": []}
        fault = {"code": f"{outcome.code or ''}", "message": outcome.message or "The video could not be generated."}
        return {**said, "status": "failed", "errors": [fault]}
    output = {"type": "model_output", "content": [{"type": "video", "mime_type": "video/mp4", **video}]}
    return {**said, "status": "completed", "steps": [{"type": "thought"}, output], "usage": _usage(found)}


def inline_video(content: bytes) -> Document:
    """A clip in its reply."""
    return {"data": b64encode(content).decode()}


def file_document(name: str, url: str, size: int, *, is_active: bool) -> Document:
    """The file of a clip; ``url`` is its address."""
    state = "ACTIVE" if is_active else "PROCESSING"
    return {
        "name": f"files/{name}",
        "mimeType": "video/mp4",
        "sizeBytes": f"{size}",
        "uri": url,
        "downloadUri": f"{url}:download?alt=media",
        "state": state,
        "source": "GENERATED",
    }


def model_list() -> Document:
    """The models that the key may use."""
    return {"models": [{"name": f"models/{name}", "displayName": name} for name in MODELS]}


def _usage(found: InteractionOrder) -> Document:
    words = -(-len(found.order.prompt) // _WORDS_TOKENS)
    images = _IMAGE_TOKENS * len(found.images)
    video = round(QUALITIES[found.resolution][2] * found.seconds)
    kinds = {"text": words, "image": images}
    return {
        "total_input_tokens": words + images,
        "input_tokens_by_modality": [{"modality": kind, "tokens": tokens} for kind, tokens in kinds.items() if tokens],
        "total_output_tokens": video,
        "output_tokens_by_modality": [{"modality": "video", "tokens": video}],
        "total_thought_tokens": 0,
        "total_tokens": words + images + video,
    }
