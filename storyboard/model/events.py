"""Events of a render, as frozen values. The subscriber decides how to display them."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from storyboard.model.cost import NO_COST, Cost
from storyboard.model.remark import Remark
from storyboard.model.take import TakeId


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of a render: scenes by step, and its cost (``money`` is None where the worth of a part is not known).

    ``at_most`` is what it may cost with all fallbacks and retakes.

    ``job_seconds`` is how long a job takes, by past jobs (None if there were none); ``at_once`` run at a time.
    """

    make: int
    collect: int
    keep: int
    blocked: int
    cost: Cost
    money: Fraction | None
    currency: str
    job_seconds: float | None = None
    at_once: int = 1
    at_most: Cost = NO_COST

    @property
    def credits(self) -> Fraction:
        """The cost in credits. Raise InputError where it is not in credits of one provider alone."""
        return self.cost.credits


@dataclass(frozen=True, slots=True)
class Submitting:
    """A scene is next: its images are uploaded, then its job is submitted."""

    scene: str
    take: int
    model: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job was submitted. ``cost`` is its expected cost."""

    scene: str
    take: int
    job: str
    cost: Cost


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job is in progress. ``place`` is its place in the provider's queue, from 1, where that is told."""

    scene: str
    take: int
    job: str
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A clip was downloaded."""

    scene: str
    take: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    """A take is verified and in the store. ``sha256`` is its digest in hex."""

    scene: str
    take: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A scene failed. ``code`` is the provider's code, None where there is none."""

    scene: str
    take: int
    code: int | None
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A scene about which the user must decide: its submission is unconfirmed, or a take that was bought is lost."""

    scene: str
    take: int
    why: str
    hint: str = ""


OfTake = Submitting | Submitted | Waiting | Fetched | Finished | Failed | Unknown


def take_of(event: OfTake) -> TakeId:
    """Return which take an event is about."""
    return TakeId(event.scene, event.take)


@dataclass(frozen=True, slots=True)
class Owed:
    """What became of a job that was accepted and that no scene needs now. ``scene`` is the one that it was for.

    ``end``: its take is in the store now; or the job is still open, and ``why``; or it failed. ``is_original``: the
    uncropped original of the job's take was owed, not the take.
    """

    scene: str
    job: str
    end: Literal["fetched", "open", "failed"]
    why: str
    is_original: bool = False


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning about a scene. ``remarks`` has the remark of a check that it tells, if it does."""

    scene: str
    why: str
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Cutting:
    """``done`` of the film's ``frames`` frames are written."""

    done: int
    frames: int


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a render. ``film`` is a path, or "" where no film was written; ``seconds`` is its duration.

    ``cost`` is that of the run by the configured prices, ``exit`` the exit status; ``notes`` say what to do
    next. The command line makes this event from the result of the render.
    """

    film: str
    sha256: str
    frames: int
    seconds: Fraction
    size: tuple[int, int] | None
    made: int
    kept: int
    failed: int
    unknown: int
    cost: Cost
    exit: int
    notes: tuple[str, ...] = ()

    @property
    def credits(self) -> Fraction:
        """The cost in credits. Raise InputError where it is not in credits of one provider alone."""
        return self.cost.credits


Event = (
    Planned | Submitting | Submitted | Waiting | Fetched | Finished | Failed | Unknown | Owed | Warned | Cutting | Done
)
