"""The state of a run: what it may still do, what is in progress, and the gates that limit how much at once."""

import asyncio
import os
from dataclasses import dataclass, field

from storyboard.costs.budget import NO_LIMIT, Budget
from storyboard.costs.price_book import PriceBook
from storyboard.generation.services import RunServices
from storyboard.http.client import Client
from storyboard.model import events
from storyboard.model.errors import Interrupted, LocalFault, NotAsked, OverBudget, RunRefused, StoryboardError
from storyboard.model.storyboard import FrameFit, LocalImage
from storyboard.model.submission import Submission
from storyboard.model.take import Outcome, Take, TakeId
from storyboard.planning.steps import Collect, Keep, Make

# Downloads at once. Jobs at once are the user's choice, verifications one a processor.
DOWNLOADS = 4


@dataclass(slots=True)
class RunState:
    """The state of one run. ``name`` is the run's in the ledger, ``storyboard_id`` the storyboard's.

    ``prices`` are what the plan was made with. A submission that ``budget`` does not allow is not sent, nor any after
    it. ``clients`` are those of all providers; one that refuses the run, as its key is wrong, is in ``refused`` with
    why: the others go on. ``ended`` has the outcome of each take as soon as it is known: its task may still prepare the
    cut. ``retaken`` has the outcomes of retakes, ``replaced`` the keys of the shots in whose place the film uses
    another one: a fallback, a retake, one that was planned again. ``planned_again`` are the steps that were, because
    their sources were replaced. ``standing`` are the takes in the store, by the keys of their shots: those that the
    plan keeps, and each that comes. ``frame_turns``: each frame is taken once. ``originals_owed`` are the keys and jobs
    whose uncropped originals could not be downloaded.
    ``fitted`` are the images that were brought into a shape, by the digest of what they were made from.
    """

    name: str
    storyboard_id: str
    prices: PriceBook
    budget: Budget = NO_LIMIT
    stopped_by: StoryboardError | None = None
    clients: list[Client] = field(default_factory=list)
    refused: dict[str, RunRefused] = field(default_factory=dict)
    is_interrupted: bool = False
    tasks: dict[TakeId, asyncio.Task[Outcome]] = field(default_factory=dict)
    requests: set[asyncio.Task[Submission]] = field(default_factory=set)
    paid: set[TakeId] = field(default_factory=set)
    ended: dict[TakeId, asyncio.Future[Outcome]] = field(default_factory=dict)
    retaken: dict[TakeId, Outcome] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    planned_again: dict[TakeId, Keep | Make | Collect] = field(default_factory=dict)
    standing: dict[str, Take] = field(default_factory=dict)
    frame_turns: dict[tuple[str, int], asyncio.Lock] = field(default_factory=dict)
    originals_owed: set[tuple[str, str]] = field(default_factory=set)
    fitted: dict[tuple[str, FrameFit], LocalImage] = field(default_factory=dict)
    downloads: asyncio.Semaphore = field(init=False)
    checks: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.downloads = asyncio.Semaphore(DOWNLOADS)
        self.checks = asyncio.Semaphore(os.cpu_count() or 1)

    @property
    def in_flight(self) -> int:
        """How many takes are submitted and not finished."""
        return len(self.requests) + len(self.paid)

    def may_submit(self, provider: str) -> None:
        """Raise NotAsked if the run was stopped, or this provider refuses it."""
        if why := self.stopped_by or self.refused.get(provider):
            raise NotAsked(why)

    @property
    def end(self) -> StoryboardError | None:
        """What stopped the run, or a part of it; None if nothing did."""
        return self.stopped_by or next(iter(self.refused.values()), None)

    def may_download(self) -> None:
        """Raise LocalFault if this machine failed: another clip would fail too. What is paid for stays open."""
        if isinstance(self.stopped_by, LocalFault):
            said = "its job is accepted, but not downloaded: this machine could not take another scene's"
            raise LocalFault(said, "put right what is said of that one, and run again: nothing is submitted again")


def stop_run(services: RunServices, state: RunState, error: StoryboardError) -> None:
    """Submit nothing more; where one of several providers refuses the run, to that one.

    What is paid for is still downloaded, unless this machine is at fault.
    """
    if isinstance(error, RunRefused) and len(state.clients) > 1:
        services.client.stop(error)
        if services.provider.name not in state.refused:
            state.refused[services.provider.name] = error
            services.on_event(events.Warned("", f"stopping at {services.provider.name}: {error.message}"))
        return
    if not isinstance(error, OverBudget):  # Submissions within the budget are recorded by now, and may still be sent.
        for client in state.clients or [services.client]:
            client.stop(error)
    if isinstance(error, Interrupted):
        state.is_interrupted = True
        services.callbacks.wake()
    if state.stopped_by is None:
        state.stopped_by = error
        if not isinstance(error, Interrupted):
            services.on_event(events.Warned("", f"stopping: {error.message}"))
