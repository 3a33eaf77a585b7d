"""Interaction orders: the body of POST interactions, read as what a draft shows; what Gemini would refuse is refused.

Source: services.md section 3. Of images, bytes are taken; of deliveries, both; of tasks, those that make a new clip.
"""

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256

from storyboard.emulator.api.orders import ClipForm, GenerationOrder, Mode

MODELS: Mapping[str, int] = {"gemini-omni-1.2-flash": 15, "gemini-omni-1.1-flash": 10}  # the longest clip in seconds
# The longer and the shorter side, and video tokens a second.
QUALITIES: Mapping[str, tuple[int, int, int]] = {
    "360p": (640, 360, 1_931),
    "720p": (1280, 720, 5_792),
    "1080p": (1920, 1080, 8_688),
    "4k": (3840, 2160, 17_376),
}
_TASKS: Mapping[str, tuple[Mode, int, int]] = {  # the draft's mode, and how many images
    "text_to_video": ("TEXT_2_VIDEO", 0, 0),
    "image_to_video": ("FIRST_AND_LAST_FRAMES_2_VIDEO", 1, 2),
    "reference_to_video": ("REFERENCE_2_VIDEO", 1, 6),
}
_FIELDS = {
    *("model", "input", "response_format", "generation_config", "background", "store", "labels", "webhook_config"),
    *("response_modalities", "service_tier", "safety_settings"),
}
_LENGTH = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)s")
_KINDS: Mapping[str, str] = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}


@dataclass(frozen=True, slots=True)
class InteractionOrder:
    """An order; its images by the names in the order, with the ending of their files; what the usage counts."""

    order: GenerationOrder
    images: Mapping[str, tuple[bytes, str]]
    seconds: Fraction
    resolution: str
    inline: bool


class GoogleRefusal(Exception):
    """A refusal: the google.rpc status and the message."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_interaction_order(body: bytes, seed: int) -> InteractionOrder:
    """The order in a request body, whose clip depends on ``seed``. Raise GoogleRefusal."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        raise _wrong("Invalid JSON payload received") from None
    if not isinstance(given, dict):
        raise _wrong("Invalid JSON payload received: an object is expected")
    for name in given:
        if name not in _FIELDS:
            raise _wrong(f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.')
    model = str(given.get("model", "")).removeprefix("models/")
    if model not in MODELS:
        raise GoogleRefusal("NOT_FOUND", f"models/{model} is not found, or is no longer available.")
    if given.get("background") is not True:
        raise _wrong("background must be true: the emulator answers at once")
    prompt, images = _input(given.get("input"))
    shape, resolution, seconds, inline = _format(given.get("response_format"), MODELS[model])
    mode = _mode(given.get("generation_config"), len(images))
    if mode == "FIRST_AND_LAST_FRAMES_2_VIDEO" and len(images) == 2 and seconds > 10:
        raise _wrong("duration must be at most 10s with a first and a last frame")
    longer, shorter, _ = QUALITIES[resolution]
    order = GenerationOrder(
        prompt=prompt,
        images=tuple(images),
        model=model,
        mode=mode,
        aspect=shape,
        seed=seed,
        translate=False,
        watermark="",
        callback="",
        label="",
        given=given,
        clip=ClipForm((longer, shorter) if shape == "16:9" else (shorter, longer), seconds),
    )
    return InteractionOrder(order, images, seconds, resolution, inline)


def _input(value: object) -> tuple[str, Mapping[str, tuple[bytes, str]]]:
    """The prompt, and the images in their order. The input is a text, a list of contents, or a list of turns."""
    if isinstance(value, str):
        value = [{"type": "text", "text": value}]
    texts: list[str] = []
    images: dict[str, tuple[bytes, str]] = {}
    for item in _contents(value):
        match item.get("type"):
            case "text":
                texts.append(str(item.get("text", "")))
            case "image":
                content, ending = _image(item)
                images[f"image-{len(images)}-{sha256(content).hexdigest()}"] = (content, ending)
            case kind:
                raise _wrong(f"input: the emulator takes no content of type {kind!r:.40}")
    if not " ".join(texts).strip():
        raise _wrong("input: a prompt is required")
    return " ".join(texts), images


def _contents(value: object) -> Iterator[Mapping[str, object]]:
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise _wrong("input must be a text, or a list of objects")
        if item.get("type") == "user_input":
            yield from _contents(item.get("content"))
        else:
            yield item


def _image(item: Mapping[str, object]) -> tuple[bytes, str]:
    kind, data = str(item.get("mime_type", "")), item.get("data")
    if kind not in _KINDS:
        raise _wrong(f"Unsupported MIME type: {kind[:80]}")
    try:
        content = b64decode(data, validate=True) if isinstance(data, str) else b""
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise _wrong("input: an image needs its data in base64")
    return content, _KINDS[kind]


def _format(value: object, longest: int) -> tuple[str, str, Fraction, bool]:
    """Shape, resolution, seconds, and whether the clip comes inline."""
    form = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(form, dict) or form.get("type") != "video":
        raise _wrong('response_format: an object of type "video" is required')
    shape, resolution = form.get("aspect_ratio", "16:9"), form.get("resolution", "720p")
    delivery, length = form.get("delivery", "inline"), form.get("duration", "8s")
    if shape not in ("16:9", "9:16"):
        raise _wrong("response_format.aspect_ratio must be 16:9 or 9:16")
    if not isinstance(resolution, str) or resolution not in QUALITIES:
        raise _wrong(f"response_format.resolution must be one of {', '.join(QUALITIES)}")
    if delivery not in ("inline", "uri"):
        raise _wrong("response_format.delivery must be inline or uri")
    found = _LENGTH.fullmatch(length) if isinstance(length, str) else None
    if not found or not 3 <= Fraction(found[1]) <= longest:
        raise _wrong(f"response_format.duration must be from 3s to {longest}s")
    return str(shape), resolution, Fraction(found[1]), delivery == "inline"


def _mode(config: object, images: int) -> Mode:
    """The draft's mode: of the task, or by the images where none is named."""
    video = config.get("video_config", {}) if isinstance(config, dict) else {}
    task = video.get("task") if isinstance(video, dict) else None
    if isinstance(config, dict) and (unknown := [name for name in config if name != "video_config"]):
        raise _wrong(f"generation_config.{unknown[0]} is not supported by the model")
    if task is None:
        task = "image_to_video" if images else "text_to_video"
    if not isinstance(task, str) or task not in _TASKS:
        raise _wrong(f"video_config.task: the emulator knows {', '.join(_TASKS)}")
    mode, least, most = _TASKS[task]
    if not least <= images <= most:
        raise _wrong(f"{task} takes {least} to {most} images, not {images}")
    return mode


def _wrong(message: str) -> GoogleRefusal:
    return GoogleRefusal("INVALID_ARGUMENT", message)
