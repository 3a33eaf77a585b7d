"""The meaning of this API's answers: its codes as rows of the retry table, its messages as advice to the author."""

from collections.abc import Mapping

from storyboard.http.messages import NO_UPLOADS, PLAIN_CALLS, Answers, Say, Texts, plain_texts
from storyboard.http.policy import PLAIN_HTTP, AnswerKind, Call, Signal, read_table
from storyboard.model.capabilities import Environment

# The numbers are read both as HTTP status and as `code` of the body. Sources: the API document (200-505), api-facts.md
# 1.4 and 4.1 (433, 451; a 1080p version in progress is answered with 400, 422 or 500), 3.7 (a record whose own code
# says that the job is over: believed once it says so for ten minutes, as one odd answer would give up a paid job).
_CODES = """
signal      submit   poll    hd      download  upload  balance
400         failed   ended   wait    expired   failed  absent
404         stop     unseen  wait    expired   stop    absent
422         failed   ended   wait    expired   failed  absent
433         stop     wait    stop    expired   stop    absent
451         failed   ended   failed  expired   failed  absent
455         mend     later   later   later     mend    glance
501         failed   ended   failed  fetch     failed  absent
505         failed   stop    failed  fetch     stop    absent
"""

# Rows for an HTTP status whose body has no code, where they differ. A paid job ends only by the word of the service
# itself, not of a gateway; a missing endpoint is visible in the status only.
_STATUS_ALONE = """
signal      submit   poll    hd      download  upload  balance
400         failed   ask     wait    expired   failed  absent
404         stop     unseen  failed  expired   stop    absent
422         failed   ask     wait    expired   failed  absent
451         failed   ask     failed  expired   failed  absent
501         failed   ask     failed  fetch     failed  absent
"""

_LATER = "render again later: finished takes are kept"
_SAYS: Mapping[Signal, Say] = {
    433: ("the key has reached its own limit of use", "raise the key's limit or use another key, then render again"),
    451: ("the service could not fetch an image", "check that the image's address opens without a login, render again"),
    455: ("the service is under maintenance", _LATER),
    501: ("the service failed to generate the video", "check whether it was charged, then render again"),
    505: ("the service has disabled this feature", "choose another model or mode for the scene"),
}
_CALLS: Mapping[tuple[Call, Signal], Say] = {
    (Call.UPLOAD, 505): NO_UPLOADS,
    (Call.HD, 404): ("there is no 1080p version", "use resolution: 720p for this scene"),
    (Call.HD, 501): ("the 1080p version could not be made", "use resolution: 720p for this scene"),
    (Call.HD, 505): ("the service has disabled 1080p", "use resolution: 720p for this scene"),
    (Call.HD, AnswerKind.OVER): ("the service will not make a 1080p version", "use resolution: 720p for this scene"),
}

# Fragments of the service's messages (lower case) that object to what a shot shows.
_FLAGGED = ("flagged", "content polic", "rejected by flow", "violat")
_CONTENT = ("prominent people", "real people", "celebrit", "minor", "unsafe image", *_FLAGGED)

# Fragments of the service's messages (lower case) and what an author can do about them. Sources: the API document's
# codes and callback; api-facts.md 0.3 and 9.8.
_MEANINGS = (
    (("prominent people", "real people", "celebrit"), "name or show no real people in this scene"),
    (("minor",), "show no children in this scene, or leave out their age"),
    (("unsafe image",), "use another image: the service considers this one unsafe"),
    (("fetch the image", "fetch image", "access limit"), "check that each image's address opens without a login"),
    (("only english",), "write the prompt in English, or leave translate at true"),
    (_FLAGGED, "rephrase the prompt, and render again"),
    (("within 14 days",), "the service keeps a job for 14 days; render again to generate it again"),
    (("timeout", "internal error", "try again"), "the fault is the service's: render again"),
)

TABLE = PLAIN_HTTP.with_rows(read_table(_CODES), read_table(_STATUS_ALONE), frozenset({455}))
ENVIRONMENT = Environment(
    key="APIKLEY_API_KEY",
    key_file="APIKLEY_API_KEY_FILE",
    base_url="APIKLEY_BASE_URL",
    usual_url="https://api.apikley.ru",
    keyring="apikley",
)
TEXTS = Texts(
    says={**plain_texts(ENVIRONMENT), **_SAYS},
    calls={**PLAIN_CALLS, **_CALLS},
    meanings=_MEANINGS,
    image_codes=(451,),
    image_words=("fetch the image", "fetch image", "access limit"),
    content_words=_CONTENT,
)
ANSWERS = Answers(TABLE, TEXTS)
