"""Replay a job against a declaration: what is read in each reply, of the service's own or of the emulator's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from pathlib import Path

from storyboard.emulator import Behaviour, Emulator
from storyboard.http.client import Client, Endpoint
from storyboard.http.exchange import Meaning, Rejection, Reply, Request
from storyboard.http.policy import Call
from storyboard.model.errors import InputError, StoryboardError
from storyboard.model.shot import Shot
from storyboard.model.text import one_line
from storyboard.providers.base import AskNext, BalanceReader, Canceller, Dispatch, JobFailed, Pending, Ready, SentImage
from storyboard.providers.declared.declaration import ImageRole
from storyboard.providers.declared.interpreter import Declared
from storyboard.system import signals
from storyboard.system.clock import Clock
from storyboard.system.files import temporary_dir

_LARGEST = 16 * 1024 * 1024  # bytes of a recording
_LOOKS, _PAUSE = 1200, 0.05  # at an emulated job, and the seconds between two
_DISPATCH = Dispatch("7b0f6a52-3a1f-5d6e-9c59-0e2c1f7f9d11")
_STEPS = {"submit": Call.SUBMIT, "look": Call.POLL, "then": Call.POLL, "cancel": Call.CANCEL, "balance": Call.BALANCE}
# The smallest image: 1x1 pixel.
_PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060000000"
    "0400010af2b4d40000000049454e44ae426082"
)

Reading = Callable[[Reply], object]


@dataclass(frozen=True, slots=True)
class CheckedStep:
    """One request: ``name`` of its table, ``asked`` (method and path, "" in a recording), the HTTP ``status`` of its
    reply, and what is ``said`` to be read in it. ``good``: it is a result."""

    name: str
    asked: str
    status: int
    said: str
    good: bool


def replay(provider: Declared, recording: Path) -> list[CheckedStep]:
    """Read the replies of a recording: a JSON list of {"step", "status", "body"}. Raise InputError."""
    return list(_recorded(provider, _entries(recording)))


def rehearse(provider: Declared) -> list[CheckedStep]:
    """Have the emulator play the service; submit, look and download with each model. Raise StoryboardError."""

    async def steps() -> list[CheckedStep]:
        return [step async for step in _emulated(provider)]

    return signals.run(steps)


def _entries(recording: Path) -> list[tuple[str, Reply]]:
    example = 'such as [{"step": "submit", "status": 200, "body": {"id": "1"}}, {"step": "look", ...}]'
    try:
        with recording.open("rb") as file:
            content = file.read(_LARGEST + 1)
        entries = json.loads(content.decode("utf-8-sig"), parse_float=Decimal) if len(content) <= _LARGEST else None
    except OSError as error:
        raise InputError(f"{recording} cannot be read: {error.strerror or 'it is no file'}") from None
    except (ValueError, ArithmeticError, RecursionError):
        raise InputError(f"{recording} is not JSON", example) from None
    if not isinstance(entries, list) or not entries:
        raise InputError(f"{recording} is not a list of replies, of at most 16 MB", example)
    return [_entry(recording, at, entry) for at, entry in enumerate(entries, 1)]


def _entry(recording: Path, at: int, entry: object) -> tuple[str, Reply]:
    step = entry.get("step") if isinstance(entry, dict) else None
    status = entry.get("status", 200) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or step not in _STEPS or not isinstance(status, int) or not 100 <= status <= 599:
        raise InputError(f"{recording}: reply {at} needs a 'step' of {', '.join(_STEPS)}, and a 'status'")
    return str(step), Reply(status, entry.get("body"))


def _recorded(provider: Declared, entries: list[tuple[str, Reply]]) -> Iterator[CheckedStep]:
    job, further = "", None
    for name, reply in entries:
        found: object
        if name == "submit":
            found = provider.read_submission(reply)
            job = found if isinstance(found, str) else job
        elif name == "look":
            found = provider.read_status(job, reply)
            further = found.read if isinstance(found, AskNext) else None
        elif name == "then":
            found = further(reply) if further else InputError("no further request was due: the job is not done")
        elif name == "cancel":
            found = provider.read_cancel(reply) if isinstance(provider, Canceller) else _no_table(name)
        else:
            found = provider.read_balance(reply) if isinstance(provider, BalanceReader) else _no_table(name)
        yield _step(provider, name, "", reply, found)


def _no_table(name: str) -> InputError:
    return InputError(f"the declaration has no table '{name}'")


def _step(provider: Declared, name: str, asked: str, reply: Reply, found: object) -> CheckedStep:
    if isinstance(found, Meaning | Rejection):
        return CheckedStep(name, asked, reply.status, _no_result(provider, _STEPS[name], reply, found), good=False)
    if isinstance(found, StoryboardError):
        return CheckedStep(name, asked, reply.status, found.message, good=False)
    return CheckedStep(name, asked, reply.status, _result(found), good=True)


def _no_result(provider: Declared, call: Call, reply: Reply, found: Meaning | Rejection) -> str:
    """What the client would make of it: the sentence, the service's words, and what follows."""
    table = provider.answers.table
    if isinstance(found, Meaning):
        decision = table.decide(call, found.signal)
    else:
        decision = table.weigh(call, reply.status, found.code)
    sentence = provider.answers.texts.of(call, decision.signal)[0]
    words = f" ({one_line(found.words, 200)})" if found.words else ""
    again = ", after retries" if decision.rule.limit else ""
    return f"{sentence}{words}; {decision.rule.verdict.value}{again}"


def _result(found: object) -> str:
    match found:
        case str():
            return f"job {found}"
        case Pending(seen=False):
            return "the service has no record of the job (yet)"
        case Pending(done=True):
            return "done, and no clip yet"
        case Pending(queued=True):
            return "queued" + (f", place {found.place}" if found.place else "")
        case Pending():
            return "in progress"
        case Ready():
            more = [f"seed {found.seed}"] if found.seed is not None else []
            more += [f"cost {float(found.credits):.12g}"] if found.credits is not None else []
            return ", ".join([f"done: clip {found.url}", *more, *(["with the key"] if found.with_key else [])])
        case JobFailed():
            return f"failed: {found.words or 'the service does not say why'}"
        case AskNext():
            return f"done; next: {found.request.method} {found.request.path}"
        case bool():
            return "the job has ended" if found else "too late: the job goes on"
        case Fraction():
            return f"{float(found):.12g} credits left"
    return "it does not say"


async def _emulated(provider: Declared) -> AsyncIterator[CheckedStep]:
    behaviour = Behaviour(film="tiny", declared=provider.declaration)
    async with Emulator(behaviour) as emulator:
        key = "rehearsal" if provider.environment.auth.header else ""
        api = Endpoint(emulator.url, key, provider.environment, provider.hosts)
        async with Client(api, Clock(0.0), provider.answers) as client:
            rehearsal = _Rehearsal(provider, client)
            if isinstance(provider, BalanceReader) and (request := provider.balance()):
                await rehearsal.send("balance", request, provider.read_balance)
            for name in provider.capabilities.names:
                await rehearsal.model(name)
            if isinstance(provider, Canceller):
                await rehearsal.send("cancel", provider.cancel(rehearsal.job), provider.read_cancel)
            for step in rehearsal.steps:
                yield step


class _Rehearsal:
    """Sends requests to the emulator, and notes what is read in each reply."""

    def __init__(self, provider: Declared, client: Client) -> None:
        self.steps: list[CheckedStep] = []
        self.job = ""
        self._provider = provider
        self._client = client

    async def send(self, name: str, request: Request, read: Reading) -> object:
        """What is read in the reply; None where there is no result."""

        def noted(reply: Reply) -> object:
            found = read(reply)
            step = _step(self._provider, name, f"{request.method} {request.path}", reply, found)
            if not self.steps or self.steps[-1] != step:
                self.steps.append(step)
            return found

        try:
            return await self._client.send(request, noted)
        except StoryboardError:
            return None

    async def model(self, name: str) -> None:
        """Submit a shot of a model, and look until its clip is there."""
        declared = self._provider.declaration.models[name]
        images = self._images(declared.roles[0])
        shot = Shot("A cat stretches.", name, declared.model.aspects[0], None, None, (), None, True, None, 1, "")
        job = await self.send(
            "submit", self._provider.submission(shot, images, _DISPATCH), self._provider.read_submission
        )
        if not isinstance(job, str):
            return
        self.job = job
        for _ in range(_LOOKS):
            found = await self._look(job)
            if not isinstance(found, Pending):
                break
            await asyncio.sleep(_PAUSE)
        if isinstance(found, Ready):
            await self._fetch(found)

    def _images(self, role: ImageRole) -> list[SentImage]:
        if role == "text":
            return []
        if role == "references":
            return [SentImage("reference", "", _PIXEL, "image/png")]
        first = SentImage("first_frame", "https://images.example/first.png")
        images = [first, SentImage("last_frame", "https://images.example/last.png")]
        return images if role == "last_frame" else images[:1]

    async def _look(self, job: str) -> object:
        provider = self._provider
        found = await self.send("look", provider.status(job), partial(provider.read_status, job))
        while isinstance(found, AskNext):
            found = await self.send("then", found.request, found.read)
        return found

    async def _fetch(self, ready: Ready) -> None:
        with temporary_dir("storyboard-check-") as folder:
            try:
                file = await self._client.fetch(ready.url, folder / "clip.mp4", with_key=ready.with_key)
                step = CheckedStep("clip", "GET", 200, f"{file.bytes:,} bytes", good=True)
            except StoryboardError as error:
                step = CheckedStep("clip", "GET", 0, error.message, good=False)
        self.steps.append(step)


def step_document(step: CheckedStep) -> Mapping[str, object]:
    """A step as JSON."""
    return {"step": step.name, "asked": step.asked, "status": step.status, "read": step.said, "good": step.good}
