"""The ladder of a plan's prices: the film by proofs, by its own takes, in HD; and what picking takes first saves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from storyboard.costs.price_book import PriceBook, costs_by_unit
from storyboard.model.cost import Cost
from storyboard.model.model_catalogue import Catalogue, ModelName
from storyboard.model.shot import Shot
from storyboard.planning.steps import Make, Plan


@dataclass(frozen=True, slots=True)
class Ladder:
    """Costs: ``proof`` by ``model``, "" where none is cheaper; ``final`` without upgrades, ``hd`` for these alone;
    ``saved`` by a plan of the picked takes alone."""

    model: str
    proof: Cost
    final: Cost
    hd: Cost
    saved: Cost

    @property
    def is_worth_a_line(self) -> bool:
        """Whether there is more than one price to choose from."""
        return bool(self.model or self.saved)

    def document(self, prices: PriceBook) -> dict[str, object]:
        """Return it as JSON (schema plan.schema.json): credits; by unit in "costs", where there are others."""
        proof = {"model": self.model, **prices.document(self.proof)} if self.model else None
        rest = {"final": self.final, "hd": self.hd, "picked_saves": self.saved}
        others = {name: costs_by_unit(cost) for name, cost in rest.items() if not prices.is_plain(cost)}
        numbers = {name: prices.document(cost)["credits"] for name, cost in rest.items()}
        return {"proof": proof, **numbers, **({"costs": others} if others else {})}


def price_ladder(plan: Plan, prices: PriceBook, catalogue: Catalogue) -> Ladder:
    """Return what the takes that a plan makes cost on each rung. Raise InputError for a model without a price.

    A model of the usual provider may make the proofs.
    """
    shots = [step.shot for step in plan.steps if isinstance(step, Make)]
    final = Cost.total(prices.shot(shot, catalogue.model(shot)) for shot in shots)
    model, proof = "", final
    for name in catalogue.offers[catalogue.usual].names:
        if name in prices.own.names and _serves(name, shots, catalogue):
            cost = _proofs(ModelName(catalogue.usual, name), shots, prices, catalogue)
            model, proof = (name, cost) if prices.is_less(cost, proof) else (model, proof)
    return Ladder(model, proof if model else Cost(), final, plan.cost - final, plan.cost - plan.picked_only().cost)


def _proofs(name: ModelName, shots: Sequence[Shot], prices: PriceBook, catalogue: Catalogue) -> Cost:
    """What proofs of all shots cost."""
    others = (replace(shot, model=name.model, provider=name.provider, seconds=None, resolution=None) for shot in shots)
    return Cost.total(prices.shot(other, catalogue.model(name)) for other in others)


def _serves(model: str, shots: Sequence[Shot], catalogue: Catalogue) -> bool:
    """Whether a model can generate all of these shots."""
    able = catalogue.model_for(model)
    return all(
        shot.aspect in able.aspects
        and (not shot.references or (able.references and shot.aspect in able.reference_aspects))
        for shot in shots
    )
