"""A ComfyUI workflow in API format: read, its inputs bound to what a shot says, and filled in for one shot."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from storyboard.model.errors import InputError
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line

LARGEST = 4_000_000  # bytes of a workflow
MOST_NODES = 5_000

# What can be bound, and the inputs of a node that a title binds: the first of them that the node has.
ROLES: Mapping[str, tuple[str, ...]] = {
    "prompt": ("text", "prompt", "value"),
    "negative": ("text", "prompt", "value"),
    "seed": ("seed", "noise_seed", "value"),
    "first_frame": ("image",),
    "last_frame": ("image",),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "frames": ("length", "value"),
    "out": ("filename_prefix",),
}
NEEDED = ("prompt", "out")

_TITLE = re.compile(r"\s*storyboard\s*:(.*)", re.IGNORECASE | re.DOTALL)
_EXPORT = "in ComfyUI, choose Workflow, Export (API), and name the file that it saves"


@dataclass(frozen=True, slots=True)
class NodeInput:
    """One input of one node of a workflow."""

    node: str
    name: str

    def __str__(self) -> str:
        return f"{self.node}.{self.name}"


Bindings = Mapping[str, tuple[NodeInput, ...]]


@dataclass(frozen=True, slots=True)
class Graph:
    """The nodes of a workflow by their ids, as in its file; ``bound`` are the inputs that a shot sets, by role."""

    nodes: Mapping[str, Mapping[str, object]]
    bound: Bindings

    @property
    def classes(self) -> Mapping[str, tuple[str, ...]]:
        """The classes of its nodes, each with the ids of its nodes."""
        found: dict[str, list[str]] = {}
        for id, node in self.nodes.items():
            found.setdefault(str(node["class_type"]), []).append(id)
        return {name: tuple(ids) for name, ids in found.items()}

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of what it does: classes and inputs, a bound input as its role; titles do not count."""
        marks: dict[str, object] = {role: {"storyboard": role} for role in self.bound}
        canonical = json.dumps(self.with_values(marks), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()

    def with_values(self, values: Mapping[str, object]) -> dict[str, object]:
        """The graph to submit, with ``values`` by role; an input without a value stays as it is in the file."""
        nodes = {id: {"class_type": node["class_type"], "inputs": inputs_of(node)} for id, node in self.nodes.items()}
        for role, places in self.bound.items():
            for place in places:
                if role in values:
                    nodes[place.node]["inputs"] = {**inputs_of(nodes[place.node]), place.name: values[role]}
        return {**nodes}


def inputs_of(node: Mapping[str, object]) -> Mapping[str, object]:
    """The inputs of a node that was read."""
    inputs = node["inputs"]
    assert isinstance(inputs, Mapping)
    return inputs


def read_graph(content: bytes, where: str, given: Mapping[str, object]) -> Graph:
    """Return the workflow in ``content``. ``where`` names its file; ``given`` binds roles: "6.text", or several.

    A role that is not given is bound by the titles of nodes, such as "storyboard: prompt". Raise InputError.
    """
    nodes = _nodes(_document(content, where), where)
    titles = _titles(nodes, where)
    bound: dict[str, tuple[NodeInput, ...]] = {}
    for role in ROLES:
        if role in given:
            bound[role] = _given(nodes, role, given[role], where)
        elif role in titles:
            bound[role] = _titled(nodes, role, titles[role], where)
    for role in NEEDED:
        if role not in bound:
            example = f'write {role} = "6.{ROLES[role][0]}" into its table in config.toml'
            raise InputError(
                f"{where} does not say where its {'clip is saved' if role == 'out' else 'prompt is'}",
                f"title that node 'storyboard: {role}' and export it again; or {example}",
            )
    _apart(bound, where)
    return Graph(nodes, bound)


def _document(content: bytes, where: str) -> Mapping[str, object]:
    if len(content) > LARGEST:
        raise InputError(f"{where} has more than {LARGEST // 1_000_000} MB: it is no workflow", _EXPORT)
    try:
        found = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}:{error.lineno}:{error.colno}: it is not JSON: {error.msg}", _EXPORT) from None
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise InputError(f"{where} is not JSON in UTF-8", _EXPORT) from None
    if not isinstance(found, dict) or not found:
        raise InputError(f"{where} is no workflow: it has no nodes", _EXPORT)
    if isinstance(found.get("nodes"), list):
        raise InputError(f"{where} is in the format of ComfyUI's editor, which its API does not take", _EXPORT)
    if isinstance(found.get("prompt"), dict) and "class_type" not in found["prompt"]:
        raise InputError(f"{where} is a whole request to ComfyUI", 'keep only what is below its "prompt"')
    return found


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _nodes(found: Mapping[str, object], where: str) -> Mapping[str, Mapping[str, object]]:
    if len(found) > MOST_NODES:
        raise InputError(f"{where} has more than {MOST_NODES} nodes", "split it")
    nodes: dict[str, Mapping[str, object]] = {}
    for id, node in found.items():
        good = isinstance(node, dict) and isinstance(node.get("class_type"), str)
        if not good or not isinstance(node, dict) or not isinstance(node.get("inputs"), dict):
            raise InputError(f"{where}: node '{one_line(id, 60)}' has no class_type and inputs", _EXPORT)
        nodes[id] = node
    for id, node in nodes.items():
        for name, value in inputs_of(node).items():
            if (other := _link(value)) is not None and other not in nodes:
                said = f"{where}: node '{one_line(id, 60)}', input '{one_line(name, 60)}'"
                raise InputError(f"{said}: there is no node '{one_line(other, 60)}'", "export the workflow again")
    return nodes


def _link(value: object) -> str | None:
    """The id of the node that an input is linked to; None if it is a value."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int:
        return value[0]
    return None


def _titles(nodes: Mapping[str, Mapping[str, object]], where: str) -> Mapping[str, Sequence[str]]:
    """The nodes that titles such as "storyboard: width, height" name, by role."""
    found: dict[str, list[str]] = {}
    for id, node in nodes.items():
        meta = node.get("_meta")
        title = meta.get("title") if isinstance(meta, dict) else None
        said = _TITLE.fullmatch(title) if isinstance(title, str) else None
        for word in said[1].split(",") if said else ():
            role = word.strip().lower().replace(" ", "_")
            if role not in ROLES:
                hint = did_you_mean(role, tuple(ROLES)) or f"there are: {', '.join(ROLES)}"
                raise InputError(
                    f"{where}: node '{one_line(id, 60)}' is titled for '{one_line(role, 40)}', which can not be bound",
                    hint,
                )
            found.setdefault(role, []).append(id)
    return found


def _titled(
    nodes: Mapping[str, Mapping[str, object]], role: str, ids: Sequence[str], where: str
) -> tuple[NodeInput, ...]:
    if len(ids) > 1:
        both = " and ".join(one_line(id, 60) for id in ids[:4])
        raise InputError(
            f"{where}: {len(ids)} nodes are titled 'storyboard: {role}': {both}",
            f"retitle all but one, or say which in config.toml: {role} = "
            f'"{one_line(ids[0], 60)}.{ROLES[role][0]}" (several: a list)',
        )
    id = ids[0]
    inputs = inputs_of(nodes[id])
    for name in ROLES[role]:
        if name in inputs and _link(inputs[name]) is None:
            return (NodeInput(id, name),)
    known = ", ".join(one_line(name, 40) for name, value in inputs.items() if _link(value) is None) or "none"
    raise InputError(
        f"{where}: node '{one_line(id, 60)}' is titled 'storyboard: {role}' and has no input of its own "
        f"called {' or '.join(ROLES[role])}",
        f"its inputs with a value: {known}; title another node, or name the input in config.toml",
    )


def _given(nodes: Mapping[str, Mapping[str, object]], role: str, value: object, where: str) -> tuple[NodeInput, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InputError(f'{where}: {role} in config.toml names an input, such as "6.text", not {value!r:.60}')
    return tuple(_place(nodes, role, str(text), where) for text in texts)


def _place(nodes: Mapping[str, Mapping[str, object]], role: str, text: str, where: str) -> NodeInput:
    id, dot, name = text.rpartition(".")
    said = f"{where}: config.toml binds {role} to '{one_line(text, 80)}'"
    if not dot or id not in nodes:
        raise InputError(f"{said}, and there is no such node", f"nodes: {', '.join(map(one_line, [*nodes][:20]))}")
    inputs = inputs_of(nodes[id])
    if name not in inputs:
        known = ", ".join(map(one_line, inputs)) or "none"
        raise InputError(f"{said}, and the node has no such input", f"its inputs: {known}")
    if (other := _link(inputs[name])) is not None:
        raise InputError(f"{said}, which is linked to node '{one_line(other, 60)}'", "bind the input of that node")
    return NodeInput(id, name)


def _apart(bound: Bindings, where: str) -> None:
    """Raise InputError where one input is bound twice."""
    seen: dict[NodeInput, str] = {}
    for role, places in bound.items():
        for place in places:
            if (other := seen.setdefault(place, role)) != role:
                raise InputError(f"{where}: {place} is bound as {other} and as {role}", "bind each input once")
