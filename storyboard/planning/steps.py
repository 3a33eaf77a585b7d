"""The values of a plan: its steps, and the facts it is made of."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from storyboard.model.lock import Lock
from storyboard.model.shot import Recipe, Shot
from storyboard.model.storyboard import LocalImage, Resolution
from storyboard.model.submission import Submission
from storyboard.model.take import Take


@dataclass(frozen=True, slots=True)
class Keep:
    """The take is in the store."""

    scene: str
    shot: Shot
    take: Take
    why: str
    credits: Fraction = Fraction(0)
    after: tuple[str, ...] = ()
    name: Literal["keep"] = "keep"


@dataclass(frozen=True, slots=True)
class Collect:
    """Already asked for: fetch it. ``credits`` is 0, or the price of the HD version of a take that is here.

    ``job`` is None where another render is just asking, or where a scene in ``after`` asks for the same shot.
    """

    scene: str
    shot: Shot
    resolution: Resolution
    job: str | None
    why: str
    credits: Fraction = Fraction(0)
    after: tuple[str, ...] = ()
    name: Literal["collect"] = "collect"


@dataclass(frozen=True, slots=True)
class Make:
    """To be asked for and paid."""

    scene: str
    shot: Shot
    resolution: Resolution
    why: str
    credits: Fraction
    after: tuple[str, ...] = ()
    name: Literal["make"] = "make"


@dataclass(frozen=True, slots=True)
class Blocked:
    """A submission whose answer was lost, or that was given up: it is never sent again by itself.

    ``decided`` is True where the author has said what he thinks of it (settle --abandon).
    """

    scene: str
    shot: Shot
    why: str
    decided: bool = False
    credits: Fraction = Fraction(0)
    after: tuple[str, ...] = ()
    name: Literal["blocked"] = "blocked"


Step = Keep | Collect | Make | Blocked


@dataclass(frozen=True, slots=True)
class Facts:
    """The world as it was read, once: all that a plan depends on beside the storyboard.

    ``entries`` and ``takes`` are the ledger's word on each key, ``held`` the digests whose bytes are in the store,
    ``before`` what each scene last had (its recipe), ``at_work`` the runs that are alive just now, ``removed`` the day
    on which `store gc` took a take (its digest) out of the store, ``named`` the nonces of attempts whose job a callback
    has named.
    """

    lock: Lock = field(default_factory=Lock)
    entries: Mapping[str, Submission] = field(default_factory=dict)
    takes: Mapping[str, Mapping[Resolution, Take]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    before: Mapping[str, Recipe] = field(default_factory=dict)
    at_work: frozenset[str] = frozenset()
    removed: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """A step for every scene that a provider makes, in the film's order."""

    steps: tuple[Step, ...]

    def count(self, name: str) -> int:
        return sum(step.name == name for step in self.steps)

    @property
    def credits(self) -> Fraction:
        return sum((step.credits for step in self.steps), Fraction(0))

    def restricted_to(self, scenes: Collection[str]) -> "Plan":
        """Return the plan for these scenes and those that they wait for, with all that it keeps."""
        needed = {*scenes, *(name for step in self.steps if step.scene in scenes for name in step.after)}
        return Plan(tuple(step for step in self.steps if step.scene in needed or isinstance(step, Keep)))

    @property
    def images_to_upload(self) -> tuple[LocalImage, ...]:
        """The local files that will be handed to the provider, each once."""
        images = (image for step in self.steps if isinstance(step, Make) for image in step.shot.images)
        local = {image.digest: image for image in images if isinstance(image, LocalImage)}
        return tuple(local.values())
