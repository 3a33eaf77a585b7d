"""Event: something that has just happened in a render. Frozen values; whoever listens decides how to say it."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Planned:
    make: int
    collect: int
    keep: int
    blocked: int
    credits: Fraction
    money: Fraction | None
    currency: str


@dataclass(frozen=True, slots=True)
class Submitting:
    """The scene has its turn: its images go up, then the request goes out."""

    scene: str
    take: int
    model: str


@dataclass(frozen=True, slots=True)
class Submitted:
    scene: str
    take: int
    job: str
    credits: Fraction


@dataclass(frozen=True, slots=True)
class Waiting:
    scene: str
    take: int
    job: str


@dataclass(frozen=True, slots=True)
class Fetched:
    scene: str
    take: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Finished:
    scene: str
    take: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Failed:
    scene: str
    take: int
    code: int | None
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A submission whose answer was lost: a decision is needed."""

    scene: str
    take: int
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    scene: str
    why: str


@dataclass(frozen=True, slots=True)
class Cutting:
    """``done`` of the film's ``frames`` are written."""

    done: int
    frames: int


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a render. ``film`` is a path, or "" where nothing was cut; ``seconds`` is the film's length.

    ``credits`` is what the run has spent by our prices; ``exit`` the exit status; ``notes`` say what to do next.
    Made of the result by the command line.
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
    credits: Fraction
    exit: int
    notes: tuple[str, ...] = ()


Event = Planned | Submitting | Submitted | Waiting | Fetched | Finished | Failed | Unknown | Warned | Cutting | Done
