"""Replies of a declared service, read: a job, its state, its clip, or why a reply is no result. None is trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from storyboard.http.exchange import Meaning, Rejection, Reply
from storyboard.http.policy import AnswerKind, Signal
from storyboard.model.text import one_line
from storyboard.providers.base import JobFailed, NoResult, Pending, Ready, is_job_name
from storyboard.providers.declared.declaration import Declaration, DeclaredRequest, Outcome, first_word
from storyboard.providers.declared.pointers import Pointer, amount, encode, is_address, str_of, word

_LARGEST_SEED = 2**64 - 1


def job_at(place: Pointer, body: object) -> str | None:
    """Return the name of a job at a place of a reply; None if there is no usable one."""
    said = place.read(body)
    name = word(said) if isinstance(said, int) else said
    return name if isinstance(name, str) and is_job_name(name) else None


def refusal_in(request: DeclaredRequest, errors: Mapping[str, Signal], reply: Reply) -> NoResult | None:
    """Return why a reply is no answer to ``request``; None if it is one."""
    good = 200 <= reply.status < 300
    if good and all(condition.holds(reply.body) for condition in request.ok):
        return None
    words, code = first_word(request.why, reply.body), _code(request.code, reply.body)
    sign = errors.get(code)
    is_known = sign is None and code.isascii() and code.isdigit()  # a number that the sentence itself names
    said = words or code if is_known or code in words else f"{code}: {words}".removesuffix(": ")
    # A server's own trouble counts for more than what a body says: it may have accepted all the same.
    in_trouble = reply.status >= 500 and reply.status != 503
    if isinstance(sign, AnswerKind):
        return Rejection(None, said) if in_trouble and sign is AnswerKind.BUSY else Meaning(sign, said)
    if sign is not None:
        return Rejection(sign, said) if reply.status >= 500 else Meaning(sign, said)
    if good and not code and not words:
        missing = next((each.at.text for each in request.ok if not each.holds(reply.body)), "")
        return Rejection(None, f"the reply has not at {missing} what the declaration calls good")
    number = int(code) if code.isascii() and code.isdigit() and len(code) == 3 else 0
    return Rejection(number if number >= 300 else None, said)


def _code(places: Sequence[Pointer], body: object) -> str:
    return next((said for place in places if (said := word(place.read(body)))), "")


@dataclass(frozen=True, slots=True)
class ReplyReader:
    """Reads the replies of one declared service."""

    declaration: Declaration

    def submission(self, reply: Reply) -> str | NoResult:
        """The name of the job. A refusal that names one all the same may have been charged."""
        job = job_at(self.declaration.job, reply.body)
        refusal = refusal_in(self.declaration.submit, self.declaration.errors, reply)
        if refusal is not None:
            return Meaning(AnswerKind.RECEIPT, f"job {job}; {refusal.words}") if job else refusal
        return job or Meaning(AnswerKind.NO_RECEIPT, f"no job's name at {self.declaration.job.text}")

    def record(self, job: str, reply: Reply) -> NoResult | None:
        """Why a reply is no record of the job; None if it is one."""
        look = self.declaration.look
        if (refusal := refusal_in(look.request, self.declaration.errors, reply)) is not None:
            return refusal
        named = look.job.read(reply.body) if look.job else None
        if named is not None and str_of(named) != job:
            return Meaning(AnswerKind.FOREIGN, one_line(str_of(named), 200))
        return None

    def state(self, job: str, reply: Reply) -> Pending | JobFailed | NoResult | None:
        """The state of a job; None if it is done."""
        look, states = self.declaration.look, self.declaration.states
        if (why := self.record(job, reply)) is not None:
            return why
        said = word(look.state.read(reply.body))
        if said is None:
            return Meaning(AnswerKind.OTHER, f"it tells no state at {look.state.text}; the job stays open")
        if said in states.unseen:
            return Pending(seen=False)
        if said in states.queued:
            return Pending(queued=True, place=_place(look.place, reply.body))
        if said in states.waiting:
            return Pending()
        if said in states.failed:
            return self._failed(look.request, reply)
        if said not in states.done:
            known = "the declaration's 'states' do not have it; the job stays open"
            return Meaning(AnswerKind.OTHER, f"the state {one_line(said, 60)!r} is unknown: {known}")
        if any(condition.holds(reply.body) for condition in look.outcome.failed_if):
            return self._failed(look.request, reply)
        return None

    def _failed(self, request: DeclaredRequest, reply: Reply) -> JobFailed:
        good = {condition.at.text for condition in request.ok}
        code = _code([place for place in request.code if place.text not in good], reply.body)
        words = first_word(request.why, reply.body)
        signal = self.declaration.errors.get(code, AnswerKind.OVER)
        over = signal if isinstance(signal, int) else AnswerKind.OVER
        return JobFailed(over, f"{code}: {words}" if code and words and code not in words else words or code)

    def outcome(self, outcome: Outcome, job: str, replies: Sequence[Reply]) -> Ready | Pending:
        """The clip of a job that is done, by the last of ``replies``; Pending with ``done`` where there is none yet."""
        declaration, body = self.declaration, replies[-1].body
        clips = [url for place in outcome.clip for url in _addresses(place.read(body))]
        if outcome.clip_path:
            clips = [outcome.clip_path.replace("{job}", encode(job, slashes=declaration.job.is_path))]
        if not clips:
            return Pending(done=True)
        both = [declaration.look.outcome, outcome]
        seeds = [_seed(part.seed, reply.body) for part, reply in zip(both, (replies[0], replies[-1]), strict=True)]
        costs = [_cost(part.charged, reply.body) for part, reply in zip(both, (replies[0], replies[-1]), strict=True)]
        return Ready(
            clips[0],
            seed=next((seed for seed in seeds if seed is not None), None),
            credits=next((cost for cost in costs if cost is not None), None),
            with_key=declaration.clip_with_key,
            others=len(dict.fromkeys(clips)) - 1,
        )

    def further(
        self, request: DeclaredRequest, outcome: Outcome, job: str, replies: Sequence[Reply]
    ) -> Ready | Pending | JobFailed | NoResult:
        """What the reply to the further request says: the clip, or that the job failed after all."""
        reply = replies[-1]
        if reply.status in outcome.failed_statuses and (failed := self._failed(request, reply)).words:
            return failed
        if (refusal := refusal_in(request, self.declaration.errors, reply)) is not None:
            return refusal
        if any(condition.holds(reply.body) for condition in outcome.failed_if):
            return self._failed(request, reply)
        return self.outcome(outcome, job, replies)


def clip_address(outcome: Outcome, reply: Reply) -> str | None:
    """Return the first address that a reply gives for the clip."""
    return next((url for place in outcome.clip for url in _addresses(place.read(reply.body))), None)


def _addresses(value: object) -> list[str]:
    """The addresses at a place: one, or a list of them."""
    return [
        each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str) and is_address(each)
    ]


def _place(place: Pointer | None, body: object) -> int | None:
    found = place.read(body) if place else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 10**6 else None


def _seed(place: Pointer | None, body: object) -> int | None:
    found = place.read(body) if place else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found <= _LARGEST_SEED else None


def _cost(place: Pointer | None, body: object) -> Fraction | None:
    return amount(place.read(body)) if place else None
