"""Apikley: Veo 3.1 by its API document, and any service of the same shape under another profile."""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.policy import AnswerKind, Call
from storyboard.model.capabilities import Capabilities, Model, Quality
from storyboard.model.shot import Mode, Shot
from storyboard.providers.apikley.answers import ANSWERS, ENVIRONMENT
from storyboard.providers.apikley.profile import Profile
from storyboard.providers.base import (
    Address,
    Dispatch,
    JobFailed,
    NoResult,
    Pending,
    Provider,
    Ready,
    SentImage,
    Timing,
    is_job_name,
)

_MODES: Mapping[Mode, str] = {
    "text": "TEXT_2_VIDEO",
    "frames": "FIRST_AND_LAST_FRAMES_2_VIDEO",
    "references": "REFERENCE_2_VIDEO",
}


def _model(name: str, references: int) -> Model:
    return Model(
        name=name,
        aspects=("16:9", "9:16", "auto"),
        seconds=8,
        resolutions=(Quality("720p", (1280, 720)), Quality("1080p", (1920, 1080), upgrade=True)),
        seeds=(10_000, 99_999),
        # No limit is documented. A shot of 8 s shows far less; the limit stops templates that repeat without end.
        prompt_limit=5_000,
        references=references,
        reference_aspects=("16:9",),
        upgrade_aspects=("16:9",),
    )


# The days are those of the public API of the same shape (api-facts.md 0.3).
CAPABILITIES = Capabilities((_model("veo3", 0), _model("veo3_fast", 3)), usual="veo3_fast", job_days=14)

# Credits for a clip of any length, as published for the public API of the same shape on 2026-09-11
# (api-facts.md 6.3); Apikley's own prices are not public, hence an estimate.
PRICES = Prices(
    models={"veo3": Fraction(250), "veo3_fast": Fraction(60)}, hd=Fraction(5), credit=Fraction(1, 200), estimate=True
)

_WEB = re.compile(r"\s*https?://", re.IGNORECASE)

# Parts of messages, in lower case, that are more specific than their code (api-facts.md 1.4, 3.6, 4.1).
_NO_RECORD = ("record is null", "recordinfo is null", "not exist", "is blank", "is empty", "not found")
_OVER = ("rejected by flow", "within 14 days")
_NO_HD = ("not support", "unavailable", "fallback")

# The service may delete a file slightly early; a submission must not use it then.
_UPLOAD_MARGIN = timedelta(hours=1)


class Apikley:
    """The built-in provider, for the API that ``profile`` names."""

    name = "apikley"
    capabilities = CAPABILITIES
    answers = ANSWERS
    environment = ENVIRONMENT
    prices = PRICES
    timing = Timing()
    hosts: tuple[str, ...] = ()
    rehearses = True

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or Profile()

    def with_profile(self, profile: Mapping[str, object]) -> "Apikley":
        """The same provider for a service with other names of paths and fields. Raise InputError."""
        return Apikley(Profile.of(profile))

    def request(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> dict[str, object]:
        """The body of POST generate. Mode and translation are always set: the service has changed its defaults."""
        names = self.profile
        fields: dict[str | None, object] = {
            names.prompt: shot.prompt,
            names.images: [image.address for image in images] or None,
            names.model: shot.model,
            names.mode: _MODES[shot.mode],
            names.aspect: "Auto" if shot.aspect == "auto" else shot.aspect,
            names.seed: shot.seed,
            names.translate: shot.translate,
            names.watermark: shot.watermark,
            names.callback: dispatch.callback,
            names.label: shot.label,
        }
        return {name: value for name, value in fields.items() if name is not None and value is not None}

    def submission(self, shot: Shot, images: Sequence[SentImage], dispatch: Dispatch) -> Request:
        return Request(Call.SUBMIT, "POST", self.profile.generate_path, body=self.request(shot, images, dispatch))

    def read_submission(self, reply: Reply) -> str | NoResult:
        """Acceptance without a usable job name, and refusal with one, both mean unconfirmed: it may be charged."""
        answer = envelope(reply)
        job = self._task(answer)
        if answer.is_refusal:
            if job:
                return Meaning(AnswerKind.RECEIPT, f"job {job}; {answer.msg}")
            return answer.rejection()
        return job if is_job_name(job) else Meaning(AnswerKind.NO_RECEIPT, f"{job:.300}" or answer.msg)

    def _task(self, answer: "Envelope") -> str:
        """The job's name; empty if there is none."""
        return _job(_table(answer.data).get(self.profile.task))

    def status(self, job: str) -> Request:
        return Request(Call.POLL, "GET", self.profile.record_path, query={self.profile.task: job})

    def read_status(self, job: str, reply: Reply) -> Pending | Ready | JobFailed | NoResult:
        """Success without an address is Pending with ``done``: the caller limits how long it waits."""
        answer, names = envelope(reply), self.profile
        data = _table(answer.data)
        if (why := self._no_record(job, answer, data)) is not None:
            return why
        state = _number(data.get(names.state))
        if not state:
            return Pending(seen=bool(data))
        if state != 1:
            return JobFailed(_code(self.profile, data), _why(self.profile, data, answer))
        url = next(_urls(names, data), None)
        if url is None:
            return Pending(done=True)
        original = next((other for other in _originals(names, data) if other != url), "")
        cost, fallback = _cost(data.get(names.credits or "")), _flag(data.get(names.fallback or ""))
        return Ready(url, _seed(names, data), cost, original, fallback)

    def _no_record(self, job: str, answer: "Envelope", data: Mapping[str, object]) -> NoResult | None:
        """Why this is no record of the job: it is another job's, inconsistent, or a refusal. The record of an ended job
        is valid whatever its code."""
        if (named := data.get(self.profile.task)) and _job(named) != job:
            return Meaning(AnswerKind.FOREIGN, f"{_job(named)}")
        state = data.get(self.profile.state)
        if state is not None and (number := _number(state)) != 0:
            return Meaning(AnswerKind.UNREADABLE, f"{self.profile.state} is {state!r}") if number is None else None
        said = _by_words(answer, (_NO_RECORD, AnswerKind.UNSEEN), (_OVER, AnswerKind.OVER))
        return said or (answer.rejection() if answer.is_refusal else None)

    def upscale(self, job: str) -> Request | None:
        names = self.profile
        if names.hd_path is None:
            return None
        query = {names.task: job} | ({names.index: "0"} if names.index else {})
        return Request(Call.HD, "GET", names.hd_path, query=query)

    def read_upscale(self, reply: Reply) -> Pending | Ready | NoResult:
        """An address is valid whatever the code beside it."""
        answer = envelope(reply)
        if url := next(self._hd_urls(answer), None):
            return Ready(url)
        over = _by_words(answer, (_NO_HD, AnswerKind.OVER)) if answer.code in (400, 422, 500) else None
        return over or (answer.rejection() if answer.is_refusal else Pending(done=answer.data is not None))

    def _hd_urls(self, answer: "Envelope") -> Iterator[str]:
        yield from _addresses(answer.data)
        yield from _urls(self.profile, _table(answer.data))

    def upload(self, name: str, content: bytes, kind: str) -> Request | None:
        """``name`` must depend on the content: an upload replaces its namesake; caches may serve the old one."""
        names = self.profile
        if names.upload_path is None:
            return None
        body = {
            names.content: f"data:{kind};base64,{b64encode(content).decode()}",
            names.folder: names.upload_folder,
            names.name: name,
        }
        return Request(Call.UPLOAD, "POST", names.upload_path, body=body)

    def read_upload(self, reply: Reply, now: datetime) -> Address | NoResult:
        answer = envelope(reply)
        said = _table(answer.data).get(self.profile.download)
        if answer.is_refusal:
            return answer.rejection()
        if next(_addresses(said), None) is None:
            return Meaning(AnswerKind.UNREADABLE, "it names no address for the image")
        return Address(str(said), now + timedelta(days=self.profile.upload_days) - _UPLOAD_MARGIN)

    def echo(self, job: str) -> Request:
        return self.status(job)

    def read_echo(self, job: str, reply: Reply) -> str | NoResult | None:
        answer, names = envelope(reply), self.profile
        data = _table(answer.data)
        if (why := self._no_record(job, answer, data)) is not None:
            return why
        said = _table(data.get(names.echo or "")).get(names.prompt)
        return said if isinstance(said, str) else None

    def jobs_in_callback(self, body: object) -> tuple[str, ...]:
        """The job's name in ``data`` or beside it; also spelt as in the service's sample (api-facts.md 5.4)."""
        outer = _table(body)
        places = ((_table(outer.get("data")), self.profile.task), (_table(outer.get("data")), "task_id"))
        said = [_job(place.get(name)) for place, name in (*places, (outer, self.profile.task))]
        return tuple(dict.fromkeys(name for name in said if is_job_name(name)))

    def balance(self) -> Request | None:
        path = self.profile.credit_path
        return None if path is None else Request(Call.BALANCE, "GET", path)

    def read_balance(self, reply: Reply) -> Fraction | NoResult | None:
        answer = envelope(reply)
        return answer.rejection() if answer.is_refusal else _amount(answer.data)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The envelope of every answer of this API (api-facts.md 1.1): code (None if missing), message, data."""

    status: int
    code: int | None
    msg: str
    data: object

    @property
    def is_refusal(self) -> bool:
        return not (200 <= self.status < 300 and self.code == 200)

    def rejection(self) -> Rejection:
        """The refusal, as a value for the client."""
        return Rejection(self.code, self.msg)


def envelope(reply: Reply) -> Envelope:
    """The envelope of an answer; any other body has neither code nor message."""
    body = reply.body
    if not isinstance(body, dict):
        return Envelope(reply.status, None, "", None)
    code, msg = body.get("code"), body.get("msg")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= 6:
        code = int(code)
    known = code if isinstance(code, int) and not isinstance(code, bool) and abs(code) < 10**6 else None
    return Envelope(reply.status, known, msg if isinstance(msg, str) else "", body.get("data"))


def _by_words(answer: Envelope, *meanings: tuple[tuple[str, ...], AnswerKind]) -> Meaning | None:
    """The meaning of a refusal by its message, which is more specific than its code."""
    words = answer.msg.lower()
    if answer.code in (None, 200):
        return None
    return next((Meaning(kind, answer.msg) for parts, kind in meanings if any(part in words for part in parts)), None)


def _table(value: object) -> Mapping[str, object]:
    """A JSON object, also one in a string; anything else becomes an empty object."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _json(value)
    return value if isinstance(value, dict) else {}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _job(value: object) -> str:
    """The name of a job in an answer, which may be a number there; empty if there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    try:
        return str(value)
    except ValueError:  # a number with more digits than Python prints
        return ""


def _addresses(value: object) -> Iterator[str]:
    """The addresses in a list, in a JSON string, in a bracketed list without quotes, or in a single string."""
    if isinstance(value, list):
        for item in value:
            yield from _addresses(item) if isinstance(item, str) else ()
    elif isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and isinstance(found := _json(text), list):
            yield from (item.strip() for item in found if isinstance(item, str) and _WEB.match(item))
            return
        for part in re.split(r",\s*(?=https?://)", text.strip("[]"), flags=re.IGNORECASE):
            if _WEB.match(part):
                yield part.strip()


def _number(value: object) -> int | None:
    """A whole number below 10^9, also as text, as true or false, or with a decimal point."""
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,9}", value.strip()) else None
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value.adjusted() < 9 and value == int(value) else None
    return int(value) if isinstance(value, int) and abs(value) < 10**9 else None


def _cost(value: object) -> Fraction | None:
    """The cost of a job. A negative one is ignored: it would increase the budget."""
    cost = _amount(value)
    return None if cost is not None and cost < 0 else cost


def _amount(value: object) -> Fraction | None:
    """A number of credits, exactly as written; None if it is not a number or out of range."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() > 15 or len(number.as_tuple().digits) > 30:
        return None
    return Fraction(number) if number.adjusted() > -15 else Fraction(0)


provider: Provider = Apikley()


def _urls(names: Profile, data: Mapping[str, object]) -> Iterator[str]:
    """Every address of a result, the most likely first: in response, in info, beside them (api-facts.md 3.3)."""
    for place in (_table(data.get("response")), _table(data.get("info")), data):
        yield from _addresses(place.get(names.urls))
        yield from _addresses(place.get(names.url))


def _originals(names: Profile, data: Mapping[str, object]) -> Iterator[str]:
    """Every address of the clip before it was cropped, in the places of ``_urls``."""
    for place in (_table(data.get("response")), _table(data.get("info")), data):
        yield from _addresses(place.get(names.originals or ""))


def _flag(value: object) -> bool:
    return value is True or _number(value) == 1 or (isinstance(value, str) and value.strip().lower() == "true")


def _seed(names: Profile, data: Mapping[str, object]) -> int | None:
    found = _table(data.get("response")).get(names.seeds or "")
    return _number(found[0] if isinstance(found, list) and found else found)


def _code(names: Profile, data: Mapping[str, object]) -> int | AnswerKind:
    return _number(data.get(names.why_code or "")) or AnswerKind.OVER


def _why(names: Profile, data: Mapping[str, object], answer: "Envelope") -> str:
    why = data.get(names.why or "")
    if isinstance(why, str) and why.strip() not in ("", "null"):
        return why
    return answer.msg if answer.is_refusal else ""
