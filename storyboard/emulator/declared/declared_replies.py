"""Replies of a declared service, made from its declaration: what its pointers read is put where they read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import FailedJob
from storyboard.emulator.faults.faults import CODES
from storyboard.providers.declared.declaration import Condition, Declaration, DeclaredRequest, Outcome
from storyboard.providers.declared.pointers import Pointer, Special, word


@dataclass(frozen=True, slots=True)
class DoneJob:
    """What a reply says of a clip: its ``url``, its seed, and what it cost."""

    url: str
    seed: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class DeclaredReplies:
    """The replies of one service; ``address`` is where it is."""

    declaration: Declaration
    address: str

    def acceptance(self, job: str) -> Document:
        """The acceptance of a submission."""
        known = self.declaration
        document = self._good(known.submit, self._example(known.examples.get("submit"), job))
        return _table(known.job.put(document, job, self.address))

    def waiting(self, job: str, prompt: str, *, queued: bool) -> Document:
        """The record of a job in progress."""
        states = self.declaration.states
        in_queue = queued and bool(states.queued)
        document = self._record(job, prompt, (states.queued if in_queue else states.waiting or states.queued)[0])
        place = self.declaration.look.place
        return _table(place.put(document, 1)) if place and in_queue else document

    def end_record(self, job: str, prompt: str, found: DoneJob) -> Document:
        """The record of a job that is done; with its clip where no further request gives it."""
        document = self._record(job, prompt, self.declaration.states.done[0])
        document = _unmet(self.declaration.look.outcome.failed_if, document)
        return document if self.declaration.then else self._with_clip(self.declaration.look.outcome, document, found)

    def further(self, job: str, found: DoneJob) -> Document:
        """The reply to the further request for the clip."""
        assert self.declaration.then
        request, outcome = self.declaration.then
        document = self._good(request, self._example(self.declaration.examples.get("then"), job))
        return self._with_clip(outcome, document, found)

    def failure_record(self, job: str, prompt: str, failure: FailedJob) -> Document:
        """The record of a job that failed; where the service has no state for it, it is done with a failure."""
        states, look = self.declaration.states, self.declaration.look
        document: object = self._record(job, prompt, (states.failed or states.done)[0])
        code = failure.code or 500
        if not states.failed and look.outcome.failed_if:
            condition = look.outcome.failed_if[0]
            document = condition.at.put(document, condition.example)
        document = _put_first(look.request.why, document, failure.message or CODES.get(code, CODES[501]))
        return _table(_put_first(look.request.code, document, self._code(code)))

    def cancel_record(self, job: str, prompt: str) -> Document:
        """The record of a job that was ended."""
        states = self.declaration.states
        state = next((each for each in states.failed if "cancel" in each.lower()), "")
        if state:
            return self._record(job, prompt, state)
        return self.failure_record(job, prompt, FailedJob(3, 500, "the job was cancelled", 0))

    def plain(self, request: DeclaredRequest) -> Document:
        """A good reply that says no more."""
        return self._good(request, None)

    def balance(self, credits: float) -> Document:
        """The balance of the account."""
        assert self.declaration.balance
        request, place = self.declaration.balance
        return _table(place.put(self._good(request, None), credits))

    def matches(self, jobs: Sequence[str], name: str) -> Document:
        """The jobs of our own ``name``: none or one."""
        find = self.declaration.find
        assert find
        records: list[object] = [find.job.put(find.name.put({}, name), job) for job in jobs]
        document = self._good(find.request, None)
        if find.list:
            return _table(find.list.put(document, records))
        return _joined(document, records[0]) if records else self.refusal(find.request, 404)

    def refusal(self, request: DeclaredRequest, code: int) -> Document:
        """A refusal with a code, and words; 0: a good reply without a job's name."""
        if not code:
            return self._good(request, None)
        spoken = code if self.status_of(request, code) == 200 and _speaks_http(request) else self._code(code)
        document = _put_first(request.code, {}, spoken)
        return _table(_put_first(request.why, document, CODES.get(code, "refused")))

    def status_of(self, request: DeclaredRequest, code: int) -> int:
        """The HTTP status of a refusal: 200 for a service that says codes in the body, else the code."""
        told = {place.text for place in request.code} & {condition.at.text for condition in request.ok}
        return 200 if told else code

    def _code(self, code: int) -> object:
        """What the service calls a code: one that the declaration says to mean the same."""
        same = next((text for text, sign in self.declaration.errors.items() if sign == code), str(code))
        return int(same) if same.isdigit() else same

    def _record(self, job: str, prompt: str, state: str) -> Document:
        look = self.declaration.look
        document: object = self._good(look.request, self._example(self.declaration.examples.get("look"), job))
        if look.job:
            document = look.job.put(document, job, self.address)
        if look.prompt:
            document = look.prompt.put(document, prompt)
        return _table(look.state.put(document, state))

    def _with_clip(self, outcome: Outcome, document: object, found: DoneJob) -> Document:
        if outcome.clip:
            place = outcome.clip[0]
            plural = place.text.rstrip("/").rsplit("/", 1)[-1].endswith("s") and place.steps[-1] is not Special.PATH
            document = place.put(document, [found.url] if plural or place.text == "/output" else found.url)
        if outcome.seed:
            document = outcome.seed.put(document, found.seed)
        if outcome.charged:
            document = outcome.charged.put(document, float(found.cost))
        return _table(document)

    def _good(self, request: DeclaredRequest, document: object) -> Document:
        found: object = document or {}
        for condition in request.ok:
            found = condition.at.put(found, condition.example)
        return _table(found)

    def _example(self, template: object, job: str) -> object:
        """An example of a whole reply, with the job's name and the addresses of this server."""
        if isinstance(template, str):
            words = {"{job}": job, "{id}": job.rpartition("/")[2], "{address}": self.address}
            for name, value in words.items():
                template = template.replace(name, value)
            return template
        if isinstance(template, Mapping):
            return {name: self._example(part, job) for name, part in template.items()}
        return [self._example(part, job) for part in template] if isinstance(template, list) else template


def _speaks_http(request: DeclaredRequest) -> bool:
    """Whether the codes in bodies are those of HTTP: 200 is good."""
    return any(200 in condition.values for condition in request.ok)


def _unmet(conditions: Sequence[Condition], document: Document) -> Document:
    """The document with none of the conditions by which a job that is done has failed."""
    found: object = document
    for condition in conditions:
        values = {word(value) for value in condition.values}
        if values & {"true", "false"}:
            found = condition.at.put(found, "true" not in values)
    return _table(found)


def _put_first(places: Sequence[Pointer], document: object, value: object) -> object:
    return places[0].put(document, value) if places else document


def _joined(document: Document, more: object) -> Document:
    """Both documents as one, tables within tables."""
    found = dict(document)
    for name, part in more.items() if isinstance(more, dict) else ():
        here = found.get(name)
        found[name] = _joined(here, part) if isinstance(here, dict) and isinstance(part, dict) else part
    return found


def _table(value: object) -> Document:
    return value if isinstance(value, dict) else {}
