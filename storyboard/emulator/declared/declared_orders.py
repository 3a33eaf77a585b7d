"""Orders of a declared service: a submission, read by the declaration's own templates, as what a draft shows."""

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256

from storyboard.emulator.api.orders import ClipForm, GenerationOrder, Mode
from storyboard.emulator.declared.template_match import Mismatch, match_body
from storyboard.model.aspect_ratio import in_shape, ratio_of
from storyboard.model.text import one_line
from storyboard.providers.declared.declaration import Declaration, DeclaredModel, ImageRole
from storyboard.providers.declared.placeholders import fill_path
from storyboard.providers.declared.pointers import amount, is_address, str_of, word

_ROLES: tuple[ImageRole, ...] = ("references", "last_frame", "first_frame", "text")
_MODES: Mapping[ImageRole, Mode] = {
    "text": "TEXT_2_VIDEO",
    "first_frame": "FIRST_AND_LAST_FRAMES_2_VIDEO",
    "last_frame": "FIRST_AND_LAST_FRAMES_2_VIDEO",
    "references": "REFERENCE_2_VIDEO",
}
_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp"}


@dataclass(frozen=True, slots=True)
class DeclaredOrder:
    """An order; the images that came with it, by their names in the order; ``name`` is our own."""

    order: GenerationOrder
    images: Mapping[str, bytes]
    name: str


def read_declared_order(declaration: Declaration, path: str, body: object) -> DeclaredOrder | str:
    """The order in a submission to ``path``, or a sentence that says why it is none.

    In a form, ``body`` has texts, and bytes for files.
    """
    why, told = "no model of this service is asked for at this path", str_of(body)
    is_named = False
    for declared, role in _candidates(declaration, path):
        try:
            values = match_body(declared.body(role), body, as_text=declaration.form)
            return _order(declaration, declared, role, values, body)
        except Mismatch as mismatch:
            # The model that the body names says what is wrong with it, where it names one.
            why = f"{declared.model.name}: {mismatch}" if declared.id in told or not is_named else why
            is_named = is_named or declared.id in told
    return why


def _candidates(declaration: Declaration, path: str) -> Iterator[tuple[DeclaredModel, ImageRole]]:
    """The models and roles that are asked for at a path, those that need most images first."""
    for role in _ROLES:
        for declared in declaration.models.values():
            values = {"model": declared.id, "path": declared.path(role)}
            if role in declared.roles and fill_path(declaration.submit.path, values, frozenset(values)) == path:
                yield declared, role


def _order(
    declaration: Declaration, declared: DeclaredModel, role: ImageRole, values: Mapping[str, object], body: object
) -> DeclaredOrder:
    if values.get("model", declared.id) != declared.id:
        raise Mismatch(f"there is no model {one_line(str_of(values['model']), 60)!r}")
    prompt = values.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise Mismatch("a prompt is needed")
    images = _images(declaration, role, values)
    model, aspect = declared.model, _chosen(declared, "aspect", values, declared.model.aspects)
    resolution = _chosen(declared, "resolution", values, tuple(each.name for each in declared.model.resolutions))
    seconds, sound = _seconds(declared, values), _sound(declared, values)
    seed = _seed(declared, values)
    wide, high = in_shape(model.quality(resolution).size, aspect)
    pixels = (wide // 2 * 2, high // 2 * 2) if ratio_of(aspect) else None
    price = declared.tariff.cost(resolution, seconds, len(images)) if declared.tariff else None
    order = GenerationOrder(
        prompt=prompt,
        images=tuple(images),
        model=model.name,
        mode=_MODES[role],
        aspect="Auto" if aspect == "auto" else aspect,
        seed=seed,
        translate=False,
        watermark="",
        callback=str(values.get("callback") or ""),
        label="",
        given=body if isinstance(body, dict) else {},
        clip=ClipForm(pixels, seconds, sound),
        price=price or Fraction(0),
    )
    sent = {name: content for name, content in images.items() if content}
    return DeclaredOrder(order, sent, str(values.get("name", "")))


def _images(declaration: Declaration, role: ImageRole, values: Mapping[str, object]) -> dict[str, bytes]:
    """The images by their names: an address as it is, else their digest; with their bytes where these came."""
    wanted = {
        "text": [],
        "first_frame": ["first_frame"],
        "last_frame": ["first_frame", "last_frame"],
        "references": ["references"],
    }[role]
    for name in ("first_frame", "last_frame", "references"):
        if (name in values) != (name in wanted) and not (name == "first_frame" and role == "last_frame"):
            raise Mismatch(f"{name} is {'not taken' if name in values else 'missing'} here")
    found: dict[str, bytes] = {}
    for name in wanted:
        value = values.get(name, [])
        for each in value if isinstance(value, list) else [value]:
            address, content = _image(declaration, each)
            found[address] = content
    return found


def _image(declaration: Declaration, value: object) -> tuple[str, bytes]:
    if isinstance(value, str) and is_address(value) and declaration.images != "bytes":
        return value, b""
    content = value if isinstance(value, bytes) else _decoded(value)
    if not content:
        raise Mismatch("an image is neither an address nor one that can be read")
    return f"image-{sha256(content).hexdigest()}", content


def _decoded(value: object) -> bytes:
    text = value.partition(";base64,")[2] if isinstance(value, str) and value.startswith("data:") else value
    try:
        return b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""


def image_ending(content: bytes) -> str:
    """The ending of the file of an image, by its first bytes; ".png" for any other."""
    return next((ending for begin, ending in _ENDINGS.items() if content.startswith(begin)), ".png")


def _chosen(declared: DeclaredModel, name: str, values: Mapping[str, object], known: tuple[str, ...]) -> str:
    """The value of our own for what the service calls it; the usual one where the body says nothing."""
    if name not in values:
        return known[0]
    said = {str_of(declared.word_for(name, each)): each for each in known}
    value = str_of(values[name])
    if value not in said:
        raise Mismatch(f"{name} must be one of {', '.join(said)}, not {one_line(value, 60)}")
    return said[value]


def _seconds(declared: DeclaredModel, values: Mapping[str, object]) -> Fraction:
    key = next((key for key in values if key.partition(":")[0] == "seconds"), "")
    if not key:
        return Fraction(declared.model.seconds)
    value, way = values[key], key.partition(":")[2]
    text = str_of(value)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if (way in ("", "number")) != is_number or (way == "s") != text.endswith("s"):
        raise Mismatch(f"seconds are written as {way or 'number'} here, not {one_line(text, 40)!r}")
    seconds = amount(text.removesuffix("s"))
    lengths = declared.model.lengths
    if seconds is None or (seconds not in lengths if lengths else seconds != declared.model.seconds):
        raise Mismatch(f"seconds must be {lengths or declared.model.seconds}, not {one_line(text, 40)}")
    return seconds


def _sound(declared: DeclaredModel, values: Mapping[str, object]) -> bool:
    if "sound" not in values:
        return declared.model.sound != "never"
    for sound in (True, False):
        if word(declared.word_for("sound", sound)) == word(values["sound"]):
            return sound
    raise Mismatch("sound is neither on nor off")


def _seed(declared: DeclaredModel, values: Mapping[str, object]) -> int:
    """The seed; one that depends on the prompt where none is given."""
    seeds, seed = declared.model.seeds, values.get("seed")
    if seed is None:
        return int.from_bytes(sha256(str_of(values.get("prompt")).encode("utf-8", "replace")).digest()[:3])
    if seeds is None or not isinstance(seed, int) or isinstance(seed, bool) or not seeds[0] <= seed <= seeds[1]:
        raise Mismatch(f"seed must be {f'from {seeds[0]} to {seeds[1]}' if seeds else 'left out'}")
    return seed
