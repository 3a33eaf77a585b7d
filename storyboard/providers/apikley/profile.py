"""Profile: the names of paths and fields of a service of this shape; a differing service needs configuration only."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line

# Without these no request can be sent, or no answer be read.
_NEEDED = ("generate_path", "record_path", "prompt", "images", "model", "task", "state", "urls", "url", "download")


@dataclass(frozen=True, slots=True)
class Profile:
    """The names of the service's API; None leaves a path or a field out.

    The envelope ``{code, msg, data}`` has no other names: it defines "of this shape". Sources: the API document
    for the submission; api-facts.md 3.2 (record), 4.1 (HD), 6.2 (credit), 6.6 (upload) for what it only mentions.
    """

    generate_path: str = "/api/v1/veo/generate"
    record_path: str = "/api/v1/veo/record-info"
    hd_path: str | None = "/api/v1/veo/get-1080p-video"
    credit_path: str | None = "/api/v1/chat/credit"
    upload_path: str | None = "/api/file-base64-upload"

    # Fields of the submission.
    prompt: str = "prompt"
    images: str = "imageUrls"
    model: str = "model"
    mode: str | None = "generationType"
    aspect: str | None = "aspectRatio"
    seed: str | None = "seeds"
    translate: str | None = "enableTranslation"
    watermark: str | None = "watermark"
    callback: str | None = "callBackUrl"
    label: str | None = None  # what a draft prints on its card

    # Fields of the record and the HD version, in the query and in the answer.
    task: str = "taskId"
    index: str | None = "index"
    state: str = "successFlag"
    urls: str = "resultUrls"
    url: str = "resultUrl"
    why: str | None = "errorMessage"
    why_code: str | None = "errorCode"
    seeds: str | None = "seeds"
    credits: str | None = "creditsConsumed"
    originals: str | None = "originUrls"  # the clip before it was cropped to another shape than 16:9
    fallback: str | None = "fallbackFlag"
    echo: str | None = "paramJson"  # the submission as it came, as JSON in a string

    # Fields of the upload, its folder at the service, and the days that the service keeps a file.
    content: str = "base64Data"
    folder: str = "uploadPath"
    name: str = "fileName"
    download: str = "downloadUrl"
    upload_folder: str = "storyboard"
    upload_days: float = 3

    @classmethod
    def of(cls, table: Mapping[str, object]) -> "Profile":
        """The profile of a table of the user's configuration; "" leaves a name out. Raise InputError."""
        known = [field.name for field in fields(cls)]
        for name in table:
            if name not in known:
                raise InputError(f"the profile has no name {one_line(name)!r}", did_you_mean(name, known))
        names: dict[str, Any] = {name: _checked(name, value) for name, value in table.items()}
        return cls(**names)


def _checked(name: str, value: object) -> object:
    if name == "upload_days":
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3650:
            raise InputError("profile: upload_days must be a number of days above 0")
        return value
    if value in (None, ""):
        if name in _NEEDED or name in ("content", "folder", "name", "upload_folder"):
            raise InputError(f"profile: {name} cannot be left out")
        return None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value or len(value) > 200:
        raise InputError(f"profile: {name} must be a name, not {one_line(str(value))!r}")
    if name.endswith("_path") and (not value.startswith("/") or value.startswith("//") or set(value) & set("?#\\")):
        raise InputError(f"profile: {name} must be a path such as /api/v1/veo/generate, not {one_line(value)!r}")
    return value
