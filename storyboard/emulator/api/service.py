"""The emulated service behind the API: an account, its jobs and their clips. Independent of HTTP."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import aiohttp

from storyboard.emulator.api.behaviour import Behaviour
from storyboard.emulator.api.orders import GenerationOrder, Refusal
from storyboard.emulator.api.uploaded_images import UploadedImages
from storyboard.emulator.drafts.brief import Brief
from storyboard.emulator.drafts.films import DraftFilms
from storyboard.emulator.drafts.frame_images import UNUSABLE, Still, Unusable, still
from storyboard.emulator.faults.faults import CODES, PROCESSING, Faults, InjectedFault
from storyboard.graphics import fonts as setting
from storyboard.model.errors import LocalFault, ProgramFault, StoryboardError
from storyboard.model.text import one_line
from storyboard.system.traceback_file import keep_traceback

# Credits per clip, by model, and per HD version (api-facts.md 6.3).
PRICES: Mapping[str, int] = {"veo3_fast": 60, "veo3": 250}
HD_PRICE = 5

NO_RECORD = Refusal(422, "record is null")
NO_CREDITS = Refusal(402, CODES[402])


@dataclass(frozen=True, slots=True)
class BilledCharge:
    """Credits charged to the account, or refunded where ``credits`` is negative. ``what``: clip, hd or refund."""

    job: str
    what: str
    credits: int | Fraction


@dataclass(frozen=True, slots=True)
class Job:
    """An accepted submission. ``created`` is seconds since 1970, ``fault`` the fault injected into it."""

    id: str
    order: GenerationOrder
    created: float
    fault: InjectedFault | None

    @property
    def prompt(self) -> str:
        """The prompt of the submission."""
        return self.order.prompt

    @property
    def is_fallback(self) -> bool:
        """Whether the backup model generates it."""
        return self.fault is not None and self.fault.kind == "fallback"

    @property
    def request(self) -> Mapping[str, object]:
        """The unchanged body of the submission."""
        return self.order.given


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A finished job: the brief of its clip, and the time of completion (seconds since 1970)."""

    brief: Brief
    completed: float


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A failed job: flag, code and message of its record, and the time of failure (seconds since 1970).

    ``fault`` is the fault of this program or machine that ended it, if one did.
    """

    flag: int
    code: int | None
    message: str
    completed: float
    fault: StoryboardError | None = None


Outcome = FinishedJob | FailedJob
Warned = Callable[[str, str], None]
Ended = Callable[[Job, Outcome], Awaitable[None]]


class EmulatedService:
    """One account with its jobs, charges and uploads. Needs a running event loop.

    ``warned`` is called with (label's heading, sentence) for the author; ``ended`` is awaited when a job ends.
    """

    def __init__(
        self,
        behaviour: Behaviour,
        faults: Faults,
        folder: Path,
        web: aiohttp.ClientSession,
        warned: Warned,
        ended: Ended,
    ) -> None:
        self.behaviour = behaviour
        self.faults = faults
        self.balance = behaviour.balance
        self.jobs: dict[str, Job] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.charges: list[BilledCharge] = []
        self.uploads = UploadedImages(folder)
        self.films = DraftFilms(behaviour.film, folder)
        self._folder = folder
        self._web = web
        self._warned = warned
        self._ended = ended
        self.hd_faults: dict[str, StoryboardError] = {}  # by job: why its 1080p version could not be made here
        self._hd: dict[str, asyncio.Task[None]] = {}
        self._work: set[asyncio.Task[None]] = set()
        self._recent: deque[float] = deque()

    def accept(self, order: GenerationOrder, name: str = "") -> Job | Refusal:
        """Charge for an order and start its job, under ``name`` if given. Refuses it where the balance is too low."""
        if self.balance < _price(order):
            return NO_CREDITS
        job = Job(name or secrets.token_hex(16), order, time.time(), self.faults.strike("job", order.fault_text))
        self.jobs[job.id] = job
        self._charge(job.id, "clip", _price(order))
        if warning := warning_of(order):
            self._warned(order.draft_label.heading, warning)
        self._begin(self._carry_out(job)).add_done_callback(lambda task: self._broken(job, task))
        return job

    def too_fast(self) -> bool:
        """Whether one more submission now exceeds the rate limit; if not, it is counted."""
        if self.behaviour.rate is None:
            return False
        most, seconds = self.behaviour.rate
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - seconds:
            self._recent.popleft()
        if len(self._recent) >= most:
            return True
        self._recent.append(now)
        return False

    def hd(self, job: Job) -> FinishedJob | Refusal:
        """The job once its 1080p version is ready, else a refusal. The first request starts and charges it."""
        outcome = self.outcomes.get(job.id)
        if not isinstance(outcome, FinishedJob):
            return Refusal(422, "record status is not success")
        if outcome.brief.portrait:
            return Refusal(422, "Only 16:9 aspect ratio supports 1080P")
        if job.is_fallback:
            return Refusal(422, "Videos generated by the fallback model do not support 1080P")
        if job.id not in self._hd:
            if self.balance < HD_PRICE:
                return NO_CREDITS
            self._charge(job.id, "hd", HD_PRICE)
            self._hd[job.id] = self._begin(_make_hd(self.films, outcome.brief, self.behaviour.hd_latency))
            self._hd[job.id].add_done_callback(lambda task: self._hd_broken(job, task))
        if fault := self.hd_faults.get(job.id):
            # In words that end the wait for it, as of a version that the service cannot make.
            return Refusal(500, f"The 1080P version is unavailable: {fault.message}")
        task = self._hd[job.id]
        return outcome if task.done() and not task.exception() else Refusal(400, PROCESSING)

    def brief(self, job: Job, *, hd: bool = False, original: bool = False) -> Brief | None:
        """The brief of the clip at a job's URL; None where there is no clip (yet)."""
        outcome = self.outcomes.get(job.id)
        if not isinstance(outcome, FinishedJob):
            return None
        if original:
            return replace(outcome.brief, original=True) if outcome.brief.portrait else None
        if not hd:
            return outcome.brief
        task = self._hd.get(job.id)
        return replace(outcome.brief, hd=True) if task and task.done() and not task.exception() else None

    async def close(self) -> None:
        """Cancel all jobs. Raise the first unexpected exception of one: any but a LocalFault."""
        for task in self._work:
            task.cancel()
        ends = await asyncio.gather(*self._work, return_exceptions=True)
        await self.films.close()
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, LocalFault):
                raise end

    def _charge(self, job: str, what: str, credits: int | Fraction) -> None:
        self.balance -= float(credits)
        self.charges.append(BilledCharge(job, what, credits))

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        return task

    def _broken(self, job: Job, task: asyncio.Task[None]) -> None:
        """End a job in which an exception came that nobody foresaw, and tell it: else it would never end."""
        if task.cancelled() or not (fault := task.exception()) or job.id in self.outcomes:
            return
        self._work.discard(task)
        told = _warn_of(fault, job, self._warned)
        self._charge(job.id, "refund", -_price(job.order))
        self.outcomes[job.id] = FailedJob(3, 500, told.message, time.time(), told)

    async def _carry_out(self, job: Job) -> None:
        due = time.monotonic() + self.behaviour.latency
        outcome = await self._outcome(job)
        await asyncio.sleep(due - time.monotonic())
        if isinstance(outcome, FailedJob):
            self._charge(job.id, "refund", -_price(job.order))
        self.outcomes[job.id] = replace(outcome, completed=time.time())
        await self._ended(job, self.outcomes[job.id])

    async def _outcome(self, job: Job) -> Outcome:
        if job.fault and not job.is_fallback:
            return await _fate(job.fault)
        try:
            stills = [await _named(still(url, self.uploads, self._folder, self._web), url) for url in job.order.images]
            brief = Brief(job.order, tuple(stills))
            await self.films.clip(brief)
        except Unusable as unusable:
            self._warned(job.order.draft_label.heading, f"an image cannot be used: {unusable}")
            return FailedJob(3, 400, UNUSABLE, 0)
        except LocalFault as fault:
            self._warned(job.order.draft_label.heading, fault.message)
            return FailedJob(3, 500, fault.message, 0, fault)
        return FinishedJob(brief, 0)

    def _hd_broken(self, job: Job, task: asyncio.Task[None]) -> None:
        """End the wait for a 1080p version that could not be rendered, tell why, and give its credits back."""
        if not task.cancelled() and (fault := task.exception()):
            self._work.discard(task)
            self._charge(job.id, "refund", -HD_PRICE)
            self.hd_faults[job.id] = _warn_of(fault, job, self._warned)


async def _named(found: Awaitable[Still], url: str) -> Still:
    """The image that was ``found`` at ``url``. Raise Unusable, with the address."""
    try:
        return await found
    except Unusable as unusable:
        raise Unusable(f"{one_line(url, 200)}: {unusable}") from unusable


async def _make_hd(films: DraftFilms, brief: Brief, latency: float) -> None:
    """Render the 1080p version of a clip, in at least ``latency`` seconds."""
    due = time.monotonic() + latency
    await films.clip(replace(brief, hd=True))
    await asyncio.sleep(due - time.monotonic())


def _warn_of(fault: BaseException, job: Job, warned: Warned) -> StoryboardError:
    """Warn of an exception in the making of a clip; return it as a fault of this machine or of this program."""
    if isinstance(fault, LocalFault):
        warned(job.order.draft_label.heading, fault.message)
        return fault
    why, where = f"a fault of the emulator's own: {type(fault).__name__}", keep_traceback(fault)
    warned(job.order.draft_label.heading, f"{why}; {where}")
    return ProgramFault(why, where)


def _price(order: GenerationOrder) -> int | Fraction:
    """What a clip costs, in the account's unit; what runs on a machine of one's own costs nothing."""
    return PRICES.get(order.model, 0) if order.price is None else order.price


def warning_of(order: GenerationOrder) -> str:
    """A warning about characters that the card of this order cannot show; "" where there are none."""
    return setting.missing_characters_sentence(" ".join((order.prompt, order.draft_label.heading, order.watermark)))


async def _fate(fault: InjectedFault) -> FailedJob:
    """The failure that ``fault`` injects into a job. Never returns for "stuck"."""
    if fault.kind == "stuck":
        await asyncio.Event().wait()
    if fault.kind == "fail":
        code = int(fault.value)
        return FailedJob(3, code, CODES.get(code, CODES[501]), 0)
    flag = int(fault.value)
    return FailedJob(flag, None, "", 0) if flag in (0, 1) else FailedJob(flag, 501, CODES[501], 0)
