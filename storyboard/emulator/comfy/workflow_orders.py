"""Workflow orders: the body of POST /prompt, read as what a draft shows: prompt, images, size, and where it is saved.

Source: services.md section 8. The emulator has every node: only what a ComfyUI would refuse before work is refused.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from storyboard.emulator.api.orders import ClipForm, GenerationOrder

Nodes = Mapping[str, Mapping[str, object]]

_TEXTS = ("text", "prompt", "value")
_SEEDS = ("seed", "noise_seed")
_FREE = "workflow"  # the model of such an order: it has no price
_SMALLEST, _LARGEST = 16, 8192  # pixels of a side


@dataclass(frozen=True, slots=True)
class WorkflowOrder:
    """An order and the job's name; ``folder`` and ``file`` say where its clip is saved, ``node`` by which node."""

    order: GenerationOrder
    name: str
    folder: str
    file: str
    node: str


@dataclass(frozen=True, slots=True)
class WorkflowRefusal:
    """A refusal: the HTTP status and the document."""

    status: int
    document: Mapping[str, object]


def read_workflow_order(body: bytes, images: Collection[str], name: str) -> WorkflowOrder | WorkflowRefusal:
    """The order in a request; ``images`` are the names that were uploaded, ``name`` is for a job without one."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError):
        return WorkflowRefusal(500, {"error": "broken JSON"})
    nodes = given.get("prompt") if isinstance(given, dict) else None
    if not isinstance(nodes, dict) or not nodes:
        return _refusal("no_prompt", "No prompt provided")
    for id, node in nodes.items():
        if not isinstance(node, dict) or not isinstance(node.get("class_type"), str):
            return _refusal("invalid_prompt", f"Cannot execute because a node is missing the class_type: '#{id}'")
        if not isinstance(node.get("inputs"), dict):
            return _refusal("invalid_prompt", f"Cannot execute because a node has no inputs: '#{id}'")
    saves = [id for id, node in nodes.items() if isinstance(_inputs(node).get("filename_prefix"), str)]
    if not saves:
        return _refusal("prompt_no_outputs", "Prompt has no outputs")
    if absent := [(id, image) for id, image in _images(nodes) if image not in images]:
        return _missing(nodes, *absent[0])
    job = given.get("prompt_id", name)
    prefix = PurePosixPath(str(_inputs(nodes[saves[0]])["filename_prefix"]))
    folder = "" if str(prefix.parent) == "." else str(prefix.parent)
    return WorkflowOrder(_order(nodes, given), str(job), folder, f"{prefix.name}_00001_.mp4", saves[0])


def _order(nodes: Nodes, given: Mapping[str, object]) -> GenerationOrder:
    images = tuple(image for _, image in _images(nodes))[:2]
    return GenerationOrder(
        prompt=_prompt(nodes),
        images=images,
        model=_FREE,
        mode="FIRST_AND_LAST_FRAMES_2_VIDEO" if images else "TEXT_2_VIDEO",
        aspect="16:9",
        seed=next((seed for node in nodes.values() for seed in _seeds(node)), 0),
        translate=False,
        watermark="",
        callback="",
        label="",
        given=given,
        clip=ClipForm(_pixels(nodes)),
    )


def _prompt(nodes: Nodes) -> str:
    """The text before the first input called positive; else the first text of any node."""
    for node in nodes.values():
        if text := _text_before(nodes, _inputs(node).get("positive"), 20):
            return text
    texts = (value for node in nodes.values() for value in _own_texts(node))
    return next(texts, "a workflow without a prompt")


def _text_before(nodes: Nodes, link: object, depth: int) -> str:
    """The text of the node at a link, or of one before it, at most ``depth`` links away."""
    node = _linked(nodes, link)
    if node is None or not depth:
        return ""
    own = next(_own_texts(node), "")
    before = (_text_before(nodes, _inputs(node).get(name), depth - 1) for name in ("positive", *_TEXTS))
    return own or next((text for text in before if text), "")


def _own_texts(node: Mapping[str, object]) -> Iterator[str]:
    for name in _TEXTS:
        value = _inputs(node).get(name)
        if isinstance(value, str) and value.strip():
            yield value


def _seeds(node: Mapping[str, object]) -> Iterator[int]:
    for name in _SEEDS:
        if type(value := _inputs(node).get(name)) is int:
            yield value


def _images(nodes: Nodes) -> list[tuple[str, str]]:
    """The images that nodes load, each with the id of its node, in the order of the file."""
    found = [(id, _inputs(node).get("image")) for id, node in nodes.items() if node["class_type"] == "LoadImage"]
    return [(id, image) for id, image in found if isinstance(image, str)]


def _pixels(nodes: Nodes) -> tuple[int, int] | None:
    """Width and height of the first node that has both, as values or as links to them; even, as H.264 needs."""
    for node in nodes.values():
        sides = [_whole(nodes, _inputs(node).get(name)) for name in ("width", "height")]
        wide, high = sides
        if wide and high:
            return wide - wide % 2, high - high % 2
    return None


def _whole(nodes: Nodes, value: object) -> int:
    if (node := _linked(nodes, value)) is not None:
        value = _inputs(node).get("value")
    return value if isinstance(value, int) and _SMALLEST <= value <= _LARGEST else 0


def _linked(nodes: Nodes, value: object) -> Mapping[str, object] | None:
    link = value[0] if isinstance(value, list) and len(value) == 2 else None
    return nodes.get(link) if isinstance(link, str) else None


def _inputs(node: Mapping[str, object]) -> Mapping[str, object]:
    inputs = node["inputs"]
    return inputs if isinstance(inputs, dict) else {}


def _refusal(kind: str, message: str) -> WorkflowRefusal:
    error = {"type": kind, "message": message, "details": message, "extra_info": {}}
    return WorkflowRefusal(400, {"error": error, "node_errors": {}})


def _missing(nodes: Nodes, id: str, image: str) -> WorkflowRefusal:
    error = {"type": "custom_validation_failed", "message": "Custom validation failed for node"}
    detail = {**error, "details": f"image - Invalid image file: {image}", "extra_info": {"input_name": "image"}}
    whole = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation", "details": ""}
    errors = {id: {"errors": [detail], "dependent_outputs": [], "class_type": nodes[id]["class_type"]}}
    return WorkflowRefusal(400, {"error": {**whole, "extra_info": {}}, "node_errors": errors})
