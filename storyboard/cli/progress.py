"""Progress of a render, folded from its events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction

from storyboard.model import events


@dataclass(frozen=True, slots=True)
class AtWork:
    """One scene in progress: its stage, its model, and since when (monotonic seconds)."""

    state: str
    model: str
    since: float


@dataclass(frozen=True, slots=True)
class Progress:
    """``spent`` and ``to_spend`` are credits; ``frames`` is (written, all) while the film is being cut."""

    wanted: int = 0
    done: int = 0
    failed: int = 0
    spent: Fraction = Fraction(0)
    to_spend: Fraction = Fraction(0)
    at_work: Mapping[str, AtWork] = field(default_factory=dict)
    frames: tuple[int, int] | None = None


def after(seen: Progress, event: events.Event, now: float) -> Progress:
    """Return the progress after ``event`` at ``now`` (monotonic seconds)."""
    match event:
        case events.Planned():
            wanted = event.make + event.collect + event.keep + event.blocked
            return replace(seen, wanted=wanted, done=event.keep, to_spend=event.credits)
        case events.Submitting():
            return _working(seen, event.scene, AtWork("asking", event.model, now))
        case events.Submitted():
            spent = replace(seen, spent=seen.spent + event.credits, to_spend=seen.to_spend - event.credits)
            return _working(spent, event.scene, _moved(seen, event.scene, "making", now))
        case events.Waiting():
            return _working(seen, event.scene, _moved(seen, event.scene, "making", now))
        case events.Fetched():
            return _working(seen, event.scene, _moved(seen, event.scene, "checking", now))
        case events.Finished():
            return replace(_left(seen, event.scene), done=seen.done + 1)
        case events.Failed() | events.Unknown():
            return replace(_left(seen, event.scene), failed=seen.failed + 1)
        case events.Cutting():
            return replace(seen, frames=(event.done, event.frames))
        case events.Done():
            return replace(seen, frames=None, at_work={})
    return seen


def _working(seen: Progress, scene: str, work: AtWork) -> Progress:
    return replace(seen, at_work={**seen.at_work, scene: work})


def _moved(seen: Progress, scene: str, state: str, now: float) -> AtWork:
    was = seen.at_work.get(scene, AtWork(state, "", now))
    return replace(was, state=state)


def _left(seen: Progress, scene: str) -> Progress:
    return replace(seen, at_work={name: work for name, work in seen.at_work.items() if name != scene})
