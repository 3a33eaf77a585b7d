"""The values of a plan: its steps, and the facts it is made of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal, NamedTuple

from storyboard.model.cost import NO_COST, Cost
from storyboard.model.fingerprint import fingerprint
from storyboard.model.lock import Lock
from storyboard.model.realm_kind import Kind
from storyboard.model.shot import Recipe, Shot, TakeFrame
from storyboard.model.storyboard import LocalImage, Resolution, RetakeRule
from storyboard.model.submission import Submission
from storyboard.model.take import Take, TakeId

# Why a take is kept whose scene is as it was.
UNCHANGED = "unchanged"


class NextTry(NamedTuple):
    """A shot to try once the one before was refused for its content, with its price, that of an upgrade not included.

    ``why`` is what is recorded and said of it.
    """

    shot: Shot
    cost: Cost
    why: str


class NextRetakes(NamedTuple):
    """What is bought once the take of a step came with a remark that ``rule`` names, as long as the next has one too.

    ``shots`` are priced with their upgrades; ``counted`` are the credits of it that a step with the same shots has.
    ``used`` is the shot that the film uses by the plan. A better take is used in its place if ``may_replace``.
    """

    rule: RetakeRule
    shots: tuple[NextTry, ...]
    used: Shot
    may_replace: bool
    counted: Cost = NO_COST


class _Priced:
    """What every step has: the ``cost`` of carrying it out."""

    __slots__ = ()
    cost: Cost

    @property
    def credits(self) -> Fraction:
        """The cost in credits. Raise InputError where it is in a currency."""
        return self.cost.credits


# Each step is about one take. ``picked``: the film uses it. ``after`` are the takes that it waits for.
@dataclass(frozen=True, slots=True)
class Keep(_Priced):
    """The take is in the store."""

    scene: str
    shot: Shot
    take: Take
    why: str
    cost: Cost = NO_COST
    after: tuple[TakeId, ...] = ()
    picked: bool = True
    name: Literal["keep"] = "keep"


@dataclass(frozen=True, slots=True)
class Collect(_Priced):
    """Submitted already: download it. ``cost`` is nothing, or the price of the upgrade of a take in the store.

    ``job`` is None if another render is submitting it just now, or if a take in ``after`` has the same shot.
    ``pinned`` are the takes that the lock pins, where this ledger does not know their job: each is downloaded by its
    job, and only that very clip counts. ``otherwise`` says what buys the shot again if its take is lost for good,
    ``upgrade_otherwise`` what buys its upgrade again if that alone is. ``tries`` are as in ``Make``, for a job
    that ends as refused.
    """

    scene: str
    shot: Shot
    resolution: Resolution
    job: str | None
    why: str
    cost: Cost = NO_COST
    after: tuple[TakeId, ...] = ()
    pinned: tuple[Take, ...] = ()
    otherwise: str = ""
    upgrade_otherwise: str = ""
    picked: bool = True
    tries: tuple[NextTry, ...] = ()
    retakes: NextRetakes | None = None
    name: Literal["collect"] = "collect"


@dataclass(frozen=True, slots=True)
class Make(_Priced):
    """To be submitted and paid for. ``agreed``: as the user agreed to for just this scene.

    ``tries`` are what is tried, in this order, as long as the provider refuses the content; ``retakes`` what is bought
    once a take came.
    """

    scene: str
    shot: Shot
    resolution: Resolution
    why: str
    cost: Cost
    after: tuple[TakeId, ...] = ()
    agreed: bool = False
    picked: bool = True
    tries: tuple[NextTry, ...] = ()
    retakes: NextRetakes | None = None
    name: Literal["make"] = "make"


# What a blocked scene needs. settle: the answer to its submission was lost. given-up: nothing, the user gave it up
# (`settle --abandon`). rebuy: what was bought is lost. retry: it was refused for its content more than once.
# source: the take of another scene, which is blocked, for a frame of it.
Need = Literal["settle", "given-up", "rebuy", "retry", "source"]


@dataclass(frozen=True, slots=True)
class Blocked(_Priced):
    """A shot that is not submitted again by itself; ``need`` says what it waits for.

    ``why`` is said in a plan; where it says what the user can do as well, ``cause`` and ``way`` are its two parts.
    """

    scene: str
    shot: Shot
    why: str
    need: Need = "settle"
    cause: str = ""
    way: str = ""
    cost: Cost = NO_COST
    after: tuple[TakeId, ...] = ()
    picked: bool = True
    name: Literal["blocked"] = "blocked"


Step = Keep | Collect | Make | Blocked


def take_id(step: Step) -> TakeId:
    """Return which take a step is about."""
    return TakeId(step.scene, step.shot.take)


def highest_cost(step: Step) -> Cost:
    """Return what a step may cost at most: everything is tried and charged, a take upgraded once; and all retakes."""
    if not isinstance(step, Make | Collect):
        return step.cost
    retakes, counted = (step.retakes.shots, step.retakes.counted) if step.retakes else ((), NO_COST)
    return step.cost + Cost.total(each.cost for each in (*step.tries, *retakes)) - counted


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a plan depends on beside the storyboard, read once.

    ``entries`` and ``takes`` are those of each key in the ledger; ``held`` the digests in the store;
    ``before`` the recipe that each take was last generated from; ``at_work`` the runs in progress; ``removed`` the day
    on which `store gc` removed a take, by digest; ``named`` the nonces of submissions whose job a callback has named.
    ``searchable`` are the keys whose provider finds a job by our own name.
    ``refusals`` counts by key how often a shot was refused for its content. The user agrees to buy the scenes in
    ``rebuy`` again, and to submit those in ``retry`` once more. ``kind`` is that of the takes.
    """

    lock: Lock = field(default_factory=Lock)
    entries: Mapping[str, Submission] = field(default_factory=dict)
    takes: Mapping[str, Mapping[str, Take]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    before: Mapping[TakeId, Recipe] = field(default_factory=dict)
    at_work: frozenset[str] = frozenset()
    removed: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    refusals: Mapping[str, int] = field(default_factory=dict)
    rebuy: frozenset[str] = frozenset()
    retry: frozenset[str] = frozenset()
    kind: Kind = "paid"
    searchable: frozenset[str] = frozenset()


def _is_retake(step: Step) -> bool:
    """Whether a step that the film does not use yet is a retake of the take that it uses."""
    return isinstance(step, Make | Collect) and step.retakes is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """A step for every take of each scene that a provider generates, in the film's order."""

    steps: tuple[Step, ...]

    def count(self, name: str) -> int:
        return sum(step.name == name for step in self.steps)

    @property
    def cost(self) -> Cost:
        return Cost.total(step.cost for step in self.steps)

    @property
    def credits(self) -> Fraction:
        """The cost in credits. Raise InputError where it is not in credits of one provider alone."""
        return self.cost.credits

    @property
    def at_most(self) -> Cost:
        """What the plan may cost at most: ``cost``, what is tried if scenes are refused, and retakes."""
        return Cost.total(map(highest_cost, self.steps))

    @property
    def film_steps(self) -> Mapping[str, Step]:
        """The step of the take that the film uses, by scene."""
        return {step.scene: step for step in self.steps if step.picked}

    def restricted_to(self, scenes: Collection[str]) -> "Plan":
        """Return the plan for the takes of these scenes and those that they wait for, with all that it keeps."""
        return self.narrowed_to([take_id(step) for step in self.steps if step.scene in scenes])

    def picked_only(self) -> "Plan":
        """Return the plan for the takes that the film uses, their retakes and those that they wait for, with all that
        it keeps.
        """
        return self.narrowed_to([take_id(step) for step in self.steps if step.picked or _is_retake(step)])

    def narrowed_to(self, takes: Collection[TakeId]) -> "Plan":
        """Return the plan for these takes and those that they wait for, with all that it keeps."""
        after, needed, new = {take_id(step): step.after for step in self.steps}, set[TakeId](), {*takes}
        while new:
            needed |= new
            new = {other for take in new for other in after.get(take, ())} - needed
        return Plan(tuple(step for step in self.steps if take_id(step) in needed or isinstance(step, Keep)))

    @property
    def frames_to_upload(self) -> tuple[TakeFrame, ...]:
        """The frames of scenes that will be taken and uploaded, each once."""
        frames = (frame for step in self.steps if isinstance(step, Make) for frame in step.shot.take_frames)
        return tuple({fingerprint(frame.recipe): frame for frame in frames}.values())

    @property
    def images_to_upload(self) -> tuple[LocalImage, ...]:
        """The local images that will be uploaded, each once."""
        images = (image for step in self.steps if isinstance(step, Make) for image in step.shot.images)
        local = {(image.digest, image.fit): image for image in images if isinstance(image, LocalImage)}
        return tuple(local.values())
