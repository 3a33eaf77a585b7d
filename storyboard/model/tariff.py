"""The tariff of a model: what a clip, a second of it, and an image that is sent with it cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

# The key of an amount that holds at every resolution.
ANY = ""


@dataclass(frozen=True, slots=True)
class Tariff:
    """Amounts by resolution (``ANY``: at every one that is not listed), in ``unit``.

    ``unit`` is "credits", those of the provider, or a currency such as "USD". The cost of a shot is that of its
    ``clip``, its ``second`` for each of its seconds, and its ``image`` for each image that is sent.
    """

    unit: str = "credits"
    clip: Mapping[str, Fraction] = field(default_factory=dict)
    second: Mapping[str, Fraction] = field(default_factory=dict)
    image: Mapping[str, Fraction] = field(default_factory=dict)

    def cost(self, resolution: str, seconds: Fraction, images: int = 0) -> Fraction | None:
        """Return the cost of a shot, in ``unit``; None if the tariff has no amount for its resolution."""
        clip, second, image = (_amount(part, resolution) for part in (self.clip, self.second, self.image))
        if clip is None and second is None:
            return None
        return (clip or Fraction(0)) + (second or Fraction(0)) * seconds + (image or Fraction(0)) * images


def _amount(amounts: Mapping[str, Fraction], resolution: str) -> Fraction | None:
    return amounts.get(resolution, amounts.get(ANY))
