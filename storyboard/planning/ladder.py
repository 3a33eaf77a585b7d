"""The ladder of a plan's prices: the film by proofs, by its own takes, in HD; and what picking takes first saves."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.model.model_catalogue import Catalogue
from storyboard.model.shot import Shot
from storyboard.model.text import json_number
from storyboard.planning.steps import Make, Plan


@dataclass(frozen=True, slots=True)
class Ladder:
    """Credits: ``proof`` by ``model``, "" where none is cheaper; ``final`` without upgrades, ``hd`` for these alone;
    ``saved`` by a plan of the picked takes alone."""

    model: str
    proof: Fraction
    final: Fraction
    hd: Fraction
    saved: Fraction

    @property
    def is_worth_a_line(self) -> bool:
        """Whether there is more than one price to choose from."""
        return bool(self.model or self.saved)

    def document(self) -> dict[str, object]:
        """Return it as JSON (schema plan.schema.json)."""
        proof = {"model": self.model, "credits": json_number(self.proof)} if self.model else None
        rest = {"final": self.final, "hd": self.hd, "picked_saves": self.saved}
        return {"proof": proof, **{name: json_number(credits) for name, credits in rest.items()}}


def price_ladder(plan: Plan, prices: Prices, catalogue: Catalogue) -> Ladder:
    """Return what the takes that a plan makes cost on each rung. Raise InputError for a model without a price."""
    shots = [step.shot for step in plan.steps if isinstance(step, Make)]
    final = sum((prices.shot(shot.model) for shot in shots), Fraction(0))
    cheaper = [
        (credits, model)
        for model in catalogue.offers[catalogue.usual].names
        if model in prices.models
        and (credits := prices.shot(model) * len(shots)) < final
        and _serves(model, shots, catalogue)
    ]
    proof, model = min(cheaper, default=(Fraction(0), ""))
    return Ladder(model, proof, final, plan.credits - final, plan.credits - plan.picked_only().credits)


def _serves(model: str, shots: Sequence[Shot], catalogue: Catalogue) -> bool:
    """Whether a model can generate all of these shots."""
    able = catalogue.model_for(model)
    return all(
        shot.aspect in able.aspects
        and (not shot.references or (able.references and shot.aspect in able.reference_aspects))
        for shot in shots
    )
