"""Submission: one attempt to have a shot made, as the ledger has it; and its times as text."""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Literal

from storyboard.model.shot import Recipe

# intent: the request may be on its way. unknown: it was, and its answer was lost. open: a job is paid for and not
# fetched. taken: its take is in the store. abandoned: given up by the author, and not asked for again by itself.
# refused: known not accepted. failed: accepted, and no clip will come.
State = Literal["intent", "unknown", "open", "taken", "abandoned", "refused", "failed"]
LIVE = ("intent", "unknown", "open", "taken", "abandoned")


@dataclass(frozen=True, slots=True)
class Submission:
    """One attempt to have a shot made, as it stands now. ``asked`` and ``changed`` are seconds since 1970 UTC.

    ``credits`` is what was expected, ``charged`` what the provider reported, ``hd`` what its HD version was to cost.
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

    def asks(self, prompt: str) -> bool:
        """Whether ``prompt``, as a provider repeats it, is what this attempt asked for."""
        return prompt.strip() == str(self.recipe["prompt"]).strip()

    @property
    def cost(self) -> Fraction:
        """Credits that it has cost, or may have: an unknown one counts, for whoever reckons with money."""
        if self.state == "refused":
            return Fraction(0)
        return (self.credits if self.charged is None else self.charged) + (self.hd or 0)


def rfc3339(seconds: float) -> str:
    """Seconds since 1970 as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
