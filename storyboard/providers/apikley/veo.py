"""Apikley: Veo 3.1 by its API document, and any service of the same shape under another profile."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING

from storyboard.http.messages import refusal
from storyboard.http.policy import Call, Sign, Verdict
from storyboard.model.capabilities import Offer
from storyboard.providers.apikley.profile import Profile
from storyboard.providers.base import Address, Provider, Ready, Waiting
from storyboard.shot import Mode, Shot

if TYPE_CHECKING:
    from storyboard.http.client import Answer, Told, Wire

_MODES: Mapping[Mode, str] = {
    "text": "TEXT_2_VIDEO",
    "frames": "FIRST_AND_LAST_FRAMES_2_VIDEO",
    "references": "REFERENCE_2_VIDEO",
}

OFFER = Offer(
    models=("veo3", "veo3_fast"),
    aspects=("16:9", "9:16", "auto"),
    seeds=(10_000, 99_999),
    # No limit is documented. This is several times what a shot of 8 s can show, and stops a template that ran away.
    prompt_limit=5_000,
    reference_limit=3,
    reference_models=("veo3_fast",),
    reference_aspects=("16:9",),
    hd_aspects=("16:9",),
    seconds=8,
)

_JOB = re.compile(r"[A-Za-z0-9_-]{4,128}")

# Parts of messages, in lower case, that tell more than their code (api-facts.md 1.4, 3.6, 4.1).
_NO_RECORD = ("record is null", "recordinfo is null", "not exist", "is blank", "is empty", "not found")
_OVER = ("rejected by flow", "within 14 days")
_NO_HD = ("not support", "unavailable", "fallback")

# The service may delete a file a little before its time; a submission must not meet that moment.
_UPLOAD_MARGIN = timedelta(hours=1)


class Apikley:
    """The provider of providers/base.py, for the API that ``profile`` names."""

    name = "apikley"
    offer = OFFER

    def __init__(self, profile: Profile | None = None) -> None:
        self.profile = profile or Profile()

    def request(self, shot: Shot, images: Sequence[str], callback: str | None) -> dict[str, object]:
        """The body of POST generate. Mode and translation are always said: the service's own defaults have changed."""
        names = self.profile
        fields: dict[str | None, object] = {
            names.prompt: shot.prompt,
            names.images: list(images) or None,
            names.model: shot.model,
            names.mode: _MODES[shot.mode],
            names.aspect: "Auto" if shot.aspect == "auto" else shot.aspect,
            names.seed: shot.seed,
            names.translate: shot.translate,
            names.watermark: shot.watermark,
            names.callback: callback,
            names.label: shot.label,
        }
        return {name: value for name, value in fields.items() if name is not None and value is not None}

    async def submit(self, shot: Shot, images: Sequence[str], callback: str | None, wire: "Wire") -> str:
        body = self.request(shot, images, callback)
        answer = await wire.call(Call.SUBMIT, "POST", self.profile.generate_path, json=body, told=self._receipt)
        return self._task(answer)

    def _receipt(self, answer: "Answer") -> "Told | None":
        """An accepted answer without a usable name, and a refusal with one, are both unknown: it may be charged."""
        from storyboard.http.client import Told

        job = self._task(answer)
        if answer.refused:
            return Told(Sign.RECEIPT, f"job {job}; {answer.msg}") if job else None
        return None if _JOB.fullmatch(job) else Told(Sign.NO_RECEIPT, f"{job:.60}")

    def _task(self, answer: "Answer") -> str:
        """The job's name, also where it came as a number; empty where there is none."""
        job = _table(answer.data).get(self.profile.task)
        return str(job) if isinstance(job, str | int) and not isinstance(job, bool) else ""

    async def poll(self, job: str, wire: "Wire") -> Waiting | Ready:
        """How the job stands. A success without an address is Waiting, but ``done``: the caller ends that soon."""
        names = self.profile
        answer = await wire.call(
            Call.POLL, "GET", names.record_path, params={names.task: job}, told=self._standing(job)
        )
        data = _table(answer.data)
        if answer.verdict is not Verdict.ACCEPT or not data:
            return Waiting(seen=answer.verdict is Verdict.WAIT)
        state = _number(data.get(names.state))
        if state is None or state == 0:
            return Waiting()
        if state != 1:
            raise refusal(Call.POLL, self._code(data), Verdict.FAILED, wire.quote(self._why(data, answer)))
        url = next(self._urls(data), None)
        return Ready(url, self._seed(data), _cost(data.get(names.credits or ""))) if url else Waiting(done=True)

    def _standing(self, job: str) -> "Callable[[Answer], Told | None]":
        """What a record says whatever its code is: that it is another job's, that it is over, that there is none."""
        from storyboard.http.client import Told

        def told(answer: "Answer") -> Told | None:
            data = _table(answer.data)
            if (named := data.get(self.profile.task)) and named != job:
                return Told(Sign.FOREIGN, f"{named}")
            state = data.get(self.profile.state)
            if state is not None and _number(state) is None:
                return Told(Sign.UNREADABLE, f"{self.profile.state} is {state!r}")
            if state is not None and _number(state) != 0:
                return Told(200)
            return _by_words(answer, (_NO_RECORD, Sign.UNSEEN), (_OVER, Sign.OVER))

        return told

    async def hd(self, job: str, wire: "Wire") -> Waiting | Ready:
        names = self.profile
        if names.hd_path is None:
            raise refusal(Call.HD, 404, Verdict.FAILED)
        query = {names.task: job} | ({names.index: "0"} if names.index else {})
        answer = await wire.call(Call.HD, "GET", names.hd_path, params=query, told=self._raised)
        url = next(self._hd_urls(answer), None)
        return Ready(url) if url else Waiting(done=answer.verdict is Verdict.ACCEPT and answer.data is not None)

    def _hd_urls(self, answer: "Answer") -> Iterator[str]:
        yield from _addresses(answer.data)
        yield from self._urls(_table(answer.data))

    def _raised(self, answer: "Answer") -> "Told | None":
        from storyboard.http.client import Told

        if next(self._hd_urls(answer), None):
            return Told(200)
        return _by_words(answer, (_NO_HD, Sign.OVER)) if answer.code in (400, 422, 500) else None

    async def upload(self, name: str, content: bytes, kind: str, wire: "Wire") -> Address:
        """Named by what is in it: the same name twice overwrites, and old bytes may be served for a while."""
        names = self.profile
        if names.upload_path is None:
            raise refusal(Call.UPLOAD, 404, Verdict.STOP)
        body = {
            names.content: f"data:{kind};base64,{b64encode(content).decode()}",
            names.folder: names.upload_folder,
            names.name: name,
        }
        answer = await wire.call(Call.UPLOAD, "POST", names.upload_path, json=body, told=self._stored)
        until = datetime.fromtimestamp(wire.clock.wall(), UTC) + timedelta(days=names.upload_days) - _UPLOAD_MARGIN
        return Address(str(_table(answer.data)[names.download]), until)

    def _stored(self, answer: "Answer") -> "Told | None":
        from storyboard.http.client import Told

        found = next(_addresses(_table(answer.data).get(self.profile.download)), None)
        return None if found or answer.refused else Told(Sign.UNREADABLE, "it names no address for the image")

    async def prompt(self, job: str, wire: "Wire") -> str | None:
        names = self.profile
        answer = await wire.call(
            Call.POLL, "GET", names.record_path, params={names.task: job}, told=self._standing(job)
        )
        said = _table(_table(answer.data).get(names.echo or "")).get(names.prompt)
        return said if isinstance(said, str) else None

    def called(self, body: object) -> tuple[str, ...]:
        """In data, or beside it; also spelt as the service's own sample does (api-facts.md 5.4)."""
        outer = _table(body)
        places = ((_table(outer.get("data")), self.profile.task), (_table(outer.get("data")), "task_id"))
        said = [place.get(name) for place, name in (*places, (outer, self.profile.task))]
        return tuple(dict.fromkeys(name for name in said if isinstance(name, str) and _JOB.fullmatch(name)))

    async def balance(self, wire: "Wire") -> Fraction | None:
        if self.profile.credit_path is None:
            return None
        answer = await wire.call(Call.BALANCE, "GET", self.profile.credit_path)
        return _amount(answer.data) if answer.verdict is Verdict.ACCEPT else None

    def _urls(self, data: Mapping[str, object]) -> Iterator[str]:
        """Every address of a result, the likeliest first: in response, in info, beside them (api-facts.md 3.3)."""
        for place in (_table(data.get("response")), _table(data.get("info")), data):
            yield from _addresses(place.get(self.profile.urls))
            yield from _addresses(place.get(self.profile.url))

    def _seed(self, data: Mapping[str, object]) -> int | None:
        found = _table(data.get("response")).get(self.profile.seeds or "")
        return _number(found[0] if isinstance(found, list) and found else found)

    def _code(self, data: Mapping[str, object]) -> int | Sign:
        return _number(data.get(self.profile.why_code or "")) or Sign.OVER

    def _why(self, data: Mapping[str, object], answer: "Answer") -> str:
        why = data.get(self.profile.why or "")
        if isinstance(why, str) and why.strip() not in ("", "null"):
            return why
        return answer.msg if answer.refused else ""


def _by_words(answer: "Answer", *meanings: tuple[tuple[str, ...], Sign]) -> "Told | None":
    """What the message of a refusal says beyond its code."""
    from storyboard.http.client import Told

    words = answer.msg.lower()
    if answer.code in (None, 200):
        return None
    return next((Told(sign) for parts, sign in meanings if any(part in words for part in parts)), None)


def _table(value: object) -> Mapping[str, object]:
    """An object of an answer, or of JSON in a string; anything else is an empty one."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        value = _json(value)
    return value if isinstance(value, dict) else {}


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _addresses(value: object) -> Iterator[str]:
    """The addresses in a list, in JSON in a string, in a bracketed list without quotes, or in a single string."""
    if isinstance(value, list):
        for item in value:
            yield from _addresses(item) if isinstance(item, str) else ()
    elif isinstance(value, str):
        text = value.strip()
        if text.startswith("[") and isinstance(found := _json(text), list):
            yield from (item for item in found if isinstance(item, str) and item.startswith(("http://", "https://")))
            return
        for part in re.split(r",\s*(?=https?://)", text.strip("[]")):
            if part.strip().startswith(("http://", "https://")):
                yield part.strip()


def _number(value: object) -> int | None:
    """A whole number below a milliard, also as text, as true or false, or with a point."""
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"-?[0-9]{1,9}", value.strip()) else None
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value.adjusted() < 9 and value == int(value) else None
    return int(value) if isinstance(value, int) and abs(value) < 10**9 else None


def _cost(value: object) -> Fraction | None:
    """What a job cost. Less than nothing is not believed: it would make room in a budget."""
    cost = _amount(value)
    return None if cost is not None and cost < 0 else cost


def _amount(value: object) -> Fraction | None:
    """A number of credits, exactly as it is written; None for what is no number, or beyond reason."""
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
