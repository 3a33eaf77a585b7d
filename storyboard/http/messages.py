"""What the author is told about each answer of the service: one sentence, and what to do next."""

from storyboard.errors import (
    AddressExpired,
    BadMedia,
    RunRefused,
    SceneFailed,
    Stalled,
    StoryboardError,
    SubmissionUnknown,
)
from storyboard.http.policy import Call, Sign, Signal, Verdict
from storyboard.plain import show

_KEY = "check the key (APIKLEY_API_KEY), or make a new one on the service's page for keys"
_URL = "check the API address (APIKLEY_BASE_URL)"
_CREDITS = "buy credits, then render again: what was made is kept"
_LATER = "render again later: what was made is kept"
_SCENE = "change the scene and render again"
_SMALLER = "shorten the prompt, or use smaller images"

# Each signal: what is wrong, what to do next.
SAYS: dict[Signal, tuple[str, str]] = {
    200: ("the service agreed", "nothing needs to be done"),
    301: ("the API address has moved; a redirect is never followed, because it would take the key along", _URL),
    302: ("the API address leads elsewhere; a redirect is never followed", _URL),
    303: ("the API address leads elsewhere; a redirect is never followed", _URL),
    307: ("the API address leads elsewhere; a redirect is never followed", _URL),
    308: ("the API address has moved; a redirect is never followed", _URL),
    400: ("the service turned the request down", "change the prompt or the image that it objects to, and render again"),
    401: ("the service does not accept the key", _KEY),
    402: ("the account has not enough credits", _CREDITS),
    403: ("the service forbids access", _KEY + "; the account may allow only certain network addresses"),
    404: ("the service knows nothing at this address", _URL),
    405: ("the service does not take this kind of request at this address", _URL),
    408: ("the service gave up waiting", _LATER),
    410: ("the service has nothing at this address any more", _URL),
    413: ("the request is too big for the service", _SMALLER),
    414: ("the request's address is too long for the service", _SMALLER),
    422: ("the service finds the request not valid", _SCENE),
    429: ("too many requests in a short time", "render again later, or with a smaller --at-once"),
    431: ("the request's headers are too big for the service", _KEY),
    433: ("the key has reached its own limit of use", "raise the key's limit or use another key, then render again"),
    451: ("the service could not fetch an image", "check that the image's address opens without a login, render again"),
    455: ("the service is under maintenance", _LATER),
    500: ("the service had an error of its own", _LATER),
    501: ("the service failed to generate the video", "render again to try anew; look first whether it was charged"),
    502: ("the service's gateway had an error", _LATER),
    503: ("the service is overloaded", _LATER),
    504: ("the service's gateway gave up waiting", _LATER),
    505: ("the service has switched this feature off", "choose another model or mode for the scene"),
    520: ("the service's gateway got an odd answer", _LATER),
    521: ("the service is down", _LATER),
    522: ("the service's gateway could not reach it in time", _LATER),
    523: ("the service's gateway cannot reach it", _LATER),
    524: ("the service's gateway gave up waiting", _LATER),
    Sign.OTHER: ("the service answered in a way that is not known", _LATER),
    Sign.NOT_SENT: ("the service cannot be reached", "check the network and the address, then render again"),
    Sign.CUT: ("the connection broke before the answer was whole", _LATER),
    Sign.SHORT: ("fewer bytes came than were promised", _LATER),
    Sign.UNREADABLE: ("the service's answer cannot be read", _LATER),
    Sign.TOO_BIG: ("the answer is bigger than any clip or answer should be", "tell the service's support"),
    Sign.PAGE: ("a page came where a clip was expected", _LATER),
    Sign.FORBIDDEN: ("an address was given that is not dialled", _URL),
    Sign.BUSY: ("the service is overloaded", _LATER),
    Sign.FOREIGN: ("the service answered about another job", _LATER),
    Sign.RECEIPT: ("the service refused, and yet named a job", _LATER),
    Sign.NO_RECEIPT: ("the service accepted, but named no job that can be asked for", _LATER),
    Sign.UNSEEN: ("the service has no record of the job", _LATER),
    Sign.OVER: ("the service says that the job has failed", "change the prompt or the images, and render again"),
}

# Where a call makes a signal mean something else.
_NO_UPLOADS = (
    "the service takes no uploads",
    "put the images elsewhere: STORYBOARD_UPLOADS=s3://bucket/prefix or https://host/folder",
)
_SAYS_HERE: dict[tuple[Call, Signal], tuple[str, str]] = {
    (Call.UPLOAD, 404): _NO_UPLOADS,
    (Call.UPLOAD, 405): _NO_UPLOADS,
    (Call.UPLOAD, 410): _NO_UPLOADS,
    (Call.UPLOAD, 505): _NO_UPLOADS,
    (Call.UPLOAD, 400): ("the service turned the image down", "use another image, or put it elsewhere"),
    (Call.UPLOAD, 413): ("the image is too big for the service", "use a smaller image"),
    (Call.HD, 404): ("there is no 1080p version", "use resolution: 720p for this scene"),
    (Call.HD, 501): ("the 1080p version could not be made", "use resolution: 720p for this scene"),
    (Call.HD, 505): ("the service has switched 1080p off", "use resolution: 720p for this scene"),
    (Call.HD, Sign.OVER): ("the service will not make a 1080p version", "use resolution: 720p for this scene"),
}

_UNKNOWN = (
    "it may have been accepted and charged, so it is not sent again by itself: "
    "see the service's own list of jobs, and `storyboard status`"
)
_STALLED = "the job stays open: `storyboard render` collects it, nothing is paid twice"

# Fragments of the service's messages (lower case) and what an author can do about them. Sources: the API document's
# codes and callback; api-facts.md 0.3 and 9.8.
_MEANINGS = (
    (("prominent people", "real people", "celebrit"), "name or show no real people in this scene"),
    (("minor",), "show no children in this scene, or leave out their age"),
    (("unsafe image",), "use another image: the service takes this one for unsafe"),
    (("fetch the image", "fetch image", "access limit"), "check that each image's address opens without a login"),
    (("only english",), "write the prompt in English, or leave translate at true"),
    (("flagged", "content polic", "rejected by flow", "violat"), "say the prompt in other words, and render again"),
    (("within 14 days",), "the service keeps a job for 14 days; render again to have it made anew"),
    (("timeout", "internal error", "try again"), "the fault is the service's: render again"),
)


def meaning(text: str) -> str | None:
    """What to do about a message of the service, where its words are known."""
    words = text.lower()
    return next((hint for fragments, hint in _MEANINGS if any(part in words for part in fragments)), None)


def unfetched(error: SceneFailed) -> bool:
    """Whether the service says that it could not fetch an image."""
    words = error.message.lower()
    return error.code == 451 or "fetch the image" in words or "fetch image" in words


def says(call: Call, signal: Signal) -> tuple[str, str]:
    """What is wrong and what to do, for this signal."""
    known = signal if signal in SAYS else Sign.OTHER
    return _SAYS_HERE.get((call, known), SAYS[known])


def refusal(call: Call, signal: Signal, verdict: Verdict, told: str = "") -> StoryboardError:
    """The error for an answer that ends a call. ``told`` is the service's own message, or an address without query."""
    what, todo = says(call, signal)
    if call is Call.DOWNLOAD and isinstance(signal, int) and signal < 500:
        what = "the clip's address does not serve it"
    code = signal if isinstance(signal, int) else None
    message = what + (f" ({code})" if code else "") + (f": {show(told)}" if told.strip() else "")
    match verdict:
        case Verdict.UNKNOWN:
            return SubmissionUnknown(message, _UNKNOWN, code)
        case Verdict.STOP:
            return RunRefused(message, todo, code)
        case Verdict.STALLED:
            cure = meaning(told) if code in (400, 451) else None
            return Stalled(message, f"{cure}; {_STALLED}" if cure else _STALLED, code)
        case Verdict.EXPIRED:
            return AddressExpired(message, _STALLED, code)
        case Verdict.BAD:
            return BadMedia(message, "`storyboard render` fetches it again", code)
        case _:
            return SceneFailed(message, meaning(told) or todo, code)
