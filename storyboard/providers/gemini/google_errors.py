"""What Google's refusals mean: each google.rpc status as a row of the retry table, with a sentence.

Sources: services.md section 3; google.rpc.Code and google.rpc.ErrorInfo. That a wrong key is INVALID_ARGUMENT is second
hand.
"""

from collections.abc import Iterator, Mapping

from storyboard.http.exchange import Meaning, Rejection, Reply
from storyboard.http.messages import PLAIN_CALLS, Answers, Say, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, AnswerKind, Signal, read_table
from storyboard.model.capabilities import Auth, Environment
from storyboard.providers.gemini.omni_models import MODELS

ENVIRONMENT = Environment(
    key="STORYBOARD_KEY_GEMINI",
    key_file="STORYBOARD_KEY_GEMINI_FILE",
    base_url="GEMINI_BASE_URL",
    usual_url="https://generativelanguage.googleapis.com",
    keyring="gemini",
    vendor_key="GEMINI_API_KEY",
    auth=Auth("x-goog-api-key", ""),
)

# Each status as a number: that of HTTP, but for FAILED_PRECONDITION, which HTTP says as 400, too.
_NUMBERS: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "ABORTED": 409,
    "FAILED_PRECONDITION": 412,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_NO_KEY, _NO_QUOTA = 401, 402

# 404: the model is gone, and that is one scene's fault. 412: billing or region, which no scene can change.
_CODES = """
signal      submit   poll    hd      download  upload  balance
404         failed   unseen  failed  expired   stop    absent
409         unknown  ask     wait    fetch     put     absent
412         stop     stop    stop    expired   stop    absent
499         unknown  ask     wait    fetch     put     absent
"""
# A 404 that is not Google's own: the address, or the version of the API, is wrong.
_STATUSES = """
signal      submit   poll    hd      download  upload  balance
404         stop     unseen  failed  expired   stop    absent
"""
TABLE = PLAIN_HTTP.with_rows(read_table(_CODES), read_table(_STATUSES), frozenset())

_LATER = "render again later: finished takes are kept"
_ENDED = "; ".join(
    f"{name} ends on {each.model.ends}, its successor is {each.model.successor}"
    for name, each in MODELS.items()
    if each.model.ends
)
_SAYS: Mapping[Signal, Say] = {
    400: ("Gemini does not accept the request", "change what the message names, and render again"),
    402: (
        "the quota or the credit of the Google project is used up",
        "raise it in Google AI Studio, or wait until it is renewed; finished takes are kept",
    ),
    404: (
        "Gemini has no such model or endpoint",
        f"check the model ({_ENDED}), GEMINI_BASE_URL, and api_version of [providers.gemini]",
    ),
    409: ("Gemini was doing something else with the same resource", _LATER),
    412: (
        "the Google project may not use this model",
        "enable billing for it (Omni has no free tier), and check that your region is supported",
    ),
    499: ("Gemini cancelled the request", _LATER),
    AnswerKind.OVER: ("Gemini made no clip", "change the prompt or the images, and render again"),
    AnswerKind.UNSEEN: ("Gemini does not have the job or its file any more", _LATER),
}
_CONTENT = ("safety", "policy", "policies", "prohibited", "violat", "blocked", "filtered", "responsible ai")
TEXTS = Texts(
    says={**plain_texts(ENVIRONMENT), **_SAYS},
    calls=PLAIN_CALLS,
    meanings=(
        (_CONTENT, "rephrase the prompt or use other images: Gemini refuses what this scene shows"),
        (("duration",), "choose another length: 'seconds'"),
    ),
    content_codes=(),
    content_words=_CONTENT,
)
ANSWERS = Answers(TABLE, TEXTS)


def refusal(reply: Reply) -> Meaning | Rejection:
    """Why a reply is no result, by the google.rpc status in it; by HTTP status where it has none."""
    error = google_error(reply.body)
    words = text_of(error.get("message"))
    number = _NUMBERS.get(text_of(error.get("status")))
    reasons = set(_reasons(error.get("details")))
    if "API_KEY_INVALID" in reasons:
        number = _NO_KEY
    elif number == 429 and any("PerDay" in reason for reason in reasons):
        number = _NO_QUOTA
    if number == reply.status == 404:  # Google's own word: not the address is wrong, but the name in it.
        return Meaning(number, words)
    return Rejection(number, words)


def google_error(body: object) -> Mapping[str, object]:
    """The ``error`` of a body, which may be in a list; empty where there is none."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    return table_of(table_of(body).get("error"))


def _reasons(details: object) -> Iterator[str]:
    """The reasons in the details of an error, and the names of the quotas that are used up."""
    for detail in map(table_of, details if isinstance(details, list) else ()):
        yield text_of(detail.get("reason"))
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else ():
            yield text_of(table_of(violation).get("quotaId"))


def table_of(value: object) -> Mapping[str, object]:
    """An object of JSON; empty for anything else."""
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    """A text of JSON; "" for anything else."""
    return value if isinstance(value, str) else ""
