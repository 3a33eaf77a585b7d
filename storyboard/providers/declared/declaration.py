"""A declaration as values: the requests of a service, where its replies say what, its states, codes and models."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from storyboard.http.policy import Signal
from storyboard.model.capabilities import Auth, Model
from storyboard.model.tariff import Tariff
from storyboard.providers.base import Timing
from storyboard.providers.declared.pointers import Pointer, word

ImageRole = Literal["text", "first_frame", "last_frame", "references"]
SentAs = Literal["address", "bytes", "data"]

# A condition that holds where anything but null, false and nothing stands.
ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class Condition:
    """What stands ``at`` a place is one of ``values``, by its word; ``ANYTHING``: something stands there."""

    at: Pointer
    values: tuple[object, ...]

    def holds(self, body: object) -> bool:
        """Whether it holds in a reply."""
        found = self.at.read(body)
        if ANYTHING in self.values:
            return found not in (None, False, "", [], {})
        said = word(found)
        return said is not None and said in {word(value) for value in self.values}

    @property
    def example(self) -> object:
        """A value by which it holds."""
        return "a failure" if self.values[0] == ANYTHING else self.values[0]


@dataclass(frozen=True, slots=True)
class DeclaredRequest:
    """One request, and how its reply is told from a refusal: ``ok`` holds in a good one.

    ``why`` and ``code`` are where a refusal has its message and its code, the first that says anything counts.
    """

    method: str
    path: str
    origin: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    ok: tuple[Condition, ...] = ()
    why: tuple[Pointer, ...] = ()
    code: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a reply about a job that is done has its clip, its seed and what it cost; ``failed_if``: it failed."""

    clip: tuple[Pointer, ...] = ()
    clip_path: str = ""
    seed: Pointer | None = None
    charged: Pointer | None = None
    failed_if: tuple[Condition, ...] = ()
    failed_statuses: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """The question for the state of a job. ``job`` and ``prompt`` are where the reply repeats them."""

    request: DeclaredRequest
    state: Pointer
    outcome: Outcome
    job: Pointer | None = None
    place: Pointer | None = None
    prompt: Pointer | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """The request that ends a job; ``late`` are the HTTP statuses that say that it was too late."""

    request: DeclaredRequest
    late: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Find:
    """The request that looks for a job by our own name; ``name`` and ``job`` are within one match of ``list``."""

    request: DeclaredRequest
    list: Pointer | None
    name: Pointer
    job: Pointer


@dataclass(frozen=True, slots=True)
class States:
    """The words of a service for the state of a job."""

    queued: tuple[str, ...]
    waiting: tuple[str, ...]
    done: tuple[str, ...]
    failed: tuple[str, ...]
    unseen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """The day and the source of a declaration; ``sure`` False: second hand. ``guessed`` are sentences."""

    date: str = ""
    source: str = ""
    sure: bool = True
    guessed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredModel:
    """A model, and how a shot of it is asked for: ``bodies`` by role. ``id`` is what the service calls it."""

    model: Model
    id: str
    bodies: Mapping[ImageRole, Mapping[str, object]]
    roles: tuple[ImageRole, ...]
    paths: Mapping[str, str]
    words: Mapping[str, Mapping[str, object]]
    tariff: Tariff | None

    def path(self, role: ImageRole) -> str:
        """The {path} of the submission for what is sent with the prompt; any of them where it has none for that."""
        return self.paths.get(role) or next(iter(self.paths.values()), self.id)

    def body(self, role: ImageRole) -> Mapping[str, object]:
        """The template of the body for what is sent with the prompt."""
        return self.bodies.get(role) or next(iter(self.bodies.values()))

    def word_for(self, name: str, value: object) -> object:
        """What the service calls a value of ``aspect``, ``resolution`` or ``sound``."""
        return self.words.get(name, {}).get(str(word(value)), value)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole service. ``job`` is where the reply to a submission names the job.

    ``examples`` are what else the replies have, by the name of the request: for the emulator alone.
    """

    name: str
    base_url: str
    auth: Auth
    key_variable: str
    hosts: tuple[str, ...]
    headers: Mapping[str, str]
    images: SentAs
    form: bool
    clip_with_key: bool
    job_days: int | None
    timing: Timing
    facts: Provenance
    submit: DeclaredRequest
    job: Pointer
    look: Look
    states: States
    errors: Mapping[str, Signal]
    models: Mapping[str, DeclaredModel]
    usual: str
    credit: Fraction | None
    currency: str
    then: tuple[DeclaredRequest, Outcome] | None = None
    cancel: Cancel | None = None
    balance: tuple[DeclaredRequest, Pointer] | None = None
    find: Find | None = None
    callback: tuple[Pointer, ...] = ()
    examples: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    @property
    def requests(self) -> Iterator[tuple[str, DeclaredRequest]]:
        """Every request, by the name of its table."""
        yield "submit", self.submit
        yield "look", self.look.request
        if self.then:
            yield "then", self.then[0]
        if self.cancel:
            yield "cancel", self.cancel.request
        if self.balance:
            yield "balance", self.balance[0]
        if self.find:
            yield "find", self.find.request

    @property
    def job_divides(self) -> frozenset[str]:
        """The names whose slashes divide a path: the job's where it is itself a path, and those of models."""
        return frozenset({"model", "path"} | ({"job"} if self.job.is_path else set()))


def first_word(places: Sequence[Pointer], body: object) -> str:
    """Return the first text, or number as text, at any of ``places``; "" if none says anything."""
    return next((said for place in places if (said := _sentence(place.read(body)))), "")


def _sentence(value: object) -> str:
    if isinstance(value, str):
        return value.strip()[:1000]
    return word(value) or "" if isinstance(value, int) and not isinstance(value, bool) else ""
