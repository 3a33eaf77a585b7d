"""Messages for each answer of a service: one sentence, and what to do next."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from storyboard.http.policy import AnswerKind, Call, RetryTable, Signal, Verdict
from storyboard.model.capabilities import Environment
from storyboard.model.errors import (
    AddressExpired,
    BadMedia,
    RunRefused,
    SceneFailed,
    Stalled,
    StoryboardError,
    SubmissionUnknown,
)
from storyboard.model.text import one_line

Say = tuple[str, str]

_CREDITS = "buy credits, then render again: finished takes are kept"
_LATER = "render again later: finished takes are kept"
_SCENE = "change the scene and render again"
_OBJECTS = "change the prompt or the image that it objects to, and render again"
_OTHER_WORDS = "change the prompt or the images, and render again"
_SMALLER = "shorten the prompt, or use smaller images"


# Each kind of answer that is no status: what is wrong, what to do next.
_KINDS: Mapping[Signal, Say] = {
    AnswerKind.OTHER: ("unknown response of the service", _LATER),
    AnswerKind.NOT_SENT: ("the service cannot be reached", "check the network and the address, then render again"),
    AnswerKind.UNTRUSTED: (
        "the host's TLS certificate is not trusted",
        "set SSL_CERT_FILE to your CA bundle (a PEM file), if the network is yours to trust",
    ),
    AnswerKind.CUT: ("the connection was closed before the response was complete", _LATER),
    AnswerKind.SHORT: ("fewer bytes received than announced", _LATER),
    AnswerKind.UNREADABLE: ("the service's response cannot be parsed", _LATER),
    AnswerKind.TOO_BIG: ("the response is larger than the limit", "contact the service's support"),
    AnswerKind.PAGE: ("received a web page instead of a clip", _LATER),
    AnswerKind.BUSY: ("the service is overloaded", _LATER),
    AnswerKind.FOREIGN: ("the service answered about another job", _LATER),
    AnswerKind.RECEIPT: ("the service refused, but named a job", _LATER),
    AnswerKind.NO_RECEIPT: ("the service accepted, but named no job that can be asked for", _LATER),
    AnswerKind.UNSEEN: ("the service has no record of the job", _LATER),
    AnswerKind.OVER: (
        "the service says that the job has failed",
        "change the prompt or the images, and render again",
    ),
}


# Each status of plain HTTP that says the same for every service.
_STATUSES: Mapping[Signal, Say] = {
    200: ("the service agreed", "nothing needs to be done"),
    400: (
        "the service rejected the request",
        "change the prompt or the image that it objects to, and render again",
    ),
    402: ("the account has not enough credits", _CREDITS),
    408: ("the service timed out", _LATER),
    413: ("the request is too big for the service", _SMALLER),
    414: ("the request's address is too long for the service", _SMALLER),
    422: ("the service considers the request invalid", _SCENE),
    429: ("too many requests in a short time", "render again later, or with a smaller --at-once"),
    451: ("the service refuses this for legal reasons", _SCENE),
    500: ("the service failed with a server error", _LATER),
    501: ("the service does not support the request", _SCENE),
    502: ("the service's gateway had an error", _LATER),
    503: ("the service is overloaded", _LATER),
    504: ("the service's gateway timed out", _LATER),
    520: ("the service's gateway received an invalid response", _LATER),
    521: ("the service is down", _LATER),
    522: ("the service's gateway could not reach it in time", _LATER),
    523: ("the service's gateway cannot reach it", _LATER),
    524: ("the service's gateway timed out", _LATER),
}


def plain_texts(environment: Environment) -> Mapping[Signal, Say]:
    """Return what is wrong and what to do, for each signal of plain HTTP."""
    key = f"check the key ({environment.key}), or make a new one on the service's page for keys"
    url = f"check the API address ({environment.base_url})"
    return {
        **_STATUSES,
        **_KINDS,
        301: ("the API address has moved; a redirect is never followed, because it would take the key along", url),
        302: ("the API address leads elsewhere; a redirect is never followed", url),
        303: ("the API address leads elsewhere; a redirect is never followed", url),
        307: ("the API address leads elsewhere; a redirect is never followed", url),
        308: ("the API address has moved; a redirect is never followed", url),
        401: ("the service does not accept the key", key),
        403: ("the service forbids access", key + "; the account may allow only certain network addresses"),
        404: ("the service has no such endpoint", url),
        405: ("the service does not allow this method at this address", url),
        410: ("the service has removed this endpoint", url),
        431: ("the request's headers are too big for the service", key),
        AnswerKind.FORBIDDEN: ("the address is not allowed", url),
    }


NO_UPLOADS = (
    "the service takes no uploads",
    "put the images elsewhere: STORYBOARD_UPLOADS=s3://bucket/prefix or https://host/folder",
)
# Exceptions for a call.
PLAIN_CALLS: Mapping[tuple[Call, Signal], Say] = {
    (Call.UPLOAD, 404): NO_UPLOADS,
    (Call.UPLOAD, 405): NO_UPLOADS,
    (Call.UPLOAD, 410): NO_UPLOADS,
    (Call.UPLOAD, 400): ("the service rejected the image", "use another image, or put it elsewhere"),
    (Call.HD, 404): ("the service makes no such version of a clip", "leave 'resolution' out of this scene"),
    (Call.UPLOAD, 413): ("the image is too big for the service", "use a smaller image"),
}

_UNKNOWN = (
    "it may have been accepted and charged, so it is not resent automatically: "
    "check the service's list of jobs, and `storyboard status`"
)
_STALLED = (
    "the job stays open: `storyboard render` collects it, nothing is paid twice; "
    "if it never comes, `storyboard settle FILE SCENE --again` frees the scene"
)


@dataclass(frozen=True, slots=True)
class Texts:
    """The sentences for the answers of one service.

    ``says`` has what is wrong and what to do; ``calls`` the exceptions for a call. ``meanings`` are fragments of the
    service's messages (lower case) and what to do about them. A refusal with a code of ``image_codes``, or with a
    fragment of ``image_words``, says that an image could not be fetched; else one of ``content_codes``, or of
    ``content_words``, says that what the shot shows is refused, as it would be again.
    """

    says: Mapping[Signal, Say]
    calls: Mapping[tuple[Call, Signal], Say] = field(default_factory=lambda: PLAIN_CALLS)
    meanings: tuple[tuple[tuple[str, ...], str], ...] = ()
    image_codes: tuple[int, ...] = ()
    image_words: tuple[str, ...] = ()
    content_codes: tuple[int, ...] = (400, 422, 451)
    content_words: tuple[str, ...] = ()

    def meaning(self, text: str) -> str | None:
        """Return what to do about a message of the service, if its words are known."""
        words = text.lower()
        return next((hint for fragments, hint in self.meanings if any(part in words for part in fragments)), None)

    def blames_an_image(self, error: SceneFailed) -> bool:
        """Whether the service says that it could not fetch an image."""
        words = error.message.lower()
        return error.code in self.image_codes or any(part in words for part in self.image_words)

    def blames_content(self, error: SceneFailed) -> bool:
        """Whether the service refuses what a shot shows: submitted again unchanged, it is refused again."""
        words = error.message.lower()
        blamed = error.code in self.content_codes or any(part in words for part in self.content_words)
        return blamed and not self.blames_an_image(error)

    def of(self, call: Call, signal: Signal) -> Say:
        """Return what is wrong and what to do, for this signal."""
        known = signal if signal in self.says else AnswerKind.OTHER
        return self.calls.get((call, known), self.says[known])

    def refusal(self, call: Call, signal: Signal, verdict: Verdict, told: str = "") -> StoryboardError:
        """Return the error for an answer that ends a call. ``told`` is the service's message, or an address."""
        what, todo = self.of(call, signal)
        if call is Call.DOWNLOAD and isinstance(signal, int) and signal < 500:
            what = "the clip's address does not serve it"
        code = signal if isinstance(signal, int) else None
        message = what + (f" ({code})" if code else "") + (f": {one_line(told)}" if told.strip() else "")
        match verdict:
            case Verdict.UNKNOWN:
                return SubmissionUnknown(message, _UNKNOWN, code)
            case Verdict.STOP:
                return RunRefused(message, todo, code)
            case Verdict.STALLED:
                cure = f"{todo}; " if signal is AnswerKind.UNTRUSTED else ""
                return Stalled(message, cure + _STALLED, code)
            case Verdict.EXPIRED:
                return AddressExpired(message, _STALLED, code)
            case Verdict.BAD:
                return BadMedia(message, "`storyboard render` fetches it again", code)
            case _:
                return SceneFailed(message, self.meaning(told) or todo, code)


@dataclass(frozen=True, slots=True)
class Answers:
    """The retry table and the texts of one service."""

    table: RetryTable
    texts: Texts
