"""Submission: one attempt to have a shot generated, as the ledger records it; and times as text."""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Literal
from uuid import UUID, uuid5

from storyboard.model.cost import CREDITS, Cost
from storyboard.model.shot import USUAL_PROVIDER, Recipe
from storyboard.model.take import TakeId

# intent: the request may have been sent. unknown: it was sent, and its answer was lost. open: a job is paid for and
# not downloaded. taken: its take is in the store. abandoned: given up by the user, and not submitted again by itself.
# refused: certainly not accepted. failed: accepted, and there will be no clip.
State = Literal["intent", "unknown", "open", "taken", "abandoned", "refused", "failed"]
LIVE = ("intent", "unknown", "open", "taken", "abandoned")

# Why a submission was closed that the user wants sent anew: whatever was bought with it, the next render pays again.
ASKED_AGAIN = "asked for again, as the author decided"

# What the ledger says of a job whose clip came without its uncropped original: the next run asks for that again.
ORIGINAL_OWED = "its uncropped original is not downloaded yet"

# The namespace of our own names of jobs (RFC 9562 section 6.5). Never change it: jobs are found by these names.
_NAMES = UUID("5b0c9d2e-7f43-4c1a-9f5e-2d8a6f1e4b77")


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt to have a shot generated, in its present state. ``asked`` and ``changed`` are seconds since 1970 UTC.

    ``credits`` is the expected price, ``charged`` what the provider reported, both in ``unit``: "credits" of the
    ``provider``, or a currency. ``hd`` is the expected price of its upgrade in ``hd_unit``, None without an upgrade.
    ``why`` says how it ended, ``reason`` why it was made, in the words of the plan; "" where that is not known.
    """

    id: int
    key: str
    state: State
    job: str | None
    run: str
    nonce: str
    storyboard: str
    scene: str
    model: str
    recipe: Recipe
    credits: Fraction
    charged: Fraction | None
    hd: Fraction | None
    code: int | None
    why: str
    asked: float
    changed: float
    reason: str = ""
    provider: str = USUAL_PROVIDER
    unit: str = CREDITS
    hd_unit: str = CREDITS

    def asks(self, prompt: str) -> bool:
        """Whether ``prompt``, as a provider repeats it, is that of this submission."""
        return prompt.strip() == str(self.recipe["prompt"]).strip()

    @property
    def take(self) -> TakeId:
        """Which take it is for."""
        number = self.recipe.get("take", 1)
        return TakeId(self.scene, number if isinstance(number, int) else 1)

    @property
    def own_name(self) -> str:
        """Our own name for its job, a UUID as text: the same in every run, and known before the request is sent."""
        return str(uuid5(_NAMES, self.nonce))

    @property
    def is_waived(self) -> bool:
        """Whether the user closed it so that the shot is bought again."""
        return self.state == "failed" and self.why == ASKED_AGAIN

    @property
    def owes_original(self) -> bool:
        """Whether its take is here, and the uncropped original that the provider named is not."""
        return self.state == "taken" and self.why == ORIGINAL_OWED

    @property
    def price(self) -> Cost:
        """What it was expected to cost, without an upgrade."""
        return Cost.of_provider(self.credits, self.provider, self.unit)

    @property
    def base_cost(self) -> Cost:
        """What it cost without its upgrade, as far as is known."""
        return self.price if self.charged is None else Cost.of_provider(self.charged, self.provider, self.unit)

    @property
    def upgrade_cost(self) -> Cost:
        """What its upgrade cost or may have cost."""
        return Cost.of_provider(self.hd or Fraction(0), self.provider, self.hd_unit)

    @property
    def cost(self) -> Cost:
        """What it cost or may have cost, with its upgrade: an unconfirmed one counts."""
        return Cost() if self.state == "refused" else self.base_cost + self.upgrade_cost


def rfc3339(seconds: float) -> str:
    """Return seconds since 1970 as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
