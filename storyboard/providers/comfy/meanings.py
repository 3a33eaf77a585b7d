"""What ComfyUI's answers mean, for the retry table and for the user; and the fault that a refusal or a job names."""

from collections.abc import Iterator, Mapping

from storyboard.http.messages import PLAIN_CALLS, Answers, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, AnswerKind, Call, read_table
from storyboard.model.capabilities import Auth, Environment

ENVIRONMENT = Environment(
    key="STORYBOARD_KEY_COMFY",
    key_file="STORYBOARD_KEY_COMFY_FILE",
    base_url="COMFY_BASE_URL",
    usual_url="http://127.0.0.1:8188",
    keyring="comfy",
    auth=Auth(header="", prefix=""),
)

_LATER = "render again later: finished takes are kept"
_WORKFLOW = "change the workflow in ComfyUI and export it again; `storyboard doctor` asks the server for its nodes"

# The status 404 of a poll is an answer: the path exists since ComfyUI has an API, and so the file does not.
_STATUSES = """
signal      submit   poll    hd      download  upload  balance
404         stop     stop    failed  expired   stop    absent
"""

TABLE = PLAIN_HTTP.with_rows({}, read_table(_STATUSES), frozenset())
TEXTS = Texts(
    says={
        **plain_texts(ENVIRONMENT),
        400: ("ComfyUI does not take the workflow", _WORKFLOW),
        403: ("ComfyUI forbids access", "check the address; a proxy in front of it may want a login"),
        AnswerKind.NOT_SENT: (
            "ComfyUI cannot be reached",
            "start it, or write its address into base_url of [providers.comfy]; then render again",
        ),
        AnswerKind.OVER: ("ComfyUI could not make the clip", "look at the named node in ComfyUI, then render again"),
        AnswerKind.UNSEEN: ("ComfyUI does not know the job", _LATER),
    },
    calls={
        **PLAIN_CALLS,
        (Call.UPLOAD, 400): ("ComfyUI does not take the image", "save it as PNG or JPEG, then render again"),
        (Call.UPLOAD, 413): ("the image is too big for ComfyUI", "use a smaller image (its limit is 100 MiB)"),
    },
    meanings=(
        (("not in list", "not in ["), "put the named file into ComfyUI's models folder, or change it in the workflow"),
        (("does not exist", "missing_node_type", "not found"), "install the custom node in ComfyUI, or leave it out"),
        (("out of memory", "allocation on device"), "the GPU has too little memory: a smaller resolution or model"),
        (("interrupted",), "render again to have it made"),
    ),
    content_codes=(),
)
ANSWERS = Answers(TABLE, TEXTS)


def refusal_words(body: object) -> str:
    """What a refusal says, as one sentence: the faults of its nodes, else its own message."""
    said = _table(body)
    error = said.get("error")
    faults = "; ".join(_faults(_table(said.get("node_errors"))))
    own = error if isinstance(error, str) else _sentence(_table(error))
    return faults or own


def _faults(nodes: Mapping[str, object]) -> Iterator[str]:
    for id, node in [*nodes.items()][:5]:
        found = _table(node)
        errors = found.get("errors")
        words = [_sentence(_table(error)) for error in (errors if isinstance(errors, list) else [])[:3]]
        if any(words):
            yield f"node {id} ({_text(found.get('class_type'))}): {', '.join(filter(None, words))}"


def _sentence(error: Mapping[str, object]) -> str:
    return ": ".join(filter(None, (_text(error.get("message")), _text(error.get("details")))))


def failure_words(messages: object) -> str:
    """Why a job ended, by the messages of its history: the node and its exception, or that it was interrupted."""
    for message in reversed(messages if isinstance(messages, list) else []):
        if not isinstance(message, list) or len(message) != 2:
            continue
        kind, said = message[0], _table(message[1])
        if kind == "execution_error":
            node = f"node {_text(said.get('node_id'))} ({_text(said.get('node_type'))})"
            return f"{node}: {_text(said.get('exception_message')).strip() or 'it failed'}"
        if kind == "execution_interrupted":
            return "it was interrupted in ComfyUI"
    return ""


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
