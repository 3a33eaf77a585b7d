"""What a ComfyUI has of the nodes of the configured workflows: classes, files on disk, and nodes that are not free."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from storyboard.http.exchange import Rejection, Reply, Request
from storyboard.http.policy import Call
from storyboard.model.text import one_line
from storyboard.providers.base import AskNext, Inspection, NoResult
from storyboard.providers.comfy.graph import Graph, NodeInput, inputs_of

_CURE = "change the workflow, or install what it needs"
_FREE = "leave the node out, if the takes are to cost nothing"
_LARGEST_REPLY = 16 * 1024 * 1024  # bytes: a node lists every file that it could load


def read_version(graphs: Mapping[str, Graph], reply: Reply) -> Inspection | NoResult | AskNext[Inspection]:
    """Read the reply of /system_stats, then ask for each class of the workflows, by model."""
    if not 200 <= reply.status < 300:
        return Rejection(None, "")
    system = _table(_table(reply.body).get("system"))
    version = system.get("comfyui_version")
    said = f"ComfyUI {one_line(str(version), 40)}" if isinstance(version, str) else "ComfyUI"
    classes = sorted({name for graph in graphs.values() for name in graph.classes})
    return _next(graphs, Inspection(said, problem_hint=_CURE, note_hint=_FREE), classes)


def _next(graphs: Mapping[str, Graph], found: Inspection, classes: Sequence[str]) -> Inspection | AskNext[Inspection]:
    if not classes:
        return found
    name, *rest = classes
    request = Request(Call.BALANCE, "GET", f"/object_info/{quote(name, safe='')}", reply_bytes=_LARGEST_REPLY)
    return AskNext(request, lambda reply: _next(graphs, _with_class(graphs, found, name, reply), rest))


def _with_class(graphs: Mapping[str, Graph], found: Inspection, name: str, reply: Reply) -> Inspection:
    info = _table(_table(reply.body).get(name))
    problems, notes = list(found.problems), list(found.notes)
    for model, graph in graphs.items():
        for id in graph.classes.get(name, ()):
            node = f"{model}: node {one_line(id, 40)} ({one_line(name, 60)})"
            if not info:
                problems.append(f"{node}: this ComfyUI has no such node")
                continue
            problems.extend(f"{node}: {why}" for why in _faults(graph, id, info))
            if info.get("api_node") is True:
                notes.append(f"{node} is not free: comfy.org charges your account there for it")
    return replace(found, problems=tuple(problems), notes=tuple(notes))


def _faults(graph: Graph, id: str, info: Mapping[str, object]) -> Iterator[str]:
    """What the server would refuse of one node: an input that is missing, a value that is not in its list."""
    inputs = inputs_of(graph.nodes[id])
    kinds = _table(info.get("input"))
    bound = {place for places in graph.bound.values() for place in places}
    for part in ("required", "optional"):
        for name, kind in _table(kinds.get(part)).items():
            if name not in inputs:
                if part == "required":
                    yield f"its input {one_line(name, 40)} is missing"
                continue
            value, options = inputs[name], _options(kind)
            if options and NodeInput(id, name) not in bound and isinstance(value, str) and value not in options:
                known = ", ".join(one_line(option, 60) for option in options[:5])
                yield f"{one_line(name, 40)} {one_line(value, 100)!r} is not on this server; there are: {known}"


def _options(kind: object) -> list[str]:
    """The values of an input that is chosen from a list, in both forms of it; [] for any other."""
    if not isinstance(kind, list) or not kind:
        return []
    listed = kind[0]
    if listed == "COMBO" and len(kind) > 1:
        listed = _table(kind[1]).get("options")
    return [str(option) for option in listed] if isinstance(listed, list) else []


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}
