"""Orders: the body of a submission, each field checked against the API document. No I/O.

Sources: the document's schema of POST /api/v1/veo/generate, and the limits that its prose adds.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Literal
from urllib.parse import urlsplit

from storyboard.model.draft_label import DraftLabel
from storyboard.model.take import exact

Mode = Literal["TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO"]

LABEL = "storyboardLabel"  # An extra field, sent for drafts only: the text of a DraftLabel.
CLIP = "storyboardClip"  # Another one: what the clip of another provider's model is; then its words are all taken.

MODELS = ("veo3", "veo3_fast")
ASPECTS = ("16:9", "9:16", "Auto")
IMAGES: Mapping[str, tuple[int, int]] = {  # The minimum and maximum number of images of each mode.
    "TEXT_2_VIDEO": (0, 0),
    "FIRST_AND_LAST_FRAMES_2_VIDEO": (1, 2),
    "REFERENCE_2_VIDEO": (1, 3),
}
SEEDS = (10_000, 99_999)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal before anything is charged: code and message of the envelope."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class ClipForm:
    """What a clip is: width and height in ``pixels`` (None: as the aspect says), ``seconds``, and ``sound``."""

    pixels: tuple[int, int] | None = None
    seconds: Fraction = Fraction(8)
    sound: bool = True

    @property
    def document(self) -> Mapping[str, object]:
        """The form as JSON."""
        return {"pixels": self.pixels and [*self.pixels], "seconds": str(self.seconds), "sound": self.sound}


@dataclass(frozen=True, slots=True)
class GenerationOrder:
    """A valid submission. ``seed`` is derived from the request where the request gives none.

    ``given`` is the unchanged request, for ``paramJson`` of the record. ``clip`` says what the clip is, beside what the
    aspect says. ``price`` is what it costs; None: what the document's models cost.
    """

    prompt: str
    images: tuple[str, ...]
    model: str
    mode: Mode
    aspect: str
    seed: int
    translate: bool
    watermark: str
    callback: str
    label: str
    given: Mapping[str, object]
    clip: ClipForm = ClipForm()
    price: Fraction | None = None

    @property
    def fault_text(self) -> str:
        """What a fault is found by: the prompt, and the model behind it."""
        return f"{self.prompt} model={self.model}"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all fields that affect the clip, without the images, whose addresses change."""
        return self._digest(self.label)

    @property
    def mood(self) -> str:
        """SHA-256 (hex) of the same, but for the place in the film: moving a scene does not change its colour."""
        return self._digest(self.draft_label.heading)

    @property
    def draft_label(self) -> DraftLabel:
        """What the label says: anything that another client sends is a heading."""
        return DraftLabel.of(self.label)

    def _digest(self, label: str) -> str:
        look = [self.prompt, self.model, self.mode, self.aspect, self.seed, self.watermark, label]
        look += [self.clip.document] if self.clip != ClipForm() else []
        return sha256(json.dumps(look).encode()).hexdigest()


def read_order(body: bytes) -> GenerationOrder | Refusal:
    """The order in a request body, or the refusal: always code 422, the document's code for validation errors."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return Refusal(422, "The request body is not valid JSON")
    if not isinstance(given, dict):
        return Refusal(422, "The request body must be a JSON object")
    form = _form(given[CLIP]) if CLIP in given else None
    for field, wants, check in _FIELDS:
        if field in given and not (form and field in _OF_THE_MODEL) and not check(given[field]):
            return Refusal(422, f"{field} must be {wants}")
    if "prompt" not in given:
        return Refusal(422, "prompt is required")
    order = _order(given, form or ClipForm())
    complaint = "" if form else _complaint(order)
    return Refusal(422, complaint) if complaint else order


def _form(given: object) -> ClipForm | None:
    """The form of a draft's clip; None if it is not what we send."""
    if not isinstance(given, dict) or not isinstance(seconds := given.get("seconds"), str):
        return None
    pixels, sides = given.get("pixels"), []
    if isinstance(pixels, list):
        sides = [side for side in pixels if isinstance(side, int) and _SMALLEST <= side <= _LARGEST and side % 2 == 0]
    try:
        length = exact(seconds)
    except ValueError:
        return None
    if not 0 < length <= _LONGEST or (pixels is not None and len(sides) != 2):
        return None
    return ClipForm((sides[0], sides[1]) if sides else None, length, given.get("sound") is not False)


def _order(given: dict[str, object], form: ClipForm) -> GenerationOrder:
    images = tuple(_texts(given.get("imageUrls")))
    return GenerationOrder(
        prompt=str(given["prompt"]),
        images=images,
        model=str(given.get("model", "veo3_fast")),
        mode=_mode(given, images),
        aspect=str(given.get("aspectRatio", "16:9")),
        seed=_seed(given),
        translate=bool(given.get("enableTranslation", True)),
        watermark=str(given.get("watermark", "")),
        callback=str(given.get("callBackUrl", "")),
        label=str(given.get(LABEL, "")),
        given=given,
        clip=form,
    )


def _mode(given: dict[str, object], images: tuple[str, ...]) -> Mode:
    """The requested mode, or the one that the document derives from the presence of images."""
    asked = given.get("generationType")
    for mode in _MODES:
        if mode == asked:
            return mode
    return "FIRST_AND_LAST_FRAMES_2_VIDEO" if images else "TEXT_2_VIDEO"


def _seed(given: dict[str, object]) -> int:
    """The requested seed, or one derived from the request, so that equal requests give equal drafts."""
    asked = given.get("seeds")
    if isinstance(asked, int | float):
        return int(asked)
    words = [given.get(field) for field in ("prompt", "model", "generationType", "aspectRatio")]
    words.append(str(given[LABEL]).partition("\n")[0] if LABEL in given else None)
    drawn = int.from_bytes(sha256(json.dumps(words).encode()).digest()[:8])
    return SEEDS[0] + drawn % (SEEDS[1] - SEEDS[0] + 1)


def _complaint(order: GenerationOrder) -> str:
    """The message for an invalid combination of fields; "" where it is valid."""
    least, most = IMAGES[order.mode]
    if not least <= len(order.images) <= most:
        wanted = str(most) if least == most else f"{least} to {most}"
        return f"{order.mode} takes {wanted} images in imageUrls, not {len(order.images)}"
    if order.mode == "REFERENCE_2_VIDEO" and order.model != "veo3_fast":
        return "REFERENCE_2_VIDEO currently only supports the veo3_fast model"
    if order.mode == "REFERENCE_2_VIDEO" and order.aspect != "16:9":
        return "REFERENCE_2_VIDEO currently only supports the 16:9 aspect ratio"
    return ""


def _texts(value: object) -> list[str]:
    return value if isinstance(value, list) else []


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _text(value: object) -> bool:
    return isinstance(value, str)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _seed_number(value: object) -> bool:
    """Whether the value is a valid seed. 41203.0 is an integer in JSON as well."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return SEEDS[0] <= value <= SEEDS[1] and value == int(value)


def _address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _addresses(value: object) -> bool:
    return isinstance(value, list) and all(map(_address, value))


def _one_of(allowed: tuple[str, ...]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and value in allowed


_OF_THE_MODEL = ("model", "aspectRatio", "seeds", "imageUrls", "watermark")
_SMALLEST, _LARGEST, _LONGEST = 16, 4096, 60  # pixels of a side; seconds

_MODES: tuple[Mode, ...] = ("TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO")

_FIELDS: tuple[tuple[str, str, Callable[[object], bool]], ...] = (
    ("prompt", "a text that is not empty", _filled),
    ("imageUrls", "a list of http or https addresses", _addresses),
    ("model", f"one of {', '.join(MODELS)}", _one_of(MODELS)),
    ("generationType", f"one of {', '.join(IMAGES)}", _one_of(tuple(IMAGES))),
    ("aspectRatio", f"one of {', '.join(ASPECTS)}", _one_of(ASPECTS)),
    ("seeds", f"a whole number from {SEEDS[0]} to {SEEDS[1]}", _seed_number),
    ("callBackUrl", "an http or https address", _address),
    ("enableFallback", "true or false", _flag),
    ("enableTranslation", "true or false", _flag),
    ("watermark", "a text", _text),
    (LABEL, "a text", _text),
)
