"""The models that a storyboard may name: what each makes, from what, for how much, and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from storyboard.config.settings import Settings
from storyboard.costs.price_book import PriceBook, costs_by_unit
from storyboard.model.capabilities import Model
from storyboard.model.cost import Cost
from storyboard.model.model_catalogue import Catalogue, ModelName
from storyboard.model.text import format_seconds, json_number
from storyboard.workflow.offers import configured_catalogue

_ROLES = (("first_frame", "first frame"), ("last_frame", "last frame"))


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model by the ``word`` that names it in a storyboard. ``prices`` are those of a clip of its usual length.

    They are by resolution, None where none is known. ``successor`` is the word for the model after its end.
    """

    word: str
    name: ModelName
    model: Model
    is_usual: bool
    prices: dict[str, Cost | None]
    book: PriceBook
    successor: str

    @property
    def lengths(self) -> str:
        """The lengths of its clips."""
        return str(self.model.lengths) if self.model.lengths else f"{self.model.seconds} s"

    @property
    def roles(self) -> tuple[str, ...]:
        """What it takes images as."""
        frames = [said for key, said in _ROLES if getattr(self.model, key)]
        most = self.model.references
        return (*frames, *([f"up to {most} references"] if most else []))

    @property
    def sound(self) -> str:
        """Whether its clips have sound."""
        return {"always": "with sound", "never": "silent", "switch": "sound: true or false"}[self.model.sound]

    @property
    def price(self) -> str:
        """The price of a clip of the usual length, at each resolution if that matters."""
        told = {
            resolution: "no price" if cost is None else self.book.describe(cost, inside=True) if cost else "free"
            for resolution, cost in self.prices.items()
        }
        if len({*told.values()}) == 1:
            return next(iter(told.values()))
        return ", ".join(f"{price} at {resolution}" for resolution, price in told.items())

    @property
    def summary(self) -> str:
        """What it makes, in one line."""
        seconds = format_seconds(self.model.length(None))
        shapes, qualities = ", ".join(self.model.aspects), ", ".join(each.name for each in self.model.resolutions)
        lengths = self.lengths if self.lengths == f"{seconds} s" else f"{self.lengths} (usually {seconds} s)"
        return "; ".join((shapes, qualities, lengths, self.sound, ", ".join(self.roles) or "text only"))

    def ends(self, today: date) -> str:
        """What is said of its end; "" where none is known."""
        if self.model.ends is None:
            return ""
        said = f"{'ended' if self.model.ends < today else 'ends'} on {self.model.ends.isoformat()}"
        return f"{said}; its successor is {self.successor}" if self.successor else said

    def document(self) -> dict[str, object]:
        """Return it as JSON (schema models.schema.json)."""
        model = self.model
        return {
            "word": self.word,
            "provider": self.name.provider,
            "model": self.name.model,
            "usual": self.is_usual,
            "aspects": [*model.aspects],
            "lengths": self.lengths,
            "seconds": json_number(model.length(None)),
            "resolutions": [quality.name for quality in model.resolutions],
            "images": [*self.roles],
            "sound": model.sound,
            "seeds": None if model.seeds is None else [*model.seeds],
            "prompt_limit": model.prompt_limit,
            "prices": {name: None if cost is None else costs_by_unit(cost) for name, cost in self.prices.items()},
            "ends": None if model.ends is None else model.ends.isoformat(),
            "successor": self.successor or None,
        }


class ModelList(NamedTuple):
    """The models that a storyboard can name, and the providers whose tables in config.toml are wrong.

    ``faults`` say of each what is wrong, and what to do.
    """

    models: tuple[ListedModel, ...]
    faults: Mapping[str, tuple[str, str]]


def list_models(settings: Settings) -> ModelList:
    """Return every model of the configured providers, the usual provider's first. Raise InputError."""
    catalogue = configured_catalogue(settings)
    return ModelList(tuple(_listed(settings.prices, catalogue, name) for name in catalogue.names), catalogue.faults)


def _listed(book: PriceBook, catalogue: Catalogue, name: ModelName) -> ListedModel:
    model, tariff = catalogue.model(name), book.prices_of(name.provider).tariff(name.model)
    unit, seconds = book.prices_of(name.provider).unit(name.model), model.length(None)
    prices: dict[str, Cost | None] = {}
    for resolution in model.requested_resolutions:
        amount = tariff.cost(resolution, seconds) if tariff else None
        prices[resolution] = None if amount is None else Cost.of_provider(amount, name.provider, unit)
    successor = catalogue.word(ModelName(name.provider, model.successor)) if model.successor else ""
    return ListedModel(catalogue.word(name), name, model, name == catalogue.usual_name, prices, book, successor)
