"""The provider gemini: Gemini Omni. It sends images as bytes, and gets its clips as files behind the key, or as bytes.

Nothing of ours names a job, and no list of jobs is known: a submission whose answer was lost stays unconfirmed.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from storyboard.http.exchange import Reply, Request
from storyboard.http.policy import Call
from storyboard.model.errors import InputError
from storyboard.model.shot import Mode, Shot
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import format_seconds
from storyboard.providers.base import (
    AskNext,
    Dispatch,
    Inspection,
    JobState,
    NoResult,
    Provider,
    SentImage,
    Timing,
)
from storyboard.providers.gemini.google_errors import ANSWERS, ENVIRONMENT, refusal, table_of, text_of
from storyboard.providers.gemini.interactions import LARGEST_REPLY, job_of, read_interaction
from storyboard.providers.gemini.omni_models import CAPABILITIES, MODELS, PRICES
from storyboard.providers.gemini.prompt_tags import tagged_prompt

_VERSIONS = ("v1beta", "v1")
_TASKS: Mapping[Mode, str] = {
    "text": "text_to_video",
    "frames": "image_to_video",
    "references": "reference_to_video",
}


class Gemini:
    """Omni by the Interactions API of this ``version``."""

    name = "gemini"
    capabilities = CAPABILITIES
    answers = ANSWERS
    environment = ENVIRONMENT
    prices = PRICES
    timing = Timing(first=20.0, pause=10.0)
    hosts: tuple[str, ...] = ()
    rehearses = True

    def __init__(self, version: str = _VERSIONS[0]) -> None:
        self.version = version

    def with_table(self, table: Mapping[str, object], folder: Path) -> "Gemini":
        """The provider with the api_version of [providers.gemini]. Raise InputError."""
        for key in table:
            if key != "api_version":
                known = ("api_version", "base_url", "key_file", "key_command", "at_once")
                raise InputError(f"[providers.gemini]: unknown key {key!r:.60}", did_you_mean(key, known))
        version = table.get("api_version", self.version)
        if version not in _VERSIONS:
            raise InputError(f"[providers.gemini]: api_version must be one of {_VERSIONS}, not {version!r:.60}")
        return Gemini(str(version))

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        """The body of POST interactions: the images in order, then the prompt with their tags."""
        known = MODELS.get(shot.model) or MODELS[CAPABILITIES.usual]
        prompt = tagged_prompt(shot.prompt, [image.role for image in images])
        content = [*map(_image, images), {"type": "text", "text": prompt}]
        return {
            "model": known.wire,
            "input": [{"type": "user_input", "content": content}],
            "response_format": {
                "type": "video",
                "aspect_ratio": shot.aspect,
                "resolution": shot.resolution or known.model.resolutions[0].name,
                "duration": f"{format_seconds(known.model.length(shot.seconds))}s",
                "delivery": "uri",
            },
            "generation_config": {"video_config": {"task": _TASKS[shot.mode]}},
            "background": True,
            "store": True,
        }

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        body = self.request(shot, images, dispatch)
        # Images are in the request: a slow line takes minutes for them, and one that is given up may be accepted.
        return Request(Call.SUBMIT, "POST", self._path(), body=body, reply_bytes=LARGEST_REPLY if images else 0)

    def read_submission(self, reply: Reply) -> str | NoResult:
        return job_of(reply)

    def status(self, job: str) -> Request:
        return Request(Call.POLL, "GET", self._path(job), reply_bytes=LARGEST_REPLY)

    def read_status(self, job: str, reply: Reply) -> JobState | NoResult | AskNext[JobState]:
        return read_interaction(job, reply, self.version)

    def cancel(self, job: str) -> Request:
        return Request(Call.CANCEL, "POST", f"{self._path(job)}/cancel")

    def read_cancel(self, reply: Reply) -> bool | NoResult:
        if not 200 <= reply.status < 300:
            return refusal(reply)
        return table_of(reply.body).get("status") == "cancelled"

    def inspection(self) -> Request:
        return Request(Call.BALANCE, "GET", f"/{self.version}/models", query={"pageSize": "1000"})

    def read_inspection(self, reply: Reply) -> Inspection | NoResult:
        """Whether the key is accepted, and which models it lists."""
        listed = table_of(reply.body).get("models")
        if not 200 <= reply.status < 300 or not isinstance(listed, list):
            return refusal(reply)
        names = {text_of(table_of(each).get("name")).removeprefix("models/") for each in listed}
        whole = not table_of(reply.body).get("nextPageToken")
        absent = [name for name, each in MODELS.items() if each.wire not in names] if whole else []
        return Inspection(
            "the Gemini API",
            notes=tuple(f"the Gemini API does not list {name} for this key" for name in absent),
            fine="accepts the key",
            note_hint="a scene that uses it may be refused, unpaid: use another model",
        )

    def _path(self, job: str | None = None) -> str:
        path = f"/{self.version}/interactions"
        return path if job is None else f"{path}/{quote(job, safe='')}"


def _image(image: SentImage) -> dict[str, object]:
    """An image as it is sent. `storyboard prompts` shows its address in place of its bytes."""
    data = b64encode(image.content).decode() if image.content else image.address
    return {"type": "image", "data": data, "mime_type": image.kind or "image/png"}


provider: Provider = Gemini()
