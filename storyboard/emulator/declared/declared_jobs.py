"""The jobs of an emulated declared service: begun by its orders, told of by its replies. Independent of HTTP."""

import secrets
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from storyboard.emulator.api.replies import Document
from storyboard.emulator.api.service import EmulatedService, FailedJob, FinishedJob, Job
from storyboard.emulator.declared.declared_orders import DeclaredOrder, image_ending
from storyboard.emulator.declared.declared_replies import DeclaredReplies, DoneJob
from storyboard.providers.declared.declaration import Declaration
from storyboard.providers.declared.pointers import encode

CLIPS = "/emulated-clips/"  # the path of clips, where the service has none of its own


class DeclaredJobs:
    """The jobs of one service. ``address`` gives its base URL; ``cancelled`` are the names of those that were ended."""

    def __init__(self, declaration: Declaration, service: EmulatedService, address: Callable[[], str]) -> None:
        self.cancelled: set[str] = set()
        self._declaration = declaration
        self._service = service
        self._address = address
        self._orders: dict[str, DeclaredOrder] = {}

    @property
    def replies(self) -> DeclaredReplies:
        """The replies of the service at its present address."""
        return DeclaredReplies(self._declaration, self._address())

    def find_named(self, name: str) -> list[str]:
        """The jobs of our own name."""
        return [job for job, order in self._orders.items() if order.name and order.name == name]

    def accept(self, found: DeclaredOrder, path: str) -> Document:
        """Begin a job that was asked for at ``path``. A name that is a path lies below its first two parts."""
        for name, content in found.images.items():
            self._service.uploads.keep(name, content, image_ending(content))
        id = secrets.token_hex(16)
        above = "/".join(path.strip("/").split("/")[:2])
        name = f"{above}/requests/{id}" if self._declaration.job.is_path else id
        job = self._service.accept(found.order, name)
        assert isinstance(job, Job), "the balance was looked at before"
        self._orders[job.id] = found
        return self.replies.acceptance(job.id)

    def record(self, job: Job, polls: int) -> Document:
        """The record of a job that has been asked for ``polls`` times."""
        outcome = self._service.outcomes.get(job.id)
        if job.id in self.cancelled:
            return self.replies.cancel_record(job.id, job.prompt)
        if isinstance(outcome, FailedJob):
            return self.replies.failure_record(job.id, job.prompt, outcome)
        if isinstance(outcome, FinishedJob):
            return self.replies.end_record(job.id, job.prompt, self._done(job))
        return self.replies.waiting(job.id, job.prompt, queued=polls <= 1)

    def further(self, job: Job) -> Document:
        """The reply to the further request for its clip."""
        if not isinstance(self._service.outcomes.get(job.id), FinishedJob):
            assert self._declaration.then
            return self.replies.refusal(self._declaration.then[0], 400)
        return self.replies.further(job.id, self._done(job))

    def _done(self, job: Job) -> DoneJob:
        cost = job.order.price or Fraction(0)
        url = f"{self._address()}{CLIPS}{job.id.rpartition('/')[2]}.mp4"
        return DoneJob(url, job.order.seed, Decimal(cost.numerator) / cost.denominator)

    def at_clip_path(self, method: str, path: str) -> Job | None:
        """The job whose clip is served at this path of the service itself."""
        clip_path = self._declaration.look.outcome.clip_path
        if not clip_path or method not in ("GET", "HEAD"):
            return None
        divides = self._declaration.job.is_path
        paths = {clip_path.replace("{job}", encode(job, slashes=divides)): job for job in self._service.jobs}
        return self._service.jobs.get(paths.get(path, ""))

    def of_clip(self, id: str) -> Job | None:
        """The job of a clip, by the last part of its name."""
        return next((job for name, job in self._service.jobs.items() if name.rpartition("/")[2] == id), None)
