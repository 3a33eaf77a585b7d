"""Workflows of one's own ComfyUI: what is bound, what a model of them can do, and each refusal as a sentence."""

import json
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from storyboard.http.exchange import Reply
from storyboard.model.errors import InputError
from storyboard.model.shot import Shot
from storyboard.providers.base import AskNext, Dispatch, JobFailed, Pending, Ready, SentImage
from storyboard.providers.comfy import Comfy, provider
from storyboard.testing import provider_contract

pytestmark = pytest.mark.ci
EXAMPLE = Path(__file__).parents[2] / "examples" / "comfy"
JOB = "5f0c2c0e-0000-4000-8000-000000000001"


def node(kind: str, title: str = "", **inputs: object) -> dict[str, object]:
    return {"class_type": kind, "inputs": inputs, "_meta": {"title": title}}


SMALL = {
    "6": node("CLIPTextEncode", "storyboard: prompt", text="a lamp", clip=["4", 0]),
    "4": node("CheckpointLoaderSimple", ckpt_name="m.safetensors"),
    "3": node("KSampler", "storyboard: seed", seed=7, positive=["6", 0]),
    "9": node("SaveVideo", "Storyboard: out", filename_prefix="video", video=["3", 0]),
}


def configured(folder: Path, graph: object = None, **table: object) -> Comfy:
    text = graph if isinstance(graph, str) else json.dumps(SMALL if graph is None else graph)
    (folder / "w.json").write_text(text, "utf-8")
    return Comfy().with_table({"models": {"wan": {"workflow": "w.json", **table}}}, folder)


def shot(**fields: Any) -> Shot:
    usual = {"prompt": "rain", "model": "wan", "aspect": "16:9", "first_frame": None, "last_frame": None}
    rest = {"references": (), "seed": None, "translate": True, "watermark": None, "take": 1, "provider": "comfy"}
    return Shot(**{**usual, **rest, **fields})


def sent(comfy: Comfy, wanted: Shot, *images: SentImage) -> Any:
    return comfy.request(wanted, images, Dispatch(JOB))


def test_the_examples_are_whole() -> None:
    """The two workflows that people copy: what is bound in them, and what follows from it."""
    table = tomllib.loads((EXAMPLE / "config.toml").read_text("utf-8"))["providers"]["comfy"]
    comfy = Comfy().with_table({"models": table["models"]}, EXAMPLE)
    sound, frames = comfy.capabilities.models
    assert (sound.sound, sound.first_frame, sound.seeds, sound.options) == (
        "always",
        False,
        (0, 2**64 - 1),
        {"negative"},
    )
    assert (frames.sound, frames.first_frame, frames.last_frame, frames.seconds) == ("never", True, True, 5)
    images = (SentImage("first_frame", "storyboard/a.png"), SentImage("last_frame", "storyboard/b.png"))
    body = sent(comfy, shot(model="wan22", aspect="9:16", seed=5, negative="text"), *images)
    inputs = {id: node["inputs"] for id, node in body["prompt"].items()}
    assert (inputs["7"]["image"], inputs["8"]["image"]) == ("storyboard/a.png", "storyboard/b.png")
    assert [inputs["12"][name] for name in ("width", "height", "length")] == [480, 832, 81]
    assert (inputs["9"]["text"], inputs["10"]["text"], inputs["11"]["value"]) == ("rain", "text", 5)
    assert (inputs["19"]["filename_prefix"], body["prompt_id"]) == (f"storyboard/{JOB}", JOB)
    assert sent(comfy, shot(model="ltx2", seconds=Fraction(8)))["prompt"]["6"]["inputs"]["value"] == 193


def test_the_contract(tmp_path: Path) -> None:
    """What the client relies on, in whatever a server answers."""
    for check in provider_contract(configured(tmp_path)):
        if check.name != "models":  # the resolutions of a storyboard are those of its schema
            check()
    assert not provider.rehearses


def test_titles_are_no_part_of_the_key(tmp_path: Path) -> None:
    """A title, the bound values and the order of the nodes change no take; a file of weights does."""
    digest = configured(tmp_path).capabilities.models[0].definition
    same = {id: SMALL[id] for id in reversed(SMALL)} | {"6": node("CLIPTextEncode", "x", text="b", clip=["4", 0])}
    assert configured(tmp_path, same, prompt="6.text").capabilities.models[0].definition == digest
    other = SMALL | {"4": node("CheckpointLoaderSimple", ckpt_name="n.safetensors")}
    assert configured(tmp_path, other).capabilities.models[0].definition != digest


def test_three_takes_have_three_seeds(tmp_path: Path) -> None:
    """Without a seed each take would be the same clip again."""
    comfy = configured(tmp_path)
    seeds = [sent(comfy, shot(take=take))["prompt"]["3"]["inputs"]["seed"] for take in (1, 2, 3, 3)]
    assert len({*seeds}) == 3
    assert seeds[2] == seeds[3]


EDITOR = '{"nodes": [{"id": 1, "type": "KSampler"}], "links": []}'
TWICE = SMALL | {"7": node("CLIPTextEncode", "storyboard: prompt", text="", clip=["4", 0])}
LINKED = SMALL | {"6": node("CLIPTextEncode", "storyboard: prompt", text=["4", 0])}


@pytest.mark.parametrize(
    ("workflow", "table", "said"),
    [
        (EDITOR, {}, r"w.json is in the format of ComfyUI's editor"),
        ("{", {}, r"w.json:1:2: it is not JSON"),
        ('{"a": NaN}', {}, "is not JSON in UTF-8"),
        ("[" * 100_000, {}, "is not JSON"),
        ("[]", {}, "is no workflow: it has no nodes"),
        (f'{{"a": "{"x" * 4_000_001}"}}', {}, "has more than 4 MB"),
        ({"prompt": SMALL}, {}, "is a whole request"),
        ({"6": {"class_type": "A"}}, {}, "node '6' has no class_type and inputs"),
        (SMALL | {"9": node("SaveVideo", "", video=["77", 0])}, {}, "node '9', input 'video': there is no node '77'"),
        (TWICE, {}, "2 nodes are titled 'storyboard: prompt': 6 and 7"),
        (LINKED, {}, "has no input of its own called text or prompt or value"),
        (SMALL | {"8": node("A", "storyboard: promt", text="")}, {}, "titled for 'promt', which can not be bound"),
        ({"6": SMALL["6"], "4": SMALL["4"]}, {}, "does not say where its clip is saved"),
        ({"9": node("SaveVideo", "storyboard: out", filename_prefix="")}, {}, "does not say where its prompt is"),
        (None, {"prompt": "77.text"}, "binds prompt to '77.text', and there is no such node"),
        (None, {"prompt": "6.txt"}, "and the node has no such input"),
        (None, {"prompt": "6.clip"}, "which is linked to node '4'"),
        (None, {"prompt": 3}, "prompt in config.toml names an input"),
        (None, {"negative": "6.text"}, "6.text is bound as prompt and as negative"),
        (None, {"seconds": []}, "seconds must be a list of lengths"),
        (None, {"frames_rule": "n"}, 'frames_rule must be the rule of the model, such as "4n.1"'),
        (None, {"fps": "fast"}, "fps must be a number from 1 to 240"),
        (None, {"multiple": 1.5}, "multiple must be a whole number"),
        (None, {"sound": 1}, "sound must be true or false"),
        (None, {"aspects": "16:9"}, "aspects must be a list such as"),
        (None, {"sizes": {"1:1 480p": [4, 4]}}, "sizes must be a table such as"),
        (None, {"sise": 1}, "unknown key 'sise'"),
        (None, {"workflow": "none.json"}, "none.json cannot be read"),
        (None, {"workflow": 3}, "workflow is missing"),
    ],
)
def test_a_refusal_of_a_workflow(tmp_path: Path, workflow: object, table: dict[str, object], said: str) -> None:
    """Each says what is wrong and where: the author sees it before anything is sent."""
    with pytest.raises(InputError, match=said):
        configured(tmp_path, workflow, **table)


@pytest.mark.parametrize("table", [{}, {"models": {}}, {"models": 3}, {"model": {}}, {"models": {"a b": {}}}])
def test_a_table_without_a_model(tmp_path: Path, table: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Comfy().with_table(table, tmp_path)


def test_a_refusal_names_the_node(tmp_path: Path) -> None:
    """ComfyUI's own answer is a tree; the author reads one sentence."""
    errors = [{"message": "Value not in list", "details": "ckpt_name: 'm' not in []"}]
    body = {"error": {"message": "failed"}, "node_errors": {"4": {"class_type": "Loader", "errors": errors}}}
    found = configured(tmp_path).read_submission(Reply(400, body))
    assert getattr(found, "words", "") == "node 4 (Loader): Value not in list: ckpt_name: 'm' not in []"


def history(state: str, *messages: object, **outputs: object) -> dict[str, object]:
    return {JOB: {"outputs": outputs, "status": {"status_str": state, "messages": list(messages)}}}


CLIP = {"filename": f"{JOB}_00001_.mp4", "subfolder": "storyboard", "type": "output"}
VIEW = f"/view?filename={JOB}_00001_.mp4&subfolder=storyboard&type=output"
ERROR = ["execution_error", {"node_id": "3", "node_type": "KSampler", "exception_message": "out of memory\n"}]


@pytest.mark.parametrize(
    ("replies", "end"),
    [
        ([{}, {"queue_running": [[1, JOB]], "queue_pending": []}], Pending()),
        ([{}, {"queue_running": [], "queue_pending": [[9, JOB], [2, "other"]]}], Pending(queued=True, place=2)),
        ([history("success", nine={"gifs": [CLIP], "animated": [True]})], Ready(VIEW)),
        ([history("error", ERROR)], "node 3 (KSampler): out of memory"),
        ([history("error", ["execution_interrupted", {}])], "it was interrupted in ComfyUI"),
        ([{}, {"queue_running": [], "queue_pending": []}, history("success", a={"images": [CLIP]})], Ready(VIEW)),
        ([{}, {"queue_running": [], "queue_pending": []}, {}, 200], Ready(VIEW)),
        ([{}, {"queue_running": [], "queue_pending": []}, {}, 404], "ComfyUI has neither the job nor its clip"),
        ([history("success"), 404], "the workflow ended and saved no clip of this job"),
    ],
)
def test_where_a_job_is(tmp_path: Path, replies: list[Any], end: Pending | Ready | str) -> None:
    """History, queue, history again, and the file itself, which outlives a restart."""
    comfy = configured(tmp_path)
    read, name = (lambda reply: comfy.read_status(JOB, reply)), comfy.search(Dispatch(JOB))
    search = comfy.read_search(Dispatch(JOB), _reply(replies[0]))
    found: Any = read(_reply(replies[0]))
    assert name == comfy.status(JOB)
    for said in replies[1:]:
        assert isinstance(found, AskNext)
        assert isinstance(search, AskNext)
        found, search = found.read(_reply(said)), search.read(_reply(said))
    if isinstance(end, str):
        assert isinstance(found, JobFailed)
        assert found.words.startswith(end)
        assert search == (None if "neither" in end else JOB)
    else:
        assert (found, search) == (end, JOB)


def _reply(said: object) -> Reply:
    return Reply(said, None) if isinstance(said, int) else Reply(200, said)


def test_what_a_server_lacks(tmp_path: Path) -> None:
    """Before a night's render: a node that is not installed, a file that is not there, a node that is not free."""
    comfy = configured(tmp_path)
    required = {"ckpt_name": [["a.safetensors"], {}], "more": ["INT", {}]}
    info = {
        "CheckpointLoaderSimple": {"input": {"required": required}},
        "CLIPTextEncode": {"input": {"required": {"text": ["STRING", {}]}}},
        "KSampler": {"input": {}, "api_node": True},
    }
    found: Any = comfy.read_inspection(Reply(200, {"system": {"comfyui_version": "0.3.64"}}))
    while isinstance(found, AskNext):
        name = found.request.path.rpartition("/")[2]
        found = found.read(Reply(200, {name: info[name]} if name in info else {}))
    assert found.said == "ComfyUI 0.3.64"
    assert found.problems == (
        "wan: node 4 (CheckpointLoaderSimple): ckpt_name 'm.safetensors' is not on this server; "
        "there are: a.safetensors",
        "wan: node 4 (CheckpointLoaderSimple): its input more is missing",
        "wan: node 9 (SaveVideo): this ComfyUI has no such node",
    )
    assert found.notes == ("wan: node 3 (KSampler) is not free: comfy.org charges your account there for it",)
