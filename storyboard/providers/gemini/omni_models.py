"""The Omni models as data: what a scene may ask of each, its name in requests, and what its tokens cost.

Source: services.md section 3 (28 November 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from storyboard.costs.prices import Prices
from storyboard.model.capabilities import Capabilities, Lengths, Model, ModelRule, Quality
from storyboard.model.tariff import Tariff
from storyboard.providers.gemini.token_tariff import TokenTariff

_SHAPES = ("16:9", "9:16")
_SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "360p": (640, 360), "4k": (3840, 2160)}
_QUALITIES = tuple(Quality(name, size) for name, size in _SIZES.items())
_LEAST, _BETWEEN_FRAMES = 3, 10  # seconds; the second is the longest clip between two frames


@dataclass(frozen=True, slots=True)
class OmniModel:
    """One model, and what its ``tokens`` cost; ``tariff`` is what its clips are expected to cost."""

    model: Model
    tokens: TokenTariff

    @property
    def tariff(self) -> Tariff:
        """Its amounts in USD for a second, by resolution."""
        return self.tokens.by_second

    @property
    def wire(self) -> str:
        """The name of the model in requests."""
        return f"gemini-{self.model.name}"


def _omni(
    version: str, most: int, references: int, video: Fraction, ends: date | None = None, successor: str = ""
) -> OmniModel:
    between = tuple(range(_LEAST, _BETWEEN_FRAMES + 1))
    because = f"between a first and a last frame, a clip lasts {_LEAST} to {_BETWEEN_FRAMES} seconds"
    model = Model(
        name=f"omni-{version}-flash",
        aspects=_SHAPES,
        seconds=8,
        resolutions=_QUALITIES,
        seeds=None,
        # No limit is documented; this one stops templates that repeat without end.
        prompt_limit=5_000,
        references=references,
        reference_aspects=_SHAPES,
        lengths=Lengths(least=Fraction(_LEAST), most=Fraction(most)),
        images="bytes",
        web_images=False,
        options=frozenset(),
        rules=(ModelRule({"last_frame": True}, {"seconds": between}, because),) if most > _BETWEEN_FRAMES else (),
        ends=ends,
        successor=successor,
        prompt_tags=frozenset(f"IMAGE_REF_{number}" for number in range(references)),
    )
    return OmniModel(model, TokenTariff(video))


_KNOWN = (
    _omni("1.2", 15, 6, Fraction(12)),
    _omni("1.1", 10, 3, Fraction(35, 2), date(2026, 12, 3), "omni-1.2-flash"),
)
MODELS: Mapping[str, OmniModel] = {each.model.name: each for each in _KNOWN}
OF_WIRE: Mapping[str, OmniModel] = {each.wire: each for each in _KNOWN}
# How long a job and its clip are kept: files that the service makes go after two days (second hand).
CAPABILITIES = Capabilities(tuple(each.model for each in _KNOWN), usual=_KNOWN[0].model.name, job_days=2)

# In USD a second, by resolution; what a job cost is read from its usage.
PRICES = Prices(
    estimate=True,
    tariffs={name: each.tariff for name, each in MODELS.items()},
)
