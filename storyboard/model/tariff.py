"""The tariff of a model: what a clip, a second of it, and an image that is sent with it cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from storyboard.model.cost import CREDITS

# The key of an amount that holds at every resolution.
ANY = ""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Amounts by resolution (``ANY``: at every one that is not listed), in ``unit``.

    ``unit`` is "credits", those of the provider, or a currency such as "USD". The cost of a shot is that of its
    ``clip``, its ``second`` for each of its seconds, and its ``image`` for each image that is sent.
    """

    unit: str = CREDITS
    clip: Mapping[str, Fraction] = field(default_factory=dict)
    second: Mapping[str, Fraction] = field(default_factory=dict)
    image: Mapping[str, Fraction] = field(default_factory=dict)

    def cost(self, resolution: str, seconds: Fraction, images: int = 0) -> Fraction | None:
        """Return the cost of a shot, in ``unit``; None if the tariff has no amount for its resolution."""
        parts = [(self.clip, Fraction(1)), (self.second, seconds), (self.image, Fraction(images))]
        known = [(amounts.get(resolution, amounts.get(ANY)), times) for amounts, times in parts if amounts and times]
        found = [amount * times for amount, times in known if amount is not None]
        return sum(found, Fraction(0)) if len(found) == len(known) and (self.clip or self.second) else None

    @property
    def resolutions(self) -> tuple[str, ...]:
        """The resolutions that it names."""
        names = (name for amounts in (self.clip, self.second, self.image) for name in amounts if name != ANY)
        return tuple(dict.fromkeys(names))
