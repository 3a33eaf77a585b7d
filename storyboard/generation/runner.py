"""Time: one task group, and gates. Carries a plan out; a scene that fails is a result and stops nobody."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from storyboard.costs.budget import NO_LIMIT, Budget
from storyboard.generation.callbacks import CallbackWaiters
from storyboard.generation.provider_calls import echoed_prompt, job_status, submit_shot, upscale_status
from storyboard.generation.schedule import (
    CALLED_LOOK,
    CALLED_WITHIN,
    FIRST_POLL,
    HD_DEADLINE,
    HD_PAUSE,
    JITTER,
    JOB_DEADLINE,
    PollLimit,
    between_polls,
)
from storyboard.generation.uploads import Uploads
from storyboard.http.client import Client
from storyboard.media.verify import verify
from storyboard.model import events
from storyboard.model.capabilities import Model
from storyboard.model.errors import (
    AddressExpired,
    BadMedia,
    Interrupted,
    LocalFault,
    NotAsked,
    OverBudget,
    RunRefused,
    SceneFailed,
    Stalled,
    StoryboardError,
    SubmissionUnknown,
    submission_undecided,
)
from storyboard.model.shot import Shot
from storyboard.model.storyboard import Image, LocalImage, Resolution
from storyboard.model.submission import Submission
from storyboard.model.take import Measure, Outcome, Take
from storyboard.model.text import one_line
from storyboard.planning.steps import Collect, Make, Plan
from storyboard.providers.base import Provider, Ready
from storyboard.state import rescue
from storyboard.state.ledger import Ledger
from storyboard.state.ledger.submissions import AlreadyAsked, KnownJob
from storyboard.state.store import Store
from storyboard.system.claims import is_locked
from storyboard.system.clock import Clock
from storyboard.system.files import discard

REFETCHES = 2
NEW_ADDRESSES = 3

# A job that was paid for is closed by the provider's word alone, never by our failing to fetch its clip.
_STILL_OPEN = "it is paid for: run again to fetch it, unpaid; a scene with another seed is asked for anew"


@dataclass(frozen=True, slots=True)
class Hands:
    """All that a run touches. ``read`` gives the bytes of a local image; ``runs`` is the folder of runs' claims.

    ``prepare`` is given each scene's take once it is safe, and does what the cut would have to wait for; never fails.
    """

    provider: Provider
    wire: Client
    ledger: Ledger
    store: Store
    uploads: Uploads | None
    read: Callable[[LocalImage], bytes]
    clock: Clock
    calls: CallbackWaiters
    report: Callable[[events.Event], None]
    runs: Path
    prepare: Callable[[str, Take], None]


@dataclass(slots=True)
class Run:
    """One carrying-out of one plan. ``name`` is this run's in the ledger, ``storyboard`` the file's absolute path.

    ``at_once`` is how many jobs may be in flight at the provider; ``hd`` the credits of an HD version. A submission
    for which ``budget`` does not reach is not sent, and none after it.
    """

    name: str
    storyboard: str
    hands: Hands
    at_once: int
    hd: Fraction
    budget: Budget = NO_LIMIT
    _tasks: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    _posts: set[asyncio.Task[Submission]] = field(default_factory=set)
    _paid: set[str] = field(default_factory=set)
    _stop: StoryboardError | None = None
    _interrupted: bool = False
    _slots: asyncio.Semaphore = field(init=False)
    _fetches: asyncio.Semaphore = field(init=False)
    _checks: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.at_once)
        self._fetches = asyncio.Semaphore(4)
        self._checks = asyncio.Semaphore(os.cpu_count() or 1)

    async def carry_out(self, plan: Plan) -> Mapping[str, Outcome]:
        """What became of each scene to make or collect. Only a bug or a cancellation leaves by an exception."""
        try:
            async with asyncio.TaskGroup() as group:
                for step in plan.steps:
                    if isinstance(step, Make | Collect):
                        self._tasks[step.scene] = group.create_task(self._one(step))
        finally:
            # A request that has left is waited for even when we are told to go: its answer is money.
            if self._posts:
                await asyncio.wait(self._posts, timeout=5)
        return {scene: task.result() for scene, task in self._tasks.items()}

    def stop(self, error: StoryboardError) -> None:
        """Ask for nothing more; what is paid for is still collected, unless it is this machine that cannot take it."""
        if not isinstance(error, OverBudget):  # What a budget has room for is reserved before, and may still leave.
            self.hands.wire.stop(error)
        if isinstance(error, Interrupted):
            self._interrupted = True
            self.hands.calls.wake()
        if self._stop is None:
            self._stop = error
            if not isinstance(error, Interrupted):
                self.hands.report(events.Warned("", f"stopping: {error.message}"))

    @property
    def stopped(self) -> StoryboardError | None:
        return self._stop

    @property
    def in_flight(self) -> int:
        """How many scenes are asked for and not done."""
        return len(self._posts) + len(self._paid)

    async def _one(self, step: Make | Collect) -> Outcome:
        try:
            take = await self._take(step)
        except StoryboardError as error:
            if isinstance(error, RunRefused | LocalFault):
                self.stop(error)
            if isinstance(error, SceneFailed) and self.hands.provider.answers.texts.blames_an_image(error):
                self._forget(step.shot)
            return self._told(step, error)
        finally:
            self._paid.discard(step.scene)
        self.hands.report(events.Finished(step.scene, step.shot.take, take.digest))
        async with self._checks:
            await asyncio.to_thread(self.hands.prepare, step.scene, take)
        return take

    def _told(self, step: Make | Collect, error: StoryboardError) -> StoryboardError:
        match error:
            case SubmissionUnknown():
                self.hands.report(events.Unknown(step.scene, step.shot.take, error.message, error.hint))
            case SceneFailed():
                failed = events.Failed(step.scene, step.shot.take, error.code, error.message, error.hint)
                self.hands.report(failed)
            case NotAsked() | RunRefused():
                pass  # Not this scene's fault: the run as a whole says so, once.
            case _:
                self.hands.report(events.Failed(step.scene, step.shot.take, None, error.message, error.hint))
        return error

    async def _take(self, step: Make | Collect) -> Take:
        if isinstance(step, Make):
            entry, ready = await self._make(step)
        else:
            self._paid.add(step.scene)
            entry, ready = await self._known(step), None
        model = self._model(step)
        base = self._held(entry.key, model.base(step.resolution))
        if model.upgrades(step.resolution):
            if base is None:
                await self._collect(step, entry, ready)
            return self._held(entry.key, step.resolution) or await self._upgrade(step, entry)
        return base or await self._collect(step, entry, ready)

    def _model(self, step: Make | Collect) -> Model:
        return self.hands.provider.capabilities.model(step.shot.model)

    def _held(self, key: str, resolution: Resolution) -> Take | None:
        take = self.hands.ledger.takes.of_key(key).get(resolution)
        return take if take and self.hands.store.holds(take.digest, take.bytes) else None

    # Asking

    async def _make(self, step: Make) -> tuple[Submission, Ready | None]:
        async with self._slots:
            self._may_ask()
            self.hands.report(events.Submitting(step.scene, step.shot.take, step.shot.model))
            addresses = [await self._address(image) for image in step.shot.images]
            self._may_ask()
            try:
                clip = step.credits - (self.hd if self._model(step).upgrades(step.resolution) else 0)
                entry = self.hands.ledger.submissions.record_intent(
                    step.shot, step.scene, self.storyboard, self.name, clip, self.hands.clock.wall(), self.budget
                )
            except AlreadyAsked:
                return await self._elsewhere(step), None
            try:
                entry = await self._kept_safe(self._post(entry, step.shot, addresses))
            except SubmissionUnknown as lost:
                if not self.hands.calls.is_enabled:
                    raise
                why = "the answer to its submission was lost: waiting for the service to call back"
                self.hands.report(events.Warned(step.scene, why))
                entry = await self._revealed(step, entry, lost, CALLED_WITHIN)
            self._paid.add(step.scene)
            assert entry.job is not None
            self.hands.report(events.Submitted(step.scene, step.shot.take, entry.job, step.credits))
            await self.hands.calls.pause(entry, FIRST_POLL)
            return entry, await self._ready(step, entry)

    def _may_ask(self) -> None:
        if self._stop:
            raise NotAsked(self._stop)

    async def _kept_safe(self, post: Coroutine[None, None, Submission]) -> Submission:
        task = asyncio.create_task(post)
        self._posts.add(task)
        task.add_done_callback(self._posts.discard)
        return await asyncio.shield(task)

    async def _post(self, entry: Submission, shot: Shot, addresses: list[str]) -> Submission:
        """Send the request, and write down what came of it before anything else happens."""
        ledger, now = self.hands.ledger, self.hands.clock.wall
        try:
            callback = self.hands.calls.address(entry.nonce)
            job = await submit_shot(self.hands.provider, self.hands.wire, shot, addresses, callback)
        except SubmissionUnknown as error:
            ledger.submissions.record_unknown(entry, error.message, error.code, now())
            raise submission_undecided(error.message) from error
        except SceneFailed as error:
            ledger.submissions.record_refused(entry, error.message, error.code, now())
            raise
        except NotAsked:
            ledger.submissions.record_refused(entry, "", None, now())
            raise
        except RunRefused as error:
            # Not this scene's fault: the next plan has nothing to say of it.
            ledger.submissions.record_refused(entry, "", error.code, now())
            raise
        try:
            ledger.submissions.record_accepted(entry, job, now())
        except KnownJob:
            why = f"the provider answered with the job {job}, which another shot already has"
            ledger.submissions.record_unknown(entry, why, None, now())
            raise submission_undecided(why) from None
        except LocalFault as error:
            where = rescue.keep(ledger.path, entry, job)
            said = f"PAID: job {job} of scene {entry.scene} could not be written down ({error.message})"
            hint = f"kept in {where}: make room, and run again to collect it" if where else "write it down yourself"
            raise LocalFault(said, hint) from error
        standing = ledger.submissions.of_key(entry.key)
        assert standing is not None
        return standing

    async def _address(self, image: Image) -> str:
        if not isinstance(image, LocalImage):
            return image.url
        uploads = self.hands.uploads
        assert uploads is not None
        content = await asyncio.to_thread(self.hands.read, image)
        return (await uploads.address(image, content)).url

    def _forget(self, shot: Shot) -> None:
        """An address that did not serve once would not serve the next run either."""
        for image in shot.images:
            if isinstance(image, LocalImage) and self.hands.uploads:
                self.hands.uploads.forget(image)

    async def _known(self, step: Collect) -> Submission:
        """The entry of a job that somebody has asked for already."""
        for scene in step.after:
            outcome = await self._tasks[scene]
            if isinstance(outcome, NotAsked):
                raise outcome
            if isinstance(outcome, StoryboardError) and not self.hands.ledger.takes.of_key(step.shot.key):
                raise type(outcome)(f"it is the same shot as {scene}: {outcome.message}", outcome.hint)
        return await self._elsewhere(step)

    async def _elsewhere(self, step: Make | Collect) -> Submission:
        """Wait until the shot that somebody else is asking for has a job."""
        while entry := self.hands.ledger.submissions.of_key(step.shot.key):
            match entry.state:
                case "open" | "taken":
                    return entry
                case "refused" | "failed" | "abandoned":
                    raise SceneFailed(entry.why, "run again to try it once more", entry.code)
            if entry.state == "unknown" or not is_locked(self.hands.runs / entry.run):
                lost = submission_undecided(entry.why or "its submission was cut off before an answer came")
                return await self._revealed(step, entry, lost, 0)
            await self.hands.clock.pause(2)
        raise SceneFailed("nobody has asked for it", "run again")

    async def _revealed(
        self, step: Make | Collect, entry: Submission, lost: SubmissionUnknown, patience: float
    ) -> Submission:
        """The attempt with the job that a callback names, once the provider has said that the job is ours.

        Waits ``patience`` seconds for a callback that is not there yet. Raises ``lost`` where none will do.
        """
        hands, foreign = self.hands, set[str]()
        while True:
            for job in hands.ledger.inbox.jobs_named_by_callbacks(entry.nonce):
                if job not in foreign and (why := await self._objection(entry, job)):
                    foreign.add(job)
                    hands.report(events.Warned(step.scene, f"a callback names the job {one_line(job, 80)}, but {why}"))
            standing = hands.ledger.submissions.of_key(entry.key)
            if standing and standing.id == entry.id and standing.state in ("open", "taken"):
                return standing
            if patience <= 0 or self._interrupted:
                raise lost
            await hands.calls.pause(entry, min(patience, CALLED_LOOK))
            patience -= CALLED_LOOK

    async def _objection(self, entry: Submission, job: str) -> str:
        """Adopt ``job``; or say why it is not this attempt's; or "" as well where the provider does not say (yet)."""
        hands = self.hands
        try:
            said = await echoed_prompt(hands.provider, hands.wire, job)
        except SceneFailed:
            return ""
        except RunRefused as error:
            self.stop(error)
            return ""
        if said is None:
            return ""
        try:
            if entry.asks(said):
                hands.ledger.submissions.adopt(entry, job, hands.clock.wall())
                return ""
            why = "it was asked for something else"
        except KnownJob:
            why = "that belongs to another shot"
        hands.ledger.inbox.discard_callback(entry.nonce, job)
        return why

    # Waiting

    async def _ready(self, step: Make | Collect, entry: Submission) -> Ready:
        """Patience with one job. Raises Stalled when there is no more (it stays open), SceneFailed when it is over."""
        assert entry.job is not None
        clock, patience = self.hands.clock, PollLimit(JOB_DEADLINE)
        began = clock.monotonic()
        self.hands.report(events.Waiting(step.scene, step.shot.take, entry.job))
        while True:
            self._may_fetch()
            try:
                state = await job_status(self.hands.provider, self.hands.wire, entry.job)
            except (Stalled, AddressExpired):
                raise
            except SceneFailed as error:
                self.hands.ledger.submissions.record_failed(entry, error.message, error.code, clock.wall())
                raise
            if isinstance(state, Ready):
                if state.credits not in (None, entry.credits):
                    # Before the next submission looks at the budget, not only when the clip has been fetched.
                    self.hands.ledger.submissions.record_charge(entry, state.credits, clock.wall())
                return state
            age = clock.monotonic() - began
            pause = between_polls(age) * clock.between(*JITTER)
            if why := patience.over(age, pause, seen=state.seen, done=state.done):
                raise Stalled(f"job {one_line(entry.job, 80)}: {why}", _STILL_OPEN)
            await self.hands.calls.pause(entry, pause)

    # Fetching

    def _may_fetch(self) -> None:
        """A disk that fails, or is full, takes no other clip either. What is paid for stays open for the next run."""
        if isinstance(self._stop, LocalFault):
            said = "it is paid for, and was not fetched: this machine could not take another scene's"
            raise LocalFault(said, "put right what is said of that one, and run again: nothing is paid for again")

    async def _collect(self, step: Make | Collect, entry: Submission, ready: Ready | None) -> Take:
        ready = ready or await self._ready(step, entry)
        resolution = self._model(step).base(step.resolution)
        return await self._fetch(step, entry, ready, resolution, lambda: self._ready(step, entry))

    async def _upgrade(self, step: Make | Collect, entry: Submission) -> Take:
        """The HD version of a job whose take is here."""
        if entry.hd is None:
            self._may_ask()
            self.hands.ledger.submissions.record_upgrade(
                entry, step.scene, self.storyboard, self.name, self.hd, self.hands.clock.wall(), self.budget
            )
        try:
            ready = await self._hd_ready(step, entry)
            return await self._fetch(step, entry, ready, step.resolution, lambda: self._hd_ready(step, entry))
        except SceneFailed as error:
            hint = error.hint or self._safe(step)
            raise SceneFailed(f"{step.resolution}: {error.message}", hint, error.code) from error

    def _safe(self, step: Make | Collect) -> str:
        base = self._model(step).base(step.resolution)
        return f"its {base} take is safe: run again, or say resolution: {base}"

    async def _hd_ready(self, step: Make | Collect, entry: Submission) -> Ready:
        assert entry.job is not None
        clock, patience = self.hands.clock, PollLimit(HD_DEADLINE)
        began = clock.monotonic()
        while True:
            self._may_fetch()
            state = await upscale_status(self.hands.provider, self.hands.wire, entry.job)
            if isinstance(state, Ready):
                return state
            pause = HD_PAUSE * clock.between(*JITTER)
            if why := patience.over(clock.monotonic() - began, pause, seen=state.seen, done=state.done):
                raise Stalled(why, self._safe(step))
            await clock.pause(pause)

    async def _fetch(
        self,
        step: Make | Collect,
        entry: Submission,
        ready: Ready,
        resolution: Resolution,
        again: Callable[[], Coroutine[None, None, Ready]],
    ) -> Take:
        """Download and verify; a new address where the old one is gone, a second try where the bytes are bad."""
        expired = bad = 0
        while True:
            arriving = self.hands.store.arrival_path(self.name)
            try:
                return await self._fetched(step, entry, ready, resolution, arriving)
            except AddressExpired as error:
                expired += 1
                if expired > NEW_ADDRESSES:
                    raise SceneFailed(
                        f"the provider does not serve its clip: {error.message}", _STILL_OPEN, error.code
                    ) from error
                await self.hands.clock.pause(self.hands.clock.between(1, 5))
                ready = await again()
            except BadMedia as error:
                bad += 1
                with suppress(LocalFault):
                    self.hands.store.set_aside(arriving)
                if bad > REFETCHES:
                    hint = f"kept for a look in {self.hands.store.root / 'damaged'}; run again to fetch it again"
                    raise BadMedia(f"what came is not a whole clip: {error.message}", hint) from error
            finally:
                discard(arriving)

    async def _fetched(
        self, step: Make | Collect, entry: Submission, ready: Ready, resolution: Resolution, arriving: Path
    ) -> Take:
        hands, number = self.hands, step.shot.take
        async with self._fetches:
            self._may_fetch()
            fetched = await hands.wire.fetch(ready.url, arriving)
        hands.report(events.Fetched(step.scene, number, fetched.bytes))
        async with self._checks:
            measure = await asyncio.to_thread(verify, arriving, None)
        take = Take(fetched.sha256, fetched.bytes, measure, resolution, ready.seed, ready.credits)
        hands.store.put(arriving, take.digest)
        hands.ledger.takes.record_take(entry.key, take, hands.clock.wall())
        for why in _remarks(step.shot, measure, resolution, self._model(step)):
            hands.report(events.Warned(step.scene, why))
        return take


def _remarks(shot: Shot, measure: Measure, resolution: Resolution, model: Model) -> list[str]:
    """What an author should know about a take that came: it is paid for, and kept all the same."""
    found, quality = [], model.quality(resolution)
    if abs(measure.seconds - model.seconds) > 1:
        found.append(f"{model.seconds} seconds were expected, and {float(measure.seconds):.1f} came")
    if not measure.sound:
        found.append("the take came without sound: the cut gives it silence")
    size = f"{measure.width}x{measure.height}"
    if shot.aspect != "auto" and (shot.aspect == "9:16") != (measure.height > measure.width):
        found.append(f"asked for {shot.aspect}, and {size} came")
    elif quality.upgrade and min(measure.width, measure.height) < min(quality.size):
        found.append(f"asked for {resolution}, and {size} came")
    return found
