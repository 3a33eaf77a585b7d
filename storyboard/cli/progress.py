"""Progress of a render, folded from its events, and how long the rest takes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from storyboard.model import events
from storyboard.model.cost import NO_COST, Cost
from storyboard.model.events import take_of
from storyboard.model.take import TakeId

# Seconds of a cut that say nothing yet of how long the rest takes.
_TOO_SOON = 2.0


@dataclass(frozen=True, slots=True)
class AtWork:
    """One take in progress: its stage, its model, and since when (monotonic seconds)."""

    state: str
    model: str
    since: float


@dataclass(frozen=True, slots=True)
class CutProgress:
    """``done`` of the film's ``frames`` are ready. The cut began at ``since`` (monotonic seconds)."""

    done: int
    frames: int
    since: float

    @property
    def tenth(self) -> int:
        """How many tenths are ready."""
        return 10 * self.done // max(self.frames, 1)

    def seconds_left(self, now: float) -> float | None:
        """How long the rest takes if it goes on like that; None if it is too soon to say, or nothing is left."""
        if now - self.since < _TOO_SOON or not 0 < self.done < self.frames:
            return None
        return (now - self.since) * (self.frames - self.done) / self.done


@dataclass(frozen=True, slots=True)
class Progress:
    """``spent`` and ``to_spend`` are costs; ``cut`` is set while the film is being cut.

    ``job_seconds`` is how long a job takes, by past jobs (None if unknown); ``at_once`` run at a time.
    """

    wanted: int = 0
    done: int = 0
    failed: int = 0
    spent: Cost = NO_COST
    to_spend: Cost = NO_COST
    at_work: Mapping[TakeId, AtWork] = field(default_factory=dict)
    cut: CutProgress | None = None
    job_seconds: float | None = None
    at_once: int = 1

    @property
    def waiting(self) -> int:
        """How many takes are not begun."""
        return max(0, self.wanted - self.done - self.failed - len(self.at_work))

    def seconds_left(self, now: float) -> float | None:
        """How long it takes until all takes are generated; None if unknown."""
        if self.job_seconds is None or not (self.at_work or self.waiting):
            return None
        # A job that is late is given a tenth of the usual time more.
        usual = self.job_seconds
        left = [max(usual / 10, usual - (now - work.since)) for work in self.at_work.values()]
        work = sum(left) + self.waiting * usual
        return max([*left, work / max(1, min(self.at_once, len(left) + self.waiting))])


def after(seen: Progress, event: events.Event, now: float) -> Progress:
    """Return the progress after ``event`` at ``now`` (monotonic seconds)."""
    match event:
        case events.Planned():
            wanted = event.make + event.collect + event.keep + event.blocked
            terms = replace(seen, job_seconds=event.job_seconds, at_once=event.at_once)
            return replace(terms, wanted=wanted, done=event.keep, to_spend=event.cost)
        case events.Submitting():
            found = _working(seen, take_of(event), AtWork("asking", event.model, now))
            # A retake is a take that the plan did not count.
            return replace(found, wanted=max(seen.wanted, seen.done + seen.failed + len(found.at_work)))
        case events.Submitted():
            left = (seen.to_spend - event.cost).not_below_zero
            spent = replace(seen, spent=seen.spent + event.cost, to_spend=left)
            return _working(spent, take_of(event), _moved(seen, take_of(event), "making", now))
        case events.Waiting():
            state = "making" if event.place is None else f"queue {event.place}"
            return _working(seen, take_of(event), _moved(seen, take_of(event), state, now))
        case events.Fetched():
            return _working(seen, take_of(event), _moved(seen, take_of(event), "checking", now))
        case events.Finished():
            return replace(_left(seen, take_of(event)), done=seen.done + 1)
        case events.Failed() | events.Unknown():
            return replace(_left(seen, take_of(event)), failed=seen.failed + 1)
        case events.Cutting():
            return replace(seen, cut=after_frames(seen.cut, event, now))
        case events.Done():
            return replace(seen, cut=None, at_work={})
    return seen


def after_frames(cut: CutProgress | None, event: events.Cutting, now: float) -> CutProgress:
    """Return the progress of a cut: it never goes back, though stills are drawn before the film is written."""
    since, before = (cut.since, cut.done) if cut else (now, 0)
    return CutProgress(max(before, event.done), event.frames, since)


def about(seconds: float) -> str:
    """Return a duration in words, as exact as an estimate is."""
    if seconds < 55:
        return f"about {max(1, 5 * math.ceil(seconds / 5) if seconds > 10 else math.ceil(seconds))} s"
    if seconds < 5400:
        return f"about {max(1, round(seconds / 60))} min"
    return f"about {seconds / 3600:.1f} h"


def _working(seen: Progress, take: TakeId, work: AtWork) -> Progress:
    return replace(seen, at_work={**seen.at_work, take: work})


def _moved(seen: Progress, take: TakeId, state: str, now: float) -> AtWork:
    was = seen.at_work.get(take, AtWork(state, "", now))
    return replace(was, state=state)


def _left(seen: Progress, take: TakeId) -> Progress:
    return replace(seen, at_work={name: work for name, work in seen.at_work.items() if name != take})
